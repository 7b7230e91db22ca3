// Equipment: what a client wants of a session before it is lent first. Internal to core, pool and assembly.
#pragma once

#include "pg/spi/session_source.hpp"

namespace pg::spi {

/// Thread-safe.
class Equipment {
public:
    Equipment() = default;
    Equipment(const Equipment&) = delete;
    Equipment& operator=(const Equipment&) = delete;
    virtual ~Equipment() = default;

    /// Of a session that was just opened. An error says what it lacks; whether it can be lent all the same, the session
    /// says.
    [[nodiscard]] Expected<void> equip(SessionSlot& slot, const Wait& wait) noexcept { return do_equip(slot, wait); }

private:
    virtual Expected<void> do_equip(SessionSlot& slot, const Wait& wait) noexcept = 0;
};

}  // namespace pg::spi
