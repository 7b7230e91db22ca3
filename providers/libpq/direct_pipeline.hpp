// Statements of several callers in flight at once, each with a Sync of its own.
#pragma once

#include "pg/spi/session.hpp"
#include "providers/libpq/direct_link.hpp"
#include "providers/libpq/direct_result.hpp"
#include "providers/libpq/text_fallback.hpp"

namespace pg::libpq::direct {

/// As `Session::run_pipeline`. `collector` is lent.
void run_pipeline(DirectLink& link, RowCollector& collector, TextFallback& fallback, spi::RequestFeed& feed);

}  // namespace pg::libpq::direct
