// Waiting for all of several coroutines, or for the first of them.
#include "coroutines.hpp"

namespace {

using namespace coroutines;

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

// --- parts that call back, and are awaited without a coroutine for each

using Bells = std::array<Callback<>::Bell, 3>;

std::vector<Callback<>> callbacks(Bells& bells, const std::array<int, 3>& values, Trail& trail) {
    std::vector<Callback<>> parts;
    parts.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) parts.emplace_back(bells[i], values[i], trail);
    return parts;
}
TEST(WhenAll, OfPartsThatCallBackGivesTheirResultsInOrder) {
    Bells bells;
    Trail trail;
    {
        auto all = pg::when_all(callbacks(bells, {1, 2, 3}, trail));
        EXPECT_FALSE(bells[0].is_awaited());
        std::vector<int> results;
        const auto keep = [](Task<std::vector<int>> awaited, std::vector<int>& kept) -> Task<> {
            kept = co_await std::move(awaited);
        };
        const Started running(keep(std::move(all), results));
        bells[2].ring();
        bells[0].ring();
        EXPECT_EQ(trail, Trail{});
        bells[1].ring();
        EXPECT_EQ(results, (std::vector{1, 2, 3}));
    }
    EXPECT_EQ(trail, (Trail{"~1", "~2", "~3"}));
}

TEST(WhenAll, OfPartsThatCallBackThrowsTheFirstExceptionInTheirOrder) {
    Bells bells;
    Trail trail;
    const Started running(tell(pg::when_all(callbacks(bells, {1, -2, -3}, trail)), trail));
    bells[2].ring();
    bells[1].ring();
    bells[0].ring();
    EXPECT_EQ(trail, (Trail{"~1", "~-2", "~-3", "-2"}));
}

TEST(WhenAll, TakesPartsOfAllKinds) {
    Callback<>::Bell one;
    Callback<void>::Bell other;
    Gate gate;
    Trail trail;
    auto all = pg::when_all(Callback<>(one, 7, trail), Callback<void>(other, 8, trail), gate, give(9));
    static_assert(std::is_same_v<decltype(all), Task<std::tuple<int, std::monostate, std::monostate, int>>>);
    const Started running(tell(std::move(all), trail));
    other.ring();
    gate.open();
    one.ring();
    EXPECT_EQ(trail.size(), 3u);
    EXPECT_EQ(trail.back(), "done") << "behind the ends of both";
}

TEST(WhenAll, DestroysPartsThatWouldCallBack) {
    Bells bells;
    Trail trail;
    {
        const Started running(tell(pg::when_all(callbacks(bells, {1, 2, 3}, trail)), trail));
        bells[1].ring();
    }
    EXPECT_EQ(trail, (Trail{"~1", "~2", "~3"}));
}

TEST(WhenAny, OfPartsThatCallBackDestroysTheLosersFirst) {
    Bells bells;
    Trail trail;
    const Started running(tell(pg::when_any(callbacks(bells, {1, 2, 3}, trail)), trail));
    bells[1].ring();
    EXPECT_EQ(trail, (Trail{"~1", "~2", "~3", "won 1"}));
}

TEST(WhenAny, StartsNothingAfterAPartThatCallsBackAtOnce) {
    Bells bells;
    Trail trail;
    const Started running(tell(pg::when_any(callbacks(bells, {1, 0, 3}, trail)), trail));
    EXPECT_TRUE(bells[0].is_awaited());
    EXPECT_FALSE(bells[2].is_awaited());
    EXPECT_EQ(trail, (Trail{"~1", "~0", "~3", "won 1"}));
}

TEST(WhenAny, TakesPartsOfAllKinds) {
    Callback<>::Bell one;
    Callback<void>::Bell other;
    Gate never;
    Trail trail;
    const Started running(
        tell(pg::when_any(never, Callback<>(one, 1, trail), Callback<void>(other, -2, trail)), trail));
    other.ring();
    EXPECT_EQ(trail.back(), "-2");
    EXPECT_EQ(never.cancelled(), 1);
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

}  // namespace
