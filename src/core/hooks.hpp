// Who has a say in the requests of a client: its observers. Internal to core and assembly.
#pragma once

#include <memory>
#include <vector>

#include "pg/spi/observer.hpp"
#include "pg/spi/provider.hpp"

namespace pg::detail {

/// Shared by a client and all that was made from it. There are none where nobody has a say.
struct Hooks {
    std::shared_ptr<spi::Observer> observer;  // never null
};

/// One that tells them all, in their order; null when there is none.
[[nodiscard]] PGCLIENT_API std::shared_ptr<spi::Observer> observer_of(
    const std::vector<std::shared_ptr<spi::Observer>>* observers);

/// What hears the notices of the sessions: the observer too, unless it is null.
[[nodiscard]] PGCLIENT_API std::shared_ptr<spi::NoticeHandler> notices_for(
    const std::shared_ptr<spi::Observer>& observer, std::shared_ptr<spi::NoticeHandler> notices);

}  // namespace pg::detail
