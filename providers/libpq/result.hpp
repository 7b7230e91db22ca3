// Results: what libpq received, or rows packed out of what it received, behind the face that every result has.
#pragma once

#include <memory>
#include <vector>

#include "pg/result.hpp"
#include "providers/libpq/handle.hpp"

namespace pg::libpq {

/// A whole result of libpq, kept as it is: cells are read where libpq has them.
[[nodiscard]] Result make_result(ResultHandle result, const std::shared_ptr<const TypeCatalog>& types);

/// The same of a prepared statement that was described before: its columns are looked at once for all its results.
[[nodiscard]] Result make_result(ResultHandle result, const std::shared_ptr<const TypeCatalog>& types,
                                 const std::shared_ptr<const ResultStorage>& description);

/// The columns of a described statement; they name the format that `format` asks for.
[[nodiscard]] std::shared_ptr<const ResultStorage> make_description(ResultHandle result,
                                                                    const std::shared_ptr<const TypeCatalog>& types,
                                                                    Format format);

/// The columns that a result has, in binary, as the description of results to come of the same statement. Null when
/// there is no memory for it.
[[nodiscard]] std::shared_ptr<const ResultStorage> describe_result(const PGresult* result,
                                                                   const std::shared_ptr<const TypeCatalog>& types);

/// Rows copied together out of results that hold one or few each, in two allocations a block instead of several a row.
/// One thread at a time.
class RowPacker {
public:
    explicit RowPacker(const std::shared_ptr<const TypeCatalog>& types) : types_(types) {}

    /// Appends the rows of `result`; the first one names the columns.
    void add(ResultHandle result);
    [[nodiscard]] std::size_t rows() const { return rows_; }
    /// Of the values so far.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// What was added since the last call, as a result of its own. `last`, when there is one, ends the statement and
    /// has the command tag.
    [[nodiscard]] Result take(ResultHandle last);

private:
    std::shared_ptr<const TypeCatalog> types_;
    std::shared_ptr<const ResultStorage> header_;  ///< owns the names of the columns
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* end_ = nullptr;
    std::size_t room_ = 0;
    std::vector<Cell> cells_;
    std::size_t rows_ = 0;
    std::size_t bytes_ = 0;

    [[nodiscard]] char* claim(std::size_t count);
};

}  // namespace pg::libpq
