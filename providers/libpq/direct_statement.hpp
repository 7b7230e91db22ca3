// Statements on their way out: what can be refused before the first byte, and the messages of one.
#pragma once

#include "providers/libpq/direct_link.hpp"

namespace pg::libpq::direct {

/// Why this cannot be sent: a zero byte that would cut it short, or more than the protocol counts.
[[nodiscard]] std::optional<Error> refusal(const DirectLink& link, const spi::Request& request);
[[nodiscard]] std::optional<Error> refusal(const DirectLink& link, std::string_view text);

/// The columns that results of `request` in `format` are known to have since it was prepared, all of them binary; null
/// when they have to be described.
[[nodiscard]] const std::shared_ptr<const ResultStorage>* known_columns(const spi::Request& request, Format format);

/// Writes the messages that run `request`, with a description of its columns unless they were `described` before. No
/// Sync.
void put_statement(DirectLink& link, const spi::Request& request, Format format, bool described);

}  // namespace pg::libpq::direct
