// Several statements in one flush.
#pragma once

#include <span>
#include <vector>

#include "pg/spi/session.hpp"
#include "providers/libpq/link.hpp"

namespace pg::libpq {

/// Runs `requests` in libpq's pipeline mode, which nothing else that has rows uses. `formats` has the format of each.
[[nodiscard]] std::vector<Expected<Result>> run_pipelined(Link& link, std::span<const spi::Request> requests,
                                                          std::span<const Format> formats, spi::BatchSync sync,
                                                          const spi::Wait& wait);

}  // namespace pg::libpq
