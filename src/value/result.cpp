// Result and Row: looking a column up, and saying clearly why a value cannot be had.
#include "pg/result.hpp"

#include <algorithm>
#include <exception>

#include "pg/column_matches.hpp"
#include "src/value/doubt_type.hpp"
#include "src/value/type_name.hpp"

namespace pg {

ResultStorage::~ResultStorage() = default;

bool RowSink::begin(const ResultStorage& columns) {
    begun_ = false;
    const std::uint64_t number = columns.matches() ? columns.matches()->number() : 0;
    if (number == 0 || number != columns_) {
        if (wants_ != Wants::count && !detail::knows_types(columns)) return false;
        try {
            state_ = do_begin(columns);
        } catch (...) {
            state_ = detail::what_was_thrown(ErrorKind::decode);
        }
        columns_ = state_ ? number : 0;
        has_columns_ = !columns.columns().empty();
    } else if (!state_) {
        state_ = {};
    }
    seen_ = 0;
    return begun_ = true;
}

/// A session is in the middle of an exchange then, perhaps on a fiber: nothing may pass through it.
Error detail::what_was_thrown(ErrorKind kind) noexcept {
    ErrorFields fields{.kind = kind, .outcome = kind == ErrorKind::decode ? Outcome::applied : Outcome::not_sent};
    fields.message = "a codec or a row type threw ";
    try {
        throw;
    } catch (const std::exception& exception) {
        fields.message.append("an exception: ").append(exception.what());
    } catch (...) {
        fields.message += "something that is no std::exception";
    }
    return Error(std::move(fields));
}

void RowSink::conclude(const Result& result) {
    if (begun_) return;
    seen_ = 0;
    columns_ = 0;
    state_ = do_begin(*result.storage());
    take(*result.storage());
    if (counts_affected()) count_affected(result.affected());
}

namespace detail {
namespace {

Error usage(std::string message) { return Error({.kind = ErrorKind::usage, .message = std::move(message)}); }

std::string column_names(const ResultStorage& result) {
    std::string names;
    for (const Column& column : result.columns()) {
        if (!names.empty()) names += ", ";
        names.append(column.name);
    }
    return names;
}

std::string quoted_column(const ResultStorage& result, std::size_t column) {
    const std::string_view name = result.columns()[column].name;
    return "column " + std::to_string(column + 1) + " \"" + std::string(name) + "\"";
}

}  // namespace

Error decode_error(const ResultStorage& result, std::size_t row, std::size_t column, Fault fault) {
    const Column& at = result.columns()[column];
    ErrorFields fields{.kind = ErrorKind::decode, .outcome = Outcome::applied};
    fields.message = quoted_column(result, column) + " (" + type_name(at.type) + ") of row " + std::to_string(row + 1) +
                     ": " + fault.reason;
    fields.column = at.name;
    fields.type = type_name(at.type);
    return Error(std::move(fields));
}

Error type_error(const ResultStorage& result, std::size_t column, const TypeId& wanted) {
    doubt_type(result.columns()[column].type, result.matches());
    ErrorFields fields{.kind = ErrorKind::shape, .outcome = Outcome::applied};
    fields.message = quoted_column(result, column) + " is " + type_name(result.columns()[column].type) +
                     ", which does not fit a C++ target for " + std::string(wanted.name) + "; cast it in the statement";
    fields.column = result.columns()[column].name;
    return Error(std::move(fields));
}

std::size_t column_index(const ResultStorage& result, std::string_view name) {
    const std::span<const Column> columns = result.columns();
    std::size_t found = columns.size();
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (columns[i].name != name) continue;
        if (found != columns.size())
            usage("two columns are named \"" + std::string(name) + "\"; use their numbers, or rename one").raise();
        found = i;
    }
    if (found == columns.size())
        usage("no column is named \"" + std::string(name) + "\"; there are: " + column_names(result)).raise();
    return found;
}

std::size_t checked_column(const ResultStorage& result, std::size_t column) {
    if (column >= result.columns().size())
        usage("column number " + std::to_string(column) + " of a result with " +
              std::to_string(result.columns().size()) + " columns; the first is 0")
            .raise();
    return column;
}

std::size_t checked_row(const ResultStorage& result, std::size_t row) {
    if (row >= result.rows())
        usage("row number " + std::to_string(row) + " of a result with " + std::to_string(result.rows()) +
              " rows; the first is 0")
            .raise();
    return row;
}

}  // namespace detail
}  // namespace pg
