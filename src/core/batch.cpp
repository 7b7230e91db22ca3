// Batch: adding statements, and asking what came of them.
#include "pg/batch.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "src/core/batch_state.hpp"

namespace pg {
namespace detail {
namespace {

Error no_answer_yet() {
    return Error({.kind = ErrorKind::usage,
                  .outcome = Outcome::unknown,
                  .message = "the run of the batch is under way, or was given up and has not ended yet"});
}

Error was_given_up() {
    return Error({.kind = ErrorKind::cancelled,
                  .outcome = Outcome::not_sent,
                  .message = "the run of the batch was given up before it had a session"});
}

}  // namespace

BatchEntry& BatchState::next() {
    if (used_ == entries_.size()) entries_.push_back(std::make_unique<BatchEntry>());
    BatchEntry& entry = *entries_[used_];
    entry.outcome.reset();
    entry.params.clear();
    entry.request = {};
    entry.call.sink = nullptr;
    entry.repairs = 0;
    entry.is_retyped = entry.is_sent = entry.is_in_doubt = false;
    return entry;
}

Added BatchState::add(std::string_view sql, std::size_t arguments, bool checked, bool leaves_traces, std::uint64_t hash,
                      const QueryOptions* options) {
    BatchEntry& entry = next();
    if (!checked) {
        entry.text = sql;
        sql = entry.text;
    }
    entry.statement.reset();
    entry.call = {sql, &entry.params, arguments, checked};
    entry.has_own_options = options != nullptr;
    if (options_) entry.default_to(*options_);
    entry.call.leaves_traces = leaves_traces;
    entry.call.hash = hash;
    if (options) {
        entry.options = *options;
        entry.call.options = &entry.options;
        if (options->timeout.count() != 0 || options->stop || options->idempotent)
            entry.outcome.emplace(
                usage_error("timeout, stop and idempotent are those of a whole batch: give them to the executor "
                            "that it is made from, db.with(…)"));
        if (options->max_result_bytes != 0) entry.outcome.emplace(has_no_bound());
    }
    if (auto traces = look_at_text(entry.call))
        entry.call.leaves_traces = *traces;
    else
        entry.outcome.emplace(std::move(traces).error());
    return added(entry);
}

Added BatchState::add(const std::shared_ptr<const Statement>& statement) {
    BatchEntry& entry = next();
    if (entry.call.statement != statement.get()) {  // (B3)
        entry.statement = statement;
        entry.call = {statement->sql, &entry.params, 0, true, nullptr, statement.get()};
        entry.call.leaves_traces = statement->leaves_traces;
        entry.has_own_options = false;
        if (options_) entry.default_to(*options_);
    }
    return added(entry);
}

Expected<BatchAnswer> BatchState::answer(std::uint64_t number) {
    if (!rounds_.empty()) [[unlikely]]
        collect();
    if (number < first_) return usage_error("the batch was cleared, and this result with it");
    const std::uint64_t at = number - first_;
    if (at >= ran_) {
        if (at < used_ && entries_[at]->failed()) return entries_[at]->outcome->error();  // as it was refused
        return why_they_wait_ ? *why_they_wait_ : usage_error("the batch has not run yet: call run() before get()");
    }
    if (!entries_[at]) return no_answer_yet();
    const BatchEntry& entry = *entries_[at];
    if (!entry.outcome) return usage_error("the run of the batch was broken off by an exception");
    if (entry.failed()) return entry.outcome->error();
    return BatchAnswer{**entry.outcome, entry.call, entry.kept.sink.get()};
}

std::span<const std::unique_ptr<BatchEntry>> BatchState::take_waiting() {
    if (!rounds_.empty()) [[unlikely]]
        collect();
    why_they_wait_.reset();
    const std::size_t begin = std::exchange(ran_, used_);
    return std::span(entries_).subspan(begin, used_ - begin);
}

std::shared_ptr<BatchRound> BatchState::begin_round() {
    collect();
    why_they_wait_.reset();
    auto round = std::make_shared<BatchRound>();
    const std::span waiting = std::span(entries_).subspan(ran_, used_ - ran_);
    if (waiting.empty()) return round;
    round->entries.reserve(waiting.size());
    rounds_.push_back(round);
    std::move(waiting.begin(), waiting.end(), std::back_inserter(round->entries));
    round->items.swap(items_);
    round->first = first_ + std::exchange(ran_, used_);
    return round;
}

void BatchState::collect() {
    // The last first: those before it can wait again when all behind them do.
    for (std::size_t i = rounds_.size(); i-- > 0;) {
        const auto how = rounds_[i]->state.load(std::memory_order_acquire);
        if (how == BatchRound::State::under_way) continue;
        const auto round = std::move(rounds_[i]);
        rounds_.erase(rounds_.begin() + static_cast<std::ptrdiff_t>(i));
        take_back(*round, how);
    }
}

void BatchState::take_back(BatchRound& round, BatchRound::State how) {
    const std::size_t begin = round.first - first_;
    const std::span places = std::span(entries_).subspan(begin, round.entries.size());
    std::move(round.entries.begin(), round.entries.end(), places.begin());
    items_.swap(round.items);
    if (how == BatchRound::State::ran) return;
    const bool is_given_up = round.is_given_up.load(std::memory_order_relaxed);
    if (how == BatchRound::State::not_begun && !is_given_up && ran_ == begin + places.size()) {
        ran_ = begin;
        return;
    }
    for (const auto& entry : places)
        if (!entry->outcome) entry->outcome.emplace(was_given_up());
}

void BatchState::clear() {
    collect();
    first_ += used_;
    if (!rounds_.empty()) {  // their runs keep what is theirs
        rounds_.clear();
        used_ -= std::erase(entries_, nullptr);
    }
    for (const auto& entry : std::span(entries_).first(used_)) {
        entry->outcome.reset();                                                            // a result may be large, …
        if (entry->kept.sink && entry->kept.sink->holds_rows()) entry->kept.sink.reset();  // … and so may be its rows
    }
    used_ = 0;
    ran_ = 0;
    why_they_wait_.reset();
}

Added add_text(BatchState& batch, std::string_view sql, std::size_t arguments, bool checked, bool leaves_traces,
               std::uint64_t hash, const QueryOptions* options) {
    return batch.add(sql, arguments, checked, leaves_traces, hash, options);
}

Added add_prepared(BatchState& batch, const std::shared_ptr<const Statement>& statement) {
    return batch.add(statement);
}

void refuse_last(BatchState& batch, Error why) { batch.refuse_last(std::move(why)); }

void take_back_last(BatchState& batch) noexcept { batch.take_back_last(); }

Expected<BatchAnswer> batch_answer(BatchState& batch, std::uint64_t number) { return batch.answer(number); }

}  // namespace detail

Batch::Batch(Executor& executor)
    : executor_(&executor), state_(std::make_shared<detail::BatchState>(detail::ExecutorAccess::options(executor))) {}
Batch::Batch(const QueryOptions& options)
    : executor_(nullptr), state_(std::make_shared<detail::BatchState>(&options)) {}
// One that was moved from is empty, and belongs to nobody.
Batch::Batch(Batch&& other) noexcept : Batch(QueryOptions()) {
    std::swap(executor_, other.executor_);
    std::swap(state_, other.state_);
}
Batch& Batch::operator=(Batch&& other) noexcept {
    Batch taken{QueryOptions()};
    std::swap(taken.executor_, other.executor_);
    std::swap(taken.state_, other.state_);
    executor_ = taken.executor_;
    state_ = std::move(taken.state_);
    return *this;
}
Batch::~Batch() = default;

Expected<void> Batch::try_run(BatchMode mode) {
    if (!executor_) return detail::usage_error("this batch belongs to no executor: co_await executor.run(batch)");
    const auto taken = state_->take_waiting();
    Expected<void> ran = detail::run_batch(*executor_, taken, state_->items(), mode);
    if (!ran && detail::waits_again(taken)) state_->wait_again(taken, ran.error());
    return ran;
}

void Batch::clear() noexcept { state_->clear(); }

std::size_t Batch::size() const noexcept { return state_->size(); }

}  // namespace pg
