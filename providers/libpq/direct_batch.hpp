// Several statements in one flush.
#pragma once

#include "providers/libpq/batch_outcomes.hpp"
#include "providers/libpq/direct_link.hpp"
#include "providers/libpq/direct_result.hpp"
#include "providers/libpq/text_fallback.hpp"

namespace pg::libpq::direct {

/// Runs statements one behind the other without waiting for answers. `collector` is lent. Whether the server refused
/// one of them.
[[nodiscard]] bool run_pipelined(DirectLink& link, RowCollector& collector, const TextFallback& fallback,
                                 BatchItems items, spi::BatchSync sync, const spi::Wait& wait);

}  // namespace pg::libpq::direct
