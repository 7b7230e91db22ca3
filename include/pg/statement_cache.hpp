// StatementCacheStats: the statements that the sessions of a client keep prepared, in numbers.
#pragma once

#include <cstdint>

#include "pg/fwd.hpp"

namespace pg {

/// What the statement caches of all sessions of a client have done so far. Value.
struct StatementCacheStats {
    std::uint64_t hits = 0;      ///< executions of what was prepared
    std::uint64_t misses = 0;    ///< all others
    std::uint64_t prepared = 0;  ///< statements that got a name
    std::uint64_t evicted = 0;   ///< statements that lost it to make room
    /// Statements that lost it because the server said that they no longer fit: their tables have changed, or it had
    /// forgotten them.
    std::uint64_t outdated = 0;
};

}  // namespace pg
