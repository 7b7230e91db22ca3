// Statements on their way out: what is known of their columns, and their messages.
#pragma once

#include "providers/libpq/direct_link.hpp"
#include "providers/libpq/refusal.hpp"

namespace pg::libpq::direct {

/// The columns that results of `request` in `format` are known to have since it was prepared, all of them binary; null
/// when they have to be described.
[[nodiscard]] const std::shared_ptr<const ResultStorage>* known_columns(const spi::Request& request, Format format);

/// Writes the messages that run `request`, with a description of its columns unless they were `described` before. No
/// Sync.
void put_statement(DirectLink& link, const spi::Request& request, Format format, bool described);

}  // namespace pg::libpq::direct
