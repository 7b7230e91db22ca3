// The pause between two attempts of a transaction. Internal to core.
#pragma once

#include <chrono>

#include "pg/fwd.hpp"

namespace pg::detail {

/// True after `pause`; false as soon as a stop is asked for. Null: nothing stops it.
[[nodiscard]] PGCLIENT_API bool rest(std::chrono::nanoseconds pause, const StopToken* stop);

}  // namespace pg::detail
