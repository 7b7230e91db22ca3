// PoolRule: what an error means for the session that it came from, and for the others of its pool.
#pragma once

#include "pg/error.hpp"

namespace pg {

/// What becomes of a session, and of the others.
enum class PoolFate : std::uint8_t {
    keep,         ///< it goes on, if it can; the others have nothing to do with it
    replace,      ///< it is closed; the others have nothing to do with it
    ask_others,   ///< it is closed, and the others are asked before they are lent
    replace_all,  ///< it is closed, and the others as soon as nobody has them
};

/// What `PoolOptions::rules` points to some of. Value.
struct PoolRule {
    SqlState code{};                    ///< of the error, whether it ended the session or a statement on it
    PoolFate fate = PoolFate::replace;  ///< in place of what the pool does by itself
};

}  // namespace pg
