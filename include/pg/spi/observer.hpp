// Observer: hears of what has ended: requests, loans of sessions, connections, attempts, notices.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "pg/error.hpp"

namespace pg::spi {

/// What a request was.
enum class RequestKind : std::uint8_t {
    query,        ///< a statement that gives rows; one that failed: whose text begins as those do
    exec,         ///< any other statement
    stream,       ///< rows that were read as they arrived, from the statement to their end
    script,       ///< a text of several statements
    batch,        ///< statements that were sent together
    begin,        ///< of a transaction
    commit,       ///< of a transaction
    rollback,     ///< of a transaction, on demand or by a destructor
    copy_in,      ///< COPY … FROM STDIN, from the statement to its end
    copy_out,     ///< COPY … TO STDOUT, from the statement to its end
    savepoint,    ///< the beginning of a part of a transaction
    release,      ///< the end of such a part, which is kept
    rollback_to,  ///< the end of such a part, on demand or by a destructor, which is undone
};
[[nodiscard]] PGCLIENT_API std::string_view to_string(RequestKind kind);

/// A moment on the clock that all durations here are measured with.
using Moment = std::chrono::steady_clock::time_point;

/// A request that has ended. Its values of parameters are nowhere in it. Value; views live as long as the call that
/// hands it over.
struct RequestEvent {
    RequestKind kind = RequestKind::query;  ///< what it was
    std::string_view sql{};                 ///< its text, as it was sent; that of a batch's first statement
    std::string_view label{};               ///< `QueryOptions::label`; empty: it has none
    std::string_view tenant{};              ///< on whose behalf; empty: nobody's. See `<pg/tenancy.hpp>`
    Moment began{};                         ///< when the call began
    std::chrono::nanoseconds duration{};    ///< to its end, the wait for a session included
    std::chrono::nanoseconds waited{};      ///< for a session that it took for itself
    std::uint64_t rows = 0;                 ///< given, affected, or copied by COPY … FROM
    std::size_t statements = 1;             ///< of a batch
    std::string_view node{};                ///< as `Connection::node` says it; empty: it had no session
    std::string_view engine{};              ///< "libpq" or "direct"; empty: it had no session
    /// Null: it went well, or a stream or COPY was left before its end. Of a batch whose statements fail alone that of
    /// the first that did.
    const Error* error = nullptr;
    Outcome outcome = Outcome::applied;  ///< that of the error
};

/// An attempt to open a session that has ended. Value, as above.
struct ConnectEvent {
    Moment began{};                       ///< when it began
    std::chrono::nanoseconds duration{};  ///< name resolution, TLS and authentication included
    std::string_view node{};              ///< that took it, or that the error speaks of; may be empty then
    std::string_view engine{};            ///< of the session; empty: there is none
    int process = 0;                      ///< of the server; zero: there is none
    const Error* error = nullptr;         ///< null: it is open
};

/// Why a session was closed.
enum class CloseReason : std::uint8_t {
    lost,     ///< broken, or left in a state that could not be mended
    expired,  ///< too old, used too often, or from before a `Pool::refresh`
    spare,    ///< idle for too long, more than there may be, or its client was closed
};
[[nodiscard]] PGCLIENT_API std::string_view to_string(CloseReason reason);

/// A session that is about to be closed. Value, as above.
struct CloseEvent {
    std::string_view node{};                 ///< where it was
    std::string_view engine{};               ///< that it had
    int process = 0;                         ///< of the server
    CloseReason why = CloseReason::expired;  ///< as the pool counts it
};

/// A request for a session that has ended. Value, as above.
struct AcquireEvent {
    Moment began{};                       ///< when it began to wait
    std::chrono::nanoseconds duration{};  ///< that it waited
    std::string_view node{};              ///< of the session; empty: it got none
    std::string_view engine{};            ///< of the session; empty: it got none
    const Error* error = nullptr;         ///< null: it got one
};

/// A session that came back. Value, as above.
struct ReleaseEvent {
    std::string_view node{};              ///< of the session
    std::string_view engine{};            ///< of the session
    std::chrono::nanoseconds duration{};  ///< that it was lent
};

/// What is about to be run again. Value, as above.
struct RetryEvent {
    bool is_transaction = false;       ///< all of one; false: a statement or a batch
    std::string_view sql{};            ///< of the statement, or the first of the batch; empty for a transaction
    std::string_view label{};          ///< of the statement
    int attempt = 2;                   ///< the number of the one to come
    std::chrono::nanoseconds pause{};  ///< before it
    const Error* error = nullptr;      ///< why; never null
};

/// An error that one of the other events has. Value, as above.
struct ErrorEvent {
    std::string_view where{};      ///< "connect", "acquire", or the kind of the request
    std::string_view sql{};        ///< of a request
    std::string_view label{};      ///< of a request
    const Error* error = nullptr;  ///< never null
};

/// Watches a client: `Options::observers` takes any number of them, and shares them. It is told what has ended, by
/// reference, and changes nothing. Every hook does nothing unless it is overridden.
///
/// It is told on the thread where the thing ended: that of the caller, of a loop or of the pool; on several at a time.
/// The session has been given back by then, unless somebody holds it. It must not throw or wait, and must not use the
/// client.
///
/// Not told are the look-ups of types, and what waits for notifications. A request that gets no session has failed with
/// why, awaited or not; only the end of an awaited transaction, its savepoints and what is done with its large objects
/// are not told without their turn.
class PGCLIENT_API Observer {
public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer();

    /// Calls the hook for the event, and `on_error` when it has an error. @{
    void tell(const RequestEvent& event) noexcept;
    void tell(const ConnectEvent& event) noexcept;
    void tell(const AcquireEvent& event) noexcept;
    void tell(const CloseEvent& event) noexcept { on_close(event); }
    void tell(const ReleaseEvent& event) noexcept { on_release(event); }
    void tell(const RetryEvent& event) noexcept { on_retry(event); }
    void tell_notice(const Error& notice) noexcept { on_notice(notice); }  /// @}

    virtual void on_request(const RequestEvent& event) noexcept;  ///< a request has ended
    virtual void on_connect(const ConnectEvent& event) noexcept;  ///< a session is open, or could not be opened
    virtual void on_close(const CloseEvent& event) noexcept;      ///< a session is about to be closed
    virtual void on_acquire(const AcquireEvent& event) noexcept;  ///< a session was lent, or none
    virtual void on_release(const ReleaseEvent& event) noexcept;  ///< a session came back
    virtual void on_retry(const RetryEvent& event) noexcept;      ///< something is run again after the pause
    /// The server said something unasked: severity, SQLSTATE and message say what. On the thread that waits for the
    /// session, in the middle of a request.
    virtual void on_notice(const Error& notice) noexcept;
    virtual void on_error(const ErrorEvent& event) noexcept;  ///< beside the hook of the event that has the error
};

}  // namespace pg::spi
