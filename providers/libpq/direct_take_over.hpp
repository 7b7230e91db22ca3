// Whether, and how, a connection that libpq opened is spoken on directly.
#pragma once

#include <memory>

#include "pg/spi/provider.hpp"
#include "providers/libpq/connect.hpp"

namespace pg::libpq::direct {

/// Why this connection has to stay with libpq, in words for people; null when it has not to.
[[nodiscard]] const char* obstacle(PGconn* connection) noexcept;

/// A session that speaks on the socket of a connection that has no obstacle. Waits for one round trip; what goes wrong
/// is a failure to connect.
[[nodiscard]] Expected<std::unique_ptr<spi::Session>> take_over(Connected connected, const spi::SessionContext& context,
                                                                const spi::Wait& wait);

/// How many connections stayed with libpq in this process, or went back to it, although nobody had asked for that.
[[nodiscard]] std::uint64_t fallbacks() noexcept;
/// Counts one more.
void count_fallback() noexcept;

}  // namespace pg::libpq::direct
