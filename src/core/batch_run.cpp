// Running a batch: one flush, and an honest outcome for every statement of it.
#include <algorithm>
#include <cassert>

#include "src/base/transaction_control.hpp"
#include "src/core/batch_state.hpp"
#include "src/core/hooked.hpp"

namespace pg::detail {
namespace {

using Entries = std::span<const std::unique_ptr<BatchEntry>>;

/// What a statement of an atomic batch says when another one failed.
Error undone(const Error& cause, std::size_t culprit) {
    ErrorFields fields{.kind = ErrorKind::cancelled,
                       .outcome = cause.outcome(),
                       .retry_scope = cause.retry_scope(),
                       .connection_usable = cause.connection_usable()};
    fields.message = "the batch is atomic, and its statement " + std::to_string(culprit + 1) +
                     " failed: " + std::string(cause.message());
    return Error(std::move(fields));
}

/// Why a statement has no place in an atomic batch: what it did could not be undone with the rest.
Error breaks_atomicity(std::string_view sql) {
    ErrorFields fields{.kind = ErrorKind::usage, .outcome = Outcome::not_sent};
    fields.message =
        "an atomic batch is one transaction: it takes no statement that begins or ends one; use BatchMode::each for "
        "that";
    fields.sql = sql;
    return Error(std::move(fields));
}

/// The error of a statement that was refused without effect, and whose next run will go better.
Error repaired(const Error& error) {
    ErrorFields fields = error.fields();
    fields.retry_scope = RetryScope::statement;
    return Error(std::move(fields));
}

/// One run of the statements that wait. Its attempts differ in their session, or in what was repaired between them.
class BatchRun {
public:
    BatchRun(Executor& executor, Entries entries, std::vector<spi::Request>& requests, BatchMode mode, Watch* watch)
        : executor_(executor),
          watch_(watch),
          entries_(entries),
          requests_(requests),
          atomic_(mode == BatchMode::atomic),
          options_(ExecutorAccess::options(executor)) {}

    Expected<void> run() {
        if (atomic_) refuse_transaction_control();
        if (atomic_ && first_failed() != entries_.size()) return fail_all(first_failed());
        for (bool again = false;; again = true) {
            Expected<Borrowed> borrowed = ExecutorAccess::borrow(executor_, nullptr);
            if (!borrowed) {
                settle_open(borrowed.error());
                return std::move(borrowed).error();
            }
            if (watch_) watch_->take(*borrowed);
            while (!attempt(*borrowed)) {
            }
            if (again || !borrowed->lease || !forget_lost()) break;
        }
        const std::size_t culprit = first_failed();
        return atomic_ && culprit != entries_.size() ? fail_all(culprit) : std::move(settled_);
    }

private:
    void refuse_transaction_control() {
        for (const auto& entry : entries_)
            if (!entry->outcome && controls_transaction(*entry))
                entry->outcome.emplace(breaks_atomicity(entry->call.sql));
    }

    static bool controls_transaction(const BatchEntry& entry) {
        return entry.statement ? entry.statement->controls_transaction
                               : transaction_control(entry.call.sql) != TransactionControl::none;
    }

    /// Sends all statements without an outcome. False when something was repaired, and all of them wait again.
    bool attempt(const Borrowed& borrowed) {
        const bool outside = borrowed.session().transaction_status() == spi::TransactionStatus::idle;
        requests_.clear();
        last_ = nullptr;
        for (const auto& entry : entries_)
            if (!entry->outcome && !add_request(borrowed, *entry, outside) && atomic_) return true;
        if (requests_.empty()) return true;
        const auto sync = atomic_ ? spi::BatchSync::once : spi::BatchSync::each;
        auto outcomes = watch_ && watch_->wanted() ? run_with_settings(borrowed, *watch_->wanted(), requests_, sync)
                                                   : borrowed.session().run_batch(requests_, sync, borrowed.wait);
        assert(outcomes.size() == requests_.size());
        auto next = outcomes.begin();
        for (const auto& entry : entries_)
            if (!entry->outcome) entry->outcome.emplace(std::move(*next++));
        if (outside && repair(borrowed)) return false;
        // After a failure there are no results of an atomic batch, and in a failed transaction there is nothing to ask.
        if (borrowed.session().transaction_status() != spi::TransactionStatus::failed &&
            !(atomic_ && first_failed() != entries_.size()))
            settle_results(borrowed);
        return true;
    }

    /// False when the statement cannot be prepared; its outcome then says why.
    bool add_request(const Borrowed& borrowed, BatchEntry& entry, bool outside) {
        if (borrowed.context->retyped.contains(entry.call.sql)) entry.params.retype_numbers();
        spi::Request request{.sql = entry.call.sql, .statement = {}, .params = &entry.params};
        if (const QueryOptions* options = entry.call.options) {
            request.format = options->format;
            request.max_result_bytes = options->max_result_bytes;
        }
        if (entry.statement && entry.statement.get() == last_) {
            request.statement = requests_.back().statement;
            request.description = requests_.back().description;
        } else if (entry.statement) {
            auto prepared = prepare_once(borrowed, entry.call);
            if (!prepared && outside && heal(borrowed, entry.call, prepared.error()))
                prepared = prepare_once(borrowed, entry.call);
            if (!prepared) {
                entry.outcome.emplace(std::move(prepared).error());
                return false;
            }
            request.statement = entry.statement->name;
            request.description = &(*prepared)->description;
        }
        last_ = entry.statement.get();
        if (entry.call.leaves_traces) borrowed.slot->dirty = true;
        requests_.push_back(request);
        return true;
    }

    /// Repairs what was refused without effect. True when all is to be sent again, which only an atomic batch can be.
    bool repair(const Borrowed& borrowed) {
        if (atomic_) {
            const std::size_t culprit = first_failed();
            if (culprit == entries_.size() || !repair(borrowed, *entries_[culprit])) return false;
            if (watch_) watch_->retry(entries_[culprit]->outcome->error());
            for (const auto& entry : entries_) entry->outcome.reset();
            return true;
        }
        for (const auto& entry : entries_)
            if (entry->failed() && repair(borrowed, *entry)) *entry->outcome = repaired(entry->outcome->error());
        return false;
    }
    static bool repair(const Borrowed& borrowed, BatchEntry& entry) {
        return !std::exchange(entry.repaired, true) && heal(borrowed, entry.call, entry.outcome->error());
    }

    void settle_results(const Borrowed& borrowed) {
        for (const auto& entry : entries_)
            if (!entry->failed())
                if (auto settled = settle(borrowed, **entry->outcome); !settled) settled_ = std::move(settled);
    }

    /// True when the connection was lost and it is harmless to send again what it lost, on another one.
    bool forget_lost() {
        const auto is_lost = [](const std::unique_ptr<BatchEntry>& entry) {
            return entry->failed() && entry->outcome->error().kind() == ErrorKind::connection_lost;
        };
        const auto lost = std::find_if(entries_.begin(), entries_.end(), is_lost);
        if (lost == entries_.end()) return false;
        if ((*lost)->outcome->error().outcome() != Outcome::not_sent && !(options_ && options_->idempotent))
            return false;
        if (watch_) watch_->retry((*lost)->outcome->error());
        for (const auto& entry : entries_)
            if (atomic_ || is_lost(entry)) entry->outcome.reset();
        return true;
    }

    [[nodiscard]] std::size_t first_failed() const {
        const auto failed = std::find_if(entries_.begin(), entries_.end(), [](const auto& e) { return e->failed(); });
        return static_cast<std::size_t>(failed - entries_.begin());
    }

    Error fail_all(std::size_t culprit) {
        const Error cause = entries_[culprit]->outcome->error();
        const Error others = undone(cause, culprit);
        for (const auto& entry : entries_)
            if (entry != entries_[culprit]) entry->outcome.emplace(others);
        return cause;
    }

    void settle_open(const Error& error) {
        for (const auto& entry : entries_)
            if (!entry->outcome) entry->outcome.emplace(error);
    }

    Executor& executor_;
    Watch* const watch_;  // null: nobody observes it
    const Entries entries_;
    std::vector<spi::Request>& requests_;
    const bool atomic_;
    const QueryOptions* const options_;
    const Statement* last_ = nullptr;  // of the last request: batches repeat a statement more often than not
    Expected<void> settled_;           // what kept the types of a result from being learned
};

}  // namespace

Expected<void> run_batch(Executor& executor, BatchState& batch, BatchMode mode) {
    const Entries waiting = batch.take_waiting();
    if (waiting.empty()) return {};
    const auto& hooks = ExecutorAccess::hooks(executor);
    return hooked(hooks, spi::RequestKind::batch, waiting.front()->call.sql, ExecutorAccess::options(executor),
                  [&](Watch* watch) {
                      if (watch) watch->has_statements(waiting.size());
                      BatchInterception statements(hooks, waiting);
                      Expected<void> ran = BatchRun(executor, waiting, batch.requests(), mode, watch).run();
                      statements.end();
                      return ran;
                  });
}

}  // namespace pg::detail
