// Conversation: one client of a fake server, as a script sees it.
#pragma once

#include <memory>

#include "pg/testing/reply.hpp"

namespace pg::testing {

/// What a client says. Those that have a byte in the protocol have it here.
enum class MessageKind : char {
    left = 0,            ///< nothing more comes: the client closed, or the server stops
    startup = 1,         ///< the first packet of a session
    cancel_request = 2,  ///< instead of it: another session's statement is to end
    tls_request = 3,     ///< before it: encryption, to be answered by one byte
    gss_request = 4,     ///< the same
    malformed = 5,       ///< a message whose content does not fit its kind
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
    password = 'p',
    query = 'Q',
    sync = 'S',
    terminate = 'X',
};

[[nodiscard]] PGCLIENT_API std::string_view to_string(MessageKind kind);  ///< "Parse", "a startup packet"

/// A setting of a startup packet. Value.
struct StartupSetting {
    std::string name;   ///< "user", "application_name"
    std::string value;  ///< as it was sent
};

/// A message of a client. Value. Fields that its kind does not have stay empty.
struct ClientMessage {
    MessageKind kind = MessageKind::left;       ///< decides which of the fields below are set
    std::string sql = {};                       ///< Query, Parse; Bind, Describe, Execute: the text that they are about
    std::string statement = {};                 ///< Parse, Bind, Describe, Close: the name of a prepared statement
    std::string portal = {};                    ///< Bind, Execute, Describe, Close
    bool about_portal = false;                  ///< Describe, Close: of the portal, not of the statement
    std::vector<Oid> types = {};                ///< Parse, Bind: of the arguments, as far as the client named them
    FakeValues arguments = {};                  ///< Bind, Execute: the bytes as they were sent
    std::vector<Format> argument_formats = {};  ///< Bind, Execute: one for each argument
    std::vector<Format> result_formats = {};    ///< Bind, Execute: none, one for all columns, or one each
    std::uint32_t most_rows = 0;                ///< Execute; zero: all
    std::string data = {};                      ///< CopyData; CopyFail: its reason; a password or its like
    std::uint32_t protocol = 0;                 ///< startup: 196608 is 3.0
    std::vector<StartupSetting> settings = {};  ///< startup
    std::int32_t process = 0;                   ///< cancel request
    std::string key = {};                       ///< cancel request
    std::string body = {};                      ///< all bytes behind its kind and length
};

/// What a server says of itself when it lets a client in. Value.
struct Welcome {
    std::string server_version = "15.1";          ///< as the parameter of that name
    std::vector<StartupSetting> parameters = {};  ///< reported beside the usual ones
};

/// One client's connection. Service: it lives as long as its script runs, on the thread of that script.
/// All that waits ends when the server stops; then `receive` gives `MessageKind::left`. Writing to a client that is
/// gone does nothing.
class PGCLIENT_API Conversation final {
public:
    struct Impl;

    explicit Conversation(std::unique_ptr<Impl> impl) noexcept;
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;
    ~Conversation();

    /// 1 for the first client of the server, and so on; the client is told it as its process id.
    [[nodiscard]] int number() const noexcept;

    /// Refuses encryption, takes the startup packet, and answers as a server does that trusts everybody, up to the
    /// first ReadyForQuery. False when the client left before, or came to cancel something.
    bool let_in(const Welcome& welcome = {});

    /// Waits for the next message.
    ClientMessage receive();
    /// The same. Throws ProtocolError when it is of another kind: the conversation ends, and the server's `failures`
    /// say why.
    ClientMessage expect(MessageKind kind);
    /// Passes over messages up to one of this kind; `left` when none came.
    ClientMessage receive_until(MessageKind kind);
    /// Takes in whatever the client sends, and answers nothing, until it leaves.
    void ignore();

    /// Waits until the kernel has taken all of it. @{
    void send(const Reply& reply) { send(std::string_view(reply.bytes())); }
    void send(std::string_view bytes);  /// @}

    /// Waits until the test calls `FakeServer::cue`, once for each call. False when the server stops.
    bool wait_for_cue();
    /// Waits for a cancel request for this session, which comes on a connection of its own and whose script has to
    /// receive it; `let_in` does. False when the server stops.
    bool wait_for_cancel();

    /// Ends the connection: after what was sent, or by a reset, which may overtake it. A unix socket has no reset: its
    /// client sees an end. @{
    void close();
    void reset();  /// @}

    /// Tells the server's `failures` of something that should not have come.
    void report(std::string_view failure);

private:
    friend class PoliteSession;  // which takes in only what it agrees to
    std::unique_ptr<Impl> impl_;
};

}  // namespace pg::testing
