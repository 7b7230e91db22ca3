// Rows as they arrive: streams, and results whose size has a limit.
#pragma once

#include <memory>

#include "pg/spi/session.hpp"
#include "providers/libpq/link.hpp"

namespace pg::libpq {

/// All rows of a statement received by rows, from its first result on. Gives the statement up with ResultTooLarge when
/// the values have more than `limit` bytes.
[[nodiscard]] Expected<Result> collect(Link& link, ResultHandle first, std::size_t limit, const spi::Wait& wait);

/// A stream from its first result on, which has the link until it goes. `limit` bounds the bytes of all its values;
/// zero does not.
[[nodiscard]] Expected<std::unique_ptr<spi::RowStream>> open_stream(Link& link, ResultHandle first, std::size_t limit,
                                                                    const spi::Wait& wait);

}  // namespace pg::libpq
