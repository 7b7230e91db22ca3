// What the statements of a batch come to that ended too soon: the same rule for both engines.
#pragma once

#include <span>

#include "pg/spi/session.hpp"
#include "providers/libpq/error.hpp"
#include "src/base/transaction_control.hpp"

namespace pg::libpq {

/// One batch on its way; the session's.
using BatchItems = std::span<spi::BatchItem* const>;

/// A name that no statement has.
inline constexpr std::string_view no_statement = "pgclient_no_statement";

/// None of them is run because of one: it is the same error, about that one, for all.
inline void keep_back(BatchItems items, const Error& error) {
    for (spi::BatchItem* item : items)
        if (!item->outcome) item->outcome.emplace(error);
}

/// Those that have no outcome fail with this, each by its own text.
inline void fill(BatchItems items, const Error& error) {
    for (spi::BatchItem* item : items)
        if (!item->outcome) item->outcome.emplace(error_about(item->request.sql, error.fields()));
}

/// The same when the connection was lost with `loss`: nobody knows what became of the first `sent` of them, but for the
/// first `sure`, whose transactions had ended, and those that had failed; the others were not sent. What may be run
/// again is said of the transaction that the loss befell, and not of what stands behind its end.
inline void fill_after_loss(BatchItems items, std::size_t sure, std::size_t sent, const Error& loss) {
    for (spi::BatchItem* item : items)
        if (item->outcome && item->failed() && item->outcome->error().connection_usable())  // when it came
            item->outcome.emplace(as_of_closed(item->outcome->error()));
    ErrorFields fields = loss.fields();
    for (spi::BatchItem* item : items.first(sent).subspan(sure)) {
        const std::string_view sql = item->request.sql;
        if (!item->outcome || !item->failed()) item->outcome.emplace(error_about(sql, fields));
        const TransactionControl control = transaction_control(sql);
        const bool ends = control == TransactionControl::commits || control == TransactionControl::rolls_back;
        if (ends && fields.retry_scope == RetryScope::transaction) fields.retry_scope = RetryScope::none;
    }
    fields.outcome = Outcome::not_sent;
    fill(items, Error(std::move(fields)));
}

}  // namespace pg::libpq
