// Several statements in one flush.
#pragma once

#include <span>
#include <vector>

#include "pg/spi/session.hpp"
#include "providers/libpq/direct_link.hpp"
#include "providers/libpq/direct_result.hpp"

namespace pg::libpq::direct {

/// Runs `requests` one behind the other without waiting for answers. `formats` has the format of each; `collector` is
/// lent.
[[nodiscard]] std::vector<Expected<Result>> run_pipelined(DirectLink& link, RowCollector& collector,
                                                          std::span<const spi::Request> requests,
                                                          std::span<const Format> formats, spi::BatchSync sync,
                                                          const spi::Wait& wait);

}  // namespace pg::libpq::direct
