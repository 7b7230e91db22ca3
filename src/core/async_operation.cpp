// The steps of an operation: its turn, its work, its answer.
#include "pg/async_operation.hpp"

#include <algorithm>

#include "pg/spi/waiter.hpp"
#include "src/core/async_held.hpp"
#include "src/core/async_pipeline.hpp"
#include "src/core/observe.hpp"

namespace pg::detail {
namespace {

Error stopped_in_queue() {
    return Error({.kind = ErrorKind::cancelled,
                  .outcome = Outcome::not_sent,
                  .message = "a stop was asked for before the call had its turn"});
}

/// Gives the same error to whoever asks it for a session. Its observers hear of a call that began then.
class RefusingExecutor final : public Executor {
public:
    RefusingExecutor(const std::shared_ptr<const Hooks>& hooks, spi::Moment called_at, Error why)
        : Executor(observers_alone(hooks, called_at)), why_(std::move(why)) {}

private:
    /// Who is asked before a call is so when there is a session for it.
    static std::shared_ptr<const Hooks> observers_alone(const std::shared_ptr<const Hooks>& hooks,
                                                        spi::Moment called_at) {
        if (!hooks || !hooks->observer) return nullptr;
        return std::make_shared<const Hooks>(
            Hooks{.observer = hooks->observer, .tenant = hooks->tenant, .called_at = called_at});
    }
    Expected<Borrowed> do_borrow(const QueryOptions*) override { return why_; }

    const Error why_;
};

/// In what an event loop runs.
bool is_in_a_loop() { return spi::Reactor::any_here() || spi::Waiter::here() != nullptr; }

Error would_hold_up(const char* call) {
    return usage_error(std::string(call) +
                       " on the thread of an event loop would hold up the calls there, and may wait for itself: "
                       "co_await it");
}

}  // namespace

template <>
void DueJob<Due::next>::do_run() noexcept {
    static_cast<Operation*>(this)->go_on();
}
template <>
void DueJob<Due::expiry>::do_run() noexcept {
    static_cast<Operation*>(this)->expire();
}
template <>
void DueJob<Due::end>::do_run() noexcept {
    static_cast<Operation*>(this)->give_up();
}

Operation::Operation(std::shared_ptr<AsyncTarget> target, const QueryOptions& options)
    : target_(present(std::move(target))),
      options_(options),
      timeout_(options.timeout),
      user_stop_(options.stop ? options.stop : target_->stop) {
    if (target_->context->hooks && !options.label.empty()) {
        auto copy = std::make_unique<char[]>(options.label.size());
        options.label.copy(copy.get(), options.label.size());
        options_.label = {copy.release(), options.label.size()};
        owns_label_ = true;
    }
    if (!target_->queue) return;
    AsyncTarget& held = *target_;
    reactor_ = {std::move(target_), held.queue->home().get()};
    target_ = held.shared_from_this();
}

Operation::~Operation() { const std::unique_ptr<const char[]> copy(owns_label_ ? options_.label.data() : nullptr); }

void Operation::do_go_without(Executor&, Error why) noexcept { do_fail(std::move(why)); }

std::optional<Error> Operation::no_place_to_wait() const {
    if (!is_in_a_loop() && !target_->home->here()) return std::nullopt;
    return would_hold_up("get()");
}

void refuse_to_block() {
    if (is_in_a_loop()) would_hold_up("sync_wait").raise();
}

Error no_call_to_await() {
    return usage_error("this call was awaited before, or moved from: make another one for another answer");
}

void Operation::start(Then then, void* context) noexcept {
    if (started_) [[unlikely]]
        return then(context);
    then_ = then;
    context_ = context;
    started_ = true;
    if (!target_->context->birthplace.is_here()) {  // where no thread would run it
        shares_.fetch_add(1, std::memory_order_relaxed);
        do_fail(made_before_fork());
        return tell();
    }
    deadline_ = target_->context->wait_of(&options_).deadline;
    if (target_->context->hooks) began_ = Deadline::Clock::now();
    if (user_stop_ && user_stop_->stop_possible())
        on_stop_ = std::make_unique<StopCallback>(user_stop_, &Operation::on_user_stop, this);
    shares_.fetch_add(1, std::memory_order_relaxed);
    // On a session that somebody holds it comes behind what is let go until then, such as the transaction before.
    if (step_ == Step::begin && !target_->queue && target_->home->here()) return begin();
    target_->home->post(job_of_next());
}

void Operation::abandon() noexcept {
    if (started_) {
        const Fate was = decide(Fate::abandoned);
        if (was != Fate::told) stop();
        if (was == Fate::open) do_abandon();
        if (was != Fate::open) do_lose();
    }
    leave();
}

/// What its fate was, which is changed only if it was to be decided.
Operation::Fate Operation::decide(Fate fate) noexcept {
    Fate was = fate_.load(std::memory_order_acquire);
    while (was < Fate::abandoned && !fate_.compare_exchange_weak(was, fate, std::memory_order_acq_rel)) {
    }
    return was;
}

void Operation::stop() noexcept {
    if (stopping_.exchange(true, std::memory_order_acq_rel) || !target_->context->birthplace.is_here()) return;
    shares_.fetch_add(1, std::memory_order_relaxed);
    target_->home->post(job_of_end());
}

void Operation::on_user_stop(void* operation) noexcept { static_cast<Operation*>(operation)->stop(); }

void Operation::leave() noexcept {
    if (shares_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void Operation::enter(Step step) noexcept {
    step_ = step;
    target_->home->post(job_of_next());
}

void Operation::go_on() {
    switch (step_) {
        case Step::begin: return begin();
        case Step::join: return join();
        case Step::work: return work();
        case Step::answer: return answer();
        case Step::tell: return tell();
    }
}

/// Its work can be stopped from now on. At home, or before anybody else knows of it.
void Operation::be_stoppable() {
    if (source_.stop_possible()) return;
    source_ = std::stop_source();
    token_ = StopToken(source_.get_token());
}

/// The wait of its work. As above.
spi::Wait Operation::wait() {
    be_stoppable();
    return {deadline_, &token_};
}

void Operation::begin() {
    if (!std::exchange(is_counted_, true)) target_->home->begin_call();
    if (stopping_.load(std::memory_order_acquire)) return fail(stopped_in_queue());
    if (target_->context->hooks) asked_ = Deadline::Clock::now();
    if (Pipelines* const pipelines = target_->pipelines()) return pipelines->begin(*this);
    queue();
}

/// For a session, or a turn on one.
void Operation::queue() {
    if (!may_share_) be_stoppable();  // its work may begin on another thread
    const Deadline until = target_->turn_until(deadline_);
    settled_.store(false, std::memory_order_relaxed);
    target_->source().request(*this, until);
    if (!settled_.load(std::memory_order_acquire) && !until.is_never())
        target_->home->set(timer_, until.when(), job_of_expiry());
}

void Operation::do_settle(Expected<spi::Lease> lease) noexcept {
    settled_.store(true, std::memory_order_release);
    observe_acquired(lease);
    if (!lease) return fail(stopping_.load(std::memory_order_acquire) ? stopped_in_queue() : std::move(lease).error());
    lease_ = *std::move(lease);
    // One that was stopped gives its session back, which may settle another one: not inside of this.
    const bool joins_here = target_->home->here() && !stopping_.load(std::memory_order_acquire);
    if (may_share_) return joins_here ? join() : enter(Step::join);
    work_on(target_->reactor_of(lease_));
}

void Operation::work_on(const std::shared_ptr<spi::Reactor>& reactor) {
    if (!target_->queue) reactor_ = reactor;
    step_ = Step::work;
    reactor_->spawn(job_of_next());
}

/// Its session is the beginning of a pipeline, unless it was stopped when it was no more in the queue.
void Operation::join() {
    if (!stopping_.load(std::memory_order_acquire)) return target_->pipelines()->start(*this);
    lease_.give_back();
    fail(stopped_in_queue());
}

void Operation::work() {
    options_.stop = &token_;
    options_.timeout = std::max(deadline_.remaining(), std::chrono::nanoseconds(1));
    target_->work(std::move(lease_), {deadline_, &token_}, *this,
                  [](Operation& self, Executor& executor) { self.work_with(executor); });
    finish();
}

void Operation::work_with(Executor& executor) noexcept {
    do_work(executor);
    let_go();
    if (decide(Fate::answered) == Fate::abandoned) do_lose();
}

Error Operation::of_all_attempts(Error error) const {
    return is_unknown_ ? behind_an_unknown(std::move(error)) : std::move(error);
}

void Operation::fail(Error why, const spi::Session* session) {
    why = of_all_attempts(std::move(why));
    if (target_->context->hooks && !call_) call_ = do_open_call();
    if (call_) {
        observe_end(why, session);
        do_fail(std::move(why));
    } else {
        do_miss_turn();
        options_.stop = &token_;  // whoever has given it up may have taken the other one along
        RefusingExecutor refusing(target_->context->hooks, began_, why);
        do_go_without(refusing, std::move(why));
    }
    let_go();
    if (decide(Fate::answered) == Fate::abandoned) do_lose();
    finish();
}

/// What became of its request for a session; a turn on one that somebody holds is none. Either is for a call that began
/// before it.
void Operation::observe_acquired(const Expected<spi::Lease>& lease) noexcept {
    if (!target_->context->hooks) return;
    if (!target_->queue) tell_acquired(*target_->context->hooks, asked_, lease);
    if (lease) lease->slot().called_at = began_;
}

/// What became of its call, which no executor ran.
void Operation::observe_end(const Expected<Result>& outcome, const spi::Session* session) noexcept {
    if (!target_->context->hooks) return;
    Watch watch(target_->context->hooks, spi::RequestKind::query, call_->sql, options_.label);
    watch.began_at(began_);
    if (session) watch.take(*session);
    watch.end(outcome, call_->sink);
}

/// The call, which no executor runs, is about to be run once more.
void Operation::observe_retry(const Error& why) noexcept {
    if (!target_->context->hooks) return;
    Watch watch(target_->context->hooks, spi::RequestKind::query, call_->sql, options_.label);
    watch.has_attempts(attempts_);
    watch.retry(why);
    attempts_ = static_cast<std::uint8_t>(watch.attempts());
}

/// Of what its target holds (O6).
void Operation::let_go() noexcept {
    if (target_->queue) reactor_.reset();
}

/// The answer is there.
void Operation::finish() { enter(Step::answer); }

void Operation::answer() {
    let_go();  // of one that was refused
    if (queues_to_share_) target_->pipelines()->forget(*this);
    target_->home->cancel(timer_);
    if (is_counted_) target_->home->end_call();
    on_stop_.reset();
    spi::Scheduler* const scheduler = told_anywhere_ ? nullptr : target_->scheduler;
    if (!scheduler || fate_.load(std::memory_order_acquire) >= Fate::abandoned) return tell();
    step_ = Step::tell;
    scheduler->post(job_of_next());
}

void Operation::tell() {
    if (decide(Fate::told) < Fate::abandoned) then_(context_);
    leave();
}

/// Its time is over, in the queue; a pipeline and work have timers of their own.
void Operation::expire() {
    if (!target_->source().withdraw(*this)) return;
    const Error late = target_->no_turn(*this);
    observe_acquired(late);
    fail(late);
}

/// It was asked to stop, perhaps before it was started, or while it is.
void Operation::give_up() {
    be_stoppable();
    source_.request_stop();
    if (pipeline_)
        pipeline_->expire(*this, spi::Woken::stopped);
    else if (target_->source().withdraw(*this)) {
        observe_acquired(stopped_in_queue());
        fail(stopped_in_queue());
    }
    leave();
}

}  // namespace pg::detail
