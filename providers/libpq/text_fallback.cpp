// Learning which statements have a column without binary form.
#include "providers/libpq/text_fallback.hpp"

#include "providers/libpq/error.hpp"
#include "src/base/transaction_control.hpp"

namespace pg::libpq {

namespace {

/// Whether a block is open behind these, which began in one or not.
bool in_block_behind_all(std::span<spi::BatchItem* const> items, bool in_block) {
    for (const spi::BatchItem* item : items) in_block = in_block_behind(item->request.sql, item->failed(), in_block);
    return in_block;
}

}  // namespace

void TextFallback::learn_from(std::span<spi::BatchItem* const> items, bool began_in_block) {
    for (std::size_t at = 0; at < items.size(); ++at) {
        spi::BatchItem* const item = items[at];
        if (!item->failed() || !lacks_binary_form(item->outcome->error())) continue;
        remember(item->request);
        ErrorFields fields = with_text_hint(item->outcome->error()).fields();
        if (fields.outcome == Outcome::not_applied && !in_block_behind_all(items.first(at), began_in_block))
            fields.retry_scope = RetryScope::statement;
        item->outcome.emplace(Error(std::move(fields)));
    }
}

bool may_be_repeated(const Exchange& exchange, const Error& error) {
    return !exchange.in_transaction() && error.outcome() == Outcome::not_applied && error.connection_usable();
}

Error with_text_hint(const Error& error) {
    ErrorFields fields = error.fields();
    fields.hint =
        "a column has no binary form: ask for text with .format = pg::Format::text, or cast the column to text";
    if (fields.outcome == Outcome::not_applied)
        fields.retry_scope = RetryScope::transaction;  // the next time it is asked for in text
    return Error(std::move(fields));
}

}  // namespace pg::libpq
