// Ticker: set from anywhere, silent when its pool is gone, and gone only after what was posted to it.
#include "src/pool/ticker.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace pg::pool {
namespace {

/// Keeps what it is handed until the test has it run.
class SlowReactor final : public spi::Reactor {
public:
    static void run(std::vector<spi::Job*>& jobs) {
        for (spi::Job* job : std::exchange(jobs, {})) job->run();
    }
    std::vector<spi::Job*> posted, spawned;
    spi::Timer* timer = nullptr;  // null: none is set

private:
    void do_post(spi::Job& job) noexcept override { posted.push_back(&job); }
    void do_spawn(spi::Job& job) noexcept override { spawned.push_back(&job); }
    bool do_here() const noexcept override { return true; }
    void do_set(spi::Timer& set, Deadline::Clock::time_point when) noexcept override {
        set.when = when;
        set.place = 1;
        timer = &set;
    }
    void do_cancel(spi::Timer& set) noexcept override {
        set.place = 0;
        timer = nullptr;
    }
    void do_count(int) noexcept override {}
};

struct Looker {
    int looks = 0;
    void look() { ++looks; }
};

using Time = Governor::Time;

TEST(PoolTicker, HasItsPoolLookAtTheTimeThatWasWantedLast) {
    SlowReactor reactor;
    const auto pool = std::make_shared<Looker>();
    auto* const ticker = new Ticker<Looker>(pool, reactor);
    ticker->want(Time() + std::chrono::hours(2));
    ticker->want(Time() + std::chrono::hours(1));
    EXPECT_EQ(reactor.posted.size(), 1u);
    SlowReactor::run(reactor.posted);
    ASSERT_NE(reactor.timer, nullptr);
    EXPECT_EQ(reactor.timer->when, Time() + std::chrono::hours(1));
    reactor.timer->job->run();
    EXPECT_EQ(pool->looks, 1);
    ticker->end();
    SlowReactor::run(reactor.spawned);
    EXPECT_EQ(reactor.timer, nullptr);
}

TEST(PoolTicker, LooksAtNothingWhenItsPoolIsGone) {
    SlowReactor reactor;
    auto pool = std::make_shared<Looker>();
    auto* const ticker = new Ticker<Looker>(pool, reactor);
    ticker->want(Time());
    SlowReactor::run(reactor.posted);
    pool.reset();
    reactor.timer->job->run();
    ticker->end();
    SlowReactor::run(reactor.spawned);
}

TEST(PoolTicker, GoesOnlyAfterWhatWasPostedToIt) {
    SlowReactor reactor;
    auto* const ticker = new Ticker<Looker>({}, reactor);
    ticker->want(Time());
    ticker->end();
    SlowReactor::run(reactor.spawned);
    EXPECT_EQ(reactor.spawned.size(), 1u) << "it waits for what was posted";
    SlowReactor::run(reactor.posted);
    EXPECT_NE(reactor.timer, nullptr);
    SlowReactor::run(reactor.spawned);
    EXPECT_EQ(reactor.timer, nullptr);
}

/// Has a thread that runs what is posted, and counts how often it has looked for that.
class QuickReactor final : public spi::Reactor {
public:
    ~QuickReactor() override { thread_.request_stop(); }
    [[nodiscard]] Time set_to() const { return Time(Time::duration(set_to_.load())); }
    /// For what is posted by now to run.
    void wait() const {
        const std::uint64_t before = looks_;
        while (looks_ < before + 2) std::this_thread::yield();
    }

private:
    void do_post(spi::Job& job) noexcept override { posted_ = &job; }
    void do_spawn(spi::Job& job) noexcept override { posted_ = &job; }
    bool do_here() const noexcept override { return false; }
    void do_set(spi::Timer&, Deadline::Clock::time_point when) noexcept override {
        set_to_ = when.time_since_epoch().count();
    }
    void do_cancel(spi::Timer&) noexcept override {}
    void do_count(int) noexcept override {}

    std::atomic<spi::Job*> posted_{nullptr};
    std::atomic<Time::rep> set_to_{0};
    std::atomic<std::uint64_t> looks_{0};
    std::jthread thread_{[this](const std::stop_token& stop) {
        for (; !stop.stop_requested() || posted_ != nullptr; ++looks_)
            if (spi::Job* const job = posted_.exchange(nullptr)) job->run();
    }};
};

TEST(PoolTicker, LosesNothingThatIsWantedWhileItIsSet) {
    QuickReactor reactor;
    auto* const ticker = new Ticker<Looker>({}, reactor);
    for (int round = 1; round <= 2'000; ++round) {
        ticker->want(Time(Time::duration(2 * round)));
        for (volatile int pause = round % 200; pause > 0;) pause = pause - 1;
        const Time last(Time::duration(2 * round + 1));
        ticker->want(last);
        reactor.wait();
        ASSERT_EQ(reactor.set_to(), last) << "round " << round;
    }
    ticker->end();
}

}  // namespace
}  // namespace pg::pool
