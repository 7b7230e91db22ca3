// Learning which statements have a column without binary form.
#include "providers/libpq/text_fallback.hpp"

#include "providers/libpq/error.hpp"

namespace pg::libpq {

void TextFallback::learn_from(std::span<spi::BatchItem* const> items, bool in_transaction) {
    for (spi::BatchItem* item : items) {
        if (!item->failed() || !lacks_binary_form(item->outcome->error())) continue;
        remember(item->request);
        ErrorFields fields = with_text_hint(item->outcome->error()).fields();
        if (!in_transaction && fields.outcome == Outcome::not_applied) fields.retry_scope = RetryScope::statement;
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
