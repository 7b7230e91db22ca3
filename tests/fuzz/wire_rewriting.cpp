// Reading messages of both sides, and writing them again.
#include "tests/fuzz/wire_rewriting.hpp"

#include "src/wire/server_messages.hpp"
#include "tests/bound_arguments.hpp"

namespace pg::wire {
namespace {

template <class Write>
std::string written(Write write) {
    SendBuffer out;
    write(out);
    return std::string(out.unsent());
}

std::optional<std::string> authentication(std::string_view body) {
    Cursor at(body);
    const auto request = at.take<std::int32_t>();
    if (!at.good()) return std::nullopt;
    return written(
        [&](SendBuffer& out) { put_authentication(out, static_cast<AuthRequest>(request), at.bytes(at.left())); });
}

std::optional<std::string> version_offer(std::string_view body) {
    const auto offer = read_version_offer(body);
    if (!offer) return std::nullopt;
    Cursor at(body.substr(8));
    std::vector<std::string_view> options;
    for (std::int32_t i = 0; i < offer->unknown_options; ++i) options.push_back(at.text());
    return written([&](SendBuffer& out) { put_version_offer(out, offer->version, options); });
}

std::optional<std::string> report(ServerType type, std::string_view body) {
    const auto report = Report::read(body);
    if (!report) return std::nullopt;
    // The report does not know in which order its fields came, nor of those that stand there twice.
    std::vector<ReportField> fields;
    Cursor at(body);
    for (char letter = at.take<char>(); letter != '\0'; letter = at.take<char>()) fields.push_back({letter, at.text()});
    std::string letters;
    for (std::size_t i = fields.size(); i-- > 0; letters += fields[i].letter) {
        const bool is_last = letters.find(fields[i].letter) == std::string::npos;
        if (is_last && fields[i].letter >= 'A' && fields[i].letter <= 'z')
            fields[i].text = report->field(fields[i].letter);
    }
    return written([&](SendBuffer& out) { put_report(out, type, fields); });
}

std::optional<std::string> row_description(std::string_view body) {
    RowDescription description(body);
    std::vector<FieldDescription> columns;
    for (std::size_t i = 0; i < description.count(); ++i) columns.push_back(description.next());
    if (!description.done()) return std::nullopt;
    return written([&](SendBuffer& out) { put_row_description(out, columns); });
}

std::optional<std::string> parameter_description(std::string_view body) {
    const auto oids = read_parameter_description(body);
    if (!oids) return std::nullopt;
    std::vector<std::uint32_t> types;
    for (std::size_t i = 0; i < oids->size(); i += 4) types.push_back(load<std::uint32_t>(oids->data() + i));
    return written([&](SendBuffer& out) { put_parameter_description(out, types); });
}

std::optional<std::string> data_row(std::string_view body) {
    Cursor at(body);
    const std::size_t columns = at.take<std::uint16_t>();
    if (!is_well_formed_row(body, columns)) return std::nullopt;
    std::vector<std::optional<std::string_view>> values;
    for (std::size_t i = 0; i < columns; ++i) {
        const auto length = at.take<std::int32_t>();
        values.push_back(length < 0 ? std::nullopt : std::optional(at.bytes(static_cast<std::size_t>(length))));
    }
    return written([&](SendBuffer& out) { put_data_row(out, values); });
}

std::optional<std::string> copy_format(ServerType type, std::string_view body) {
    const auto format = read_copy_format(body);
    // The format of each column is read by nobody: those of a binary COPY need not all be the same.
    if (!format || (format->binary && body.substr(3).find("\0\0", 0, 2) != std::string_view::npos)) return std::nullopt;
    return written([&](SendBuffer& out) { put_copy_format(out, type, *format); });
}

std::optional<std::string> bind(std::string_view body) {
    const auto bind = read_bind(body);
    // The writer binds the unnamed portal, and gives every argument a format of its own.
    if (!bind || !bind->portal.empty() || bind->argument_formats.size() != bind->arguments.size()) return std::nullopt;
    std::vector<Argument> arguments;
    for (std::size_t i = 0; i < bind->arguments.size(); ++i) {
        const auto& value = bind->arguments[i];
        arguments.push_back(
            value ? Argument{value->data(), static_cast<std::int32_t>(value->size()), bind->argument_formats[i]}
                  : Argument{nullptr, -1, bind->argument_formats[i]});
    }
    return written([&](SendBuffer& out) { put_bind(out, bind->statement, arguments, bind->result_formats); });
}

std::optional<std::string> startup(std::string_view body) {
    const auto startup = read_startup(body);
    if (!startup) return std::nullopt;
    return written([&](SendBuffer& out) {
        switch (startup->request) {
            case StartupRequest::cancel: return put_cancel(out, startup->process, startup->key);
            case StartupRequest::tls:
            case StartupRequest::gss_encryption: return put_request(out, startup->request);
            default: return put_startup(out, startup->request, startup->settings);
        }
    });
}

/// A message of which `read` makes something that `put` writes.
template <class Read, class Put>
std::optional<std::string> simple(std::string_view body, Read read, Put put) {
    const auto message = read(body);
    if (!message) return std::nullopt;
    return written([&](SendBuffer& out) { put(out, *message); });
}

}  // namespace

std::optional<std::string> written_again(const Frame& frame) {
    const std::string_view body = frame.body;
    switch (frame.type) {
        case ServerType::authentication: return authentication(body);
        case ServerType::backend_key: return simple(body, read_backend_key, put_backend_key);
        case ServerType::command_complete: return simple(body, read_tag, put_tag);
        case ServerType::notification: return simple(body, read_notification, put_notification);
        case ServerType::parameter_status: return simple(body, read_parameter_status, put_parameter_status);
        case ServerType::ready: return simple(body, read_ready, put_ready);
        case ServerType::negotiate_version: return version_offer(body);
        case ServerType::error:
        case ServerType::notice: return report(frame.type, body);
        case ServerType::row_description: return row_description(body);
        case ServerType::parameter_description: return parameter_description(body);
        case ServerType::data_row: return data_row(body);
        case ServerType::copy_in:
        case ServerType::copy_out:
        case ServerType::copy_both: return copy_format(frame.type, body);
        case ServerType::copy_data: return written([&](SendBuffer& out) { put_copy_data(out, body); });
        case ServerType::function_result: return std::nullopt;
        case ServerType::bind_complete:
        case ServerType::close_complete:
        case ServerType::copy_done:
        case ServerType::empty_query:
        case ServerType::no_data:
        case ServerType::parse_complete:
        case ServerType::portal_suspended: return written([&](SendBuffer& out) { put_empty(out, frame.type); });
    }
    return std::nullopt;
}

std::optional<std::string> written_again(const ClientFrame& frame) {
    const std::string_view body = frame.body;
    if (!frame.type) return startup(body);
    const auto put_parse_message = [](SendBuffer& out, const ParseMessage& message) {
        put_parse(out, message.statement, message.sql, message.types);
    };
    switch (*frame.type) {
        case ClientType::bind: return bind(body);
        case ClientType::parse: return simple(body, read_parse, put_parse_message);
        case ClientType::query: return simple(body, read_text, put_query);
        case ClientType::copy_fail: return simple(body, read_text, put_copy_fail);
        case ClientType::close:
            return simple(body, read_named,
                          [](auto& out, auto& message) { put_close(out, message.what, message.name); });
        case ClientType::describe:
            return simple(body, read_named,
                          [](auto& out, auto& message) { put_describe(out, message.what, message.name); });
        case ClientType::execute: {
            const auto execute = read_execute(body);
            if (!execute || !execute->portal.empty()) return std::nullopt;
            return written([&](SendBuffer& out) { put_execute(out, execute->most_rows); });
        }
        case ClientType::password: return written([&](SendBuffer& out) { put_password(out, body); });
        case ClientType::copy_data:
            return written([&](SendBuffer& out) {
                put_copy_data_header(out, body.size());
                out.put_bytes(body);
            });
        case ClientType::sync:
        case ClientType::flush:
        case ClientType::copy_done:
        case ClientType::terminate:
            if (!body.empty()) return std::nullopt;
            return written([&](SendBuffer& out) { put_empty(out, *frame.type); });
        case ClientType::function_call: break;
    }
    return std::nullopt;
}

}  // namespace pg::wire
