// Results of the direct engine: rows where they arrived, or copied together when they are few.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pg/result.hpp"
#include "src/wire/chunk.hpp"

namespace pg::libpq::direct {

/// The columns of a RowDescription, as a result without rows; null when it is malformed. They are of the formats that
/// it names, or all of `format`.
[[nodiscard]] std::shared_ptr<const ResultStorage> make_columns(std::string_view body,
                                                                const std::shared_ptr<const TypeCatalog>& types,
                                                                std::optional<Format> format = {});
/// Those of a statement that has none.
[[nodiscard]] const std::shared_ptr<const ResultStorage>& no_columns();

/// Gathers the rows of one statement as they arrive and makes results of them. One thread at a time; what it makes is
/// its own.
class RowCollector {
public:
    /// Begins a statement whose rows have these columns.
    void begin(std::shared_ptr<const ResultStorage> columns) noexcept {
        columns_ = std::move(columns);
        width_ = columns_->columns().size();
    }
    [[nodiscard]] const std::shared_ptr<const ResultStorage>& columns() const noexcept { return columns_; }

    /// Takes the body of a DataRow. False when it is malformed or has another number of values. `add` keeps a share of
    /// the chunk that it lies in, `pass` is for rows that are given to a sink before anything else is received. @{
    [[nodiscard]] bool add(std::string_view body, const wire::ChunkRef& chunk) {
        if (chunks_.empty() || chunks_.back() != chunk) chunks_.push_back(chunk);
        return pass(body);
    }
    [[nodiscard]] bool pass(std::string_view body);  /// @}
    [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }
    /// Of the rows so far.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    /// Gives the rows so far to a sink and forgets them.
    void give(RowSink& sink);
    /// The rows so far as a result, with the tag if the statement has ended; the next rows make another one.
    [[nodiscard]] Result take(std::string_view tag = {});
    /// Forgets the statement.
    void clear() noexcept;

private:
    std::shared_ptr<const ResultStorage> columns_;
    std::size_t width_ = 0;
    std::vector<const char*> rows_;  ///< each behind its count of values
    std::vector<wire::ChunkRef> chunks_;
    std::size_t bytes_ = 0;
};

}  // namespace pg::libpq::direct
