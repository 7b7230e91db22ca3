// Pool: the sessions of a client, as whoever runs the service sees them.
#pragma once

#include <vector>

#include "pg/expected.hpp"
#include "pg/pool/stats.hpp"
#include "pg/spi/session_source.hpp"

namespace pg {

/// What lends a client its sessions. Thread-safe.
///
/// Whoever waits does so in one queue, threads and awaited calls alike, first come, first served. A session comes back
/// to the first of the queue; else it is idle, and one used just now is lent first. Sessions are opened in the
/// background, never by whoever asks: who waits takes what comes first, one returned or one opened. After a failure
/// to open the next attempt waits, for up to twice as long each time, from 50 ms to 10 s, and by chance less; whoever
/// asks meanwhile gets the error of the last attempt at once, unless the next is due within a second or a session is
/// in use that may come back.
class PGCLIENT_API Pool : public spi::SessionSource {
public:
    /// The numbers of this moment.
    [[nodiscard]] PoolStats stats() const { return do_stats(); }
    /// The sessions that are in use for that long at least, the oldest loan first.
    [[nodiscard]] std::vector<Loan> loans(std::chrono::nanoseconds age = {}) const { return do_loans(age); }
    /// Changes the number of sessions there may be, at least one, and of those kept open. What is too many closes as
    /// it comes back.
    void resize(std::size_t max_size, std::size_t min_size, std::size_t min_idle) {
        do_resize(max_size, min_size, min_idle);
    }
    /// Replaces every session that is open now: idle ones soon, busy ones as they come back.
    void refresh() noexcept { do_refresh(); }
    /// Lends nothing until `resume`: callers wait, whatever fails meanwhile. @{
    void suspend() noexcept { do_suspend(true); }
    void resume() noexcept { do_suspend(false); }  /// @}
    /// Waits until so many sessions are open, and no fewer than the least sizes, or the time is over: a Timeout with
    /// the numbers then, and the error of the last attempt in it. Opens them when the pool would not by itself. When a
    /// session lacks a statement of `PoolOptions::prepare`: the error of preparing it. UsageError when there may not be
    /// so many, or on a thread that would have to open them.
    [[nodiscard]] Expected<void> wait_ready(std::size_t sessions, std::chrono::nanoseconds timeout) {
        return do_wait_ready(sessions, timeout);
    }
    /// After `close`: waits until the last session has come back and is closed; how many had not when the time was
    /// over.
    [[nodiscard]] std::size_t drain(std::chrono::nanoseconds timeout) { return do_drain(timeout); }

private:
    virtual PoolStats do_stats() const = 0;
    virtual std::vector<Loan> do_loans(std::chrono::nanoseconds age) const = 0;
    virtual void do_resize(std::size_t max_size, std::size_t min_size, std::size_t min_idle) = 0;
    virtual void do_refresh() noexcept = 0;
    virtual void do_suspend(bool suspended) noexcept = 0;
    virtual Expected<void> do_wait_ready(std::size_t sessions, std::chrono::nanoseconds timeout) = 0;
    virtual std::size_t do_drain(std::chrono::nanoseconds timeout) = 0;
};

}  // namespace pg
