// Waiting until so many sessions are open, where there may be fewer by then.
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "pg/pool/pool.hpp"
#include "tests/in_a_copy.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;

class Ready : public testing::Test {
protected:
    /// They are opened one after the other; on the spot, so that no time at all is enough.
    static pg::pool::Limits limits() {
        pg::pool::Limits limits;
        limits.max_size = 3;
        limits.max_connecting = 1;
        return limits;
    }
    /// The pool has room for two once it has opened one.
    pg::pool::Limits shrinking() {
        pg::pool::Limits shrinking = limits();
        shrinking.hooks.context = this;
        shrinking.hooks.after_connect = [](void* self, pg::spi::Session&,
                                           const pg::Deadline&) noexcept -> pg::Expected<void> {
            auto& test = *static_cast<Ready*>(self);
            if (test.db->server->opened == 1) test.db->client.pool().resize(2, 0, 0);
            return {};
        };
        return shrinking;
    }
    void make(const pg::pool::Limits& of) { db = std::make_unique<fake::Database>(of); }
    pg::Error not_ready(std::size_t sessions) {
        const pg::Expected<void> ready = db->client.pool().wait_ready(sessions, 1ns);
        return ready ? fake::server_error("00000") : ready.error();
    }
    static void expect_words(const pg::Error& error, std::string_view words) {
        EXPECT_NE(error.message().find(words), std::string_view::npos) << error.what();
    }

    std::unique_ptr<fake::Database> db;
};

TEST_F(Ready, IsWhatThePoolWouldNotOpenByItself) {
    make(limits());
    EXPECT_TRUE(db->client.pool().wait_ready(3, 1ns));
    EXPECT_EQ(db->server->opened, 3);
}

TEST_F(Ready, AreNoMoreThanThePoolMayHaveThatWasMadeSmallerMeanwhile) {
    make(shrinking());
    const pg::Error refused = not_ready(3);
    EXPECT_EQ(refused.kind(), pg::ErrorKind::usage);
    expect_words(refused, "3 sessions are more than pool_max_size allows");
    EXPECT_EQ(db->server->opened, 2);
    EXPECT_EQ(db->server->closed, 0);
    db->client.pool().resize(3, 0, 0);
    EXPECT_EQ(db->server->opened, 2) << "nobody waits for them any more";
    EXPECT_TRUE(db->client.pool().wait_ready(3, 1ns));
}

TEST_F(Ready, AreNoMoreThanTheLeastSizeThatFitsIntoThePool) {
    make(limits());
    db->client.pool().resize(2, 3, 3);
    EXPECT_EQ(db->server->opened, 2);
    EXPECT_TRUE(db->client.pool().wait_ready(2, 1ns));
    const pg::Error refused = not_ready(3);
    EXPECT_EQ(refused.kind(), pg::ErrorKind::usage);
    expect_words(refused, "3 sessions are more than pool_max_size allows");
}

TEST_F(Ready, AreNoMoreThanTheBudgetHas) {
    pg::PoolBudget two(2);
    pg::pool::Limits of = limits();
    of.budget = two.impl();
    of.min_size = 3;
    make(of);
    EXPECT_EQ(db->server->opened, 2);
    const pg::Error late = not_ready(2);  // which does not make up the least size
    EXPECT_EQ(late.kind(), pg::ErrorKind::timeout);
    ASSERT_NE(late.fields().pool, nullptr);
    EXPECT_EQ(late.fields().pool->obstacle, pg::PoolObstacle::over_budget);
    EXPECT_EQ(late.fields().pool->stats.idle, 2u);
    EXPECT_EQ(two.used(), 2u);
}

TEST_F(Ready, AreCountedAsIdleWhenTheyWereGivenBack) {
    make(limits());
    db->client.exec("select 1");
    db->server->refuses_to_open = fake::server_error("53300");
    const pg::Error late = not_ready(2);
    ASSERT_NE(late.fields().pool, nullptr);
    EXPECT_EQ(late.fields().pool->stats.idle, 1u);
    EXPECT_EQ(late.fields().pool->stats.lent, 0u);
    expect_words(late, "(0 lent, 1 idle, ");
}

/// Whether a thread of this process waits for something.
bool is_asleep(pid_t thread) {
    std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string text;
    std::getline(stat, text);
    return text.find(") S ") != std::string::npos;
}

TEST_F(Ready, AreWaitedForByNobodyInACopyOfTheProcess) {
    make(limits());
    db->server->refuses_to_open = fake::server_error("53300");
    std::promise<pid_t> begun;
    std::thread waiting([&] {
        begun.set_value(::gettid());
        EXPECT_FALSE(db->client.pool().wait_ready(1, pg::no_timeout));
    });
    const pid_t thread = begun.get_future().get();
    while (!is_asleep(thread)) std::this_thread::yield();
    EXPECT_TRUE(testing_support::in_a_copy([&] {
        pg::Pool& pool = db->client.pool();
        const bool is_refused = !pool.wait_ready(1, pg::no_timeout) && pool.drain(pg::no_timeout) == 0;
        db.reset();
        return is_refused;
    }));
    db->client.close();
    waiting.join();
}

}  // namespace
