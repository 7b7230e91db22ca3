// Statements on their way out: what is known of their columns, and their messages.
#pragma once

#include "providers/libpq/direct_link.hpp"
#include "providers/libpq/direct_result.hpp"
#include "providers/libpq/refusal.hpp"

namespace pg::libpq::direct {

/// The columns that results of `request` in `format` are known to have since it was prepared, all of them binary; null
/// when they have to be described.
[[nodiscard]] inline const std::shared_ptr<const ResultStorage>* known_columns(const spi::Request& request,
                                                                               Format format) {
    if (request.statement.empty() || request.description == nullptr || format != Format::binary) return nullptr;
    return *request.description ? request.description : &no_columns();
}

/// The columns that a message describes of the results of `request` in `format`; they are kept where a statement that
/// it prepares keeps them. Null when it is malformed.
[[nodiscard]] std::shared_ptr<const ResultStorage> described_columns(const spi::Request& request, Format format,
                                                                     std::string_view body,
                                                                     const std::shared_ptr<const TypeCatalog>& types);

/// The same when the message says that there are none.
[[nodiscard]] const std::shared_ptr<const ResultStorage>& described_as_none(const spi::Request& request);

/// Takes a row and those behind it that have arrived whole: for the sink, if there is one. False when one is malformed.
[[nodiscard]] bool take_rows(DirectLink& link, RowCollector& collector, RowSink* sink, std::string_view first);

/// Writes the messages that run `request`, with a description of its columns unless they were `described` before, a
/// Sync behind them if it is to have its own, and before them those that close what was forgotten.
void put_statement(DirectLink& link, const spi::Request& request, Format format, bool described, bool with_sync);

}  // namespace pg::libpq::direct
