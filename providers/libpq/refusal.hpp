// What is refused before a byte of it is sent, whichever engine would send it.
#pragma once

#include <optional>
#include <span>

#include "pg/spi/session.hpp"
#include "providers/libpq/exchange.hpp"

namespace pg::libpq {

/// Why this cannot be sent: a zero byte that would cut it short, or more than the protocol counts. The exchange has
/// begun, and goes on after it as if nothing had been asked. @{
[[nodiscard]] std::optional<Error> refusal(const Exchange& exchange, const spi::Request& request);
[[nodiscard]] std::optional<Error> refusal(const Exchange& exchange, std::string_view text);
/// Of a statement to be prepared.
[[nodiscard]] std::optional<Error> refusal(const Exchange& exchange, std::string_view name, std::string_view sql,
                                           std::span<const Oid> types);  /// @}

}  // namespace pg::libpq
