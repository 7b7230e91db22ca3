// Writing and reading a client's messages.
#include "src/wire/client_messages.hpp"

namespace pg::wire {
namespace {

void put_named(SendBuffer& out, ClientType type, Named what, std::string_view name) {
    const std::size_t message = out.begin(type);
    out.put(static_cast<char>(what));
    out.put_text(name);
    out.end(message);
}

void put_one_text(SendBuffer& out, ClientType type, std::string_view text) {
    const std::size_t message = out.begin(type);
    out.put_text(text);
    out.end(message);
}

/// A count and that many values of type `T`, unless fewer bytes are left than they need.
template <class T>
std::vector<T> take_list(Cursor& at) {
    const std::size_t count = at.take<std::uint16_t>();
    std::vector<T> values;
    if (count * sizeof(T) > at.left()) return at.fail(), values;
    values.reserve(count);
    for (std::size_t i = 0; i < count; ++i) values.push_back(at.take<T>());
    return values;
}

}  // namespace

void put_parse(SendBuffer& out, std::string_view statement, std::string_view sql,
               std::span<const std::uint32_t> types) {
    const std::size_t message = out.begin(ClientType::parse);
    out.put_text(statement);
    out.put_text(sql);
    out.put(static_cast<std::uint16_t>(types.size()));
    for (const std::uint32_t type : types) out.put(type);
    out.end(message);
}

void put_describe(SendBuffer& out, Named what, std::string_view name) {
    put_named(out, ClientType::describe, what, name);
}
void put_close(SendBuffer& out, Named what, std::string_view name) { put_named(out, ClientType::close, what, name); }
void put_query(SendBuffer& out, std::string_view sql) { put_one_text(out, ClientType::query, sql); }
void put_copy_fail(SendBuffer& out, std::string_view reason) { put_one_text(out, ClientType::copy_fail, reason); }

void put_copy_data_header(SendBuffer& out, std::size_t size) {
    out.put(static_cast<char>(ClientType::copy_data));
    out.put(static_cast<std::uint32_t>(size + 4));
}

void put_password(SendBuffer& out, std::string_view answer) {
    const std::size_t message = out.begin(ClientType::password);
    out.put_bytes(answer);
    out.end(message);
}

void put_empty(SendBuffer& out, ClientType type) { out.end(out.begin(type)); }

void put_startup(SendBuffer& out, StartupRequest protocol, std::span<const StartupSetting> settings) {
    const std::size_t message = out.begin();
    out.put(static_cast<std::uint32_t>(protocol));
    for (const StartupSetting& setting : settings) {
        out.put_text(setting.name);
        out.put_text(setting.value);
    }
    out.put('\0');
    out.end(message);
}

void put_request(SendBuffer& out, StartupRequest request) {
    const std::size_t message = out.begin();
    out.put(static_cast<std::uint32_t>(request));
    out.end(message);
}

void put_cancel(SendBuffer& out, std::int32_t process, std::string_view key) {
    const std::size_t message = out.begin();
    out.put(static_cast<std::uint32_t>(StartupRequest::cancel));
    out.put(process);
    out.put_bytes(key);
    out.end(message);
}

std::optional<ClientFrame> cut_client_frame(std::string_view& bytes, bool startup) noexcept {
    const std::size_t header = startup ? 4 : 5;
    if (bytes.size() < header) return std::nullopt;
    const std::uint32_t length = load<std::uint32_t>(bytes.data() + header - 4);
    if (length < 4 || bytes.size() - header < length - 4) return std::nullopt;
    ClientFrame frame;
    if (!startup) frame.type = static_cast<ClientType>(bytes.front());
    frame.body = bytes.substr(header, length - 4);
    bytes.remove_prefix(header + length - 4);
    return frame;
}

std::optional<Startup> read_startup(std::string_view body) {
    Cursor at(body);
    Startup startup;
    startup.request = static_cast<StartupRequest>(at.take<std::uint32_t>());
    switch (startup.request) {
        case StartupRequest::cancel:
            startup.process = at.take<std::int32_t>();
            startup.key = at.bytes(at.left());
            break;
        case StartupRequest::tls:
        case StartupRequest::gss_encryption: break;
        default:
            while (at.good()) {
                const std::string_view name = at.text();
                if (name.empty()) break;
                startup.settings.push_back({name, at.text()});
            }
    }
    if (!at.done()) return std::nullopt;
    return startup;
}

std::optional<ParseMessage> read_parse(std::string_view body) {
    Cursor at(body);
    ParseMessage message;
    message.statement = at.text();
    message.sql = at.text();
    message.types = take_list<std::uint32_t>(at);
    if (!at.done()) return std::nullopt;
    return message;
}

std::optional<BindMessage> read_bind(std::string_view body) {
    Cursor at(body);
    BindMessage message;
    message.portal = at.text();
    message.statement = at.text();
    message.argument_formats = take_list<std::int16_t>(at);
    const std::size_t count = at.take<std::uint16_t>();
    for (std::size_t i = 0; i < count && at.good(); ++i) {
        const auto length = at.take<std::int32_t>();
        if (length < -1) at.fail();
        message.arguments.push_back(length < 0 ? std::nullopt
                                               : std::optional(at.bytes(static_cast<std::size_t>(length))));
    }
    message.result_formats = take_list<std::int16_t>(at);
    if (!at.done()) return std::nullopt;
    return message;
}

std::optional<NamedMessage> read_named(std::string_view body) noexcept {
    Cursor at(body);
    const char what = at.take<char>();
    const std::string_view name = at.text();
    if (!at.done() || (what != 'S' && what != 'P')) return std::nullopt;
    return NamedMessage{static_cast<Named>(what), name};
}

std::optional<ExecuteMessage> read_execute(std::string_view body) noexcept {
    Cursor at(body);
    const std::string_view portal = at.text();
    const auto most_rows = at.take<std::uint32_t>();
    if (!at.done()) return std::nullopt;
    return ExecuteMessage{portal, most_rows};
}

std::optional<std::string_view> read_text(std::string_view body) noexcept {
    Cursor at(body);
    const std::string_view text = at.text();
    if (!at.done()) return std::nullopt;
    return text;
}

}  // namespace pg::wire
