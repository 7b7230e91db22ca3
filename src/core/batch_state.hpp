// What a batch holds: its statements in order, and what came of each. Internal to core.
//
//   (B1) Statements [0, ran_) are settled; [ran_, used_) wait for the next run.
//   (B2) An entry, once made, stays where it is: calls and requests point into it. `clear` keeps it for the next round.
//   (B3) Numbers never come again: statement i has the number first_ + i, and `clear` moves first_ past them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pg/batch.hpp"
#include "src/core/context.hpp"

namespace pg::detail {

/// One statement. Its call points at its other fields.
struct BatchEntry {
    std::string text;      // of a statement known at run time
    QueryOptions options;  // of a pg::Query
    InlineParams<> params;
    std::shared_ptr<const Statement> statement;
    Call call;
    std::optional<Expected<Result>> outcome;  // before the run only: why it will not run
    NamedStatement* name = nullptr;           // that it went by, the last time; null: none
    bool described = false;                   // as its statement was, when that was prepared
    Name went_by = Name::none;                // the last time
    int repairs = 0;                          // so far

    [[nodiscard]] bool failed() const { return outcome && !outcome->has_value(); }
};

class BatchState {
public:
    explicit BatchState(const QueryOptions* options) : options_(options) {}

    [[nodiscard]] Added add(std::string_view sql, std::size_t arguments, bool checked, bool leaves_traces,
                            std::uint64_t hash, const QueryOptions* options);
    [[nodiscard]] Added add(const std::shared_ptr<const Statement>& statement);
    void refuse_last(Error why) { entries_[used_ - 1]->outcome.emplace(std::move(why)); }
    [[nodiscard]] Expected<BatchAnswer> answer(std::uint64_t number) const;

    /// The statements that wait; they count as run from now on.
    [[nodiscard]] std::span<const std::unique_ptr<BatchEntry>> take_waiting();
    /// Room for the requests of a run, kept from one run to the next.
    [[nodiscard]] std::vector<spi::Request>& requests() { return requests_; }

    [[nodiscard]] std::size_t size() const { return used_; }
    void clear();

private:
    [[nodiscard]] BatchEntry& next();
    [[nodiscard]] Added added(BatchEntry& entry) const { return {entry.params, first_ + used_ - 1}; }

    const QueryOptions* const options_;  // of the executor; null: the client's defaults
    std::vector<std::unique_ptr<BatchEntry>> entries_;
    std::vector<spi::Request> requests_;
    std::size_t used_ = 0;
    std::size_t ran_ = 0;
    std::uint64_t first_ = 0;
};

/// Runs the statements that wait. The error is that of the batch; each statement has its own outcome.
[[nodiscard]] Expected<void> run_batch(Executor& executor, BatchState& batch, BatchMode mode);

}  // namespace pg::detail
