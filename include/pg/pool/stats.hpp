// What a pool says of itself: its numbers, who holds its sessions, and why it lent none.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "pg/error.hpp"

namespace pg {

/// What a pool has counted since it was made. Value.
struct PoolCounts {
    std::uint64_t acquired = 0;        ///< sessions lent
    std::uint64_t opened = 0;          ///< sessions
    std::uint64_t unprepared = 0;      ///< of those, sessions that lack a statement of `PoolOptions::prepare`
    std::uint64_t failed_to_open = 0;  ///< attempts
    std::uint64_t refused = 0;         ///< requests that got an error at once, or that of an attempt to open
    std::uint64_t given_up = 0;        ///< requests whose time passed, or that were stopped
    std::uint64_t leaked = 0;          ///< loans that were reported for lasting longer than `leak_threshold`
    std::uint64_t reclaimed = 0;       ///< loans that were ended for lasting longer than `reclaim_threshold`
    // Sessions that were closed, by why.
    std::uint64_t lost = 0;     ///< broken, or left in a state that could not be mended
    std::uint64_t expired = 0;  ///< too old, used too often, from before a `refresh`, or idle when the pool was closed
    std::uint64_t spare = 0;    ///< idle for too long, or more than there may be
};

/// A pool at one moment. Value.
struct PoolStats : PoolCounts {
    std::size_t lent = 0;      ///< sessions in use
    std::size_t idle = 0;      ///< sessions waiting to be used
    std::size_t opening = 0;   ///< attempts to open one
    std::size_t checking = 0;  ///< idle ones whose server is being asked
    std::size_t closing = 0;   ///< sessions
    std::size_t max_size = 0;  ///< the most that all of these may be together, but for one that may be lost on its way
    std::size_t limit = 0;    ///< of those in use now: `max_size`, or less where the server has no room, or serves less
    std::size_t waiting = 0;  ///< requests
    // Attempts to open a session that failed since the last that succeeded.
    int failed_attempts = 0;                  ///< their number
    std::chrono::nanoseconds next_attempt{};  ///< how long until there may be another one; zero when it may be now
    std::optional<Error> connect_error{};     ///< of the last of them

    [[nodiscard]] std::size_t size() const { return lent + idle + opening + checking + closing; }  ///< all sessions
};

/// A session that somebody has. Value.
struct Loan {
    std::chrono::nanoseconds age{};  ///< since it was lent, to within half a second
    /// Where it was taken: the call of `connection`, `begin` or `transaction`, blocking or awaited, or of a listener;
    /// for a stream or a COPY the call that opened it, or where its text was given. Without a file when it was taken
    /// for a single request.
    CallSite site{};
    /// The last statement on it, of which 256 bytes are looked at: each literal or list of them is a `?`, comments are
    /// left out; never its arguments. Only while `leak_threshold` is set.
    std::string statement{};
    int process = 0;         ///< what pg_backend_pid() gives there
    bool reclaimed = false;  ///< its connection was ended for that
};

/// Why a pool lends nothing.
enum class PoolObstacle : std::uint8_t {
    exhausted,            ///< all sessions are in use
    leaked,               ///< so they are, and one for so long that it may have been forgotten
    unreachable,          ///< no session can be opened, or none was in time: the network, or the server
    refused_credentials,  ///< no session can be opened: the server refuses the user or the password
    server_full,          ///< no session can be opened: the server has no room for more (53300)
    suspended,            ///< by `Pool::suspend`
    over_budget,          ///< other clients use what is left of the `budget`
    crowded,              ///< as many requests wait as `max_waiting` allows, or too many to be served in time
    turned_away,          ///< `PoolHooks::on_acquire` refused the sessions that could be lent
    closed,               ///< by `Client::close`
};

/// "exhausted" and so on.
[[nodiscard]] PGCLIENT_API std::string_view to_string(PoolObstacle obstacle);

/// What a `PoolTimeout` says in its text, as fields. Value.
struct PoolTimeoutDetails {
    PoolObstacle obstacle = PoolObstacle::exhausted;  ///< the likeliest
    std::chrono::nanoseconds waited{};                ///< by this request; zero when it was refused at once
    PoolStats stats{};                                ///< of that moment
    std::optional<Loan> oldest{};                     ///< of the loans; nothing when nothing is lent
    std::optional<Error> connect_error{};             ///< of the last attempt to open a session, if it failed
    std::chrono::nanoseconds connect_error_age{};     ///< how long before
    int failed_attempts = 0;                          ///< to open a session, since the last that succeeded
    std::chrono::nanoseconds next_attempt{};          ///< how long until there may be one; zero when it may be now
};

}  // namespace pg
