// ServerLimit: the deadline of a statement, told to the server, which then ends the statement by itself. Internal to
// core.
#pragma once

#include <chrono>
#include <optional>

#include "src/core/context.hpp"

namespace pg::detail {

/// The `statement_timeout` of what is about rows and is sent in one flush, for as long as that runs: outside a
/// transaction it ends with that, inside one it is lifted behind it. A shorter one that is set already stays. Pinned.
///
/// Not of a stream or a COPY: their time bounds each wait for the server, while the server would count the whole, the
/// reader's pauses included. Not of a script, which may hold what cannot run in a transaction, or ends one.
class ServerLimit {
public:
    /// What the server is given of the time that a statement has: less the margin, but half of it at least. Nothing
    /// where it has no end, and in its last millisecond or two.
    [[nodiscard]] static std::optional<std::chrono::milliseconds> share_of(std::chrono::nanoseconds left,
                                                                           std::chrono::nanoseconds margin);
    explicit ServerLimit(std::chrono::milliseconds time);
    ServerLimit(const ServerLimit&) = delete;
    ServerLimit& operator=(const ServerLimit&) = delete;

    /// What sets it, in the same flush and transaction as the statement and ahead of it.
    [[nodiscard]] spi::Request request() const;
    /// What lifts it inside a transaction, in the same flush and behind the statement. After a failure there is nothing
    /// to lift: the transaction has failed, and a savepoint brings back what was before.
    [[nodiscard]] static spi::Request lift();
    /// The error says that the server ended the statement, and nobody but this limit can have asked it to.
    [[nodiscard]] bool is_why(const Error& error, const StopToken* stop) const;
    /// The same as the error of a deadline.
    [[nodiscard]] static Error late(const Error& error);

private:
    const Deadline end_;
    InlineParams<1, 16> params_;
};

/// Runs a request of a client that has a margin, or with settings: with a limit, if there is a margin and the statement
/// can have one; with settings, unless they are null.
[[nodiscard]] Expected<Result> run_with_limits(const Borrowed& borrowed, const Call& call, const Settings* settings,
                                               const spi::Request& request);
/// The same for a batch; each of its statements is given all of the time. Statements that are transactions of their own
/// and share a flush have no limit: one that outlived the first of them would be the session's, and stay when the reset
/// behind them is cancelled.
void run_batch_with_limits(const Borrowed& borrowed, const Settings* settings, std::span<spi::BatchItem* const> items,
                           spi::BatchSync sync);

}  // namespace pg::detail
