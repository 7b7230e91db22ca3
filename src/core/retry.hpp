// Whether there is to be another attempt, and the pause before it. Internal to core.
#pragma once

#include <chrono>

#include "pg/fwd.hpp"
#include "pg/spi/request.hpp"
#include "src/core/context.hpp"

namespace pg::detail {

/// True after `pause`; false as soon as a stop is asked for. Null: nothing stops it.
[[nodiscard]] PGCLIENT_API bool rest(std::chrono::nanoseconds pause, const StopToken* stop);
/// What is said to whoever asked for that stop, after `cause`.
[[nodiscard]] Error stopped_before_retry(const Error& cause);
/// True when nobody waits for another attempt: a stop was asked for, or the deadline has passed.
[[nodiscard]] bool is_over(const spi::Wait& wait);

/// A session for the second attempt of a request that has its time, and its stop, once.
[[nodiscard]] Expected<Borrowed> borrow_again(Executor& executor, const spi::Wait& wait);

}  // namespace pg::detail
