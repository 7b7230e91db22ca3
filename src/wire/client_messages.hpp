// What a client says: its messages, written and, for those who play a server, read.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "src/wire/bytes.hpp"

namespace pg::wire {

/// The kinds of message that a client sends, by their byte.
/// https://www.postgresql.org/docs/current/protocol-message-formats.html
enum class ClientType : char {
    bind = 'B',
    close = 'C',
    copy_data = 'd',
    copy_done = 'c',
    copy_fail = 'f',
    describe = 'D',
    execute = 'E',
    flush = 'H',
    function_call = 'F',
    parse = 'P',
    password = 'p',  ///< and the answers of SASL and GSS, which share its byte
    query = 'Q',
    sync = 'S',
    terminate = 'X',
};

/// What Describe and Close are about.
enum class Named : char { statement = 'S', portal = 'P' };

/// The most that one message may have: a server refuses 1 GiB.
inline constexpr std::size_t most_in_message = 0x3fffffff - 16;

/// Names and texts have no zero bytes, and no message is longer than `most_in_message`: whoever takes them from a user
/// checks that before the first byte. @{
PGCLIENT_API void put_parse(SendBuffer& out, std::string_view statement, std::string_view sql,
                            std::span<const std::uint32_t> types);
PGCLIENT_API void put_describe(SendBuffer& out, Named what, std::string_view name);
PGCLIENT_API void put_close(SendBuffer& out, Named what, std::string_view name);
PGCLIENT_API void put_query(SendBuffer& out, std::string_view sql);
PGCLIENT_API void put_copy_data_header(SendBuffer& out, std::size_t size);  ///< of a CopyData whose bytes follow
PGCLIENT_API void put_copy_fail(SendBuffer& out, std::string_view reason);
/// The answer's bytes as they are: a password brings its zero byte with it.
PGCLIENT_API void put_password(SendBuffer& out, std::string_view answer);
PGCLIENT_API void put_empty(SendBuffer& out, ClientType type);  ///< Sync, Flush, CopyDone, Terminate
/// Executes the unnamed portal; zero rows: all of them.
inline void put_execute(SendBuffer& out, std::uint32_t most_rows = 0) {
    // 'E', its length, an empty portal name, the row limit: one piece.
    char* at = out.claim(10);
    *at = static_cast<char>(ClientType::execute);
    store(at + 1, std::uint32_t{9});
    at[5] = '\0';
    store(at + 6, most_rows);
}
inline void put_sync(SendBuffer& out) {
    char* at = out.claim(5);
    *at = static_cast<char>(ClientType::sync);
    store(at + 1, std::uint32_t{4});
}
/// @}

/// What follows a Bind of the unnamed portal: its description if it is asked for, all of its rows, and a Sync perhaps.
[[nodiscard]] constexpr std::string_view messages_behind_bind(bool with_describe, bool with_sync) noexcept {
    constexpr std::string_view all("D\0\0\0\6P\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4", 22);
    constexpr std::size_t describe = 7, sync = 5;
    const std::size_t first = with_describe ? 0 : describe;
    return all.substr(first, all.size() - first - (with_sync ? 0 : sync));
}

/// Binds `count` arguments to the unnamed portal: `format(i)` is that of one, and `values` has all of them, each behind
/// its length, which is -1 for NULL. `formats` has one format for all columns of the result, or one each; the messages
/// `behind` follow.
template <class GetFormat>
void put_bind(SendBuffer& out, std::string_view statement, std::size_t count, GetFormat format, std::string_view values,
              std::span<const std::int16_t> formats, std::string_view behind = {}) {
    // All of it in one piece: kind, length, an empty portal name, …
    char* const message = out.claim(1 + 4 + 1 + statement.size() + 1 + 2 + 2 * count + 2 + values.size() + 2 +
                                    2 * formats.size() + behind.size());
    *message = static_cast<char>(ClientType::bind);
    message[5] = '\0';
    char* at = store_bytes(message + 6, statement);
    *at = '\0';
    store(at + 1, static_cast<std::uint16_t>(count));
    at += 3;
    for (std::size_t i = 0; i < count; ++i, at += 2) store(at, static_cast<std::int16_t>(format(i)));
    store(at, static_cast<std::uint16_t>(count));
    at = store_bytes(at + 2, values);
    store(at, static_cast<std::uint16_t>(formats.size()));
    at += 2;
    for (const std::int16_t one : formats) {
        store(at, one);
        at += 2;
    }
    store(message + 1, static_cast<std::uint32_t>(at - message - 1));
    static_cast<void>(store_bytes(at, behind));
}

/// Requests that come before all messages and have no type. @{
enum class StartupRequest : std::uint32_t {
    cancel = 80877102,
    tls = 80877103,
    gss_encryption = 80877104,
    protocol_3_0 = 196608,
    protocol_3_2 = 196610,
};
/// One setting of a startup packet.
struct StartupSetting {
    std::string_view name, value;
};
PGCLIENT_API void put_startup(SendBuffer& out, StartupRequest protocol, std::span<const StartupSetting> settings);
PGCLIENT_API void put_request(SendBuffer& out, StartupRequest request);  ///< for encryption
PGCLIENT_API void put_cancel(SendBuffer& out, std::int32_t process, std::string_view key);
/// @}

// Reading, for those who play a server. Views of what is read.

/// A client's message, or the packet before all messages, which has no type.
struct ClientFrame {
    std::optional<ClientType> type;
    std::string_view body;
};
/// The first message in `bytes`, which are cut short by it; nothing when it is not there yet, which one whose length is
/// less than that of its header never is. `startup`: a packet without a type is awaited.
[[nodiscard]] PGCLIENT_API std::optional<ClientFrame> cut_client_frame(std::string_view& bytes, bool startup) noexcept;

/// A startup packet; nothing when it is malformed.
struct Startup {
    StartupRequest request{};
    std::vector<StartupSetting> settings;  ///< of a protocol
    std::int32_t process = 0;              ///< of a cancel request
    std::string_view key;                  ///< the same
};
[[nodiscard]] PGCLIENT_API std::optional<Startup> read_startup(std::string_view body);

/// Parse; nothing when it is malformed.
struct ParseMessage {
    std::string_view statement, sql;
    std::vector<std::uint32_t> types;
};
[[nodiscard]] PGCLIENT_API std::optional<ParseMessage> read_parse(std::string_view body);

/// Bind; nothing when it is malformed.
struct BindMessage {
    std::string_view portal, statement;
    std::vector<std::int16_t> argument_formats, result_formats;
    std::vector<std::optional<std::string_view>> arguments;
};
[[nodiscard]] PGCLIENT_API std::optional<BindMessage> read_bind(std::string_view body);

/// Describe or Close; nothing when it is malformed.
struct NamedMessage {
    Named what{};
    std::string_view name;
};
[[nodiscard]] PGCLIENT_API std::optional<NamedMessage> read_named(std::string_view body) noexcept;

/// Execute; nothing when it is malformed.
struct ExecuteMessage {
    std::string_view portal;
    std::uint32_t most_rows = 0;
};
[[nodiscard]] PGCLIENT_API std::optional<ExecuteMessage> read_execute(std::string_view body) noexcept;

/// Query, CopyFail or a password: one text; nothing when it is malformed.
[[nodiscard]] PGCLIENT_API std::optional<std::string_view> read_text(std::string_view body) noexcept;

}  // namespace pg::wire
