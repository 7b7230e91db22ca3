// Clients that share a budget of sessions on a real server.
#include <atomic>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

class PoolBudgets : public PoolTest {};

TEST_P(PoolBudgets, AreNotExceededAndServeEveryClient) {
    const pg::PoolBudget budget(3);
    pg::Client one = open(conninfo(), 10, {.budget = &budget});
    pg::Client other = open(conninfo(), 10, {.budget = &budget, .budget_reserve = 1});
    std::vector<std::thread> crowd;
    std::atomic<int> served = 0;
    for (int number = 0; number < 12; ++number)
        crowd.emplace_back([&, number] {
            pg::Client& db = number % 2 == 0 ? one : other;
            for (int call = 0; call < 30; ++call) {
                EXPECT_LE(budget.used(), budget.most());
                served += db.query_one<int>("select 1");
            }
        });
    for (std::thread& thread : crowd) thread.join();
    EXPECT_EQ(served, 360);
    EXPECT_TRUE(soon([] { return sessions() <= 3; })) << "a server takes a moment to end one";
    EXPECT_LE(one.pool().stats().opened, 10u) << "sessions do not go to and fro all the time";
}

TEST_P(PoolBudgets, GoFromAnIdleClientToOneThatNeedsThem) {
    const pg::PoolBudget budget(2);
    pg::Client rich = open(conninfo(), 2, {.budget = &budget});
    rich.pool().wait_ready(2, 20s).value();
    pg::Client poor = open(conninfo(), 2, {.budget = &budget});
    EXPECT_EQ(poor.query_one<int>("select 1"), 1);
    EXPECT_TRUE(soon([&] { return rich.pool().stats().size() == 1; }));
    EXPECT_EQ(rich.query_one<int>("select 1"), 1) << "it has one left";
}

INSTANTIATE_TEST_SUITE_P(Providers, PoolBudgets, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
