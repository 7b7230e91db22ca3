// COPY in both directions.
#pragma once

#include <memory>

#include "pg/spi/session.hpp"
#include "providers/libpq/link.hpp"

namespace pg::libpq {

/// Each takes the first result of a COPY that was just sent, and has the link until it goes. A statement that is no
/// such COPY is a UsageError that says what became of it.
[[nodiscard]] Expected<std::unique_ptr<spi::CopyIn>> open_copy_in(Link& link, ResultHandle begun,
                                                                  const spi::Wait& wait);
[[nodiscard]] Expected<std::unique_ptr<spi::CopyOut>> open_copy_out(Link& link, ResultHandle begun,
                                                                    const spi::Wait& wait);

}  // namespace pg::libpq
