// Ticker: set from anywhere, silent when its pool is gone, and gone only after what was posted to it.
#include "src/pool/ticker.hpp"

#include <gtest/gtest.h>
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

}  // namespace
}  // namespace pg::pool
