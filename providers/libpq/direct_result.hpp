// Results of the direct engine: rows where they arrived, or copied together when they are few.
#pragma once

#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "pg/spi/request.hpp"
#include "src/wire/answer.hpp"
#include "src/wire/chunk.hpp"

namespace pg::libpq::direct {

/// The columns of a RowDescription, as a result without rows; null when it is malformed. They are of the formats that
/// it names, or all of `format`.
[[nodiscard]] std::shared_ptr<const ResultStorage> make_columns(std::string_view body,
                                                                const std::shared_ptr<const TypeCatalog>& types,
                                                                std::optional<Format> format = {});
/// Those of a statement that has none.
[[nodiscard]] const std::shared_ptr<const ResultStorage>& no_columns();

/// What is left of a statement whose rows a sink took: nothing, which is nobody's and lives for ever.
[[nodiscard]] inline Result nothing_left() noexcept {
    return Result(std::shared_ptr<const ResultStorage>(std::shared_ptr<const void>(), no_columns().get()));
}

/// The memory of small results that are made together: none of them is an allocation of its own, and each keeps all of
/// it. One thread at a time while results are made.
class ResultArena {
public:
    /// `bytes` of it at once; more is taken when it is needed.
    explicit ResultArena(std::size_t bytes) : memory_(bytes) {}
    ResultArena(const ResultArena&) = delete;
    ResultArena& operator=(const ResultArena&) = delete;

    /// Aligned for anything.
    [[nodiscard]] void* allocate(std::size_t bytes) { return memory_.allocate(bytes); }
    /// Keeps what the results point to. Most often it is that of the result before.
    void keep(const std::shared_ptr<const ResultStorage>& columns) {
        if (kept_.empty() || kept_.back() != columns) kept_.push_back(columns);
    }

private:
    std::pmr::monotonic_buffer_resource memory_;
    std::vector<std::shared_ptr<const ResultStorage>> kept_;
};

/// What is wrong with a row that `RowCollector` refuses.
inline constexpr const char* malformed_row = "a row that is not as its columns were described";

/// Gathers the rows of one statement as they arrive and makes results of them. One thread at a time; what it makes is
/// its own.
class RowCollector {
public:
    /// Begins a statement whose rows have these columns.
    void begin(const std::shared_ptr<const ResultStorage>& columns) noexcept {
        if (columns_ != columns) columns_ = columns;  // most often they are those of the statement before
    }
    /// The same; the sink, if it is one and takes rows with these columns.
    [[nodiscard]] RowSink* begin(const std::shared_ptr<const ResultStorage>& columns, RowSink* sink) {
        begin(columns);
        return sink && sink->begin(*columns) ? sink : nullptr;
    }
    [[nodiscard]] const std::shared_ptr<const ResultStorage>& columns() const noexcept { return columns_; }

    /// Takes the body of a DataRow and a share of the chunk that it lies in. False when it is malformed or has another
    /// number of values.
    [[nodiscard]] bool add(std::string_view body, const wire::ChunkRef& chunk);
    [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }
    /// Of the rows so far, those included that a sink took.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    /// The same for a row that is given to a sink before anything else is received: it is looked at when it is read. @{
    void pass(std::string_view body) {
        rows_.push_back(body.data());
        bytes_ += body.size();
    }
    /// Gives the rows so far to a sink and forgets them. False when one of them is malformed.
    [[nodiscard]] bool give(RowSink& sink);
    /// Gives one row to it.
    [[nodiscard]] bool give(RowSink& sink, std::string_view body) const;  /// @}
    /// Takes the row of a whole answer, if it has one, for the sink, if there is one. False when it is malformed.
    [[nodiscard]] bool take_row(const wire::Answer& answer, const wire::ChunkRef& chunk, RowSink* sink) {
        if (!answer.has_row()) return true;
        return sink ? give(*sink, answer.row) : add(answer.row, chunk);
    }
    /// The rows so far as a result, with the tag if the statement has ended; the next rows make another one. A small
    /// one lies in the arena, if there is one.
    [[nodiscard]] Result take(std::string_view tag = {}, const std::shared_ptr<ResultArena>& arena = {});
    /// The result of a statement that has ended. What a sink took leaves nothing but a tag that says more than a
    /// number.
    [[nodiscard]] Result conclude(std::string_view tag, RowSink* sink, const std::shared_ptr<ResultArena>& arena = {}) {
        if (!sink) return take(tag, arena);
        if (sink->counts_affected()) sink->count_affected(wire::rows_of_tag(tag));
        bytes_ = 0;
        return spi::tells(tag, !columns_->columns().empty()) ? take(tag, arena) : nothing_left();
    }
    /// Forgets the rows of a statement that has ended or failed. The columns stay until others are begun.
    void clear_rows() noexcept {
        rows_.clear();
        chunks_.clear();
        bytes_ = 0;
    }

private:
    std::shared_ptr<const ResultStorage> columns_;
    std::vector<const char*> rows_;  ///< the bodies of their messages, each behind its length
    std::vector<wire::ChunkRef> chunks_;
    std::size_t bytes_ = 0;
};

}  // namespace pg::libpq::direct
