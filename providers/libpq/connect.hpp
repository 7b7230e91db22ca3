// Connecting: host after host, address after address, within one deadline.
#pragma once

#include <string>

#include "pg/config.hpp"
#include "pg/spi/request.hpp"
#include "providers/libpq/handle.hpp"
#include "providers/libpq/resolver.hpp"

namespace pg::libpq {

/// A connection that is ready for its first statement.
struct Connected {
    ConnectionHandle connection;
    std::string node;
    bool through_pooler = false;
};

/// Connects to the first host of a resolved configuration that takes it. Each attempt has its share of the time that
/// is left, so that a deaf host cannot use up that of the others.
/// Errors: usage, connect, auth, tls, protocol, timeout, cancelled; they name every place that was tried.
[[nodiscard]] Expected<Connected> connect(const Config& config, Resolver& resolver, const spi::Wait& wait);

}  // namespace pg::libpq
