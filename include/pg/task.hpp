// Task and what goes with it: lazy coroutines, waiting for all or the first of several, and waiting from plain code.
#pragma once

#include <atomic>
#include <cassert>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "pg/recycled.hpp"

namespace pg {
namespace detail {

/// Throws UsageError in what an event loop runs.
PGCLIENT_API void refuse_to_block();

template <class A>
decltype(auto) get_awaiter(A&& awaitable) {
    if constexpr (requires { std::forward<A>(awaitable).operator co_await(); })
        return std::forward<A>(awaitable).operator co_await();
    else if constexpr (requires { operator co_await(std::forward<A>(awaitable)); })
        return operator co_await(std::forward<A>(awaitable));
    else
        return std::forward<A>(awaitable);
}
template <class A>
using awaiter_t = decltype(get_awaiter(std::declval<A>()));

/// The half of a promise that keeps how the coroutine ended.
template <class T>
struct Ending {
    void return_value(T value) { state.template emplace<1>(std::move(value)); }
    void unhandled_exception() { state.template emplace<2>(std::current_exception()); }
    T&& take() {
        if (auto* error = std::get_if<2>(&state)) std::rethrow_exception(std::move(*error));
        return std::move(*std::get_if<1>(&state));
    }
    std::variant<std::monostate, T, std::exception_ptr> state;
};
template <>
struct Ending<void> {
    void return_void() const noexcept {}
    void unhandled_exception() { error = std::current_exception(); }
    void take() {
        if (error) std::rethrow_exception(std::move(error));
    }
    std::exception_ptr error;
};

/// Owns a lazy coroutine. Move-only. `Next` is called at its end and gives the coroutine that runs next; nothing
/// touches the frame after it, as another thread may have destroyed it by then.
template <class T, class Next>
class Coroutine {
public:
    struct promise_type : Recycled, Ending<T> {
        Coroutine get_return_object() noexcept { return Coroutine(Handle::from_promise(*this)); }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        auto final_suspend() const noexcept { return Finish(); }
        Next next{};
    };

    Coroutine(Coroutine&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Coroutine& operator=(Coroutine&& other) noexcept {
        Coroutine taken(std::move(other));
        std::swap(handle_, taken.handle_);
        return *this;
    }
    ~Coroutine() {
        if (handle_) handle_.destroy();
    }

    /// Gives what has to be resumed to start it. Once.
    std::coroutine_handle<> start(Next next) noexcept {
        assert(handle_ && !handle_.done());
        handle_.promise().next = next;
        return handle_;
    }
    /// The result, to be moved from, or the exception. Once, after the end.
    decltype(auto) take() { return handle_.promise().take(); }

private:
    using Handle = std::coroutine_handle<promise_type>;
    struct Finish : std::suspend_always {
        std::coroutine_handle<> await_suspend(Handle ended) const noexcept { return ended.promise().next(); }
    };
    explicit Coroutine(Handle handle) noexcept : handle_(handle) {
        // g++ 12 misses the frame of one that declares no variable and awaits in a condition.
#if !defined(__clang__)
        assert(reinterpret_cast<std::uintptr_t>(handle.address()) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0 &&
               "g++ 12: give what is awaited in a condition a name first");
#endif
    }
    Handle handle_;
};

/// The end of a Task: its awaiter goes on.
struct ResumeAwaiter {
    std::coroutine_handle<> awaiter;
    std::coroutine_handle<> operator()() const noexcept { return awaiter; }
};

}  // namespace detail

/// What any coroutine can `co_await`: an awaiter or what has an `operator co_await`. `A&` stands for an lvalue of it.
template <class A>
concept Awaitable = requires(detail::awaiter_t<A>& awaiter, std::coroutine_handle<> waiting) {
    static_cast<bool>(awaiter.await_ready());
    awaiter.await_suspend(waiting);
    awaiter.await_resume();
};

/// What `co_await` gives for an `A`.
template <Awaitable A>
using await_result_t = decltype(std::declval<detail::awaiter_t<A>&>().await_resume());

/// The return type of a coroutine that gives a `T`. Move-only; owns the coroutine. Not synchronised.
///
/// Nothing runs before `co_await std::move(task)` (or of a temporary), which is allowed once and which the Task has to
/// outlive. The coroutine then starts on the awaiter's thread, and the awaiter goes on where the coroutine ends, with
/// its result or its exception. Destroying a Task destroys its coroutine, with what that awaits: one that has not
/// started, is suspended or has ended, never one that is running, here or on another thread. Awaiting in a loop costs
/// no stack where the compiler makes the transfers between coroutines tail calls: clang always, g++ from -O2.
template <class T = void>
class [[nodiscard]] Task {
    static_assert(!std::is_reference_v<T>, "a Task gives values: return a pointer or a std::reference_wrapper");
    using Coroutine = detail::Coroutine<T, detail::ResumeAwaiter>;
    struct Awaiter : std::suspend_always {
        explicit Awaiter(Coroutine& awaited) noexcept : coroutine(awaited) {}
        auto await_suspend(std::coroutine_handle<> awaiter) const noexcept { return coroutine.start({awaiter}); }
        T await_resume() const { return coroutine.take(); }
        Coroutine& coroutine;
    };

public:
    using promise_type = typename Coroutine::promise_type;                    ///< for the compiler
    Task(Coroutine coroutine) noexcept : coroutine_(std::move(coroutine)) {}  ///< for the compiler
    /// Once, and not after the Task was moved from.
    auto operator co_await() && noexcept { return Awaiter(coroutine_); }

private:
    Coroutine coroutine_;
};

/// What `when_any` of a vector gives: which part ended first, and its result.
template <class R>
struct FirstDone {
    std::size_t index;  ///< of the part in the vector
    R value;            ///< what it gave
};

/// The same for parts that give nothing.
template <>
struct FirstDone<void> {
    std::size_t index;  ///< of the part in the vector
};

namespace detail {

/// Where the parts of a when_all or when_any report their ends, from any thread; awaited once they are started.
class Join : public std::suspend_always {
public:
    /// The awaiter counts like one more part: were it not so, parts that end on other threads could resume it while
    /// others are still being started.
    explicit Join(std::size_t wanted) noexcept : wanted_(wanted), left_(wanted + 1) {}
    /// While the parts are started: whether those that ended are enough.
    [[nodiscard]] bool satisfied() const noexcept { return left_.load(std::memory_order_acquire) == 1; }
    bool await_suspend(std::coroutine_handle<> awaiter) noexcept {
        awaiter_ = awaiter;
        return !arrive();
    }
    std::coroutine_handle<> part_ended(std::size_t index) noexcept {
        const std::size_t before = ended_.fetch_add(1, std::memory_order_relaxed);
        if (before == 0) first_ = index;
        if (before < wanted_ && arrive()) return awaiter_;
        return std::noop_coroutine();
    }
    std::size_t await_resume() const noexcept { return first_; }

private:
    /// True for the last one. For any other the Join may be gone by now.
    bool arrive() noexcept { return left_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

    const std::size_t wanted_;
    std::atomic<std::size_t> left_;
    std::atomic<std::size_t> ended_{0};
    std::size_t first_ = 0;
    std::coroutine_handle<> awaiter_;
};

/// The end of a part: the awaiter goes on when it was the last one wanted.
struct ReportToJoin {
    Join* join;
    std::size_t index;
    std::coroutine_handle<> operator()() const noexcept { return join->part_ended(index); }
};

template <class A>
using value_t = std::remove_cvref_t<await_result_t<A>>;  // void stays void
template <class A>
using kept_t = std::conditional_t<std::is_void_v<value_t<A>>, std::monostate, value_t<A>>;

/// What calls a function at its end, once, as it would resume who awaits it.
template <class A>
concept CallsBack =
    requires(A& awaitable, void (*then)(void*) noexcept, void* context) { awaitable.call_back(then, context); };

/// It forgets who awaits it when that goes: an lvalue that is its own awaiter would stay, and resume what is gone.
template <class A>
inline constexpr bool forgets_who_awaits = !std::is_lvalue_reference_v<A> || !std::is_lvalue_reference_v<awaiter_t<A>>;

/// Owns an rvalue, refers to an lvalue, and awaits it when started.
template <class Next, class A>
Coroutine<kept_t<A>, Next> keep_result(A awaitable) {
    if constexpr (std::is_void_v<await_result_t<A>>) {
        co_await std::forward<A>(awaitable);
        co_return std::monostate();
    } else {
        co_return co_await std::forward<A>(awaitable);
    }
}

/// One awaitable of several: a coroutine that awaits it. Pinned once it is started.
template <class A>
class Part {
public:
    explicit Part(A&& awaitable) : coroutine_(keep_result<ReportToJoin, A>(std::forward<A>(awaitable))) {}
    void start(ReportToJoin report) { coroutine_.start(report).resume(); }
    decltype(auto) take() { return coroutine_.take(); }  ///< once, after the end

private:
    Coroutine<kept_t<A>, ReportToJoin> coroutine_;
};
/// One that calls at its end needs none: what it gave is taken when all is over.
template <CallsBack A>
class Part<A> {
public:
    explicit Part(A&& awaitable) : awaitable_(std::forward<A>(awaitable)) {}
    void start(ReportToJoin report) {
        report_ = report;
        awaitable_.call_back([](void* part) noexcept { static_cast<Part*>(part)->report_().resume(); }, this);
    }
    kept_t<A> take() {
        if constexpr (std::is_void_v<await_result_t<A>>) {
            awaitable_.await_resume();
            return {};
        } else {
            return awaitable_.await_resume();
        }
    }

private:
    A awaitable_;
    ReportToJoin report_{};
};

template <class... A>
auto pack_of_parts(A&&... awaitables) {
    static_assert((forgets_who_awaits<A> && ...),
                  "an lvalue that is its own awaiter, as a pg::Async is, outlives who waits for it: std::move it");
    return std::tuple<Part<A>...>{Part<A>(std::forward<A>(awaitables))...};
}
template <class A>
auto vector_of_parts(std::vector<A>& awaitables) {
    std::vector<Part<A>> parts;
    parts.reserve(awaitables.size());
    for (auto& awaitable : awaitables) parts.emplace_back(std::move(awaitable));
    return parts;
}

/// Starts the parts until `wanted` of them ended, or waits until they do. Gives `take(parts, first one that ended)`.
template <class Parts, class Take>
auto join_parts(std::size_t wanted, Parts given, Take take) -> Task<std::invoke_result_t<Take, Parts&, std::size_t>> {
    Join join(wanted);              // before the parts, as destroying one of them may end another one
    auto parts = std::move(given);  // a local is destroyed before the awaiter goes on, a parameter afterwards
    std::size_t index = 0;
    const auto start = [&](auto& part) {
        if (!join.satisfied()) part.start({&join, index++});
    };
    if constexpr (requires { parts.begin(); })
        for (auto& part : parts) start(part);
    else
        std::apply([&](auto&... part) { (start(part), ...); }, parts);
    const std::size_t first = co_await join;
    co_return take(parts, first);
}

template <std::size_t index = 0, class... A>
std::variant<kept_t<A>...> take_one(std::tuple<Part<A>...>& parts, std::size_t which) {
    if constexpr (index + 1 < sizeof...(A))
        if (which != index) return take_one<index + 1>(parts, which);
    return std::variant<kept_t<A>...>(std::in_place_index<index>, std::get<index>(parts).take());
}

struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool set = false;
};
/// The end of what sync_wait runs: the blocked thread goes on.
struct SetSignal {
    Signal* signal;
    std::coroutine_handle<> operator()() const noexcept {
        const std::lock_guard lock(signal->mutex);  // the Signal is gone as soon as the other thread gets the lock
        signal->set = true;
        signal->changed.notify_one();
        return std::noop_coroutine();
    }
};

}  // namespace detail

/// Starts all of `awaitables` in order and ends when all have ended. Lazy. Gives a tuple of their results, with
/// `std::monostate` for void; when some failed, throws the first exception in the order of the arguments.
///
/// Rvalues are moved in, as a `pg::Async` has to be; lvalues that have an `operator co_await` are referred to and have
/// to outlive the Task. The parts may end on different threads: the awaiter goes on where the last one ends. Destroying
/// the suspended Task destroys all its parts.
template <Awaitable... A>
Task<std::tuple<detail::kept_t<A>...>> when_all(A&&... awaitables) {
    return detail::join_parts(
        sizeof...(A), detail::pack_of_parts(std::forward<A>(awaitables)...), [](auto& parts, auto) {
            return std::apply([](auto&... part) { return std::tuple<detail::kept_t<A>...>{part.take()...}; }, parts);
        });
}

/// The same for any number of one type: gives a vector of their results, or nothing when they give nothing.
template <Awaitable A>
auto when_all(std::vector<A> awaitables) {
    return detail::join_parts(awaitables.size(), detail::vector_of_parts(awaitables), [](auto& parts, auto) {
        std::vector<detail::kept_t<A>> results;
        results.reserve(parts.size());
        for (auto& part : parts) results.push_back(part.take());
        if constexpr (!std::is_void_v<await_result_t<A>>) return results;
    });
}

/// Starts `awaitables` in order and ends with the first one that ends. Lazy. Gives a variant of their results, with
/// `std::monostate` for void, whose index says which one it was; or throws its exception. When one ends while it is
/// started, those after it are not started. All are destroyed before the awaiter goes on.
///
/// A running coroutine cannot be destroyed, so the losers have to be suspended when the first one ends: all parts of
/// one when_any are started and resumed on one thread (one loop), and none resumes another one from its own code. What
/// becomes of rvalues, lvalues, and the parts of a suspended Task is as for when_all.
template <Awaitable... A>
    requires(sizeof...(A) > 0)
Task<std::variant<detail::kept_t<A>...>> when_any(A&&... awaitables) {
    return detail::join_parts(1, detail::pack_of_parts(std::forward<A>(awaitables)...),
                              [](auto& parts, std::size_t first) { return detail::take_one(parts, first); });
}

/// The same for one or more of one type. An empty vector is the caller's error, and asserted.
template <Awaitable A>
Task<FirstDone<detail::value_t<A>>> when_any(std::vector<A> awaitables) {
    assert(!awaitables.empty());
    return detail::join_parts(1, detail::vector_of_parts(awaitables), [](auto& parts, std::size_t first) {
        [[maybe_unused]] auto value = parts[first].take();
        if constexpr (std::is_void_v<await_result_t<A>>)
            return FirstDone<void>{first};
        else
            return FirstDone<detail::value_t<A>>{first, std::move(value)};
    });
}

/// Runs `awaitable` from plain code: starts it on the calling thread, blocks that until it ends, here or on another
/// thread, and returns its result (by value) or throws its exception. Nothing it waits for may need the calling thread:
/// UsageError on the thread of an event loop, in what the loop runs.
template <Awaitable A>
detail::value_t<A> sync_wait(A&& awaitable) {
    detail::refuse_to_block();
    detail::Signal ended;
    auto running = detail::keep_result<detail::SetSignal, A>(std::forward<A>(awaitable));
    running.start({&ended}).resume();
    std::unique_lock lock(ended.mutex);
    ended.changed.wait(lock, [&] { return ended.set; });
    return static_cast<detail::value_t<A>>(running.take());
}

}  // namespace pg
