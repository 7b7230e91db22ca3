// What a batch holds: its statements in order, and what came of each. Internal to core.
//
//   (B1) Statements [0, ran_) are settled; [ran_, used_) wait for the next run.
//   (B2) An entry, once made, stays where it is: its call and its request point into it. `clear` keeps it for the next
//        round.
//   (B3) An entry that is free keeps its statement for the next one, which is the same most often: there is nothing to
//        be set up for that.
//   (B4) Numbers never come again: statement i has the number first_ + i, and `clear` moves first_ past them.
//   (B5) The statements of an awaited run are in its round and nowhere else until it has ended, however soon its caller
//        gives it up and goes on with the batch: their places in [0, ran_) are null until then. All but its atomics
//        is the run's alone before, and the batch's after.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pg/batch.hpp"
#include "src/core/context.hpp"

namespace pg::detail {

/// One statement. An outcome before the run says why it will not run. Its call and its request point at its fields.
struct BatchEntry : spi::BatchItem {
    std::string text;      // of a statement known at run time
    std::string new_text;  // that an interceptor gave it; whoever asks about the batch has views of the one before
    QueryOptions options;  // of a pg::Query, else of whoever runs it
    InlineParams<> params;
    std::shared_ptr<const Statement> statement;
    Call call;
    KeptSink kept;
    NamedStatement* name = nullptr;  // that it went by, the last time; null: none
    bool has_own_options = false;    // it was a pg::Query
    int repairs = 0;                 // so far
    bool is_retyped = false;         // by the last of them
    bool is_sent = false;            // in this run; false: what became of it was known before
    bool is_in_doubt = false;        // it was sent on a connection that was lost, and is sent again

    /// Those of whoever runs it, which it may outlive, where it has none of its own.
    void default_to(const QueryOptions& of_executor) {
        if (has_own_options) return;
        options = of_executor;
        call.options = &options;
    }
};

/// The statements of one awaited run (B5).
struct BatchRound {
    enum class State : std::uint8_t { under_way, not_begun, ran };

    std::vector<std::unique_ptr<BatchEntry>> entries;
    std::vector<spi::BatchItem*> items;
    std::uint64_t first = 0;  // the number of the first of them
    std::atomic<State> state{State::under_way};
    std::atomic<bool> is_given_up{false};  // nobody takes its answer, as whoever goes on with the batch knows

    /// Once; later ends count for nothing.
    void end(State how) noexcept {
        State before = State::under_way;
        state.compare_exchange_strong(before, how, std::memory_order_release, std::memory_order_relaxed);
    }
};

class BatchState {
public:
    explicit BatchState(const QueryOptions* options) {
        if (options) options_ = *options;
    }

    [[nodiscard]] Added add(std::string_view sql, std::size_t arguments, bool checked, bool leaves_traces,
                            std::uint64_t hash, const QueryOptions* options);
    [[nodiscard]] Added add(const std::shared_ptr<const Statement>& statement);
    void refuse_last(Error why) { entries_[used_ - 1]->outcome.emplace(std::move(why)); }
    void take_back_last() noexcept { --used_; }
    [[nodiscard]] Expected<BatchAnswer> answer(std::uint64_t number);

    /// The statements that wait; they count as run from now on.
    [[nodiscard]] std::span<const std::unique_ptr<BatchEntry>> take_waiting();
    /// Of those that were taken last, and have not begun: why not.
    void wait_again(std::span<const std::unique_ptr<BatchEntry>> taken, const Error& why) {
        ran_ -= taken.size();
        why_they_wait_ = why;
    }
    /// The same for an awaited run. They wait again if it ends without having begun and was not given up.
    [[nodiscard]] std::shared_ptr<BatchRound> begin_round();
    /// Room for what is sent in a run, kept from one run to the next.
    [[nodiscard]] std::vector<spi::BatchItem*>& items() { return items_; }

    [[nodiscard]] std::size_t size() const { return used_; }
    void clear();

private:
    /// The one that comes next, empty; it counts when it is `added`. @{
    [[nodiscard]] BatchEntry& next();
    [[nodiscard]] Added added(BatchEntry& entry) {
        ++used_;
        why_they_wait_.reset();
        return {entry.params, entry.kept, entry.call.sink, entry.call, first_ + used_ - 1};
    }  /// @}
    /// Takes back what has ended (B5).
    void collect();
    void take_back(BatchRound& round, BatchRound::State how);

    std::optional<QueryOptions> options_{};  // of the executor; none: the client's defaults
    std::vector<std::unique_ptr<BatchEntry>> entries_;
    std::vector<spi::BatchItem*> items_;
    std::vector<std::shared_ptr<BatchRound>> rounds_;
    std::optional<Error> why_they_wait_{};  // still, as the last run said; none: they were not to run yet
    std::size_t used_ = 0;
    std::size_t ran_ = 0;
    std::uint64_t first_ = 0;
};

/// What is said to who sets a limit for the results of a batch.
[[nodiscard]] inline Error has_no_bound() {
    return usage_error("a batch has no limit for its results: run what may be large by itself, with max_result_bytes");
}

/// After a run: there was no session for them.
[[nodiscard]] inline bool waits_again(std::span<const std::unique_ptr<BatchEntry>> entries) {
    return std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return !entry->outcome; });
}

/// Runs the statements that wait. The error is that of the batch; each statement has its own outcome, or none where
/// there was no session for them. `items`: room for what is sent.
[[nodiscard]] Expected<void> run_batch(Executor& executor, std::span<const std::unique_ptr<BatchEntry>> waiting,
                                       std::vector<spi::BatchItem*>& items, BatchMode mode);

}  // namespace pg::detail
