// Async: a call that is under way without a thread that waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "pg/expected.hpp"
#include "pg/recycled.hpp"
#include "pg/spi/reactor.hpp"
#include "pg/spi/session_source.hpp"
#include "pg/stop.hpp"

namespace pg {

template <class T>
class Async;

namespace detail {

struct AsyncTarget;
struct Call;
class HeldQueue;
class OperationQueue;
class Pipeline;
class Pipelines;

/// A step of an operation, in the queue of a loop or at the end of its time.
enum class Due : std::uint8_t { next, expiry, end };
template <Due due>
class DueJob : public spi::Job {
    void do_run() noexcept final;
};
template <>
PGCLIENT_API void DueJob<Due::next>::do_run() noexcept;
template <>
PGCLIENT_API void DueJob<Due::expiry>::do_run() noexcept;
template <>
PGCLIENT_API void DueJob<Due::end>::do_run() noexcept;

/// One call between whoever awaits it and the fiber that runs it. Each of the two has a share of it.
///
///   fresh --start--> begun --a session comes--> at work -------> answered --> told
///                      |                                            ^
///                      +------joins a pipeline--> in flight --------+
///
///   (O1) Everything but the work itself and the first and last step of others happens on the home of its target: the
///        queue, the timer, and the answer. Where the target has a scheduler, its caller is told there.
///   (O2) It is told once, or never when it was abandoned before: whichever of the two changes `fate_` first.
///   (O3) A call that may share a session is in a pipeline, or queues to be in one: see `Pipeline`.
///   (O4) An operation that is abandoned is asked to stop, and goes on to its end: what it holds comes back by itself.
///   (O5) What it answered and nobody takes is lost (`do_lose`) by whoever knows first: its work, while the next call
///        on its session has no turn yet, or what it fails at instead, or whoever abandons it, before the caller can
///        begin another one.
///   (O6) It shares what its target holds until its work is done, in its turn, and no longer: whoever lets go of that
///        when it is told, or had let go of it before, finds it ended by the next call.
class PGCLIENT_API Operation : public Recycled,
                               private spi::LeaseWaiter,
                               private DueJob<Due::next>,
                               private DueJob<Due::expiry>,
                               private DueJob<Due::end> {
public:
    using Then = void (*)(void* context) noexcept;  ///< hears of the end

    /// Runs it; `then(context)` is called when the answer is there, on the scheduler of its target, else on its home.
    /// Once: the second time it is called at once, and there is nothing to take.
    void start(Then then, void* context) noexcept;
    /// The same for a `then` that may be called anywhere: on the home.
    void start_anywhere(Then then, void* context) noexcept {
        if (!started_) told_anywhere_ = true;
        start(then, context);
    }
    /// Nobody wants to hear of it any more, and the caller's share is given back.
    void abandon() noexcept;
    /// It is to end soon, with an error if it has not ended yet. Any thread.
    void stop() noexcept;
    /// It is not to be run: `do_fail` has the reason. Before it is started.
    void refuse(Error why) {
        do_fail(std::move(why));
        step_ = Step::answer;
    }
    /// UsageError where a loop would be held up: who waits there may do so for ever.
    [[nodiscard]] std::optional<Error> no_place_to_wait() const;
    /// How many attempts were made before its connection was lost, and whether that one may have taken effect. @{
    [[nodiscard]] int lost_attempts() const noexcept { return !again_ ? 0 : attempts_ > 1 ? attempts_ - 1 : 1; }
    [[nodiscard]] bool is_in_doubt() const noexcept { return is_unknown_; }  /// @}
    [[nodiscard]] bool has_started() const noexcept { return started_; }
    /// True for the first one who asks when its answer is there.
    [[nodiscard]] bool gives_answer() noexcept {
        return fate_.load(std::memory_order_acquire) == Fate::told && !std::exchange(is_taken_, true);
    }

protected:
    Operation(std::shared_ptr<AsyncTarget> target, const QueryOptions& options);
    ~Operation() override;

    /// What it does, on a fiber, with an executor whose session is there: leaves an answer.
    virtual void do_work(Executor& executor) noexcept = 0;
    /// There is no session for it, and this is why: leaves that as the answer.
    virtual void do_fail(Error why) noexcept = 0;
    /// The same of what is no call: `refusing`, which gives that error for a session, is for what observers hear of.
    virtual void do_go_without(Executor& refusing, Error why) noexcept;
    /// It will not have its turn on a session that somebody holds; the next one is not given before this returns. At
    /// least once, inside the queue.
    virtual void do_miss_turn() noexcept {}
    /// The call, ready to be sent (again), if it is nothing but one; null otherwise.
    virtual const Call* do_open_call() noexcept { return nullptr; }
    /// The result of that call: leaves an answer.
    virtual void do_conclude(Expected<Result>&&) noexcept {}
    /// Nobody takes what it answered, unless somebody has. Once, on any thread (O5).
    virtual void do_lose() noexcept {}
    /// The same as it is known to whoever abandons it, before they can begin another one: there may be no answer yet.
    virtual void do_abandon() noexcept {}

    [[nodiscard]] const QueryOptions& options() const { return options_; }  ///< with its own deadline and stop
    /// As it was given, queueing included; zero: the client's.
    [[nodiscard]] std::chrono::nanoseconds timeout() const { return timeout_; }
    [[nodiscard]] const StopToken* user_stop() const { return user_stop_; }  ///< the caller's; may be null
    [[nodiscard]] AsyncTarget& target() const { return *target_; }
    /// Where the session of its work lives.
    [[nodiscard]] const std::shared_ptr<spi::Reactor>& reactor() const { return reactor_; }
    /// What its last attempt failed with, and what the one before may have done.
    [[nodiscard]] Error of_all_attempts(Error error) const;

private:
    template <Due due>
    friend class DueJob;
    friend class Pipeline;
    friend class Pipelines;
    friend class OperationQueue;
    friend class HeldQueue;

    enum class Fate : std::uint8_t { open, answered, abandoned, told };  ///< the first two: to be decided
    enum class Step : std::uint8_t { begin, join, work, answer, tell };
    [[nodiscard]] spi::Job& job_of_next() noexcept { return static_cast<DueJob<Due::next>&>(*this); }
    [[nodiscard]] spi::Job& job_of_expiry() noexcept { return static_cast<DueJob<Due::expiry>&>(*this); }
    [[nodiscard]] spi::Job& job_of_end() noexcept { return static_cast<DueJob<Due::end>&>(*this); }

    void go_on();  ///< the next step
    void begin();
    void queue();
    void join();
    void work_on(const std::shared_ptr<spi::Reactor>& reactor);
    void work();
    void work_with(Executor& executor) noexcept;
    Fate decide(Fate fate) noexcept;
    void answer();
    void tell();
    void expire();
    void give_up();
    void fail(Error why, const spi::Session* session = nullptr);  // that it was sent on
    void observe_acquired(const Expected<spi::Lease>& lease) noexcept;
    void observe_end(const Expected<Result>& outcome, const spi::Session* session) noexcept;
    void observe_retry(const Error& why) noexcept;
    void finish();
    void let_go() noexcept;
    void leave() noexcept;
    void enter(Step step) noexcept;
    void be_stoppable();
    [[nodiscard]] spi::Wait wait();
    void do_settle(Expected<spi::Lease> lease) noexcept override;
    static void on_user_stop(void* operation) noexcept;

    std::shared_ptr<AsyncTarget> target_;  // without what that holds; the same all the time
    QueryOptions options_;                 // whose label is a copy if it `owns_label_`
    const std::chrono::nanoseconds timeout_;
    const StopToken* const user_stop_;
    Deadline deadline_ = Deadline::never();
    Deadline::Clock::time_point began_{};  // where somebody observes it
    Deadline::Clock::time_point asked_{};  // when it last began to wait for a session, where somebody observes it
    spi::Lease lease_;
    std::shared_ptr<spi::Reactor> reactor_;      // of that; on a held session a share of what its target holds (O6)
    std::stop_source source_{std::nostopstate};  // from the time that something may be stopped by it
    StopToken token_{std::stop_token()};
    std::unique_ptr<StopCallback> on_stop_;  // null: nobody but its owner stops it
    spi::Timer timer_;
    Then then_ = nullptr;
    void* context_ = nullptr;
    std::atomic<int> shares_{1};
    std::atomic<Fate> fate_{Fate::open};
    std::atomic<bool> settled_{false}, stopping_{false};
    bool owns_label_ = false;  // its caller may be gone when somebody hears of it
    bool started_ = false, told_anywhere_ = false;
    bool is_taken_ = false;         // its answer
    bool is_counted_ = false;       // among the calls of its home
    bool may_share_ = false;        // its session with other calls
    bool may_hold_up_ = false;      // those behind it, by a lock that somebody of this client has
    bool queues_to_share_ = false;  // it is in the queue of the pipelines, too
    bool again_ = false;            // its connection was lost, once
    bool is_unknown_ = false;       // what became of it then
    std::uint8_t attempts_ = 1;     // in pipelines, where somebody observes it
    Step step_ = Step::begin;
    bool wanted_ = true;            // in a pipeline: its caller has no answer yet
    Pipeline* pipeline_ = nullptr;  // that it is in
    Operation* behind_ = nullptr;   // in the same queue of that
    const Call* call_ = nullptr;    // if it may share
    std::size_t bytes_ = 0;         // of that
};

/// Told of every answer that somebody takes: one that nobody takes, because its operation was abandoned, goes unused.
template <class A>
void hand_over(A&) noexcept {}

/// UsageError of one that is awaited again, or was moved from.
[[nodiscard]] PGCLIENT_API Error no_call_to_await();

/// An operation that answers with an `A`.
template <class A>
class AnswerOperation : public Operation {
public:
    /// The answer, once; throws what a user's codec threw.
    [[nodiscard]] Expected<A> take() { return gives_answer() ? do_take() : no_call_to_await(); }
    /// The same without throwing: what a codec threw becomes an error, EncodeError where nothing is read.
    [[nodiscard]] Expected<A> take_caught() noexcept try { return take(); } catch (const Error& thrown) {
        return thrown;
    } catch (...) {
        return what_was_thrown(std::is_void_v<A> ? ErrorKind::encode : ErrorKind::decode);
    }

protected:
    using Operation::Operation;

private:
    virtual Expected<A> do_take() = 0;
};

/// One whose work gives the answer.
template <class A>
class WorkOperation : public AnswerOperation<A> {
protected:
    using AnswerOperation<A>::AnswerOperation;
    /// What it answered and nobody took; null: nothing. What a codec threw is the error that a codec makes.
    [[nodiscard]] Expected<A>* untaken() {
        if (std::exchange(exception_, nullptr)) answer_.emplace(Error({.kind = ErrorKind::decode}));
        return answer_ ? &*answer_ : nullptr;
    }
    void do_lose() noexcept override { answer_.reset(); }  // what it holds goes with it
    /// Answers with what `make()` returns.
    template <class Make>
    void answer_with(Make make) noexcept {
        try {
            answer_.emplace(make());
        } catch (...) {
            exception_ = std::current_exception();
        }
    }

private:
    void do_fail(Error why) noexcept final { answer_.emplace(std::move(why)); }
    Expected<A> do_take() final {
        if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
        if constexpr (!std::is_void_v<A>)
            if (*answer_) hand_over(**answer_);
        Expected<A> answer = *std::move(answer_);
        answer_.reset();
        return answer;
    }

    std::optional<Expected<A>> answer_;
    std::exception_ptr exception_;
};

/// What an operation answers for an awaiter of `T`: the same, and a `try_` verb's awaiter wants the error too.
template <class T>
struct answer_of {
    using type = T;
    static T deliver(Expected<T>&& answer) { return std::move(answer).value(); }
};
template <class T>
struct answer_of<Expected<T>> {
    using type = T;
    static Expected<T> deliver(Expected<T>&& answer) { return std::move(answer); }
};

}  // namespace detail

/// A call that nobody has to wait for. Handle: move-only; does nothing before it is awaited, started or got, once: the
/// second time, when nobody awaits it any more, or when it was moved from, that is a UsageError.
/// Destroyed before its end, it gives the call up: the statement is cancelled, and what the call holds goes back.
///
/// `co_await` suspends any coroutine until the answer is there, gives it, or throws what the verb of that name throws.
/// It goes on where the executor says that the call was made with: see `AsyncClient`. Must not be moved meanwhile. From
/// the time that it is awaited it is destroyed, with the coroutine, where that goes on: see `Task`.
template <class T>
class [[nodiscard]] Async {
public:
    using Answer = typename detail::answer_of<T>::type;  ///< without the `Expected` of a `try_` verb

    explicit Async(detail::AnswerOperation<Answer>* operation) : operation_(operation) {}  ///< takes its share
    Async(Async&& other) noexcept : operation_(std::exchange(other.operation_, nullptr)) {}
    Async& operator=(Async&& other) noexcept {
        std::swap(operation_, other.operation_);
        return *this;
    }
    ~Async() {
        if (operation_) operation_->abandon();
    }

    /// Starts the call; `handler(Expected<Answer>)` is called where a coroutine would go on when the answer is there,
    /// unless the operation was stopped by its token: then with that. There is no way to abandon it.
    template <class Handler>
    void start(Handler handler) && {
        struct Started {
            detail::AnswerOperation<Answer>* operation;
            Handler handler;
        };
        auto* const operation = std::exchange(operation_, nullptr);
        if (operation == nullptr) return handler(Expected<Answer>(detail::no_call_to_await()));
        auto* const started = new Started{operation, std::move(handler)};
        operation->start(
            [](void* context) noexcept {
                const std::unique_ptr<Started> mine(static_cast<Started*>(context));
                mine->handler(mine->operation->take_caught());
                mine->operation->abandon();
            },
            started);
    }
    /// Asks the call to end soon, which it then does with ErrorKind::cancelled unless it has ended; one that is not
    /// started yet will end so, too. Any thread, while this lives and was not moved from, which g++ 12 does to what is
    /// awaited as an rvalue.
    void stop() noexcept {
        if (operation_) operation_->stop();
    }
    /// Starts the call and blocks the calling thread until the answer is there. UsageError in what a reactor runs, and
    /// on the thread of the call's own.
    T get() && {
        if (operation_ == nullptr) return await_resume();
        if (auto misplaced = operation_->no_place_to_wait())
            return detail::answer_of<T>::deliver(*std::move(misplaced));
        struct Waiting {
            std::mutex mutex;
            std::condition_variable changed;
            bool is_over = false;
        } waiting;
        operation_->start_anywhere(
            [](void* context) noexcept {
                auto& mine = *static_cast<Waiting*>(context);
                const std::lock_guard lock(mine.mutex);  // held beyond the notification: it goes when it is let go
                mine.is_over = true;
                mine.changed.notify_one();
            },
            &waiting);
        std::unique_lock lock(waiting.mutex);
        waiting.changed.wait(lock, [&] { return waiting.is_over; });
        return await_resume();
    }

    /// What `co_await` asks. @{
    [[nodiscard]] bool await_ready() const noexcept { return operation_ == nullptr || operation_->has_started(); }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
        operation_->start([](void* frame) noexcept { std::coroutine_handle<>::from_address(frame).resume(); },
                          coroutine.address());
    }
    T await_resume() {
        return detail::answer_of<T>::deliver(operation_ ? operation_->take() : detail::no_call_to_await());
    }  /// @}
    /// The same for `when_all` and `when_any`: `then(context)` is called where a coroutine would go on.
    void call_back(void (*then)(void* context) noexcept, void* context) noexcept {
        if (operation_)
            operation_->start(then, context);
        else
            then(context);
    }

private:
    detail::AnswerOperation<Answer>* operation_;
};

}  // namespace pg
