// Running a batch: one flush, and an honest outcome for every statement of it.
#include <algorithm>
#include <cassert>

#include "src/base/transaction_control.hpp"
#include "src/core/batch_state.hpp"
#include "src/core/held_session.hpp"
#include "src/core/hooked.hpp"
#include "src/core/retry.hpp"
#include "src/core/server_limit.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg::detail {
namespace {

using Entries = std::span<const std::unique_ptr<BatchEntry>>;

/// What a statement of an atomic batch says when another one failed.
Error undone(std::string_view sql, const Error& cause, std::size_t culprit) {
    ErrorFields fields{.kind = ErrorKind::cancelled,
                       .outcome = cause.outcome(),
                       .retry_scope = cause.retry_scope(),
                       .connection_usable = cause.connection_usable()};
    fields.message = "the batch is atomic, and its statement " + std::to_string(culprit + 1) +
                     " failed: " + std::string(cause.message());
    fields.sql = sql;
    fields.node = cause.node();
    fields.engine = cause.engine();
    return Error(std::move(fields));
}

/// They are one failure, told by several statements.
bool is_same(const Error& one, const Error& other) {
    return one.kind() == other.kind() && one.outcome() == other.outcome() && one.sqlstate() == other.sqlstate() &&
           one.message() == other.message();
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

/// The error of one that was sent before, on a connection that was lost: nobody knows what became of that.
Error in_doubt(const Error& error) {
    if (may_have_been_applied(error)) return error;
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::unknown;
    fields.message += "; what was sent before, on a connection that was lost, may have taken effect";
    return Error(std::move(fields));
}

/// One run of the statements that wait. Its attempts differ in their session, or in what was repaired between them.
class BatchRun {
public:
    /// `may_wait`: without a session they are as they were before.
    BatchRun(Executor& executor, Entries entries, std::vector<spi::BatchItem*>& items, BatchMode mode, bool may_wait,
             Watch* watch)
        : executor_(executor),
          may_wait_(may_wait),
          watch_(watch),
          entries_(entries),
          items_(items),
          atomic_(mode == BatchMode::atomic),
          options_(ExecutorAccess::options(executor)) {}

    /// There was no session, so that nothing became of any statement.
    [[nodiscard]] bool has_not_begun() const { return has_not_begun_; }

    Expected<void> run() {
        Expected<void> ran = run_attempts();
        if (!is_in_doubt_) [[likely]]
            return ran;
        for (const auto& entry : entries_)
            if (entry->is_in_doubt && entry->failed()) entry->outcome.emplace(in_doubt(entry->outcome->error()));
        if (!ran) return in_doubt(ran.error());
        return ran;
    }

private:
    Expected<void> run_attempts() {
        if (atomic_ && has_refused()) return fail_all(first_failed());
        std::optional<spi::Wait> first;  // of the first one; null: it is this one
        for (;;) {
            Expected<Borrowed> borrowed =
                first ? borrow_again(executor_, *first) : ExecutorAccess::borrow(executor_, nullptr);
            if (!borrowed) {
                has_not_begun_ = !first && may_wait_;
                if (has_not_begun_) return std::move(borrowed).error();
                const bool is_each_told = !atomic_ && has_answers();
                settle_open(borrowed.error());
                return is_each_told ? Expected<void>() : std::move(borrowed).error();
            }
            if (watch_) watch_->take(*borrowed);
            while (!attempt(*borrowed)) {
            }
            if (first || !borrowed->lease || is_over(borrowed->wait) || !forget_lost()) break;
            first = borrowed->wait;
        }
        return atomic_ && now_.failed ? fail_all(first_failed()) : std::move(now_.settled);
    }

    /// What is known of one attempt, and not of the next.
    struct Attempt {
        StatementCache* statements = nullptr;  // null: the next one goes without a name
        bool any_retyped = true;               // text is known for its literals
        bool failed = false;                   // one of the statements
        bool settled_all = true;               // nothing follows from their results
        Expected<void> settled{};              // what kept the types of a result from being learned
    };

    /// A statement was refused as it was added, or does not go with the others.
    bool has_refused() {
        bool any = false;
        for (const auto& entry : entries_) {
            if (!entry->outcome && controls_transaction(*entry))
                entry->outcome.emplace(breaks_atomicity(entry->call.sql));
            any |= entry->failed();
        }
        return any;
    }

    static bool controls_transaction(const BatchEntry& entry) {
        return entry.call.statement ? entry.call.statement->controls_transaction
                                    : transaction_control(entry.call.sql) != TransactionControl::none;
    }

    /// Of the transaction that they are in.
    void refuse_those_behind_the_end(const Borrowed& borrowed) {
        bool has_ended = false;
        for (const auto& entry : entries_) {
            if (entry->outcome) continue;
            if (has_ended) entry->outcome.emplace(ended_by_its_text());
            if (transaction_control(entry->call.sql) == TransactionControl::commits)
                borrowed.held->may_have_committed = true;
            has_ended |= controls_transaction(*entry) && !in_block_behind(entry->call.sql, false, true);
        }
    }

    /// Sends all statements without an outcome. False when something was repaired, and all of them wait again.
    bool attempt(const Borrowed& borrowed) {
        const bool outside = borrowed.session().transaction_status() == spi::TransactionStatus::idle;
        items_.clear();
        // Once for all of them: what another thread changes meanwhile must not close a name that one of them has by
        // then.
        now_ = {.statements = statements_for(borrowed, watch_), .any_retyped = !borrowed.context->retyped->empty()};
        if (borrowed.is_of_transaction && !atomic_) refuse_those_behind_the_end(borrowed);
        for (const auto& entry : entries_)
            if (!entry->outcome) add_request(borrowed, *entry);
        if (items_.empty()) return true;
        borrowed.slot->holder.runs(items_.back()->request.sql);
        const bool controls = watch_ && std::any_of(entries_.begin(), entries_.end(),
                                                    [](const auto& entry) { return controls_transaction(*entry); });
        // What the transaction was given at its beginning, those behind its end are to be given, too.
        run_items(borrowed, controls ? watch_->settings().get() : watch_ ? watch_->wanted() : nullptr);
        take_outcomes(borrowed);
        if (controls) forget_settings(borrowed);
        if (learns_types_) [[unlikely]]
            remember_types(borrowed);
        settle_results(borrowed);
        return !(now_.failed && outside && repair(borrowed));
    }

    /// In one flush, unless they are independent and not to be sent ahead of each other's answers.
    void run_items(const Borrowed& borrowed, const Settings* wanted) {
        const spi::BatchSync sync = atomic_ ? spi::BatchSync::once : spi::BatchSync::each;
        if (borrowed.context->limit_margin || wanted) return run_batch_with_limits(borrowed, wanted, items_, sync);
        if (atomic_ || borrowed.context->sends_ahead) return borrowed.session().run_batch(items_, sync, borrowed.wait);
        for (spi::BatchItem* item : items_) item->outcome.emplace(borrowed.session().run(item->request, borrowed.wait));
    }

    /// Draws the conclusions from what became of those that were sent.
    void take_outcomes(const Borrowed& borrowed) {
        auto sent = items_.begin();
        for (const auto& entry : entries_) {
            assert(entry->outcome);
            if (sent != items_.end() && *sent == entry.get()) {
                ++sent;
                if (entry->failed()) {
                    note_failure(*borrowed.context, *borrowed.slot, entry->outcome->error(), entry->call.sql);
                    entry->outcome.emplace(borrowed.failed_by(as_told(borrowed, *entry)));
                }
                conclude_name(*borrowed.slot, entry->name, entry->request,
                              entry->failed() ? &entry->outcome->error() : nullptr);
            }
            now_.failed |= entry->failed();
            now_.settled_all &= !is_unsettled(*entry);
        }
    }

    /// The error of one that failed.
    static Error as_told(const Borrowed& borrowed, BatchEntry& entry) {
        Error error = std::move(*entry.outcome).error();
        if (borrowed.session().transaction_status() == spi::TransactionStatus::idle) return error;
        return in_transaction(std::move(error), name_of(entry.request), &entry.params);
    }

    static bool is_unsettled(const BatchEntry& entry) {
        return !entry.failed() && is_to_settle(entry.request.description != nullptr, **entry.outcome);
    }

    void add_request(const Borrowed& borrowed, BatchEntry& entry) {
        items_.push_back(&entry);
        entry.is_sent = true;
        if (now_.any_retyped && borrowed.context->retyped->contains(entry.call.sql)) entry.params.retype_numbers();
        spi::Request& request = entry.request;
        request = {.sql = entry.call.sql, .params = &entry.params, .sink = entry.call.sink};
        if (request.sink) request.sink->restart();
        if (const QueryOptions* options = entry.call.options) {
            request.format = options->format;
        }
        entry.name = choose_name(now_.statements, *borrowed.slot, entry.call, request);
        if (!atomic_ && entry.name && !entry.name->prepared && !request.prepare) go_without_name(entry, *borrowed.slot);
        // Those behind it may be about something else than before.
        if (!entry.name && (!is_about_rows(entry.call.sql) || (now_.statements && selects_into(entry.call.sql)))) {
            now_.statements = nullptr;
            if (!entry.call.leaves_traces) note_making(*borrowed.context, entry.call.sql);
        }
        if (!entry.call.leaves_traces) return;
        note_settings(*borrowed.slot, entry.call.sql);
        if (borrowed.slot->renamed) now_.statements = nullptr;
    }

    /// The texts whose numbers the server took as literals.
    void remember_types(const Borrowed& borrowed) {
        for (const auto& entry : entries_)
            if (!entry->failed() && std::exchange(entry->is_retyped, false))
                borrowed.context->retyped->add(entry->call.sql);
    }

    /// Its name is yet to be given by the one before it of the same text, whose failure is to be its own alone.
    static void go_without_name(BatchEntry& entry, spi::SessionSlot& slot) {
        conclude_name(slot, std::exchange(entry.name, nullptr), entry.request, nullptr);
        entry.request.statement = {};
    }

    /// Repairs what was refused without effect. True when all is to be sent again, which only an atomic batch can be.
    bool repair(const Borrowed& borrowed) {
        if (atomic_) {
            BatchEntry& culprit = *entries_[first_failed()];
            const Repair repaired = is_over(borrowed.wait) ? Repair::none : repair(culprit);
            if (repaired == Repair::none) return false;
            culprit.is_retyped |= repaired == Repair::of_types;
            learns_types_ |= culprit.is_retyped;
            if (watch_) watch_->retry(culprit.outcome->error());
            for (const auto& entry : entries_)
                if (entry->is_sent) entry->outcome.reset();
            return true;
        }
        bool in_block = false;
        for (const auto& entry : entries_) {
            const bool is_alone = !std::exchange(in_block, in_block_behind(entry->call.sql, entry->failed(), in_block));
            const Repair done = is_alone && entry->failed() && entry->is_sent ? repair(*entry) : Repair::none;
            if (done == Repair::none) continue;
            if (done == Repair::of_types) borrowed.context->retyped->add(entry->call.sql);
            *entry->outcome = repaired(entry->outcome->error());
        }
        return false;
    }
    static Repair repair(BatchEntry& entry) {
        if (entry.repairs++ >= most_repairs) return Repair::none;
        return heal(entry.call, name_of(entry.request), entry.outcome->error());
    }

    /// What succeeded is noted in any case: not all of it is undone by a failure behind it.
    void settle_results(const Borrowed& borrowed) {
        if (now_.settled_all) return;
        // After a failure there are no results of an atomic batch, and in a failed transaction there is nothing to ask.
        const bool learns =
            borrowed.session().transaction_status() != spi::TransactionStatus::failed && !(atomic_ && now_.failed);
        for (const auto& entry : entries_) {
            if (!is_unsettled(*entry)) continue;
            if (!learns)
                note_tag(*borrowed.context, *borrowed.slot, **entry->outcome, entry->call.sql);
            else if (auto settled = settle(borrowed, entry->call, **entry->outcome); !settled)
                now_.settled = borrowed.failed_by(std::move(settled).error());
        }
    }

    /// True when the connection was lost and it is harmless to send again what it lost, on another one. What some of
    /// them have made of the session, a transaction or a setting, is lost with it, and the others are not to be run
    /// without that.
    bool forget_lost() {
        const auto is_lost = [](const std::unique_ptr<BatchEntry>& entry) {
            return entry->is_sent && entry->failed() && entry->outcome->error().kind() == ErrorKind::connection_lost;
        };
        const auto lost = std::find_if(entries_.begin(), entries_.end(), is_lost);
        if (lost == entries_.end()) return false;
        const auto makes_something_of_it = [](const auto& entry) {
            return entry->is_sent && (entry->call.leaves_traces || !is_about_rows(entry->call.sql));
        };
        const auto has_ended = [&](const auto& entry) { return entry->is_sent && !is_lost(entry); };
        if (!atomic_ && std::any_of(entries_.begin(), entries_.end(), makes_something_of_it) &&
            std::any_of(entries_.begin(), entries_.end(), has_ended))
            return false;
        if ((*lost)->outcome->error().outcome() != Outcome::not_sent && !(options_ && options_->idempotent))
            return false;
        if (watch_) watch_->retry((*lost)->outcome->error());
        const Outcome of_all = (*lost)->outcome->error().outcome();
        for (const auto& entry : entries_) {
            if (!entry->is_sent || !(atomic_ || is_lost(entry))) continue;
            if ((atomic_ ? of_all : entry->outcome->error().outcome()) == Outcome::unknown)
                is_in_doubt_ = entry->is_in_doubt = true;
            entry->outcome.reset();
        }
        return true;
    }

    [[nodiscard]] std::size_t first_failed() const {
        const auto failed = std::find_if(entries_.begin(), entries_.end(), [](const auto& e) { return e->failed(); });
        return static_cast<std::size_t>(failed - entries_.begin());
    }

    /// What all of them say failed at the end of all, or kept all back: it is no more one's than another's.
    [[nodiscard]] bool is_of_all(const Error& cause) const {
        return std::all_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
            return entry->outcome && entry->failed() && is_same(entry->outcome->error(), cause);
        });
    }

    Error fail_all(std::size_t culprit) {
        const Error cause = entries_[culprit]->outcome->error();
        if (is_of_all(cause)) return cause;
        for (const auto& entry : entries_)
            if (entry != entries_[culprit]) entry->outcome.emplace(undone(entry->call.sql, cause, culprit));
        return cause;
    }

    /// What was sent of them came to something.
    [[nodiscard]] bool has_answers() const {
        return std::any_of(entries_.begin(), entries_.end(), [](const auto& e) { return e->is_sent && e->outcome; });
    }

    void settle_open(const Error& error) {
        for (const auto& entry : entries_)
            if (!entry->outcome) entry->outcome.emplace(error);
    }

    Executor& executor_;
    const bool may_wait_;
    Watch* const watch_;  // null: nobody observes it
    const Entries entries_;
    std::vector<spi::BatchItem*>& items_;  // that were sent in the last attempt
    const bool atomic_;
    const QueryOptions* const options_;
    bool learns_types_ = false;  // of a text that was repaired in this run
    bool is_in_doubt_ = false;   // one of the statements
    bool has_not_begun_ = false;
    Attempt now_;
};

void tell_each(Watch& watch, Entries entries) {
    for (const auto& entry : entries) {
        if (entry->failed()) watch.has_failed(entry->outcome->error());
        if (entry->outcome && *entry->outcome) watch.add_rows(**entry->outcome, entry->request.sink);
    }
}

}  // namespace

Expected<void> run_batch(Executor& executor, Entries waiting, std::vector<spi::BatchItem*>& items, BatchMode mode) {
    if (waiting.empty()) return {};
    const QueryOptions* const options = ExecutorAccess::options(executor);
    if (options && options->max_result_bytes != 0) {
        for (const auto& entry : waiting) entry->outcome.emplace(has_no_bound());
        return has_no_bound();
    }
    const auto& hooks = ExecutorAccess::hooks(executor);
    bool has_not_begun = false;
    Expected<void> outcome =
        hooked(hooks, spi::RequestKind::batch, waiting.front()->call.sql, options, [&](Watch* watch) {
            if (watch) watch->has_statements(waiting.size());
            BatchInterception statements(hooks, waiting);
            if (watch) watch->has_text(waiting.front()->call.sql);
            const bool may_wait = !hooks || hooks->interceptors.empty();  // who has not changed or answered them
            BatchRun run(executor, waiting, items, mode, may_wait, watch);
            Expected<void> ran = run.run();
            has_not_begun = run.has_not_begun();
            statements.end();
            if (watch && (ran || mode == BatchMode::each)) tell_each(*watch, waiting);
            return ran;
        });
    if (!outcome && !has_not_begun)
        for (const auto& entry : waiting)
            if (!entry->outcome) entry->outcome.emplace(outcome.error());  // it was refused as a whole
    return outcome;
}

}  // namespace pg::detail
