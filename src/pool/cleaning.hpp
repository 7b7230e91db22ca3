// Cleaning: a session that comes back from its borrower is brought to rest. Internal to pool.
#pragma once

#include "pg/spi/session_source.hpp"

namespace pg::pool {

/// True when the session is as it was lent, as far as is known. No round trip.
[[nodiscard]] inline bool is_at_rest(const spi::SessionSlot& slot) noexcept {
    return !slot.dirty && slot.session->at_rest();
}
/// Ends its transaction and resets what its borrower changed. Waits for the rest of the borrower's time, and a little
/// in any case. False when that is not possible.
[[nodiscard]] bool bring_to_rest(spi::SessionSlot& slot) noexcept;

}  // namespace pg::pool
