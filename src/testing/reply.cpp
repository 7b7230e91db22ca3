// Writing a server's messages.
#include "pg/testing/reply.hpp"

#include <array>

#include "src/wire/server_messages.hpp"

namespace pg::testing {
namespace {

template <class Put>
void append(std::string& bytes, Put put) {
    wire::SendBuffer out;
    put(out);
    bytes += out.unsent();
}

std::int16_t size_of(Oid type) {
    switch (static_cast<std::uint32_t>(type)) {
        case 16: return 1;  // bool
        case 21: return 2;  // int2
        case 23:
        case 26:
        case 700:
        case 1082: return 4;  // int4, oid, float4, date
        case 20:
        case 701:
        case 1083:
        case 1114:
        case 1184: return 8;  // int8, float8, time, timestamp, timestamptz
        case 1186:
        case 2950: return 16;  // interval, uuid
        default: return -1;
    }
}

std::string report(wire::ServerType type, const ErrorFields& fields, std::string_view usual_severity) {
    const std::string_view severity = fields.severity.empty() ? usual_severity : std::string_view(fields.severity);
    const std::string position = fields.position == 0 ? "" : std::to_string(fields.position);
    const std::array<wire::ReportField, 14> all{{{'S', severity},
                                                 {'V', severity},
                                                 {'C', fields.sqlstate.code()},
                                                 {'M', fields.message},
                                                 {'D', fields.detail},
                                                 {'H', fields.hint},
                                                 {'P', position},
                                                 {'W', fields.context},
                                                 {'s', fields.schema},
                                                 {'t', fields.table},
                                                 {'c', fields.column},
                                                 {'d', fields.type},
                                                 {'n', fields.constraint},
                                                 {'R', fields.routine}}};
    std::vector<wire::ReportField> given;
    for (const wire::ReportField& field : all)
        if (!field.text.empty()) given.push_back(field);
    std::string bytes;
    append(bytes, [&](wire::SendBuffer& out) { wire::put_report(out, type, given); });
    return bytes;
}

}  // namespace

Reply& Reply::authentication(std::int32_t request, std::string_view data) {
    append(bytes_, [&](auto& out) { wire::put_authentication(out, static_cast<wire::AuthRequest>(request), data); });
    return *this;
}
Reply& Reply::parameter(std::string_view name, std::string_view value) {
    append(bytes_, [&](auto& out) { wire::put_parameter_status(out, {name, value}); });
    return *this;
}
Reply& Reply::backend_key(std::int32_t process, std::string_view key) {
    append(bytes_, [&](auto& out) { wire::put_backend_key(out, {process, key}); });
    return *this;
}
Reply& Reply::ready(FakeTransaction transaction) {
    append(bytes_, [&](auto& out) { wire::put_ready(out, static_cast<wire::TransactionState>(transaction)); });
    return *this;
}

Reply& Reply::parse_complete() { return message('1'); }
Reply& Reply::bind_complete() { return message('2'); }
Reply& Reply::close_complete() { return message('3'); }
Reply& Reply::no_data() { return message('n'); }
Reply& Reply::portal_suspended() { return message('s'); }
Reply& Reply::empty_query() { return message('I'); }
Reply& Reply::copy_done() { return message('c'); }

Reply& Reply::parameters(const std::vector<Oid>& types) {
    std::vector<std::uint32_t> oids;
    oids.reserve(types.size());
    for (const Oid type : types) oids.push_back(static_cast<std::uint32_t>(type));
    append(bytes_, [&](auto& out) { wire::put_parameter_description(out, oids); });
    return *this;
}
Reply& Reply::columns(const std::vector<FakeColumn>& columns) {
    std::vector<wire::FieldDescription> described;
    described.reserve(columns.size());
    for (const FakeColumn& column : columns)
        described.push_back({.name = column.name,
                             .type = static_cast<std::uint32_t>(column.type),
                             .type_size = size_of(column.type),
                             .format = static_cast<std::int16_t>(column.format)});
    append(bytes_, [&](auto& out) { wire::put_row_description(out, described); });
    return *this;
}
Reply& Reply::row(const FakeValues& values) {
    const std::vector<std::optional<std::string_view>> views(values.begin(), values.end());
    append(bytes_, [&](auto& out) { wire::put_data_row(out, views); });
    return *this;
}
Reply& Reply::tag(std::string_view tag) {
    append(bytes_, [&](auto& out) { wire::put_tag(out, tag); });
    return *this;
}

Reply& Reply::error(const ErrorFields& fields) { return raw(report(wire::ServerType::error, fields, "ERROR")); }
Reply& Reply::error(SqlState sqlstate, std::string_view message) {
    ErrorFields fields;
    fields.sqlstate = sqlstate;
    fields.message = message;
    return error(fields);
}
Reply& Reply::notice(const ErrorFields& fields) { return raw(report(wire::ServerType::notice, fields, "NOTICE")); }
Reply& Reply::notice(std::string_view message) {
    ErrorFields fields;
    fields.sqlstate = "00000";
    fields.message = message;
    return notice(fields);
}

Reply& Reply::notification(std::int32_t process, std::string_view channel, std::string_view payload) {
    append(bytes_, [&](auto& out) { wire::put_notification(out, {process, channel, payload}); });
    return *this;
}

Reply& Reply::copy_in(std::size_t columns, Format format) {
    append(bytes_, [&](auto& out) {
        wire::put_copy_format(out, wire::ServerType::copy_in, {format == Format::binary, columns});
    });
    return *this;
}
Reply& Reply::copy_out(std::size_t columns, Format format) {
    append(bytes_, [&](auto& out) {
        wire::put_copy_format(out, wire::ServerType::copy_out, {format == Format::binary, columns});
    });
    return *this;
}
Reply& Reply::copy_data(std::string_view bytes) { return message('d', bytes); }

Reply& Reply::message(char type, std::string_view body) {
    append(bytes_, [&](auto& out) {
        const std::size_t begun = out.begin(type);
        out.put_bytes(body);
        out.end(begun);
    });
    return *this;
}
Reply& Reply::raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
}

}  // namespace pg::testing
