// What the statements of a batch come to that ended too soon: the same rule for both engines.
#pragma once

#include <span>

#include "pg/spi/session.hpp"

namespace pg::libpq {

/// One batch on its way; the session's.
using BatchItems = std::span<spi::BatchItem* const>;

/// A name that no statement has.
inline constexpr std::string_view no_statement = "pgclient_no_statement";

/// Those that have no outcome fail with this.
inline void fill(BatchItems items, const Error& error) {
    for (spi::BatchItem* item : items)
        if (!item->outcome) item->outcome.emplace(error);
}

/// The same when the connection was lost with `loss`: nobody knows what became of the first `sent` of them, but for the
/// first `sure`, whose transactions had ended, and those that had failed; the others were not sent.
inline void fill_after_loss(BatchItems items, std::size_t sure, std::size_t sent, const Error& loss) {
    for (spi::BatchItem* item : items.subspan(sure))
        if (item->outcome && !item->failed()) item->outcome.emplace(loss);
    fill(items.first(sent), loss);
    ErrorFields unsent = loss.fields();
    unsent.outcome = Outcome::not_sent;
    fill(items, Error(std::move(unsent)));
}

}  // namespace pg::libpq
