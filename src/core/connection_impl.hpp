// What a connection holds. Internal to core.
#pragma once

#include "pg/connection.hpp"
#include "src/core/held_session.hpp"

namespace pg {

struct Connection::Impl {
    std::shared_ptr<detail::HeldSession> held;

    [[nodiscard]] spi::Session& session() const { return held->session(); }
    [[nodiscard]] detail::Borrowed lend(const spi::Wait& wait) const { return held->lend(wait); }
};

namespace detail {

/// The connection that has the session of `borrowed`.
[[nodiscard]] Connection hold(Borrowed borrowed);

}  // namespace detail
}  // namespace pg
