// Several pools over one budget: none opens what is not there, and one with many gives up what is idle for another.
#include <array>
#include <gtest/gtest.h>
#include <thread>

#include "pg/connection.hpp"
#include "pg/pool/pool.hpp"
#include "tests/in_a_copy.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;

class Budget : public testing::Test {
protected:
    pg::pool::Limits limits(std::size_t reserve = 0) {
        pg::pool::Limits limits;
        limits.budget = budget.impl();
        limits.budget_reserve = reserve;
        return limits;
    }
    /// It is to look at once, not only when it would have by itself.
    static bool was_told_to_look(fake::Database& db) {
        return db.provider->spot().alarm() <= pg::Deadline::Clock::now();
    }
    static pg::Expected<pg::Connection> soon(fake::Database& db) { return db.client.try_connection(1ms); }

    pg::PoolBudget budget{2};
    std::unique_ptr<fake::Database> one = std::make_unique<fake::Database>(limits());
    std::unique_ptr<fake::Database> other = std::make_unique<fake::Database>(limits());
};

TEST_F(Budget, IsNotExceeded) {
    EXPECT_EQ(budget.most(), 2u);
    EXPECT_EQ(pg::PoolBudget(0).most(), 1u) << "a budget of nothing would serve nobody";
    EXPECT_EQ(budget.used(), 0u);
    const pg::Connection first = one->client.connection();
    const pg::Connection second = other->client.connection();
    EXPECT_EQ(budget.used(), 2u);
    const auto refused = soon(*one);
    ASSERT_FALSE(refused);
    const pg::PoolTimeoutDetails& details = *pg::PoolTimeout(refused.error()).details();
    EXPECT_EQ(details.obstacle, pg::PoolObstacle::over_budget);
    EXPECT_NE(
        refused.error().message().find("the budget that it shares with other clients is used up, 1 sessions of it "
                                       "here"),
        std::string_view::npos)
        << refused.error().message();
}

TEST_F(Budget, IsGivenBackWithTheClient) {
    {
        const pg::Connection first = one->client.connection();
        const pg::Connection second = one->client.connection();
        EXPECT_FALSE(soon(*other));
    }
    one.reset();
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_TRUE(soon(*other));
}

TEST_F(Budget, IsGivenUpByWhoHasMoreThanAnEvenPart) {
    {
        const pg::Connection first = one->client.connection();
        const pg::Connection second = one->client.connection();
    }
    EXPECT_EQ(one->client.pool().stats().idle, 2u);
    std::optional<pg::Expected<pg::Connection>> found;
    std::thread waiting([&] { found = other->client.try_connection(20s); });
    while (other->client.pool().stats().waiting == 0) std::this_thread::yield();
    EXPECT_TRUE(was_told_to_look(*one));
    one->provider->spot().ring();
    EXPECT_TRUE(was_told_to_look(*other));
    other->provider->spot().ring();
    waiting.join();
    EXPECT_TRUE(*found);
    EXPECT_EQ(one->client.pool().stats().size(), 1u);
    EXPECT_EQ(one->client.pool().stats().spare, 1u);
}

TEST_F(Budget, IsGivenUpByASessionThatComesBack) {
    std::optional<pg::Connection> first = one->client.connection(), second = one->client.connection();
    std::optional<pg::Expected<pg::Connection>> found;
    std::thread waiting([&] { found = other->client.try_connection(20s); });
    while (other->client.pool().stats().waiting == 0) std::this_thread::yield();
    second.reset();
    one->provider->spot().ring();
    EXPECT_TRUE(was_told_to_look(*other));
    other->provider->spot().ring();
    waiting.join();
    EXPECT_TRUE(*found);
    EXPECT_EQ(budget.used(), 2u);
}

TEST_F(Budget, GoesToEveryoneWhoWaitsWhenMuchOfItComesFreeAtOnce) {
    fake::Database third(limits());
    std::optional<pg::Connection> first = one->client.connection(), second = one->client.connection();
    std::array<std::thread, 2> waiting;
    std::array<std::optional<pg::Expected<pg::Connection>>, 2> found;
    const std::array waiters{other.get(), &third};
    for (std::size_t at : {0U, 1U}) {
        waiting[at] = std::thread([&, at] { found[at] = waiters[at]->client.try_connection(20s); });
        while (waiters[at]->client.pool().stats().waiting == 0) std::this_thread::yield();
    }
    one->client.close();
    first.reset(), second.reset();
    EXPECT_TRUE(was_told_to_look(*other));
    other->provider->spot().ring();
    EXPECT_TRUE(was_told_to_look(third)) << "there is one more, which the first did not want";
    third.provider->spot().ring();
    for (std::size_t at : {0U, 1U}) {
        waiting[at].join();
        EXPECT_TRUE(*found[at]);
    }
}

TEST_F(Budget, IsGivenUpByASessionThatIsUsedAllTheTime) {
    std::optional<pg::Connection> first = one->client.connection(), second = one->client.connection();
    std::optional<pg::Expected<pg::Connection>> found;
    std::thread waiting([&] { found = other->client.try_connection(20s); });
    while (other->client.pool().stats().waiting == 0) std::this_thread::yield();
    first.reset();
    first = one->client.connection();
    one->provider->spot().ring();  // both are in use as it looks
    first.reset();
    EXPECT_EQ(one->client.pool().stats().size(), 1u) << "it did not stay in front";
    EXPECT_TRUE(was_told_to_look(*other));
    other->provider->spot().ring();
    waiting.join();
    EXPECT_TRUE(*found);
}

TEST_F(Budget, IsNotAskedForInTurnsByTwoWhoHaveTooMany) {
    pg::PoolBudget four(4);
    pg::pool::Limits limits;
    limits.budget = four.impl();
    fake::Database first(limits), second(limits), idle(limits);  // an even part is one
    std::vector<pg::Connection> lent;
    for (fake::Database* db : {&first, &first, &second, &second}) lent.push_back(db->client.connection());
    std::array<std::thread, 2> waiting;
    const std::array waiters{&first, &second};
    for (std::size_t at : {0U, 1U}) {
        waiting[at] = std::thread([&, at] { EXPECT_TRUE(waiters[at]->client.try_connection(20s)); });
        while (waiters[at]->client.pool().stats().waiting == 0) std::this_thread::yield();
    }
    for (fake::Database* db : waiters) db->provider->spot().ring();  // the first to wait has told the other
    const auto alarm = [&](std::size_t of) { return waiters[of]->provider->spot().alarm(); };
    for (int round = 0; round < 3; ++round)
        for (std::size_t at : {0U, 1U}) {
            const auto before = alarm(1 - at);
            waiters[at]->provider->spot().ring();
            EXPECT_EQ(alarm(1 - at), before) << "the other was told to look";
        }
    lent.clear();
    for (std::size_t at : {0U, 1U}) waiting[at].join();
}

TEST_F(Budget, IsForTheClientsThatAreMadeThereInACopyOfTheProcess) {
    const pg::Connection first = one->client.connection(), second = one->client.connection();
    EXPECT_EQ(budget.used(), 2u);
    const auto serves_a_new_one = [&] {
        fake::Database made_there(limits());
        const pg::Connection mine = made_there.client.connection();
        return budget.used() == 1 && budget.most() == 2;
    };
    EXPECT_TRUE(testing_support::in_a_copy(serves_a_new_one)) << "beside those that came along";
    EXPECT_TRUE(testing_support::in_a_copy([&] {
        other.reset();
        fake::Database made_there(limits()), another(limits());
        const pg::Connection mine = made_there.client.connection(), its = another.client.connection();
        return budget.used() == 2 && !soon(another);  // it asks for one of those that have too many
    })) << "and behind one that came along";
    EXPECT_EQ(budget.used(), 2u);
}

TEST_F(Budget, KeepsWhatIsReserved) {
    other.reset();
    other = std::make_unique<fake::Database>(limits(1));
    const pg::Connection first = one->client.connection();
    EXPECT_FALSE(soon(*one));
    EXPECT_TRUE(soon(*other));
}

}  // namespace
