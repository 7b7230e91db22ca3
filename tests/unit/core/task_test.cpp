// Tasks: how coroutines start, end, fail and are destroyed, and what waits for all, the first, or from plain code.
#include "pg/task.hpp"

#include <gtest/gtest.h>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

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

Task<int> give(int value) { co_return value; }
Task<int> give_noted(int value, Trail& trail) {
    trail.push_back("start " + std::to_string(value));
    co_return value;
}
Task<int> give_after(Gate& gate, int value) {
    co_await gate;
    co_return value;
}
Task<std::unique_ptr<int>> give_pointer(int value) { co_return std::make_unique<int>(value); }
Task<> note(std::string what, Trail& trail) {
    trail.push_back(std::move(what));
    co_return;
}
Task<> note_after(Gate& gate, std::string what, Trail& trail) {
    const Local local(what, trail);
    trail.push_back("start " + what);
    co_await gate;
    trail.push_back(what);
}
Task<int> fail(std::string what) {
    throw Failure(what);
    co_return 0;
}
Task<> fail_with_nothing(std::string what) {
    throw Failure(what);
    co_return;
}
Task<int> fail_after(Gate& gate, std::string what) {
    co_await gate;
    throw Failure(what);
}
Task<int> on_new_thread(Threads& threads, std::latch& ready, int value) {
    NewThread thread(threads, ready);
    co_await thread;
    if (value < 0) throw Failure(std::to_string(value));
    co_return value;
}
Task<int> sum(Task<int> a, Task<int> b) {
    const int first = co_await std::move(a);
    const int second = co_await std::move(b);
    co_return first + second;
}
/// Awaits something and says what it gave: for what is told in a test step by step.
template <class A>
Task<> tell(A awaitable, Trail& trail) {
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
std::string failure_of(A awaitable) {
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
auto operator co_await(Seconds seconds) {
    struct Ready : std::suspend_never {
        explicit Ready(int given) : count(given) {}
        int await_resume() const { return count; }
        int count;
    };
    return Ready(seconds.count);
}

static_assert(pg::Awaitable<Task<>> && pg::Awaitable<Task<int>>);
static_assert(!pg::Awaitable<Task<int>&>, "it is started once: by an rvalue");
static_assert(pg::Awaitable<Gate&> && pg::Awaitable<std::suspend_never> && pg::Awaitable<Seconds>);
static_assert(!pg::Awaitable<int> && !pg::Awaitable<void> && !pg::Awaitable<std::vector<Task<>>>);
static_assert(std::is_same_v<pg::await_result_t<Task<int>>, int> && std::is_void_v<pg::await_result_t<Gate&>>);
static_assert(std::is_same_v<pg::await_result_t<Seconds>, int>);
static_assert(!std::is_copy_constructible_v<Task<>> && std::is_nothrow_move_constructible_v<Task<>>);
static_assert(!std::is_copy_assignable_v<Task<>> && std::is_nothrow_move_assignable_v<Task<>>);

TEST(ATask, RunsNothingBeforeItIsAwaited) {
    Trail trail;
    auto task = note("ran", trail);
    EXPECT_EQ(trail, Trail{});
    pg::sync_wait(std::move(task));
    EXPECT_EQ(trail, Trail{"ran"});
}

TEST(ATask, GivesWhatItsCoroutineReturns) {
    EXPECT_EQ(pg::sync_wait(sum(give(1), give(2))), 3);
    EXPECT_EQ(*pg::sync_wait(give_pointer(4)), 4);
}

TEST(ATask, ThrowsInItsAwaiterWhatItsCoroutineThrows) {
    Trail trail;
    EXPECT_EQ(failure_of(sum(give(1), fail("no"))), "no");
    EXPECT_EQ(failure_of(fail_with_nothing("nothing")), "nothing");
    pg::sync_wait(tell(fail("caught"), trail));
    EXPECT_EQ(trail, Trail{"caught"});
}

TEST(ATask, GoesOnWhenWhatItAwaitsIsThere) {
    Gate gate;
    Trail trail;
    const Started running(tell(sum(give(1), give_after(gate, 2)), trail));
    EXPECT_EQ(trail, Trail{});
    gate.open();
    EXPECT_EQ(trail, Trail{"done"});
    EXPECT_EQ(gate.cancelled(), 0);
}

TEST(ATask, DestroysWhatItAwaitsWhenItIsDestroyed) {
    Gate gate;
    Trail trail;
    {
        const Started running(tell(pg::when_all(note_after(gate, "inner", trail)), trail));
        EXPECT_TRUE(gate.awaited());
    }
    EXPECT_FALSE(gate.awaited());
    EXPECT_EQ(gate.cancelled(), 1);
    EXPECT_EQ(trail, (Trail{"start inner", "~inner"}));
}

Task<> hold(Local) { co_return; }

TEST(ATask, DestroysItsArgumentsWhenItNeverStarts) {
    Trail trail;
    {
        const auto never = hold(Local("argument", trail));
        EXPECT_EQ(trail, Trail{});
    }
    EXPECT_EQ(trail, Trail{"~argument"});
}

TEST(ATask, IsDestroyedWhenAnotherIsAssignedToIt) {
    Trail trail;
    auto task = hold(Local("first", trail));
    task = hold(Local("second", trail));
    EXPECT_EQ(trail, Trail{"~first"});
    auto moved = std::move(task);
    EXPECT_EQ(trail, Trail{"~first"});
    pg::sync_wait(std::move(moved));
    EXPECT_EQ(trail, (Trail{"~first", "~second"}));
}

// Without tail calls each await takes some of the stack. g++ makes them from -O2, which a release build has.
#if defined(__clang__) || \
    (defined(__OPTIMIZE__) && defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__))
constexpr int many = 100000;
#else
constexpr int many = 1000;
#endif

Task<int> add_ones() {
    int total = 0;
    for (int i = 0; i < many; ++i) total += co_await give(1);
    co_return total;
}
Task<int> add_ones_of_groups() {
    int total = 0;
    for (int i = 0; i < many; ++i) {
        const auto [a, b] = co_await pg::when_all(give(1), give(1));
        const auto first = co_await pg::when_any(give(1), give(2));
        total += a + b + std::get<0>(first);
    }
    co_return total;
}

TEST(ATask, IsAwaitedInALoopWithoutStack) {
    EXPECT_EQ(pg::sync_wait(add_ones()), many);
    EXPECT_EQ(pg::sync_wait(add_ones_of_groups()), 3 * many);
}

TEST(WhenAll, StartsInOrderAndGivesResultsInOrder) {
    Trail trail;
    auto all = pg::when_all(give_noted(1, trail), note("void", trail), give_pointer(3), Seconds{4});
    EXPECT_EQ(trail, Trail{});
    const auto [a, nothing, c, d] = pg::sync_wait(std::move(all));
    EXPECT_EQ(trail, (Trail{"start 1", "void"}));
    EXPECT_EQ(a, 1);
    EXPECT_EQ(nothing, std::monostate());
    EXPECT_EQ(*c, 3);
    EXPECT_EQ(d, 4);
}

TEST(WhenAll, EndsWhenTheLastPartEnds) {
    Gate first;
    Gate second;
    Trail trail;
    const Started running(tell(pg::when_all(note_after(first, "first", trail), second, give(3)), trail));
    second.open();
    EXPECT_EQ(trail, (Trail{"start first"}));
    first.open();
    EXPECT_EQ(trail, (Trail{"start first", "first", "~first", "done"}));
}

TEST(WhenAll, ThrowsTheFirstExceptionInTheOrderOfItsArguments) {
    Gate gate;
    Trail trail;
    const Started running(tell(pg::when_all(give(1), fail_after(gate, "first"), fail("second")), trail));
    EXPECT_EQ(trail, Trail{});
    gate.open();
    EXPECT_EQ(trail, Trail{"first"});
}

TEST(WhenAll, OfNothingEndsAtOnce) {
    EXPECT_EQ(pg::sync_wait(pg::when_all()), std::tuple<>());
    EXPECT_EQ(pg::sync_wait(pg::when_all(std::vector<Task<int>>())), std::vector<int>());
    pg::sync_wait(pg::when_all(std::vector<Task<>>()));
}

TEST(WhenAll, OfAVectorGivesAVector) {
    Trail trail;
    std::vector<Task<int>> numbers;
    numbers.reserve(3);
    for (int i = 0; i < 3; ++i) numbers.push_back(give_noted(i, trail));
    EXPECT_EQ(pg::sync_wait(pg::when_all(std::move(numbers))), (std::vector{0, 1, 2}));
    EXPECT_EQ(trail, (Trail{"start 0", "start 1", "start 2"}));
}

TEST(WhenAll, OfAVectorOfVoidGivesNothingOrThrows) {
    Trail trail;
    std::vector<Task<>> good;
    good.push_back(note("a", trail));
    good.push_back(note("b", trail));
    auto all = pg::when_all(std::move(good));
    static_assert(std::is_same_v<decltype(all), Task<>>);
    pg::sync_wait(std::move(all));
    EXPECT_EQ(trail, (Trail{"a", "b"}));

    std::vector<Task<>> bad;
    bad.push_back(note("c", trail));
    bad.push_back(fail_with_nothing("first"));
    bad.push_back(fail_with_nothing("second"));
    EXPECT_EQ(failure_of(pg::when_all(std::move(bad))), "first");
}

TEST(WhenAll, DestroysItsPartsWhenItIsDestroyed) {
    Gate first;
    Gate second;
    Trail trail;
    {
        const Started running(tell(pg::when_all(first, note_after(second, "part", trail)), trail));
        first.open();
    }
    EXPECT_EQ(first.cancelled(), 0);
    EXPECT_EQ(second.cancelled(), 1);
    EXPECT_EQ(trail, (Trail{"start part", "~part"}));
}

constexpr int rounds = 100;
constexpr int width = 6;

TEST(WhenAll, TakesPartsThatEndOnManyThreadsAtOnce) {
    for (int round = 0; round < rounds; ++round) {
        std::latch ready(width);
        Threads threads;
        std::vector<Task<int>> parts;
        parts.reserve(width);
        for (int i = 0; i < width; ++i) parts.push_back(on_new_thread(threads, ready, i));
        EXPECT_EQ(pg::sync_wait(pg::when_all(std::move(parts))), (std::vector{0, 1, 2, 3, 4, 5}));
    }
}

TEST(WhenAll, TakesPartsThatEndWhileOthersAreStarted) {
    for (int round = 0; round < rounds; ++round) {
        std::latch first(1);
        std::latch second(1);
        std::latch third(1);
        Threads threads;
        auto all = pg::when_all(on_new_thread(threads, first, 1), on_new_thread(threads, second, -2), give(3),
                                on_new_thread(threads, third, -4));
        EXPECT_EQ(failure_of(std::move(all)), "-2");
    }
}

TEST(WhenAny, GivesTheFirstThatEndsByItsIndex) {
    Gate never;
    const auto first = pg::sync_wait(pg::when_any(never, give(7), give_pointer(8)));
    static_assert(std::is_same_v<decltype(first), const std::variant<std::monostate, int, std::unique_ptr<int>>>);
    ASSERT_EQ(first.index(), 1u);
    EXPECT_EQ(std::get<1>(first), 7);
    EXPECT_EQ(never.cancelled(), 1);
}

TEST(WhenAny, DestroysTheLosersBeforeItsAwaiterGoesOn) {
    Gate loser;
    Gate winner;
    Trail trail;
    const Started running(
        tell(pg::when_any(note_after(loser, "loser", trail), note_after(winner, "winner", trail)), trail));
    winner.open();
    EXPECT_EQ(trail, (Trail{"start loser", "start winner", "winner", "~winner", "~loser", "won 1"}));
    EXPECT_EQ(loser.cancelled(), 1);
    EXPECT_EQ(winner.cancelled(), 0);
}

TEST(WhenAny, ThrowsWhatTheFirstThatEndsThrows) {
    Gate loser;
    Gate winner;
    Trail trail;
    const Started running(tell(pg::when_any(note_after(loser, "loser", trail), fail_after(winner, "failed")), trail));
    winner.open();
    EXPECT_EQ(trail, (Trail{"start loser", "~loser", "failed"}));
}

TEST(WhenAny, StartsNothingAfterAPartThatEndsAtOnce) {
    Trail trail;
    const auto first = pg::sync_wait(pg::when_any(give_noted(1, trail), give_noted(2, trail), note("3", trail)));
    EXPECT_EQ(first.index(), 0u);
    EXPECT_EQ(std::get<0>(first), 1);
    EXPECT_EQ(trail, Trail{"start 1"});
}

Task<int> open_and_give(Gate& gate, int value) {
    gate.open();
    co_return value;
}

TEST(WhenAny, GivesTheFirstThatEndsAlsoWhenALaterPartEndsIt) {
    Gate gate;
    Trail trail;
    pg::sync_wait(tell(pg::when_any(give_after(gate, 1), open_and_give(gate, 2), give_noted(3, trail)), trail));
    EXPECT_EQ(trail, Trail{"won 0"});
}

Task<int> open_at_end(Gate& awaited, Gate& opened) {
    const Opener opener(opened);
    co_await awaited;
    co_return 1;
}

TEST(WhenAny, IgnoresALoserThatEndsWhileAnotherIsDestroyed) {
    Gate never;
    Gate ended;
    Trail trail;
    pg::sync_wait(tell(pg::when_any(open_at_end(never, ended), give_after(ended, 2), give(3)), trail));
    EXPECT_EQ(trail, Trail{"won 2"});
    EXPECT_EQ(never.cancelled(), 1);
}

TEST(WhenAny, OfAVectorGivesTheIndexAndTheResult) {
    Gate never;
    std::vector<Task<int>> parts;
    parts.push_back(give_after(never, 4));
    parts.push_back(give(5));
    parts.push_back(give(6));
    const auto first = pg::sync_wait(pg::when_any(std::move(parts)));
    EXPECT_EQ(first.index, 1u);
    EXPECT_EQ(first.value, 5);
    EXPECT_EQ(never.cancelled(), 1);
}

TEST(WhenAny, OfAVectorOfVoidGivesTheIndexOrThrows) {
    Gate never;
    Gate winner;
    Trail trail;
    std::vector<Task<>> parts;
    parts.push_back(note_after(never, "never", trail));
    parts.push_back(note_after(winner, "winner", trail));
    const Started running(tell(pg::when_any(std::move(parts)), trail));
    winner.open();
    EXPECT_EQ(trail, (Trail{"start never", "start winner", "winner", "~winner", "~never", "won 1"}));

    std::vector<Task<>> bad;
    bad.push_back(fail_with_nothing("failed"));
    EXPECT_EQ(failure_of(pg::when_any(std::move(bad))), "failed");
}

TEST(WhenAny, DestroysItsPartsWhenItIsDestroyed) {
    Gate first;
    Gate second;
    Trail trail;
    {
        const Started running(tell(pg::when_any(first, pg::when_all(note("part", trail), second)), trail));
    }
    EXPECT_EQ(first.cancelled(), 1);
    EXPECT_EQ(second.cancelled(), 1);
    EXPECT_EQ(trail, Trail{"part"});
}

TEST(SyncWait, ReturnsWhatIsAwaited) {
    EXPECT_EQ(pg::sync_wait(Seconds{3}), 3);
    EXPECT_EQ(*pg::sync_wait(give_pointer(4)), 4);
    std::suspend_never lvalue;
    pg::sync_wait(lvalue);
    EXPECT_EQ(failure_of(fail("failed")), "failed");
}

TEST(SyncWait, BlocksUntilAnotherThreadEndsWhatIsAwaited) {
    for (int round = 0; round < rounds; ++round) {
        std::latch ready(1);
        Threads threads;
        EXPECT_EQ(pg::sync_wait(on_new_thread(threads, ready, round)), round);
    }
}

TEST(SyncWait, ThrowsWhatIsThrownOnAnotherThread) {
    std::latch ready(1);
    Threads threads;
    EXPECT_EQ(failure_of(on_new_thread(threads, ready, -1)), "-1");
}

}  // namespace
