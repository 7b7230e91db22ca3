// Turns on a held session, and what an awaited transaction does with it.
#include "src/core/async_held.hpp"

#include <algorithm>

#include "src/core/batch_state.hpp"
#include "src/core/hooked.hpp"
#include "src/core/retry.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {
namespace detail {
namespace {

class NoExecutor final : public Executor {
    Expected<Borrowed> do_borrow(const QueryOptions*) override { return usage_error("this has no session"); }
};

/// Where an operation runs that needs a fiber and nothing else.
class FreeTarget final : public HeldTarget {
public:
    using HeldTarget::HeldTarget;

private:
    Executor& executor() override { return no_executor(); }
};

Transaction& held_transaction(AsyncTarget& target) { return static_cast<ObjectTarget<Transaction>&>(target).object; }

Error no_turn_in_time() {
    return Error({.kind = ErrorKind::timeout,
                  .outcome = Outcome::not_sent,
                  .message = "the deadline passed while earlier calls on this session were under way"});
}

/// The end of a transaction, in one way or the other.
AnswerOperation<void>* make_end(const std::shared_ptr<AsyncTarget>& target,
                                Expected<void> (Transaction::Impl::*end)(const spi::Wait&)) {
    return make_operation<void>(target, {}, [end](Executor&, const Site& site) {
        Transaction::Impl& transaction = *ExecutorAccess::shared(held_transaction(site.target));
        return (transaction.*end)(transaction.time.wait(*site.target.context, &site.options));
    });
}

/// The pause before a transaction is run again: only a stop ends it early.
struct Pause {
    std::shared_ptr<TransactionRetries> retries;
    Error error;

    /// With the stop of the operation, which may live longer than the user's.
    Expected<bool> operator()(Executor&, const Site& site) const {
        return retries->again(error, site.target.context->hooks.get(), site.options.stop);
    }
    Expected<bool> go_without(Executor&, const Site&) const { return stopped_before_retry(error); }
};

/// Leaves the statements of the batch waiting when there is no session for them.
class RunOfBatch {
public:
    RunOfBatch(std::shared_ptr<BatchRound> round, BatchMode mode) : round_(std::move(round)), mode_(mode) {}
    RunOfBatch(RunOfBatch&&) = default;
    RunOfBatch& operator=(RunOfBatch&&) = delete;
    ~RunOfBatch() {
        if (round_) round_->end(BatchRound::State::not_begun);
    }

    Expected<void> operator()(Executor& executor, const Site& site) {
        std::unique_ptr<BatchRound, End> ended(round_.get());
        Tuned tuned(executor, site.options);
        Expected<void> ran = run_batch(tuned, round_->entries, round_->items, mode_);
        if (waits_again(round_->entries)) ended.release()->end(BatchRound::State::not_begun);
        return ran;
    }
    Expected<void> go_without(Executor& refusing, const Site& site) const {
        Expected<void> refused = tell_refused(refusing, site);
        round_->end(BatchRound::State::not_begun);
        return refused;
    }
    void undelivered(AsyncTarget&, Expected<void>&) const noexcept { abandoned(); }
    void abandoned() const noexcept { round_->is_given_up.store(true, std::memory_order_relaxed); }

private:
    struct End {
        void operator()(BatchRound* round) const noexcept { round->end(BatchRound::State::ran); }
    };

    Expected<void> tell_refused(Executor& refusing, const Site& site) const {
        const auto ask = [&](Watch* watch) -> Expected<void> {
            if (watch) watch->has_statements(round_->entries.size());
            return ExecutorAccess::borrow(refusing, nullptr).error();
        };
        if (round_->entries.empty()) return ask(nullptr);
        const std::string_view first = round_->entries.front()->call.sql;
        return hooked(ExecutorAccess::hooks(refusing), spi::RequestKind::batch, first, &site.options, ask);
    }

    std::shared_ptr<BatchRound> round_;
    BatchMode mode_;
};

}  // namespace

Executor& no_executor() {
    static NoExecutor none;
    return none;
}

// Nobody waits for a turn with a thread.
Expected<spi::Lease> HeldQueue::do_acquire(const spi::Wait&) noexcept { return no_turn_in_time(); }

void HeldQueue::request_in(std::deque<spi::LeaseWaiter*>& line, spi::LeaseWaiter& waiter) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(taken_, true)) return line.push_back(&waiter);
    }
    waiter.settle(spi::Lease(*this, turn_));
}

bool HeldQueue::do_withdraw(spi::LeaseWaiter& waiter) noexcept {
    const std::lock_guard lock(mutex_);
    if (std::erase(waiting_, &waiter) == 0) return false;
    static_cast<Operation&>(waiter).do_miss_turn();  // nothing else is ever withdrawn
    return true;
}

Error HeldQueue::do_no_session(const spi::LeaseWaiter&) const { return no_turn_in_time(); }

void HeldQueue::tell_turns_of(Executor& holder) {
    if (const auto borrowed = ExecutorAccess::borrow(holder, nullptr); borrowed && borrowed->held)
        borrowed->held->turn = &turn_;
}

void HeldQueue::do_release(spi::SessionSlot& turn) noexcept {
    turn.called_at = {};
    spi::LeaseWaiter* next = nullptr;
    {
        const std::lock_guard lock(mutex_);
        auto& line = ending_.empty() ? waiting_ : ending_;
        if (line.empty()) {
            taken_ = false;
            return;
        }
        next = line.front();
        line.pop_front();
    }
    next->settle(spi::Lease(*this, turn_));
}

Async<Expected<bool>> pause_before_retry(const std::shared_ptr<AsyncTarget>& target,
                                         const std::shared_ptr<TransactionRetries>& retries, const Error& error) {
    auto free = std::make_shared<FreeTarget>(target->context, target->home, target->scheduler,
                                             std::make_shared<HeldQueue>(target->home));
    return Async<Expected<bool>>(make_operation<bool>(
        std::move(free), {.timeout = no_timeout, .stop = retries->remaining().stop}, Pause{retries, error}));
}

HeldObject::~HeldObject() = default;

void lose_part(AsyncTarget& target) noexcept { target.has_lost_part.store(true, std::memory_order_relaxed); }

std::optional<Error> lost_part(const AsyncTarget& target) {
    if (!target.has_lost_part.load(std::memory_order_relaxed)) return std::nullopt;
    return Error(
        {.kind = ErrorKind::cancelled,
         .message = "a call that was given up took a part of this with it: what comes next would leave a gap"});
}

std::shared_ptr<AsyncTarget> target_for_object(const Site& site, std::unique_ptr<HeldObject> object) {
    return target_for(site, std::move(object));
}

HeldObject& held_object(AsyncTarget& target) {
    return *static_cast<ObjectTarget<std::unique_ptr<HeldObject>>&>(target).object;
}

}  // namespace detail

detail::AnswerOperation<void>* AsyncExecutor::make_script(std::string_view text) const {
    return detail::make_request<void>(target_, options_,
                                      [kept = std::string(text)](Executor& executor, const detail::Site& site) {
                                          return executor.with(site.options).try_run_script(kept);
                                      });
}

detail::AnswerOperation<void>* AsyncExecutor::make_batch_run(const Batch& batch, BatchMode mode) const {
    return detail::make_operation<void>(target_, options_,
                                        detail::RunOfBatch(detail::AsyncAccess::state(batch)->begin_round(), mode));
}

AsyncTransaction::AsyncTransaction(std::shared_ptr<detail::AsyncTarget> target)
    : AsyncExecutor(std::move(target), {}) {}

Async<void> AsyncTransaction::commit() { return Async<void>(detail::make_end(target_, &Transaction::Impl::commit)); }
Async<Expected<void>> AsyncTransaction::try_commit() {
    return Async<Expected<void>>(detail::make_end(target_, &Transaction::Impl::commit));
}
Async<void> AsyncTransaction::rollback() {
    return Async<void>(detail::make_end(target_, &Transaction::Impl::roll_back));
}
Async<Expected<void>> AsyncTransaction::try_rollback() {
    return Async<Expected<void>>(detail::make_end(target_, &Transaction::Impl::roll_back));
}
bool AsyncTransaction::is_open() const noexcept { return target_ && detail::held_transaction(*target_).is_open(); }
bool AsyncTransaction::is_committed() const noexcept {
    return target_ && detail::held_transaction(*target_).is_committed();
}
bool AsyncTransaction::may_have_committed() const noexcept {
    return target_ && detail::held_transaction(*target_).may_have_committed();
}

}  // namespace pg
