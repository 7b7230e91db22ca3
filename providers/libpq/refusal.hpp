// What is refused before a byte of it is sent, whichever engine would send it.
#pragma once

#include <limits>
#include <optional>
#include <span>

#include "pg/spi/session.hpp"
#include "providers/libpq/exchange.hpp"

namespace pg::libpq {

/// Arguments and their types are counted in 16 bits.
inline constexpr std::size_t most_arguments = std::numeric_limits<std::uint16_t>::max();

/// Why this cannot be sent: a zero byte that would cut it short, or more than the protocol counts. The exchange has
/// begun, and goes on after it as if nothing had been asked. @{
[[nodiscard]] std::optional<Error> refusal(const Exchange& exchange, std::string_view text);
[[nodiscard]] std::optional<Error> looked_for_refusal(const Exchange& exchange, const spi::Request& request);
/// Whether there is nothing to be looked for.
[[nodiscard]] inline bool is_beyond_doubt(const spi::Request& request) {
    // The text of a prepared statement was looked at when it was prepared, and arguments keep within their own bound.
    const bool is_known = !request.statement.empty() && request.prepare == nullptr;
    return is_known && (!request.params || request.params->size() <= most_arguments);
}
[[nodiscard]] inline std::optional<Error> refusal(const Exchange& exchange, const spi::Request& request) {
    if (is_beyond_doubt(request)) [[likely]]
        return std::nullopt;
    return looked_for_refusal(exchange, request);
}
/// Of one of these; the exchange is about that then.
[[nodiscard]] std::optional<Error> refusal_of_any(Exchange& exchange, std::span<spi::BatchItem* const> items);
/// Of a statement to be prepared.
[[nodiscard]] std::optional<Error> refusal(const Exchange& exchange, std::string_view name, std::string_view sql,
                                           std::span<const Oid> types);  /// @}

}  // namespace pg::libpq
