// Receiving rows as they come, in bounded memory.
#pragma once

#include <memory>

#include "pg/spi/session.hpp"
#include "providers/libpq/direct_link.hpp"

namespace pg::libpq::direct {

/// Begins a statement and waits for its first rows, or for what it has instead.
[[nodiscard]] Expected<std::unique_ptr<spi::RowStream>> open_stream(DirectLink& link, const spi::Request& request,
                                                                    Format format, const spi::Wait& wait);

}  // namespace pg::libpq::direct
