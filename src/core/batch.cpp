// Batch: adding statements, and asking what came of them.
#include "pg/batch.hpp"

#include <utility>

#include "src/core/batch_state.hpp"

namespace pg {
namespace detail {

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
    entry.call = {sql, &entry.params, arguments, checked, options_};
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
    if (entry.statement != statement) {  // (B3)
        entry.statement = statement;
        entry.call = {statement->sql, &entry.params, 0, true, options_, statement.get()};
        entry.call.leaves_traces = statement->leaves_traces;
    }
    return added(entry);
}

Expected<BatchAnswer> BatchState::answer(std::uint64_t number) const {
    if (number < first_) return usage_error("the batch was cleared, and this result with it");
    if (number - first_ >= ran_) return usage_error("the batch has not run yet: call run() before get()");
    const BatchEntry& entry = *entries_[number - first_];
    if (!entry.outcome) return usage_error("the run of the batch was broken off by an exception");
    if (entry.failed()) return entry.outcome->error();
    return BatchAnswer{**entry.outcome, entry.call, entry.kept.sink.get()};
}

std::span<const std::unique_ptr<BatchEntry>> BatchState::take_waiting() {
    const auto taken = waiting();
    ran_ = used_;
    return taken;
}

void BatchState::clear() {
    for (const auto& entry : std::span(entries_).first(used_)) {
        entry->outcome.reset();                                                            // a result may be large, …
        if (entry->kept.sink && entry->kept.sink->holds_rows()) entry->kept.sink.reset();  // … and so may be its rows
    }
    first_ += used_;
    used_ = 0;
    ran_ = 0;
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

Expected<BatchAnswer> batch_answer(const BatchState& batch, std::uint64_t number) { return batch.answer(number); }

}  // namespace detail

Batch::Batch(Executor& executor)
    : executor_(&executor), state_(std::make_shared<detail::BatchState>(detail::ExecutorAccess::options(executor))) {}
Batch::Batch() : executor_(nullptr), state_(std::make_shared<detail::BatchState>(nullptr)) {}
Batch::Batch(Batch&& other) noexcept = default;
Batch& Batch::operator=(Batch&& other) noexcept = default;
Batch::~Batch() = default;

Expected<void> Batch::try_run(BatchMode mode) {
    if (!executor_) return detail::usage_error("this batch belongs to no executor: co_await executor.run(batch)");
    return detail::run_batch(*executor_, *state_, mode);
}

void Batch::clear() noexcept { state_->clear(); }

std::size_t Batch::size() const noexcept { return state_->size(); }

}  // namespace pg
