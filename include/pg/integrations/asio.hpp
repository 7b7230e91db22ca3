// Asio: a client on the application's own io_context, and awaited calls by completion tokens.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/dispatch.hpp>
#include <asio/execution/context_as.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/query.hpp>
#include <asio/system_executor.hpp>
#include <atomic>
#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "pg/error.hpp"
#include "pg/spi/event_loop.hpp"
#include "pg/stop.hpp"
#include "pg/task.hpp"

namespace pg::integrations {

namespace detail {

/// What a loop has in an io_context. Asio's handlers have a share of it, as some of them come after the loop is gone.
///
///   (I1) An answer of asio belongs to one `watch`, or one alarm: its turn tells it from that which is waited for.
///   (I2) Asio never closes a descriptor: each is released before its object goes.
///   (I3) Jobs, descriptors and what holds the loop count as work of the io_context. The alarm does not: it stays for
///        the deadline of a call that has ended, and would keep `run` from returning. At the end of the loop it does:
///        nothing else is left.
///   (I4) No work ends outside of `run` as the last that there is: that would stop the io_context.
class AsioLoopState : public std::enable_shared_from_this<AsioLoopState> {
public:
    using Clock = spi::EventLoop::Clock;

    AsioLoopState(asio::io_context& context, bool alarm_is_work)
        : context_(context), alarm_(std::in_place, context.get_executor()), alarm_is_work_(alarm_is_work) {
        at(0);  // asio makes what serves descriptors now: it goes in the opposite order
    }

    void post(spi::Job& job) {
        const std::lock_guard lock(mutex_);
        if (heir_) return heir_->post(job);
        job.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &job;
        last_ = &job;
        asio::post(context_, [self = shared_from_this()] {
            self->remember_thread();
            if (spi::Job* const first = self->take_job()) first->run();
        });
    }
    bool watch(int descriptor, short events, spi::Job& job) {
        Watched& one = at(descriptor);
        asio::error_code failure;
        if (one.descriptor.assign(descriptor, failure); failure) return false;
        one.events = events;
        one.job = &job;
        if ((events & POLLOUT) != 0) wait(one, descriptor, Descriptor::wait_write);
        if ((events & ~POLLOUT) != 0) wait(one, descriptor, Descriptor::wait_read);
        return true;
    }
    void forget(int descriptor) { at(descriptor).end(); }
    void set_alarm(Clock::time_point when, spi::Job& job) {
        alarm_job_ = when == Clock::time_point::max() ? nullptr : &job;
        alarm_->expires_at(when);
        ++alarm_turn_;
        if (alarm_job_ == nullptr) return;
        if (alarm_is_work_ || context_.get_executor().running_in_this_thread()) return await_alarm();
        asio::post(context_, [self = shared_from_this(), turn = alarm_turn_] {  // (I4)
            if (self->alarm_turn_ == turn) self->await_alarm();
        });
    }
    void hold(bool begins) {
        const auto executor = context_.get_executor();
        holds_ += begins ? 1 : -1;
        if (begins) return executor.on_work_started();
        if (!executor.running_in_this_thread()) asio::post(context_, [] {});  // (I4)
        executor.on_work_finished();
    }
    /// A call is under way.
    bool is_held() const { return holds_ != 0; }
    bool is_here() const {
        return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id() ||
               context_.get_executor().running_in_this_thread();
    }
    void remember_thread() { thread_.store(std::this_thread::get_id(), std::memory_order_relaxed); }

    /// Goes on in another io_context with all that is under way here; nothing is left here that uses this one, and
    /// what other threads post from now on goes there, too.
    void move_to(AsioLoopState& other) {
        {
            const std::lock_guard lock(mutex_);
            for (spi::Job* job = std::exchange(first_, nullptr); job != nullptr;)
                other.post(*std::exchange(job, job->next));
            heir_ = &other;
        }
        for (std::size_t descriptor = 0; descriptor < watched_.size(); ++descriptor) {
            if (watched_[descriptor] == nullptr) continue;
            const short events = watched_[descriptor]->events;
            spi::Job* const job = watched_[descriptor]->end();
            if (job != nullptr && !other.watch(static_cast<int>(descriptor), events, *job)) other.post(*job);
        }
        watched_.clear();
        for (; holds_ != 0; hold(false)) other.hold(true);
        if (alarm_job_ != nullptr) other.set_alarm(alarm_->expiry(), *alarm_job_);
        ++alarm_turn_;
        alarm_.reset();
    }

private:
    using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
    using Alarm = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::io_context::executor_type>;
    /// One descriptor that is watched, or was.
    struct Watched {
        explicit Watched(asio::io_context& context) : descriptor(context.get_executor()) {}
        Descriptor descriptor;
        spi::Job* job = nullptr;
        short events = 0;
        std::uint64_t turn = 0;

        spi::Job* end() {
            ++turn;
            descriptor.release();
            return std::exchange(job, nullptr);
        }
    };

    void await_alarm() {
        alarm_->async_wait([self = shared_from_this(), turn = alarm_turn_](const asio::error_code&) {
            if (!self->alarm_is_work_) self->context_.get_executor().on_work_started();  // (I3)
            self->remember_thread();
            if (self->alarm_turn_ == turn) std::exchange(self->alarm_job_, nullptr)->run();
        });
        if (!alarm_is_work_) context_.get_executor().on_work_finished();  // (I3)
    }
    Watched& at(int descriptor) {
        const auto place = static_cast<std::size_t>(descriptor);
        if (place >= watched_.size()) watched_.resize(place + 1);
        if (watched_[place] == nullptr) watched_[place] = std::make_unique<Watched>(context_);
        return *watched_[place];
    }
    void wait(Watched& one, int descriptor, Descriptor::wait_type what) {
        one.descriptor.async_wait(what,
                                  [self = shared_from_this(), descriptor, turn = one.turn](const asio::error_code&) {
                                      self->remember_thread();
                                      self->answer(static_cast<std::size_t>(descriptor), turn);
                                  });
    }
    void answer(std::size_t descriptor, std::uint64_t turn) {
        if (descriptor >= watched_.size() || watched_[descriptor]->turn != turn) return;  // (I1)
        if (spi::Job* const job = watched_[descriptor]->end()) job->run();
    }
    spi::Job* take_job() {
        const std::lock_guard lock(mutex_);
        spi::Job* const job = first_;
        if (job != nullptr) first_ = job->next;
        return job;
    }

    asio::io_context& context_;
    std::atomic<std::thread::id> thread_{};          // that ran it last
    std::vector<std::unique_ptr<Watched>> watched_;  // by descriptor; null: never was
    std::optional<Alarm> alarm_;
    const bool alarm_is_work_;
    spi::Job* alarm_job_ = nullptr;  // null: none is set
    std::uint64_t alarm_turn_ = 0;
    int holds_ = 0;     // of the loop, that have not ended
    std::mutex mutex_;  // guards what follows
    spi::Job* first_ = nullptr;
    spi::Job* last_ = nullptr;
    AsioLoopState* heir_ = nullptr;  // null: it has not moved
};

}  // namespace detail

/// The application's io_context as the loop of a client: its sessions live there, and no thread is the library's.
/// Pinned.
///
///     asio::io_context io;
///     pg::integrations::AsioEventLoop loop(io);
///     pg::Client db = pg::open(conninfo, {.provider = "async", .event_loop = &loop});
///
/// One thread runs the io_context, always the same. `pg::connect`, the blocking verbs and the end of a client wait for
/// that thread, so other threads need it to be in `run`; on the thread itself use `pg::open` and `db.async()`: there a
/// blocking verb is a UsageError, and the end of a client does not wait. `run` returns when no call is under way, as if
/// each were an operation of asio; sessions that are idle, and deadlines, do not hold it up.
///
/// It goes after everything that was made on it, and before the io_context. Coroutines that still wait go with the
/// io_context, so where they may hold such things, let the loop be a service of that, which outlives them; a call that
/// takes longer than two seconds from then on is to be stopped before:
///
///     auto& loop = asio::use_service<pg::integrations::AsioEventLoop>(io);
class AsioEventLoop final : public spi::EventLoop, public asio::execution_context::service {
public:
    static inline asio::execution_context::id id;  ///< for asio

    /// Borrows the io_context.
    explicit AsioEventLoop(asio::io_context& context)
        : service(context), own_(std::make_shared<detail::AsioLoopState>(context, false)) {}
    AsioEventLoop(const AsioEventLoop&) = delete;
    AsioEventLoop& operator=(const AsioEventLoop&) = delete;
    /// When nobody runs the io_context. Waits for what was left to the background, such as the closing of sessions.
    ~AsioEventLoop() override {
        shutdown();
        rest_->restart();
        rest_->run();
    }

private:
    /// Calls that are under way end, while the services that their coroutines use are still there, but for those that
    /// take longer: what they wait for may only go with the io_context. What comes from now on happens at the end.
    void shutdown() override {
        if (rest_) return;
        at_end_ = std::make_shared<detail::AsioLoopState>(rest_.emplace(1), true);
        at_end_->remember_thread();
        now_.store(at_end_.get(), std::memory_order_release);
        own_->move_to(*at_end_);
        const Clock::time_point until = Clock::now() + std::chrono::seconds(2);
        while (at_end_->is_held() && rest_->run_one_until(until) != 0) continue;
    }

    detail::AsioLoopState& now() const { return *now_.load(std::memory_order_acquire); }
    void do_post(spi::Job& job) noexcept override { now().post(job); }
    bool do_watch(int descriptor, short events, spi::Job& job) noexcept override {
        return now().watch(descriptor, events, job);
    }
    void do_forget(int descriptor) noexcept override { now().forget(descriptor); }
    void do_set_alarm(Clock::time_point when, spi::Job& job) noexcept override { now().set_alarm(when, job); }
    bool do_here() const noexcept override { return now().is_here(); }
    void do_hold(bool begins) noexcept override { now().hold(begins); }

    std::optional<asio::io_context> rest_;  // that takes the place of the other one at the end
    const std::shared_ptr<detail::AsioLoopState> own_;
    std::shared_ptr<detail::AsioLoopState> at_end_;  // in `rest_`; null before
    std::atomic<detail::AsioLoopState*> now_{own_.get()};
};

/// An executor of asio as what awaited calls go on on, whatever threads it has: an io_context, a strand, a pool. The
/// sessions live elsewhere, on threads of the library or on an `AsioEventLoop`. Pinned.
///
///     asio::thread_pool pool(4);
///     pg::integrations::AsioScheduler strand(asio::make_strand(pool));
///     pg::AsyncClient db = client.async(strand);
///
/// A coroutine that goes on in a pool without a strand goes on on any of its threads. A call that is under way is no
/// work of the executor: what keeps an io_context running until then is a work guard, or `async_wait`, whose handler is
/// work. It outlives the calls made on it, and its executor is run until they have ended: a context goes after its
/// `run` or `join` has returned, which wait for a thread of the library that is still handing something over.
class AsioScheduler final : public spi::Scheduler {
public:
    explicit AsioScheduler(asio::any_io_executor executor) : executor_(std::move(executor)) {}  ///< shares it
    AsioScheduler(const AsioScheduler&) = delete;
    AsioScheduler& operator=(const AsioScheduler&) = delete;
    ~AsioScheduler() override = default;

private:
    void do_post(spi::Job& job) noexcept override {
        // The job may have run, and with it everything ended, before `post` returns: the context waits for that, too.
        const asio::any_io_executor kept = asio::prefer(executor_, asio::execution::outstanding_work.tracked);
        asio::post(kept, [&job] { job.run(); });
    }

    const asio::any_io_executor executor_;
};

namespace detail {

template <class T>
struct Told {
    using Signature = void(std::exception_ptr, T);
};
template <>
struct Told<void> {
    using Signature = void(std::exception_ptr);
};

/// In the place of a `T` that nobody can make; who asks for it gets the exception that came instead.
template <class T>
struct NoAnswer {
    std::exception_ptr why;
    operator T() const { std::rethrow_exception(why); }
};

/// What goes with an exception.
template <class T>
auto no_answer(const std::exception_ptr& why) {
    if constexpr (std::is_constructible_v<T, Error>)  // an Expected
        return T(Error({.kind = ErrorKind::usage, .message = "an exception came instead of this answer"}));
    else if constexpr (std::default_initializable<T>)
        return T();
    else
        return NoAnswer<T>{why};
}

/// A call of async_wait that the thread is in.
class Initiation {
public:
    Initiation() noexcept { ++under_way; }
    Initiation(const Initiation&) = delete;
    Initiation& operator=(const Initiation&) = delete;
    ~Initiation() { --under_way; }
    static inline thread_local int under_way = 0;
};

/// Calls `call` on `executor`, but not from within async_wait: asio's coroutines would go ever deeper into the stack
/// where they await what is there already. Who has no executor of his own, as std::future, does not mind.
template <class Executor, class Call>
void call_on(const Executor& executor, Call call) {
    constexpr bool is_elsewhere =
        asio::can_query<Executor, asio::execution::context_as_t<asio::execution_context&>>::value &&
        !std::is_same_v<Executor, asio::system_executor>;
    if constexpr (is_elsewhere) {
        // The call may have run, and with it everything ended, before this returns: the context waits for that, too.
        const auto kept = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        if (Initiation::under_way != 0) return asio::post(kept, std::move(call));
        try {
            asio::dispatch(kept, std::move(call));
        } catch (...) {  // of the call, on its own strand: out of what runs the executor, not into what tells it here
            asio::post(kept, [thrown = std::current_exception()] { std::rethrow_exception(thrown); });
        }
    } else {
        asio::dispatch(executor, std::move(call));
    }
}

/// A coroutine that is its own.
struct Unattended {
    struct promise_type {
        Unattended get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

/// What the asker for an operation can stop by itself: a `pg::Async`, or the next row of a stream.
template <class A>
concept Stoppable = requires(A& operation) {
    { operation.stop() } noexcept;
};

/// While it lives, a stop stops the operation. Of one that has no way to be stopped it does nothing.
template <class A>
class StoppedWith {
public:
    StoppedWith(const StopToken&, A&) {}
};
template <Stoppable A>
class StoppedWith<A> {
public:
    StoppedWith(const StopToken& token, A& operation)
        : callback_(&token, [](void* stopped) noexcept { static_cast<A*>(stopped)->stop(); }, &operation) {}

private:
    StopCallback callback_;
};

/// Asks for a stop when asio does. The source outlives the operation in the slot, where it does nothing then.
struct StopOnCancellation {
    std::stop_source source;
    void operator()(asio::cancellation_type_t type) {
        if ((type & asio::cancellation_type_t::all) != asio::cancellation_type_t::none) source.request_stop();
    }
};

/// A token that is stopped by what cancels the handler; one that never is when nothing can.
template <class Handler>
StopToken stop_of(const Handler& handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (!slot.is_connected()) return StopToken(std::stop_token());
    return StopToken(slot.template emplace<StopOnCancellation>().source.get_token());
}

/// Awaits what `begin(token)` gives, and tells the handler.
template <class Begin, class Handler>
Unattended tell(Begin begin, Handler handler, StopToken token) {
    using A = std::invoke_result_t<Begin&, const StopToken&>;
    using T = pg::detail::value_t<A>;
    auto work = asio::make_work_guard(handler);
    std::exception_ptr exception;
    std::optional<pg::detail::kept_t<A>> answer;
    try {
        A operation = begin(std::as_const(token));  // and it goes before the handler is called
        const StoppedWith<A> stopped(token, operation);
        auto&& awaiter = pg::detail::get_awaiter(std::move(operation));
        if constexpr (std::is_void_v<T>)
            co_await awaiter;  // g++ 12 would move the operation to somewhere else if it were an rvalue
        else
            answer.emplace(co_await awaiter);
    } catch (...) {
        exception = std::current_exception();
    }
    const auto executor = work.get_executor();
    // The work ends with the call: after that nothing here touches the executor, whose context may be gone.
    auto call = [work = std::move(work), handler = std::move(handler), exception = std::move(exception),
                 answer = std::move(answer)]() mutable {
        static_cast<void>(answer);  // void has none
        if constexpr (std::is_void_v<T>)
            std::move(handler)(std::move(exception));
        else if (answer)
            std::move(handler)(std::exception_ptr(), *std::move(answer));
        else
            std::move(handler)(exception, no_answer<T>(exception));
    };
    call_on(executor, std::move(call));
}

/// The operation of asio that `begin` begins, which gives an `A`.
template <class A, class Begin, class CompletionToken>
auto initiate(Begin begin, CompletionToken&& token) {
    using T = pg::detail::value_t<A>;
    return asio::async_initiate<CompletionToken, typename Told<T>::Signature>(
        []<class Handler>(Handler&& handler, Begin given) {
            static_assert(!std::is_same_v<std::decay_t<Handler>, std::decay_t<CompletionToken>> || std::is_void_v<T> ||
                              std::is_constructible_v<T, Error> || std::default_initializable<T>,
                          "beside an exception a function would need a T, which has no default: start() the operation");
            const Initiation here;
            StopToken stop = stop_of(handler);
            tell<Begin, std::decay_t<Handler>>(std::move(given), std::forward<Handler>(handler), std::move(stop));
        },
        token, std::move(begin));
}

}  // namespace detail

/// Awaits a `pg::Async`, a `pg::Task`, or what else can be awaited, as an operation of asio with the signature
/// `void(std::exception_ptr, T)`, or `void(std::exception_ptr)` where there is no answer:
///
///     int one = co_await async_wait(db.async().query_one<int>("select 1"), asio::use_awaitable);
///     std::future<int> two = async_wait(db.async().query_one<int>("select 2"), asio::use_future);
///
/// The handler is dispatched on its associated executor, for which this is work until then; one without an executor, as
/// a plain function has none, is called where the operation ends: on the loop of the client, or before `async_wait`
/// returns when nothing was to be waited for. There it must neither block nor throw. `asio::bind_executor(io,
/// function)` gives it one. What the operation throws is the exception, beside which the answer is `T()`, or an
/// Expected with an error. Where there is no `T()` (a Result, an AsyncTransaction), coroutines and futures do without;
/// a plain function is refused: use `start` of the `pg::Async`.
///
/// A cancellation of the handler, of any type, stops the operation, as `co_await (… || …)` and
/// `asio::bind_cancellation_slot` do it: the statement is cancelled, and the handler gets what came of that, an error
/// of the kind `cancelled` or the answer that came first. It is for a `pg::Async` and the next row of a stream; a Task
/// is for the function below. As everywhere in asio, it is asked for where the handler runs.
template <Awaitable A, class CompletionToken>
auto async_wait(A operation, CompletionToken&& token) {
    return detail::initiate<A>([given = std::move(operation)](const StopToken&) mutable { return std::move(given); },
                               std::forward<CompletionToken>(token));
}

/// The same for what `begin(stop)` makes, such as a `pg::Task` whose calls have that stop: a cancellation asks for it.
///
///     co_await async_wait([&](const pg::StopToken& stop) { return load(db.with({.stop = &stop})); }, use_awaitable);
///
/// It is called before `async_wait` returns. The function, and the stop, live as long as the operation.
template <class Begin, class CompletionToken>
    requires(!Awaitable<Begin> && Awaitable<std::invoke_result_t<Begin&, const StopToken&>>)
auto async_wait(Begin begin, CompletionToken&& token) {
    return detail::initiate<std::invoke_result_t<Begin&, const StopToken&>>(std::move(begin),
                                                                            std::forward<CompletionToken>(token));
}

}  // namespace pg::integrations
