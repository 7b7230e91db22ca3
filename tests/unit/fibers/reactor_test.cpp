// LoopReactor: jobs and fibers in turns, from its own thread and from others, and how many stacks it keeps.
#include <atomic>
#include <sys/mman.h>

#include "tests/unit/fibers/hand_reactor.hpp"

namespace pg::fibers {
namespace {

using Reactors = HandReactor;
using Lines = std::vector<std::string>;

TEST_F(Reactors, RunAJobSoonAndNotInsideOfTheCall) {
    FunctionJob& one = job([] {});
    reactor.post(one);
    EXPECT_EQ(one.runs, 0);
    EXPECT_EQ(loop.posted(), 1u);
    loop.run();
    EXPECT_EQ(one.runs, 1);
    reactor.post(one);
    loop.run();
    EXPECT_EQ(one.runs, 2) << "a job may be handed over again";
}

TEST_F(Reactors, RunJobsInTheirOrderInOneTurn) {
    Lines lines;
    for (const char* name : {"one", "two", "three"}) reactor.post(job([&lines, name] { lines.emplace_back(name); }));
    EXPECT_EQ(loop.posted(), 1u) << "one turn for all of them";
    loop.run_posted();
    EXPECT_EQ(lines, (Lines{"one", "two", "three"}));
    EXPECT_EQ(loop.posted(), 0u);
}

TEST_F(Reactors, RunWhatAJobPostsInTheSameTurnButNotInsideOfIt) {
    Lines lines;
    reactor.post(job([&] {
        reactor.post(job([&] { lines.emplace_back("inner"); }));
        reactor.spawn(job([&] { lines.emplace_back("fiber"); }));
        lines.emplace_back("outer");
    }));
    loop.run_posted();
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0], "outer");
    EXPECT_EQ(std::count(lines.begin(), lines.end(), "inner"), 1);
}

TEST_F(Reactors, AreKnownToWhateverOneOfThemRuns) {
    HandLoop inner_loop;
    LoopReactor inner(inner_loop);
    FunctionJob& in_another = job([] { EXPECT_TRUE(spi::Reactor::any_here()); });
    FunctionJob& on_the_loop = job([&] {
        EXPECT_TRUE(spi::Reactor::any_here());
        inner.post(in_another);
        inner_loop.run();
        EXPECT_TRUE(spi::Reactor::any_here()) << "the outer one runs on";
    });
    FunctionJob& on_a_fiber = job([] { EXPECT_TRUE(spi::Reactor::any_here()); });
    FunctionJob& beside = job([] { EXPECT_FALSE(spi::Reactor::any_here()) << "the application's own"; });
    reactor.post(on_the_loop);
    reactor.spawn(on_a_fiber);
    loop.post(beside);
    EXPECT_FALSE(spi::Reactor::any_here());
    loop.run();
    EXPECT_FALSE(spi::Reactor::any_here());
    for (const FunctionJob* one : {&in_another, &on_the_loop, &on_a_fiber, &beside}) EXPECT_EQ(one->runs, 1);
}

TEST_F(Reactors, RunOnTheirOwnThreadWhatOthersHandOver) {
    EXPECT_TRUE(reactor.here());
    std::vector<std::thread::id> threads;
    FunctionJob& posted = job([&] { threads.push_back(std::this_thread::get_id()); });
    FunctionJob& spawned = job([&] {
        EXPECT_NE(spi::Waiter::here(), nullptr);
        threads.push_back(std::this_thread::get_id());
    });
    on_other_thread([&] {
        EXPECT_FALSE(reactor.here());
        reactor.post(posted);
        reactor.spawn(spawned);
        EXPECT_FALSE(reactor.is_idle());
    });
    EXPECT_TRUE(threads.empty());
    EXPECT_EQ(loop.posted(), 1u) << "both inboxes are emptied at once";
    loop.run();
    EXPECT_EQ(threads, std::vector(2, std::this_thread::get_id()));
    on_other_thread([&] { reactor.post(posted); });
    EXPECT_EQ(loop.posted(), 1u) << "and are looked into again";
    loop.run();
    EXPECT_EQ(posted.runs, 2);
}

TEST_F(Reactors, LoseNothingThatSeveralThreadsHandOverWhileTheyRun) {
    constexpr int threads = 3, each = 200;
    std::atomic<int> runs{0};
    std::vector<std::thread> others;
    std::deque<std::deque<FunctionJob>> of_threads;
    for (int thread = 0; thread < threads; ++thread) {
        auto& mine = of_threads.emplace_back();
        for (int number = 0; number < each; ++number) mine.emplace_back([&] { ++runs; });
        others.emplace_back([&] {
            for (std::size_t at = 0; at < mine.size(); ++at)
                at % 2 == 0 ? reactor.post(mine[at]) : reactor.spawn(mine[at]);
        });
    }
    while (runs != threads * each) loop.run_posted();
    for (std::thread& other : others) other.join();
    loop.run();
    EXPECT_EQ(runs, threads * each);
}

TEST_F(Reactors, AreIdleWhenEveryFiberHasEnded) {
    EXPECT_TRUE(reactor.is_idle());
    Pipe pipe;
    on_fiber([&] { static_cast<void>(wait_for(pipe.reader())); });
    EXPECT_FALSE(reactor.is_idle());
    pipe.write();
    loop.look();
    EXPECT_TRUE(reactor.is_idle());
}

TEST_F(Reactors, AreNotAtRestWhileAThreadIsOnItsWayOut) {
    FunctionJob handed_over;
    Event posted, looked;
    loop.posted_elsewhere = [&] {
        posted.happen();
        looked.wait();
    };
    std::thread other([&] { reactor.post(handed_over); });
    posted.wait();
    loop.run();
    EXPECT_EQ(handed_over.runs, 1);
    EXPECT_FALSE(reactor.is_at_rest());
    looked.happen();
    other.join();
    EXPECT_TRUE(reactor.is_at_rest());
}

TEST_F(Reactors, CountTheSessionsThatLiveOnThem) {
    reactor.add_session();
    reactor.add_session();
    EXPECT_EQ(reactor.sessions(), 2);
    reactor.remove_session();
    EXPECT_EQ(reactor.sessions(), 1);
    EXPECT_EQ(&reactor.loop(), &loop);
}

TEST_F(Reactors, HoldTheLoopWhileAFiberWaits) {
    on_fiber([] { EXPECT_EQ(spi::Waiter::here()->wait({}, {.deadline = past()}), Woken::deadline); });
    EXPECT_EQ(loop.holds, 1);
    const Pipe pipe;
    on_fiber([&] { static_cast<void>(wait_for(pipe.reader())); });
    EXPECT_EQ(loop.holds, 1) << "once for all of them";
    pipe.write();
    loop.look();
    EXPECT_EQ(loop.holds, 1);
    loop.fire_alarm();
    EXPECT_EQ(loop.holds, 0);
    on_fiber([] {});
    EXPECT_EQ(loop.times_held, 1) << "a turn that leaves nothing behind is a job of the loop anyway";
}

TEST_F(Reactors, HoldTheLoopWhileACallIsUnderWay) {
    reactor.begin_call();
    EXPECT_EQ(loop.holds, 1) << "outside of a turn it is told at once";
    reactor.post(job([&] {
        reactor.end_call();
        EXPECT_EQ(loop.holds, 1);
        reactor.begin_call();
    }));
    loop.run();
    EXPECT_EQ(loop.holds, 1);
    EXPECT_EQ(loop.times_held, 1) << "one call led to the next in one turn";
    reactor.post(job([&] { reactor.end_call(); }));
    loop.run();
    EXPECT_EQ(loop.holds, 0);
}

TEST_F(Reactors, DoNotHoldTheLoopForATimer) {
    spi::Timer timer;
    FunctionJob& late = job([] {});
    reactor.set(timer, far_away().when(), late);
    EXPECT_EQ(loop.times_held, 0);
    reactor.cancel(timer);
}

TEST_F(Reactors, LetTheLoopBreatheWhenAJobPostsItselfForEver) {
    int runs = 0;
    FunctionJob* self = nullptr;
    bool over = false;
    self = &job([&] {
        ++runs;
        if (!over) reactor.post(*self);
    });
    reactor.post(*self);
    loop.run_posted();
    EXPECT_GT(runs, 1) << "what it makes due itself is of the same turn";
    EXPECT_LT(runs, 1'000);
    EXPECT_EQ(loop.posted(), 1u) << "another turn comes soon";

    Pipe pipe;
    bool woken = false;
    reactor.spawn(job([&] {
        static_cast<void>(wait_for(pipe.reader()));
        woken = over = true;
    }));
    const int before = runs;
    loop.run_posted();
    EXPECT_GT(runs, before);
    pipe.write();
    loop.look();
    EXPECT_TRUE(woken);
    EXPECT_EQ(loop.posted(), 0u);
}

TEST_F(Reactors, GoOnWithFibersBetweenJobsThatPostThemselves) {
    // Each nudges the other for a while: neither is passed over.
    int left = 100;
    spi::Waiter* fiber = nullptr;
    on_fiber([&] {
        fiber = spi::Waiter::here();
        while (left > 0)
            static_cast<void>(fiber->wait({}, {.deadline = Deadline::never(), .stop = nullptr, .nudged = true}));
    });
    FunctionJob* nudger = nullptr;
    nudger = &job([&] {
        --left;
        fiber->nudge();
        if (left > 0) reactor.post(*nudger);
    });
    reactor.post(*nudger);
    loop.run();
    EXPECT_EQ(left, 0);
    EXPECT_TRUE(reactor.is_idle());
}

/// Where the stacks of fibers are, and whether they are there.
class Stacks : public HandReactor {
protected:
    static constexpr std::size_t kept = 64;

    /// Each waits until its deadline, which has passed.
    void begin(std::size_t fibers, const StopToken* stop = nullptr) {
        for (std::size_t number = 0; number < fibers; ++number)
            on_fiber([this, stop] {
                frames.push_back(__builtin_frame_address(0));
                EXPECT_EQ(spi::Waiter::here()->wait({}, {.deadline = past(), .stop = stop}), Woken::deadline);
            });
    }
    [[nodiscard]] static bool is_mapped(void* frame) {
        const auto size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        unsigned char resident = 0;
        return ::mincore(reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(frame) & ~(size - 1)), size,
                         &resident) == 0;
    }
    [[nodiscard]] std::size_t mapped() const {
        return static_cast<std::size_t>(std::count_if(frames.begin(), frames.end(), is_mapped));
    }
    std::vector<void*> frames;
};

TEST_F(Stacks, AreUsedAgain) {
    for (int round = 0; round < 3; ++round) on_fiber([&] { frames.push_back(__builtin_frame_address(0)); });
    EXPECT_EQ(frames[1], frames[0]);
    EXPECT_EQ(frames[2], frames[0]);
    begin(2);
    EXPECT_EQ(frames[3], frames[0]);
    EXPECT_NE(frames[4], frames[0]);
    loop.fire_alarm();
}

TEST_F(Stacks, AreGivenBackWhenMoreThanSixtyFourAreIdle) {
    begin(kept + 6);
    EXPECT_EQ(mapped(), kept + 6);
    loop.fire_alarm();
    EXPECT_TRUE(reactor.is_idle());
    EXPECT_EQ(mapped(), kept);
    EXPECT_FALSE(is_mapped(frames[0])) << "the one that was idle for longest goes first";

    const std::vector<void*> before = std::exchange(frames, {});
    begin(kept);
    for (void* frame : frames) EXPECT_EQ(std::count(before.begin(), before.end(), frame), 1) << "those that were kept";
    loop.fire_alarm();
    EXPECT_EQ(mapped(), kept);
}

TEST_F(Stacks, AreKeptWhileAStopIsOnItsWayToTheirFiber) {
    std::stop_source source;
    const StopToken stop(source.get_token());
    begin(1, &stop);
    begin(kept);
    on_other_thread([&] { source.request_stop(); });
    loop.fire_alarm();  // they end before the stop arrives
    EXPECT_TRUE(reactor.is_idle());
    EXPECT_EQ(mapped(), kept);
    EXPECT_TRUE(is_mapped(frames[0]));
    EXPECT_FALSE(is_mapped(frames[1])) << "the next one goes in its place";
}

TEST_F(Stacks, AreAllKeptWhileStopsAreOnTheirWayToAll) {
    std::stop_source source;
    const StopToken stop(source.get_token());
    begin(kept + 1, &stop);
    on_other_thread([&] { source.request_stop(); });
    loop.fire_alarm();
    EXPECT_TRUE(reactor.is_idle());
    EXPECT_EQ(mapped(), kept + 1);
}

}  // namespace
}  // namespace pg::fibers
