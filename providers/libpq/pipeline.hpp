// Statements of several callers in flight at once over libpq, each with a Sync of its own.
#pragma once

#include "pg/spi/session.hpp"
#include "providers/libpq/forgotten_names.hpp"
#include "providers/libpq/link.hpp"
#include "providers/libpq/text_fallback.hpp"

namespace pg::libpq {

/// As `Session::run_pipeline`. What is forgotten meanwhile is deallocated on the way.
void run_pipeline(Link& link, TextFallback& fallback, ForgottenNames& forgotten, spi::RequestFeed& feed);

}  // namespace pg::libpq
