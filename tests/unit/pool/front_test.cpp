// What stands in front of the books of a pool, and what is lent past them: never more than they would lend.
#include <deque>
#include <gtest/gtest.h>
#include <thread>

#include "pg/pool/pool.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;
using pg::spi::Lease;
using pg::spi::Wait;

const Wait at_once{pg::Deadline::at({}), nullptr};
/// From now.
Wait long_enough() { return {pg::Deadline::after(20s), nullptr}; }

class TheFront : public testing::Test {
protected:
    pg::spi::SessionSource& source() { return *db.context->source; }
    pg::Pool& pool() { return db.client.pool(); }
    Lease take() { return source().acquire(at_once).value(); }
    /// Has a thread wait for a session while `meanwhile` runs; the server process of the one that it gets.
    template <class Meanwhile>
    int process_of_who_waits(Meanwhile meanwhile) {
        int process = 0;
        std::thread waiting([&] {
            const auto lease = source().acquire(long_enough());
            ASSERT_TRUE(lease) << lease.error().what();
            process = lease->session().backend_process();
        });
        while (!source().has_waiters()) std::this_thread::yield();
        meanwhile();
        waiting.join();
        return process;
    }

    fake::Database db{2};
};

TEST_F(TheFront, IsEmptyInAPoolThatHasBecomeTooSmall) {
    Lease first = take(), second = take();
    pool().resize(1, 0, 0);
    first.give_back();
    EXPECT_EQ(db.server->closed, 1);
    second.give_back();
    EXPECT_EQ(db.server->closed, 1) << "so many there may be";
    EXPECT_EQ(pool().stats().idle, 1u);
}

TEST_F(TheFront, IsLentToNobody) {
    Lease first = take(), second = take();
    EXPECT_EQ(pool().stats().lent, 2u);
    first.give_back();
    second.give_back();
    const pg::PoolStats stats = pool().stats();
    EXPECT_EQ(stats.lent, 0u);
    EXPECT_EQ(stats.idle, 2u);
    EXPECT_TRUE(pool().loans().empty());
}

TEST_F(TheFront, IsForWhateverThreadComes) {
    Lease first = take(), second = take();
    second.give_back();
    first.give_back();
    std::thread([&] {
        const Lease one = take(), other = take();
        EXPECT_EQ(pool().stats().lent, 2u);
    }).join();
    EXPECT_EQ(pool().stats().opened, 2u);
}

TEST_F(TheFront, IsClosedWithThePool) {
    Lease first = take(), second = take();
    first.give_back();
    second.give_back();
    db.client.close();
    EXPECT_EQ(db.server->closed, 2);
}

TEST_F(TheFront, WantsTheSessionsBackOfAPoolThatHasBecomeTooSmall) {
    Lease first = take(), second = take();
    EXPECT_FALSE(source().wants_back(first.slot()));
    pool().resize(1, 0, 0);
    EXPECT_TRUE(source().wants_back(first.slot()));
    second.give_back();
    EXPECT_FALSE(source().wants_back(first.slot()));
}

TEST_F(TheFront, LendsNothingThatIsGoneToWhoeverWaits) {
    pool().resize(1, 0, 0);
    Lease only = take();
    EXPECT_EQ(process_of_who_waits([&] {
                  db.server->dead = 1;
                  only.give_back();
              }),
              2);
    EXPECT_EQ(db.server->closed, 1);
}

TEST_F(TheFront, LendsNothingThatIsGoneAfterAPause) {
    take().give_back();
    pool().suspend();
    EXPECT_EQ(process_of_who_waits([&] {
                  db.server->dead = 1;
                  pool().resume();
              }),
              2);
}

/// Where sessions live whose servers are asked when a test says so.
class Later final : public pg::spi::Reactor {
public:
    std::deque<pg::spi::Job*> jobs{};
    void run_next() {
        pg::spi::Job& next = *jobs.front();
        jobs.pop_front();
        next.run();
    }

private:
    void do_post(pg::spi::Job& job) noexcept override { jobs.push_back(&job); }
    void do_spawn(pg::spi::Job& job) noexcept override { jobs.push_back(&job); }
    bool do_here() const noexcept override { return false; }
    void do_set(pg::spi::Timer&, pg::Deadline::Clock::time_point) noexcept override {}
    void do_cancel(pg::spi::Timer&) noexcept override {}
    void do_count(int) noexcept override {}
};

/// Keeps the session that it is lent.
class Taker final : public pg::spi::LeaseWaiter {
public:
    Lease lease{};

private:
    void do_settle(pg::Expected<Lease> lent) noexcept override { lease = std::move(lent).value(); }
};

/// Three sessions: two whose servers are about to be asked whether they are there, and one in front.
class TheDoubtedFront : public testing::Test {
protected:
    TheDoubtedFront() {
        db.server->reactor = home;
        {
            const Lease first = take(), second = take(), third = take();
        }
        db.provider->spot().ring();  // none is in front any more
        while (home->jobs.empty()) db.provider->spot().ring();
        take().give_back();
    }
    ~TheDoubtedFront() override { run_all(); }
    static pg::pool::Limits limits() {
        pg::pool::Limits limits;
        limits.max_size = 3;
        limits.keepalive = 1ns;
        limits.ping_after = 1h;
        return limits;
    }
    Lease take() { return db.context->source->acquire(at_once).value(); }
    void run_all() {
        while (!home->jobs.empty()) home->run_next();
    }
    bool is_lent_unasked() {
        Taker taker;
        return db.context->source->request_idle(taker);
    }

    std::shared_ptr<Later> home = std::make_shared<Later>();
    fake::Database db{limits()};
};

TEST_F(TheDoubtedFront, LendsNothingUnaskedAfterAnotherWasFoundGone) {
    ASSERT_EQ(home->jobs.size(), 2u);
    EXPECT_TRUE(is_lent_unasked()) << "it was used just now";
    db.server->refuses_scripts = fake::connection_lost(pg::Outcome::unknown);
    home->run_next();
    EXPECT_EQ(db.server->closed, 1);
    EXPECT_FALSE(is_lent_unasked());
    db.server->refuses_scripts.reset();
    Taker first, second;
    for (Taker* taker : {&first, &second}) db.context->source->request(*taker, pg::Deadline::never());
    EXPECT_FALSE(first.lease || second.lease);
    EXPECT_EQ(home->jobs.size(), 2u) << "its server is asked, too";
    run_all();
    EXPECT_TRUE(first.lease && second.lease);
    EXPECT_EQ(db.server->opened, 3);
}

TEST_F(TheFront, SaysOfALostSessionThatNothingWasSent) {
    db.server->refuses_to_open = fake::connection_lost(pg::Outcome::unknown);
    const auto refused = db.client.try_exec("delete from t");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::connect);
    EXPECT_EQ(refused.error().outcome(), pg::Outcome::not_sent);
    EXPECT_EQ(refused.error().retry_scope(), pg::RetryScope::connect);
}

TEST_F(TheFront, LendsNothingWhileThePoolIsSuspended) {
    constexpr int pauses = 300;
    std::atomic<int> turn{0};  // odd while it is suspended
    std::atomic<bool> is_over{false};
    const auto borrow = [&] {
        while (!is_over) {
            const int before = turn;
            const auto lease = source().acquire(at_once);
            const bool is_suspended = before == turn && before % 2 != 0;
            EXPECT_FALSE(is_suspended && lease);
        }
    };
    std::thread one(borrow), other(borrow);
    for (int pause = 0; pause < pauses; ++pause) {
        pool().suspend();
        ++turn;
        for (int i = 0; i < 10; ++i) std::this_thread::yield();
        ++turn;
        pool().resume();
    }
    is_over = true;
    one.join();
    other.join();
    EXPECT_EQ(pool().stats().lent, 0u);
}

}  // namespace
