// What a binary COPY names: a table with its columns, or a query, and how it is described. Internal to core.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/core/copy_session.hpp"

namespace pg::detail {

/// A target as the caller wrote it, taken apart.
struct CopyTarget {
    std::string table;  // empty for a query
    std::string list;   // of the columns, without parentheses; empty for all of them
    std::string query;  // without parentheses

    /// UsageError when it is empty or its parentheses do not fit. The columns of a struct that names none are its
    /// fields.
    [[nodiscard]] static Expected<CopyTarget> parse(std::string_view text, std::span<const Target> targets);

    /// A statement whose result has the columns of the COPY.
    [[nodiscard]] std::string description() const;
    /// What follows "copy".
    [[nodiscard]] std::string text() const;
};

/// The names of a struct's fields as a list of columns; empty for a row type by position.
[[nodiscard]] std::string field_list(std::span<const Target> targets);

/// One row in binary, its columns as described. Its cells are set from outside.
class CopyRow final : public ResultStorage {
public:
    CopyRow(const spi::Description& description, std::shared_ptr<const TypeCatalog> types);

    std::vector<Cell> cells;

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, Cell* out) const noexcept override;
    Cell do_cell(std::size_t row, std::size_t column) const noexcept override;

    std::vector<Column> owned_;
    std::shared_ptr<const ResultStorage> names_;
    std::shared_ptr<const TypeCatalog> types_;
};

/// Describes the target and its types, as they are now.
[[nodiscard]] Expected<std::unique_ptr<CopyRow>> describe(const CopySession& session, const CopyTarget& target);

}  // namespace pg::detail
