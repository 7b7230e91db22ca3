// Which call goes where, and what becomes of it in a pipeline.
#include "src/core/async_pipeline.hpp"

#include <algorithm>

#include "src/base/transaction_control.hpp"
#include "src/core/hooks.hpp"
#include "src/core/observe.hpp"
#include "src/core/retry.hpp"

namespace pg::detail {
namespace {

/// Calls in a pipeline, sent or not, and bytes of their texts and arguments, the last to join aside.
constexpr std::size_t most_calls = 100;
constexpr std::size_t most_bytes = 64 * 1024;
/// Of a session behind which more is sent.
constexpr auto longest_silence = std::chrono::milliseconds(10);

/// (L1)
bool may_share(const Context& context, const Call& call) {
    if ((context.hooks && !context.hooks->interceptors.empty()) || context.limit_margin) return false;
    if (!context.sends_ahead || call.options->max_result_bytes != 0) return false;
    if (call.statement) return call.statement->is_about_rows && !call.statement->leaves_traces;
    const Expected<bool> traces = look_at_text(call);
    return traces && !*traces && is_about_rows(call.sql);
}

/// A second attempt, alone, may go better: another type for a number, a new plan, text for binary.
bool may_heal(const Error& error) {
    return error.connection_usable() && error.outcome() == Outcome::not_applied &&
           (refuses_types(error) || error.kind() == ErrorKind::plan_invalidated || is_gone_from_cache(error) ||
            is_name_taken(error));
}

Error over(spi::Woken woken, Outcome outcome, std::string_view sql, std::string_view node) {
    const bool stopped = woken == spi::Woken::stopped;
    ErrorFields fields{.kind = stopped ? ErrorKind::cancelled : ErrorKind::timeout, .outcome = outcome};
    fields.message = stopped ? "a stop was asked for " : "the deadline passed ";
    fields.message +=
        outcome == Outcome::not_sent  ? "before the statement was sent"
        : outcome == Outcome::unknown ? "while the statement was in flight with others, for which it is not cancelled"
        : outcome == Outcome::applied ? "while the statement waited for the types of its columns: it took effect"
                                      : "before the statement, which the server had refused, was sent again";
    fields.sql = sql;
    fields.node = node;
    return Error(std::move(fields));
}

/// Why the columns of a statement cannot be read that has taken effect: it is not to be run again.
Error lost_before_types(std::string_view sql, std::string_view node) {
    ErrorFields fields{.kind = ErrorKind::connection_lost, .outcome = Outcome::applied, .connection_usable = false};
    fields.message =
        "the statement was applied, but its connection was lost before the types of its columns were learned";
    fields.sql = sql;
    fields.node = node;
    return Error(std::move(fields));
}

}  // namespace

// --- which call goes where

void Pipelines::begin(Operation& operation) {
    operation.call_ = operation.do_open_call();
    operation.may_share_ = operation.call_ && may_share(*target_.context, *operation.call_);
    if (!operation.may_share_) return operation.queue();
    operation.bytes_ = operation.call_->sql.size() + operation.call_->params->values().size();
    spi::SessionSource& source = target_.source();
    if (source.request_idle(operation)) return;
    Pipeline* const pipeline = source.has_waiters() ? nullptr : shortest_for(operation);
    if (pipeline) {
        pipeline->add(operation);
        return source.widen(operation.deadline_);
    }
    operation.queues_to_share_ = true;
    queue_.push(operation);
    operation.queue();
}

void Pipelines::start(Operation& operation) {
    forget(operation);
    target_.home->cancel(operation.timer_);
    spi::Lease lease = std::move(operation.lease_);
    const std::shared_ptr<spi::Reactor>& reactor = lease.session().reactor();
    if (reactor != target_.home) {  // (L6)
        operation.be_stoppable();
        operation.lease_ = std::move(lease);
        return operation.work_on(reactor);
    }
    auto* const pipeline = new Pipeline(operation.target_, std::move(lease));
    running_.push_back(pipeline);
    pipeline->add(operation);
    reactor->spawn(*pipeline);
}

void Pipelines::forget(Operation& operation) {
    if (std::exchange(operation.queues_to_share_, false)) static_cast<void>(queue_.erase(operation));
}

Operation* Pipelines::next_for(Pipeline& pipeline) {
    if (queue_.empty() || !pipeline.may_join(*queue_.first())) return nullptr;
    if (!target_.source().withdraw_first(*queue_.first())) return nullptr;
    Operation* const first = &queue_.pop();
    first->queues_to_share_ = false;
    return first;
}

/// Together, since they come together.
void Pipelines::answer_soon(Operation& operation) {
    if (answered_.empty()) target_.home->post(*this);
    answered_.push(operation);
}

void Pipelines::do_run() noexcept {
    const std::shared_ptr<AsyncTarget> kept = answered_.first()->target_;  // which may go with the last of them
    OperationQueue answered = std::exchange(answered_, {});
    while (!answered.empty()) answered.pop().answer();
}

Pipeline* Pipelines::shortest_for(const Operation& operation) const {
    Pipeline* best = nullptr;
    for (Pipeline* const one : running_)
        if ((!best || one->size() < best->size()) && one->has_room(operation)) best = one;
    return best;
}

// --- in a pipeline

bool OperationQueue::erase(Operation& operation) {
    Operation* before = nullptr;
    for (Operation* one = first_; one != nullptr; before = std::exchange(one, one->behind_)) {
        if (one != &operation) continue;
        (before ? before->behind_ : first_) = one->behind_;
        if (last_ == one) last_ = before;
        return true;
    }
    return false;
}

bool Pipeline::has_space() const {
    const bool is_well = unwanted_ == 0 && !given_up_ && !broken_;
    return is_well && size() < most_calls && bytes_ < most_bytes && !is_silent();
}

bool Pipeline::may_join(const Operation& operation) {
    if (!has_space()) return false;
    if (size() == 0 || !has_holders() || !target_->source().lends_several()) return true;
    return locks_nothing() && only_reads(operation.call_->sql);
}

bool Pipeline::locks_nothing() {
    if (!std::exchange(are_looked_at_, true)) {
        may_hold_up_ = 0;
        if (runs_alone_) look_at(*runs_alone_);
        for (const Alone& one : alone_) look_at(*one.operation);
        for (OperationQueue* const queue : {&in_flight_, &waiting_})
            for (Operation* one = queue->first(); one != nullptr; one = OperationQueue::behind(*one)) look_at(*one);
    }
    return may_hold_up_ == 0;
}

void Pipeline::look_at(Operation& operation) {
    operation.may_hold_up_ = !only_reads(operation.call_->sql);
    may_hold_up_ += operation.may_hold_up_ ? 1 : 0;
}

bool Pipeline::is_silent() const {
    if (in_flight_.empty() && !runs_alone_) return false;
    if (Deadline::Clock::now() - heard_at_ <= longest_silence) return false;
    return target_->source().lends_several();  // else there is no other session to wait for
}

bool Pipeline::is_wanted_back() const { return has_sent_ && target_->source().wants_back(lease_.slot()); }

/// Somebody wants what is in flight, that operation aside.
bool Pipeline::is_wanted_beside(const Operation* operation) const {
    for (const Operation* one = in_flight_.first(); one != nullptr; one = OperationQueue::behind(*one))
        if (one != operation && one->wanted_) return true;
    return false;
}

void Pipeline::add(Operation& operation) {
    operation.pipeline_ = this;
    waiting_.push(operation);
    ++size_;
    bytes_ += operation.bytes_;
    operation.may_hold_up_ = false;
    are_looked_at_ = are_looked_at_ && has_holders();  // spares the look at texts where it does not matter
    if (are_looked_at_) look_at(operation);
    target_->home->cancel(operation.timer_);  // of the queue
    expiry_.come_by(operation.deadline_);
    if (fiber_) fiber_->nudge();
}

void Pipeline::do_run() noexcept {
    fiber_ = spi::Waiter::here();
    lease_.slot().lent_until = Deadline::never();
    while (session().usable()) {
        session().run_pipeline(*this);
        given_up_.reset();
        if (!session().usable()) break;
        if (alone_.empty()) {
            if (waiting_.empty() || is_wanted_back()) break;
            continue;
        }
        Alone next = std::move(alone_.front());
        alone_.pop_front();
        runs_alone_ = next.operation;
        heard_at_ = Deadline::Clock::now();
        run_alone(std::move(next));
        runs_alone_ = nullptr;
    }
    target_->pipelines()->remove(*this);
    leave_to_others();
    expiry_.come_at(Deadline::never());
    lease_.give_back();
    delete this;
}

const spi::Request* Pipeline::do_next() noexcept {
    if (!takes_more() || is_wanted_back()) return nullptr;
    if (waiting_.empty()) {
        Operation* const queued = target_->pipelines()->next_for(*this);
        if (!queued) return nullptr;
        add(*queued);
    }
    Operation& operation = waiting_.pop();
    const Call& call = *operation.call_;
    if (context().retyped->contains(call.sql)) call.params->retype_numbers();
    if (std::exchange(has_sent_, true)) ++lease_.slot().more_uses;
    Flight& flight = flights_.push(call);
    flight.name = choose_name(context(), lease_.slot(), call, flight.request);
    if (in_flight_.empty()) heard_at_ = Deadline::Clock::now();
    in_flight_.push(operation);
    return &flight.request;
}

void Pipeline::do_answer(Expected<Result>&& outcome) noexcept {
    Operation& operation = in_flight_.pop();
    if (!in_flight_.empty()) heard_at_ = Deadline::Clock::now();
    const Flight& flight = flights_.first();
    conclude_name(lease_.slot(), flight.name, flight.request, outcome ? nullptr : &outcome.error());
    const bool was_described = flight.request.description != nullptr;
    flights_.pop();
    if (!outcome) {
        const Borrowed borrowed{&context(), {}, &lease_.slot(), operation.wait()};
        note_failure(context(), lease_.slot(), outcome.error(), operation.call_->sql);
        outcome = borrowed.failed_by(std::move(outcome).error());
    }
    if (!outcome && !session().usable()) broken_ = true;
    if (outcome && (!was_described || spi::tells(outcome->tag(), !outcome->columns().empty())))
        note_tag(context(), lease_.slot(), *outcome, operation.call_->sql);
    if (!operation.wanted_) --unwanted_;
    if (unwanted_ != 0 && !given_up_ && !is_wanted_beside(nullptr)) give_up(*in_flight_.first());  // (L4)
    if (!operation.wanted_) {
        forget(operation);
        return operation.leave();
    }
    if (outcome) {
        if (!knows_types(*outcome->storage()))
            return run_later({&operation, std::make_unique<Result>(*std::move(outcome)), Outcome::applied, {}});
    } else if (may_heal(outcome.error())) {
        return run_later({&operation, nullptr, Outcome::not_applied, std::move(outcome).error()});
    }
    end(operation, std::move(outcome));
}

/// When nothing is in flight (L5).
void Pipeline::run_later(Alone call) {
    expiry_.come_by(call.operation->deadline_);
    alone_.push_back(std::move(call));
}

/// With the session to itself, as a blocking call has it.
void Pipeline::run_alone(Alone call) {
    Operation& operation = *call.operation;
    const Borrowed borrowed{&context(), {}, &lease_.slot(), operation.wait()};
    if (call.result) {
        Expected<void> settled = settle(borrowed, *operation.call_, *call.result);
        return end(operation, settled ? Expected<Result>(*std::move(call.result))
                                      : borrowed.failed_by(std::move(settled).error()));
    }
    operation.observe_retry(*call.why);
    Expected<Result> outcome = context().hooks ? run_observed(borrowed, operation) : run_on(borrowed, *operation.call_);
    if (!outcome) {
        note_failure(context(), lease_.slot(), outcome.error(), operation.call_->sql);
        outcome = borrowed.failed_by(std::move(outcome).error());
    }
    end(operation, std::move(outcome));
}

/// Whoever observes it hears of each further attempt.
Expected<Result> Pipeline::run_observed(const Borrowed& borrowed, Operation& operation) {
    Call call = *operation.call_;
    Watch watch(context().hooks, spi::RequestKind::query, call.sql, label_of(call.options));
    watch.has_attempts(operation.attempts_);
    call.watch = &watch;
    Expected<Result> outcome = run_on(borrowed, call);
    operation.attempts_ = static_cast<std::uint8_t>(watch.attempts());
    return outcome;
}

/// The call leaves the pipeline, for its caller or, where it had no effect and may be run again, for another session.
void Pipeline::end(Operation& operation, Expected<Result>&& outcome) {
    forget(operation);
    if (!outcome && outcome.error().kind() == ErrorKind::connection_lost && !std::exchange(operation.again_, true) &&
        (outcome.error().outcome() == Outcome::not_sent || operation.options().idempotent) &&
        !operation.stopping_.load(std::memory_order_acquire) && !is_over(operation.wait())) {
        operation.observe_retry(outcome.error());
        operation.is_unknown_ = may_have_been_applied(outcome.error());
        return operation.enter(Operation::Step::begin);
    }
    if (!outcome) outcome = operation.of_all_attempts(std::move(outcome).error());
    if (context().hooks) operation.observe_end(outcome, &session());
    operation.do_conclude(std::move(outcome));
    target_->pipelines()->answer_soon(operation);
}

void Pipeline::forget(Operation& operation) {
    --size_;
    bytes_ -= operation.bytes_;
    may_hold_up_ -= operation.may_hold_up_ ? 1 : 0;
    operation.pipeline_ = nullptr;
}

/// The call whose time is over next; null: nobody's is.
Operation* Pipeline::next_to_expire() const {
    Operation* found = nullptr;
    const auto look_at = [&](Operation* operation) {
        if (!operation->deadline_.is_never() && (!found || operation->deadline_ < found->deadline_)) found = operation;
    };
    for (Operation* one = waiting_.first(); one != nullptr; one = OperationQueue::behind(*one)) look_at(one);
    for (const Alone& one : alone_) look_at(one.operation);
    if (given_up_) return found;  // what is in flight ends by itself
    for (Operation* one = in_flight_.first(); one != nullptr; one = OperationQueue::behind(*one))
        if (one->wanted_) look_at(one);
    return found;
}

void Pipeline::expire_next() {
    const Deadline::Clock::time_point now = Deadline::Clock::now();
    Operation* next = next_to_expire();
    for (; next && next->deadline_.passed(now); next = next_to_expire()) expire(*next, spi::Woken::deadline);
    if (next) expiry_.come_at(next->deadline_);
}

void Pipeline::expire(Operation& operation, spi::Woken woken) {
    if (!operation.wanted_) return;  // it was given up before, and waits for its own answer (L3)
    if (waiting_.erase(operation)) {
        forget(operation);
        return operation.fail(over(woken, Outcome::not_sent, operation.call_->sql, session().node()));
    }
    const auto is_it = [&](const Alone& call) { return call.operation == &operation; };
    if (const auto place = std::find_if(alone_.begin(), alone_.end(), is_it); place != alone_.end()) {
        const Outcome outcome = place->outcome;
        alone_.erase(place);
        forget(operation);
        return operation.fail(over(woken, outcome, operation.call_->sql, session().node()));
    }
    bool is_in_flight = false;
    for (const Operation* one = in_flight_.first(); one != nullptr; one = OperationQueue::behind(*one))
        is_in_flight |= one == &operation;
    if (!is_in_flight || given_up_) return;  // it ends by itself
    if (is_wanted_beside(&operation)) {
        operation.wanted_ = false;
        ++unwanted_;
        operation.shares_.fetch_add(1, std::memory_order_relaxed);  // (L3)
        return operation.fail(over(woken, Outcome::unknown, operation.call_->sql, session().node()), &session());
    }
    give_up(operation);
    if (fiber_) fiber_->nudge();
}

/// All that is in flight, within the time of that call, which may leave before the others are answered (L4).
void Pipeline::give_up(Operation& operation) {
    const spi::Wait wait = operation.wait();
    given_up_stop_ = *wait.stop;
    given_up_ = {wait.deadline, &given_up_stop_};
}

/// The connection is gone: what was not sent finds another.
void Pipeline::leave_to_others() {
    while (!alone_.empty()) {
        const Alone call = std::move(alone_.front());
        alone_.pop_front();
        if (call.result) {
            end(*call.operation, lost_before_types(call.operation->call_->sql, session().node()));
        } else {
            call.operation->observe_retry(*call.why);
            waiting_.push(*call.operation);
        }
    }
    while (!waiting_.empty()) {
        Operation& operation = waiting_.pop();
        forget(operation);
        operation.enter(Operation::Step::begin);
    }
}

}  // namespace pg::detail
