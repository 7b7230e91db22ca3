// What the statements of a batch come to that ended too soon: the same rule for both engines.
#pragma once

#include <vector>

#include "pg/spi/session.hpp"

namespace pg::libpq {

/// One outcome for each of `count` requests: `error` for those that have none.
[[nodiscard]] inline std::vector<Expected<Result>> filled(std::vector<Expected<Result>> outcomes, std::size_t count,
                                                          const Error& error) {
    while (outcomes.size() < count) outcomes.emplace_back(error);
    return outcomes;
}

/// The same when the connection was lost with `loss`: nobody knows what became of the first `sent` of them that were
/// not answered, nor of those that were, if they are one transaction; the others were not sent.
[[nodiscard]] inline std::vector<Expected<Result>> filled_after_loss(std::vector<Expected<Result>> outcomes,
                                                                     std::size_t count, std::size_t sent,
                                                                     spi::BatchSync sync, const Error& loss) {
    if (sync == spi::BatchSync::once)
        for (Expected<Result>& outcome : outcomes)
            if (outcome) outcome = loss;
    ErrorFields unsent = loss.fields();
    unsent.outcome = Outcome::not_sent;
    return filled(filled(std::move(outcomes), sent, loss), count, Error(std::move(unsent)));
}

}  // namespace pg::libpq
