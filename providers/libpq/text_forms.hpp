// The forms of dates and intervals as text that are read here, which a session must have.
#pragma once

#include <optional>

#include "pg/error.hpp"
#include "pg/spi/session.hpp"

namespace pg::libpq {

/// Why a session that was just opened cannot be used: it writes dates or intervals in another form than those that are
/// asked for as it is opened. Through a pooler nothing is asked for, and they are those of the role; without one,
/// PGDATESTYLE says more than what is asked for. Nothing when they are as they must be.
[[nodiscard]] std::optional<Error> foreign_form(const spi::Session& session, bool through_pooler);

}  // namespace pg::libpq
