// Tasks: how coroutines start, end, fail and are destroyed, and waiting for one from plain code.
#include "coroutines.hpp"

namespace {

using namespace coroutines;

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

// Built without assertions it could not say so.
#if !defined(NDEBUG) || defined(__clang__) || __GNUC__ != 12
Task<> note_when_awaited_in_a_condition(Trail& trail) {
    if (co_await give(1) == 1) trail.push_back("ran");
}

TEST(ATask, RunsOrSaysThatItsCompilerLosesIt) {
    Trail trail;
#if !defined(__clang__) && __GNUC__ == 12
    EXPECT_DEATH(pg::sync_wait(note_when_awaited_in_a_condition(trail)), "give what is awaited in a condition a name");
#else
    pg::sync_wait(note_when_awaited_in_a_condition(trail));
    EXPECT_EQ(trail, Trail{"ran"});
#endif
}
#endif

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
