// TextFallback: the statements of a session that have a column without binary form, and are asked for in text.
#pragma once

#include <span>

#include "pg/spi/request.hpp"
#include "providers/libpq/exchange.hpp"
#include "providers/libpq/remembered_texts.hpp"

namespace pg::libpq {

/// One thread at a time.
class TextFallback {
public:
    /// What a statement is to be asked for in.
    [[nodiscard]] Format format_for(const spi::Request& request) const {
        return request.format == Format::binary && texts_.contains(request.sql) ? Format::text : request.format;
    }
    /// From now on this statement is asked for in text.
    void remember(const spi::Request& request) { texts_.add(request.sql); }
    /// The same of those of a batch that failed for it. It is too late to run them again here: others have run since.
    /// Their errors say what to do; whether it is enough to run them again, which it is not in a block: one that
    /// the batch began in, or that one of it began.
    void learn_from(std::span<spi::BatchItem* const> items, bool began_in_block);

private:
    RememberedTexts texts_;
};

/// A statement that failed so is run again in text: it stood alone, and had no effect.
[[nodiscard]] bool may_be_repeated(const Exchange& exchange, const Error& error);
/// The error of a statement that cannot be run again in text here, with what to do about it.
[[nodiscard]] Error with_text_hint(const Error& error);

}  // namespace pg::libpq
