// Verdict: what an error means for the session that it came from, and for the others of its pool. Internal to pool.
#pragma once

#include <vector>

#include "pg/pool/rules.hpp"
#include "pg/spi/session.hpp"

namespace pg::pool {

enum class Verdict : std::uint8_t {
    keep,     // the session goes on
    replace,  // it is closed; the others have nothing to do with it
    doubt,    // it is closed, and the others are asked before they are lent
    clear,    // it is closed, and the others as soon as nobody has them
};

/// Of what a session was ended with, or of the refusal to write of one that goes on. An empty code: nobody said why.
/// `wants_writes`: sessions are of use only where they can write, as `target_session_attrs` says.
[[nodiscard]] Verdict verdict_on(const SqlState& error, const spi::Session& session, bool wants_writes) noexcept;

/// The same after the rules of the application, the first of a code first.
[[nodiscard]] Verdict verdict_on(const SqlState& error, const spi::Session& session, bool wants_writes,
                                 const std::vector<PoolRule>& rules) noexcept;

}  // namespace pg::pool
