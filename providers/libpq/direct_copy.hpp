// COPY in both directions.
#pragma once

#include <memory>

#include "pg/spi/session.hpp"
#include "providers/libpq/direct_link.hpp"

namespace pg::libpq::direct {

[[nodiscard]] Expected<std::unique_ptr<spi::CopyIn>> open_copy_in(DirectLink& link, std::string_view sql,
                                                                  const spi::Wait& wait);
[[nodiscard]] Expected<std::unique_ptr<spi::CopyOut>> open_copy_out(DirectLink& link, std::string_view sql,
                                                                    const spi::Wait& wait);

}  // namespace pg::libpq::direct
