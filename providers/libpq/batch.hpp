// Several statements in one flush.
#pragma once

#include "providers/libpq/batch_outcomes.hpp"
#include "providers/libpq/link.hpp"
#include "providers/libpq/text_fallback.hpp"

namespace pg::libpq {

/// Runs statements in libpq's pipeline mode, which nothing else that has rows uses.
void run_pipelined(Link& link, const TextFallback& fallback, BatchItems items, spi::BatchSync sync,
                   const spi::Wait& wait);

}  // namespace pg::libpq
