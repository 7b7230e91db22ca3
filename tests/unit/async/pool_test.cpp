// A pool whose sessions live on several reactors: the thread of none waits for that of another, nor for ever at its
// end.
#include <future>
#include <gtest/gtest.h>
#include <latch>
#include <stop_token>
#include <thread>

#include "pg/spi/reactor.hpp"
#include "pg/spi/waiter.hpp"
#include "pg/stop.hpp"
#include "providers/async/provider.hpp"
#include "src/fibers/reactor.hpp"
#include "src/pool/make_pool.hpp"
#include "tests/unit/async/inner_provider.hpp"
#include "tests/unit/fibers/hand_loop.hpp"

namespace pg::async {
namespace {

using namespace std::chrono_literals;

/// Gives a session back when all others are about to do the same.
class GiveBack final : public spi::Job {
public:
    GiveBack(spi::Lease lease, std::latch& all_are_here) : lease_(std::move(lease)), all_are_here_(all_are_here) {}

private:
    void do_run() noexcept override {
        all_are_here_.arrive_and_wait();
        lease_.give_back();
    }
    spi::Lease lease_;
    std::latch& all_are_here_;
};

TEST(PoolOnReactors, ClosesSessionsOfEachOtherWithoutWaitingForEachOther) {
    const auto account = std::make_shared<Account>();
    account->is_at_rest = true;
    const auto pool = pool::make_pool(make_async_provider(std::make_shared<InnerProvider>(account), 2), Config(), {},
                                      {.max_size = 2});
    const spi::Wait wait{Deadline::after(20s), nullptr};
    spi::Lease first = pool->acquire(wait).value(), second = pool->acquire(wait).value();
    const auto home_of_first = first.session().reactor(), home_of_second = second.session().reactor();
    ASSERT_NE(home_of_first, home_of_second);
    pool->refresh();
    std::latch both_are_here{2};
    GiveBack one(std::move(second), both_are_here), other(std::move(first), both_are_here);
    home_of_first->post(one);
    home_of_second->post(other);
    pool->close();
    EXPECT_EQ(pool->drain(20s), 0u);
}

TEST(PoolOnReactors, RefuseWhoWouldWaitOnTheThreadOfAnotherLoop) {
    const auto account = std::make_shared<Account>();
    account->is_at_rest = true;
    const auto pool = pool::make_pool(make_async_provider(std::make_shared<InnerProvider>(account), 1), Config(), {},
                                      {.max_size = 1});
    const spi::Wait wait{Deadline::after(20s), nullptr};
    fibers::HandLoop loop;
    fibers::LoopReactor other(loop);
    fibers::FunctionJob job([&] {
        const auto refused = pool->acquire(wait);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind(), ErrorKind::usage);
        EXPECT_FALSE(pool->wait_ready(1, 20s));
    });
    other.post(job);
    loop.run();
    EXPECT_EQ(job.runs, 1);
    EXPECT_TRUE(pool->acquire(wait)) << "beside the loop";
}

TEST(PoolOnReactors, LetASessionCloseOnALoopWhereItsNextBorrowerGivesUp) {
    const auto account = std::make_shared<Account>();
    account->is_at_rest = true;
    const auto pool = pool::make_pool(make_async_provider(std::make_shared<InnerProvider>(account), 1), Config(), {},
                                      {.max_size = 1});
    spi::Lease lease = pool->acquire({Deadline::after(20s), nullptr}).value();
    const std::shared_ptr<spi::Reactor> home = lease.session().reactor();
    std::stop_source source;
    const StopToken stop(source.get_token());
    std::promise<bool> ended;
    fibers::FunctionJob waits([&] { ended.set_value(pool->acquire({Deadline::never(), &stop}).has_value()); });
    home->spawn(waits);
    while (!pool->has_waiters()) std::this_thread::yield();

    // The waiter comes too late to withdraw, and its loop goes on meanwhile.
    std::promise<void> passed;
    fibers::FunctionJob passes([&] { passes.runs < 5 ? home->post(passes) : passed.set_value(); });
    fibers::FunctionJob stops([&] {
        source.request_stop();
        home->post(passes);
    });
    bool has_passed = false;
    account->is_alive = [&] {
        home->post(stops);
        has_passed = passed.get_future().wait_for(10s) == std::future_status::ready;
        return !has_passed;  // a loop that is held up cannot close it
    };
    lease.give_back();
    EXPECT_TRUE(has_passed);
    EXPECT_FALSE(ended.get_future().get());
}

/// Opens nothing before it is told to stop, and takes a while then.
class ReluctantProvider final : public spi::Provider {
public:
    std::latch begun{1};
    std::atomic<bool> is_over{false};
    std::function<void()> on_open{};

private:
    Expected<std::unique_ptr<spi::Session>> do_open(const Config&, const spi::SessionContext&,
                                                    const spi::Wait& wait) noexcept override {
        begun.count_down();
        if (on_open) on_open();
        static_cast<void>(spi::Waiter::here()->wait({}, wait));
        static_cast<void>(spi::Waiter::here()->wait({}, {Deadline::after(50ms)}));
        is_over = true;
        return Error({.kind = ErrorKind::cancelled, .message = "stopped"});
    }
    std::string_view do_name() const noexcept override { return "reluctant"; }
    std::string_view do_version() const noexcept override { return "1"; }
    spi::Capabilities do_capabilities() const noexcept override { return {}; }
};

class TheEndOfAPool : public ::testing::Test {
protected:
    static std::shared_ptr<Pool> pool_over(std::shared_ptr<spi::Provider> provider) {
        return pool::make_pool(std::move(provider), Config(), {}, {.min_size = 1, .connect_timeout = no_timeout});
    }
    std::shared_ptr<ReluctantProvider> provider = std::make_shared<ReluctantProvider>();
};

TEST_F(TheEndOfAPool, WaitsUntilWhatIsBeingOpenedIsGivenUp) {
    for (const bool is_awaitable : {false, true}) {
        provider = std::make_shared<ReluctantProvider>();
        auto pool = pool_over(is_awaitable ? make_async_provider(provider, 1) : provider);
        provider->begun.wait();
        pool.reset();
        EXPECT_TRUE(provider->is_over);
        for (const Deadline patience = Deadline::after(std::chrono::seconds(20)); provider.use_count() != 1;) {
            ASSERT_FALSE(patience.passed()) << "something of it is left";
            std::this_thread::yield();  // a look of its housekeeper may be under way
        }
    }
}

TEST_F(TheEndOfAPool, DoesNotWaitForItself) {
    std::shared_ptr<Pool> pool;
    std::latch may_end{1};
    provider->on_open = [&] {
        may_end.wait();
        pool.reset();
    };
    pool = pool_over(provider);
    may_end.count_down();
    while (!provider->is_over) std::this_thread::yield();
}

TEST_F(TheEndOfAPool, DoesNotWaitForTheLoopOfTheApplication) {
    fibers::HandLoop loop;
    auto pool = pool_over(make_async_provider(provider, loop));
    loop.run();
    provider->begun.wait();
    std::thread([&] { pool.reset(); }).join();
    EXPECT_FALSE(provider->is_over);
    while (!provider->is_over) loop.run(), loop.fire_alarm();
    loop.run();
}

}  // namespace
}  // namespace pg::async
