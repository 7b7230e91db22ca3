// Cancel requests: asking a server to give up a statement, without waiting for it.
#pragma once

#include <chrono>
#include <libpq-fe.h>
#include <memory>
#include <poll.h>

namespace pg::libpq {

/// How long a caller whose deadline passed waits for the server to give the statement up.
inline constexpr std::chrono::milliseconds cancel_grace{200};
/// After that long a server that goes on is asked again.
inline constexpr std::chrono::milliseconds cancel_pause{100};
/// How long one who has the time does.
inline constexpr std::chrono::milliseconds cancel_budget{2000};

/// A cancel request under way. Destroyed early, it is left to itself.
class CancelRequest {
public:
    virtual ~CancelRequest() = default;
    /// Goes on as far as it can. True while the server has dealt with what was asked of it, or it cannot be asked: then
    /// nothing is under way that could hit a later statement.
    [[nodiscard]] virtual bool advance() noexcept = 0;
    /// What must be ready before the next `advance`.
    [[nodiscard]] virtual pollfd waits_for() const noexcept = 0;
};

/// Asks again every `cancel_pause` while it is advanced and its descriptor waited for: a server drops a request that
/// finds it between two messages. Starts a cancel request for whatever `connection` is doing: encrypted as the
/// connection is and on the caller's thread with libpq 17 and newer, in plain text on a worker before, one after the
/// other for each server. Null when none can be made.
[[nodiscard]] std::unique_ptr<CancelRequest> start_cancel(PGconn* connection) noexcept;

class Job;

/// A cancel request behind the end of its connection: what the server is still at ends, and as it finds nobody to tell
/// of that, the session does, with all that was sent behind it. One thread at a time.
class LastCancel {
public:
    /// While the connection is open. Nothing goes through its socket from then on, whoever holds it besides, and the
    /// server finds that out at its first answer.
    explicit LastCancel(PGconn* connection) noexcept;
    /// When it is closed. The request is made on a worker, twice, and nobody waits for it but the end of the process,
    /// for a second; none when too many wait already. A pooler has forgotten its client by then, and does nothing.
    void start() noexcept;

private:
    std::shared_ptr<Job> job_;  // null: none can be made
};

}  // namespace pg::libpq
