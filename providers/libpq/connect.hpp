// Connecting: host after host, address after address, within one deadline.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pg/config.hpp"
#include "pg/spi/session.hpp"
#include "providers/libpq/handle.hpp"
#include "providers/libpq/resolver.hpp"

namespace pg::libpq {

/// A connection that is ready for its first statement.
struct Connected {
    ConnectionHandle connection;
    std::string node;
    bool through_pooler = false;
};

/// Makes a session of that. Its error says what failed without saying where.
using MakeSession = std::function<Expected<std::unique_ptr<spi::Session>>(Connected, const spi::Wait&)>;

/// A session on the first host of a resolved configuration that takes it. Each attempt has its share of the time that
/// is left, so that a deaf host cannot use up that of the others.
/// Errors: usage, connect, auth, tls, protocol, timeout, cancelled; they name every place that was tried.
[[nodiscard]] Expected<std::unique_ptr<spi::Session>> connect(const Config& config, Resolver& resolver,
                                                              const MakeSession& make_session, const spi::Wait& wait);

}  // namespace pg::libpq
