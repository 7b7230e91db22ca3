// Who has a say in the requests of a client: its observers and interceptors. Internal to core and assembly.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pg/spi/interceptor.hpp"
#include "pg/spi/provider.hpp"

namespace pg::detail {

/// Shared by a client and all that was made from it. There are none where nobody has a say.
struct Hooks {
    std::shared_ptr<spi::Observer> observer{};                      // null: nobody watches
    std::vector<std::shared_ptr<spi::Interceptor>> interceptors{};  // none is null; from the outside in
    std::string tenant{};
    spi::Moment called_at{};  // when the one call began that has these; else each begins when it is looked at
};

/// Those of a client; null where nobody has a say.
[[nodiscard]] PGCLIENT_API std::shared_ptr<const Hooks> make_hooks(
    const std::vector<std::shared_ptr<spi::Observer>>* observers,
    const std::vector<std::shared_ptr<spi::Interceptor>>* interceptors);

/// What hears the notices of the sessions: the observer too, if there is one.
[[nodiscard]] PGCLIENT_API std::shared_ptr<spi::NoticeHandler> notices_for(const std::shared_ptr<const Hooks>& hooks,
                                                                           std::shared_ptr<spi::NoticeHandler> notices);

}  // namespace pg::detail
