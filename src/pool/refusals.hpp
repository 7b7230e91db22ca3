// Refusals: why a pool lends nothing. Internal to pool.
#pragma once

#include "pg/error.hpp"
#include "src/pool/books.hpp"

namespace pg::pool {

/// What those are told who waited for a session that was lost, or too late, before it was open in full: nothing of
/// theirs was sent.
[[nodiscard]] Error as_failure_to_open(const Error& error);
/// Of a session that was over before anybody had it.
[[nodiscard]] Error ended_at_once();
[[nodiscard]] Error stopped();
[[nodiscard]] Error cannot_be_awaited();
/// For whoever asks on the thread that would have to serve it.
[[nodiscard]] Error would_wait_for_itself();
[[nodiscard]] Error no_thread();
[[nodiscard]] Error more_than_there_may_be(std::size_t sessions);
// With the numbers of `now`, and what is known of who holds the sessions and of the last attempt to open one.
[[nodiscard]] Error client_is_closed(const Books& books, Time now);
[[nodiscard]] Error too_many_wait(const Books& books, Time now);
/// To who would have to wait that long.
[[nodiscard]] Error would_be_late(std::chrono::nanoseconds wait, const Books& books, Time now);
/// To who was refused so many sessions.
[[nodiscard]] Error all_turned_away(std::uint32_t sessions, const Books& books, Time now);
/// To who waited from `since` until its time was over: what stood in the way.
[[nodiscard]] Error none_in_time(const Books& books, Time since, Time now);
/// To who waited for a number of open sessions.
[[nodiscard]] Error not_ready_in_time(std::size_t wanted, const Books& books, Time since, Time now);

}  // namespace pg::pool
