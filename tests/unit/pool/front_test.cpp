// What stands in front of the books of a pool, and what is lent past them: never more than they would lend.
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
