// Coroutines and awaitables for tests: what they do is written down, and a gate says when they go on.
#pragma once

#include <gtest/gtest.h>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "pg/task.hpp"

namespace coroutines {

using pg::Task;
using Trail = std::vector<std::string>;
using Threads = std::vector<std::jthread>;

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What is waited for until the test opens it. Counts the waits that were destroyed instead.
class Gate {
public:
    class Awaiter {
    public:
        explicit Awaiter(Gate& gate) : gate_(gate) {}
        Awaiter(const Awaiter&) = delete;
        Awaiter& operator=(const Awaiter&) = delete;
        ~Awaiter() {
            if (gate_.awaited()) ++gate_.cancelled_;
            gate_.waiting_ = nullptr;
        }
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> waiting) { gate_.waiting_ = waiting; }
        void await_resume() const {}

    private:
        Gate& gate_;
    };

    Gate() = default;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    Awaiter operator co_await() { return Awaiter(*this); }
    void open() { std::exchange(waiting_, nullptr).resume(); }
    [[nodiscard]] bool awaited() const { return waiting_ != nullptr; }
    [[nodiscard]] int cancelled() const { return cancelled_; }

private:
    std::coroutine_handle<> waiting_;
    int cancelled_ = 0;
};

/// Says when it is destroyed, unless it was moved from.
class Local {
public:
    Local(std::string name, Trail& trail) : name_(std::move(name)), trail_(&trail) {}
    Local(Local&& other) noexcept : name_(std::move(other.name_)), trail_(std::exchange(other.trail_, nullptr)) {}
    Local& operator=(Local&&) = delete;
    ~Local() {
        if (trail_ != nullptr) trail_->push_back("~" + name_);
    }

private:
    std::string name_;
    Trail* trail_;
};

/// What calls back when the test says so, and gives a number, or fails with it below zero. Move-only.
template <class T = int>
class Callback {
public:
    /// Where it is told that somebody waits.
    struct Bell {
        void (*then)(void* context) noexcept = nullptr;
        void* context = nullptr;
        void ring() const { then(context); }
        [[nodiscard]] bool is_awaited() const { return then != nullptr; }
    };

    Callback(Bell& bell, int value, Trail& trail) : bell_(&bell), value_(value), local_(std::to_string(value), trail) {}

    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        call_back([](void* frame) noexcept { std::coroutine_handle<>::from_address(frame).resume(); },
                  waiting.address());
    }
    T await_resume() {
        if (value_ < 0) throw Failure(std::to_string(value_));
        if constexpr (!std::is_void_v<T>) return value_;
    }
    void call_back(void (*then)(void* context) noexcept, void* context) {
        *bell_ = {then, context};
        if (value_ == 0) bell_->ring();
    }

private:
    Bell* bell_;
    int value_;
    Local local_;
};

/// Opens a gate when it is destroyed.
class Opener {
public:
    explicit Opener(Gate& gate) : gate_(gate) {}
    Opener(const Opener&) = delete;
    Opener& operator=(const Opener&) = delete;
    ~Opener() {
        if (gate_.awaited()) gate_.open();
    }

private:
    Gate& gate_;
};

/// Resumes on a thread of its own, when `ready` opens.
class NewThread {
public:
    NewThread(Threads& threads, std::latch& ready) : threads_(threads), ready_(ready) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
        threads_.emplace_back([waiting, &ready = ready_] {
            ready.arrive_and_wait();
            waiting.resume();
        });
    }
    void await_resume() const {}

private:
    Threads& threads_;
    std::latch& ready_;
};

/// Runs a Task as far as it goes by itself; destroys it, wherever that is, at its own end.
class Started {
public:
    explicit Started(Task<> task) : task_(std::move(task)), awaiter_(std::move(task_).operator co_await()) {
        awaiter_.await_suspend(std::noop_coroutine()).resume();
    }
    Started(const Started&) = delete;
    Started& operator=(const Started&) = delete;

private:
    Task<> task_;
    pg::detail::awaiter_t<Task<>> awaiter_;
};

// The coroutines of the tests are functions, as a lambda would have to outlive what it captures.

inline Task<int> give(int value) { co_return value; }
inline Task<int> give_noted(int value, Trail& trail) {
    trail.push_back("start " + std::to_string(value));
    co_return value;
}
inline Task<int> give_after(Gate& gate, int value) {
    co_await gate;
    co_return value;
}
inline Task<std::unique_ptr<int>> give_pointer(int value) { co_return std::make_unique<int>(value); }
inline Task<> note(std::string what, Trail& trail) {
    trail.push_back(std::move(what));
    co_return;
}
inline Task<> note_after(Gate& gate, std::string what, Trail& trail) {
    const Local local(what, trail);
    trail.push_back("start " + what);
    co_await gate;
    trail.push_back(what);
}
inline Task<int> fail(std::string what) {
    throw Failure(what);
    co_return 0;
}
inline Task<> fail_with_nothing(std::string what) {
    throw Failure(what);
    co_return;
}
inline Task<int> fail_after(Gate& gate, std::string what) {
    co_await gate;
    throw Failure(what);
}
inline Task<int> on_new_thread(Threads& threads, std::latch& ready, int value) {
    NewThread thread(threads, ready);
    co_await thread;
    if (value < 0) throw Failure(std::to_string(value));
    co_return value;
}
inline Task<int> sum(Task<int> a, Task<int> b) {
    const int first = co_await std::move(a);
    const int second = co_await std::move(b);
    co_return first + second;
}
/// Awaits something and says what it gave: for what is told in a test step by step.
template <class A>
inline Task<> tell(A awaitable, Trail& trail) {
    try {
        const auto result = co_await std::move(awaitable);
        if constexpr (requires { result.index(); })
            trail.push_back("won " + std::to_string(result.index()));
        else if constexpr (requires { result.index; })
            trail.push_back("won " + std::to_string(result.index));
        else
            trail.push_back("done");
    } catch (const Failure& failure) {
        trail.push_back(failure.what());
    }
}

/// What an awaitable throws when it is waited for.
template <class A>
inline std::string failure_of(A awaitable) {
    try {
        static_cast<void>(pg::sync_wait(std::move(awaitable)));
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "none";
}

struct Seconds {
    int count;
};
inline auto operator co_await(Seconds seconds) {
    struct Ready : std::suspend_never {
        explicit Ready(int given) : count(given) {}
        int await_resume() const { return count; }
        int count;
    };
    return Ready(seconds.count);
}

/// Of what happens on several threads.
inline constexpr int rounds = 100;

}  // namespace coroutines
