// What the results of an exchange come to: a result for the caller, or an error.
#pragma once

#include "providers/libpq/link.hpp"

namespace pg::libpq {

/// Of an exchange that `Link::complete` took to its end. `description` is that of the request; null: none.
[[nodiscard]] Expected<Result> conclude(Link& link, ResultHandle result, const spi::Wait& wait,
                                        const std::shared_ptr<const ResultStorage>* description = nullptr);
/// Of a statement of a pipeline, and of its preparation if it was prepared with its execution.
[[nodiscard]] Expected<Result> conclude(Link& link, const spi::Request& request, ResultHandle preparation,
                                        ResultHandle result, const spi::Wait& wait);
/// Gives up a COPY that was begun where none can be served, or a reply that makes no sense.
[[nodiscard]] Error give_up_on(Link& link, const PGresult* result, const spi::Wait& wait);

}  // namespace pg::libpq
