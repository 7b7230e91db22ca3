// Reading and writing the bodies of a server's messages.
#include "src/wire/server_messages.hpp"

#include <charconv>

namespace pg::wire {
namespace {

/// `value`, if the cursor that it was read with has come to the end of its body and no further.
template <class T>
std::optional<T> whole(const Cursor& at, const T& value) noexcept {
    return at.done() ? std::optional<T>(value) : std::nullopt;
}

}  // namespace

std::optional<BackendKey> read_backend_key(std::string_view body) noexcept {
    Cursor at(body);
    const auto process = at.take<std::int32_t>();
    const std::string_view key = at.bytes(at.left());
    constexpr std::size_t least = 4, most = 256;
    if (key.size() < least || key.size() > most) return std::nullopt;
    return whole(at, BackendKey{process, key});
}

std::optional<ParameterStatus> read_parameter_status(std::string_view body) noexcept {
    Cursor at(body);
    const std::string_view name = at.text();
    return whole(at, ParameterStatus{name, at.text()});
}

std::optional<NotificationMessage> read_notification(std::string_view body) noexcept {
    Cursor at(body);
    const auto process = at.take<std::int32_t>();
    const std::string_view channel = at.text();
    const std::string_view payload = at.text();
    return whole(at, NotificationMessage{process, channel, payload});
}

std::optional<VersionOffer> read_version_offer(std::string_view body) noexcept {
    Cursor at(body);
    const auto version = at.take<std::int32_t>();
    const auto unknown = at.take<std::int32_t>();
    for (std::int32_t i = 0; i < unknown && at.good(); ++i) static_cast<void>(at.text());
    if (unknown < 0) return std::nullopt;
    return whole(at, VersionOffer{version, unknown});
}

std::optional<Report> Report::read(std::string_view body) noexcept {
    Cursor at(body);
    Report report;
    for (;;) {
        const char letter = at.take<char>();
        if (!at.good()) return std::nullopt;
        if (letter == '\0') return whole(at, report);
        const std::string_view text = at.text();
        // Letters of later versions are passed over.
        if (letter >= 'A' && letter <= 'z') report.fields_[static_cast<std::size_t>(letter - 'A')] = text;
    }
}

FieldDescription RowDescription::next() noexcept {
    FieldDescription field;
    field.name = at_.text();
    field.table = at_.take<std::uint32_t>();
    field.attribute = at_.take<std::int16_t>();
    field.type = at_.take<std::uint32_t>();
    field.type_size = at_.take<std::int16_t>();
    field.modifier = at_.take<std::int32_t>();
    field.format = at_.take<std::int16_t>();
    if (field.format != 0 && field.format != 1) at_.fail();
    return field;
}

std::optional<std::string_view> read_parameter_description(std::string_view body) noexcept {
    Cursor at(body);
    const std::size_t count = at.take<std::uint16_t>();
    const std::string_view oids = at.bytes(count * sizeof(std::uint32_t));
    return whole(at, oids);
}

std::optional<CopyFormat> read_copy_format(std::string_view body) noexcept {
    Cursor at(body);
    const auto format = at.take<std::uint8_t>();
    const std::size_t columns = at.take<std::uint16_t>();
    if (format > 1) return std::nullopt;
    for (std::size_t i = 0; i < columns; ++i)
        if (at.take<std::uint16_t>() > format) return std::nullopt;
    return whole(at, CopyFormat{format == 1, columns});
}

std::uint64_t rows_of_tag(std::string_view tag) noexcept {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (tag.size() > 2 && tag[tag.size() - 2] == ' ' && is_digit(tag.back()))  // as most often
        return static_cast<std::uint64_t>(tag.back() - '0');
    const std::size_t blank = tag.rfind(' ');
    if (blank == std::string_view::npos) return 0;
    std::uint64_t rows = 0;
    const char* end = tag.data() + tag.size();
    const auto [read_to, failed] = std::from_chars(tag.data() + blank + 1, end, rows);
    return failed == std::errc() && read_to == end ? rows : 0;
}

void put_empty(SendBuffer& out, ServerType type) { out.end(out.begin(type)); }

void put_authentication(SendBuffer& out, AuthRequest request, std::string_view data) {
    const std::size_t message = out.begin(ServerType::authentication);
    out.put(static_cast<std::int32_t>(request));
    out.put_bytes(data);
    out.end(message);
}

void put_ready(SendBuffer& out, TransactionState state) {
    const std::size_t message = out.begin(ServerType::ready);
    out.put(static_cast<char>(state));
    out.end(message);
}

void put_backend_key(SendBuffer& out, const BackendKey& key) {
    const std::size_t message = out.begin(ServerType::backend_key);
    out.put(key.process);
    out.put_bytes(key.key);
    out.end(message);
}

void put_parameter_status(SendBuffer& out, const ParameterStatus& parameter) {
    const std::size_t message = out.begin(ServerType::parameter_status);
    out.put_text(parameter.name);
    out.put_text(parameter.value);
    out.end(message);
}

void put_notification(SendBuffer& out, const NotificationMessage& notification) {
    const std::size_t message = out.begin(ServerType::notification);
    out.put(notification.process);
    out.put_text(notification.channel);
    out.put_text(notification.payload);
    out.end(message);
}

void put_version_offer(SendBuffer& out, std::int32_t version, std::span<const std::string_view> unknown_options) {
    const std::size_t message = out.begin(ServerType::negotiate_version);
    out.put(version);
    out.put(static_cast<std::int32_t>(unknown_options.size()));
    for (const std::string_view option : unknown_options) out.put_text(option);
    out.end(message);
}

void put_report(SendBuffer& out, ServerType type, std::span<const ReportField> fields) {
    const std::size_t message = out.begin(type);
    for (const ReportField& field : fields) {
        out.put(field.letter);
        out.put_text(field.text);
    }
    out.put('\0');
    out.end(message);
}

void put_row_description(SendBuffer& out, std::span<const FieldDescription> columns) {
    const std::size_t message = out.begin(ServerType::row_description);
    out.put(static_cast<std::uint16_t>(columns.size()));
    for (const FieldDescription& column : columns) {
        out.put_text(column.name);
        out.put(column.table);
        out.put(column.attribute);
        out.put(column.type);
        out.put(column.type_size);
        out.put(column.modifier);
        out.put(column.format);
    }
    out.end(message);
}

void put_parameter_description(SendBuffer& out, std::span<const std::uint32_t> types) {
    const std::size_t message = out.begin(ServerType::parameter_description);
    out.put(static_cast<std::uint16_t>(types.size()));
    for (const std::uint32_t type : types) out.put(type);
    out.end(message);
}

void put_data_row(SendBuffer& out, std::span<const std::optional<std::string_view>> values) {
    const std::size_t message = out.begin(ServerType::data_row);
    out.put(static_cast<std::uint16_t>(values.size()));
    for (const auto& value : values) {
        out.put(value ? static_cast<std::int32_t>(value->size()) : std::int32_t{-1});
        if (value) out.put_bytes(*value);
    }
    out.end(message);
}

void put_tag(SendBuffer& out, std::string_view tag) {
    const std::size_t message = out.begin(ServerType::command_complete);
    out.put_text(tag);
    out.end(message);
}

void put_copy_format(SendBuffer& out, ServerType type, const CopyFormat& format) {
    const std::size_t message = out.begin(type);
    out.put(static_cast<std::uint8_t>(format.binary));
    out.put(static_cast<std::uint16_t>(format.columns));
    for (std::size_t i = 0; i < format.columns; ++i) out.put(static_cast<std::int16_t>(format.binary));
    out.end(message);
}

void put_copy_data(SendBuffer& out, std::string_view bytes) {
    const std::size_t message = out.begin(ServerType::copy_data);
    out.put_bytes(bytes);
    out.end(message);
}

}  // namespace pg::wire
