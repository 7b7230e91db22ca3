// Prepared statements: prepared by themselves, once a session, and forgotten when nobody holds them.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/connection.hpp"

namespace {

using fake::affected;
using fake::Lines;
using fake::rows;
using fake::server_error;

struct User {
    std::int64_t id;
    std::string name;
};

class Prepared : public testing::Test {
protected:
    fake::Database db{1};
    fake::Server& server = *db.server;
};

TEST_F(Prepared, SendsNothingBeforeItsFirstCall) {
    const auto statement = db.client.prepare<pg::Affected(int)>("delete from t where a = $1");
    EXPECT_EQ(server.take_log(), Lines{});
    EXPECT_EQ(statement.sql(), "delete from t where a = $1");
}

TEST_F(Prepared, IsPreparedOnceForASession) {
    const auto by_id = db.client.prepare<User(std::int64_t)>("select u where id = $1");
    const auto user = rows({{"id", 20}, {"name"}}, {{"1", "ann"}});
    server.answer("select u where id = $1", user);
    server.answer("select u where id = $1", user);
    EXPECT_EQ(by_id(1).name, "ann");
    EXPECT_EQ(by_id(1).id, 1);
    EXPECT_EQ(server.take_log(), (Lines{"prepare select u where id = $1", "execute select u where id = $1",
                                        "execute select u where id = $1"}));
}

TEST_F(Prepared, GivesWhatItsSignatureSays) {
    const auto one = db.client.prepare<int()>("select a");
    const auto maybe = db.client.prepare<std::optional<int>()>("select b");
    const auto all = db.client.prepare<std::vector<int>()>("select c");
    const auto count = db.client.prepare<pg::Affected()>("delete from d");
    server.answer("select a", rows({{"n", 23}}));
    server.answer("select b", rows({{"n", 23}}));
    server.answer("select c", rows({{"n", 23}}, {{"1"}, {"2"}}));
    server.answer("delete from d", affected("DELETE 4", 4));
    EXPECT_THROW(static_cast<void>(one()), pg::NoRows);
    EXPECT_EQ(maybe(), std::nullopt);
    EXPECT_EQ(all(), (std::vector{1, 2}));
    EXPECT_EQ(count().rows, 4u);
}

TEST_F(Prepared, NamesTheArgumentThatHasNoWireForm) {
    const auto statement = db.client.prepare<int(std::string)>("select $1");
    EXPECT_THROW(statement(std::string(1, '\0')), pg::EncodeError);
    EXPECT_EQ(server.take_log(), Lines{});
}

TEST_F(Prepared, SaysWhyItCouldNotBePrepared) {
    const auto statement = db.client.prepare<int()>("select a");
    server.descriptions.push_back(server_error("42P01"));
    EXPECT_EQ(statement.try_call().error().sqlstate(), "42P01");
    server.answer("select a", rows({{"n", 23}}, {{"1"}}));
    EXPECT_EQ(statement(), 1) << "the next call prepares it again";
}

TEST_F(Prepared, SendsNumbersAsLiteralsWhenThePreparationRefusesTheirTypes) {
    const auto statement = db.client.prepare<pg::Affected(int)>("select f($1)");
    server.descriptions.push_back(server_error("42883"));
    statement(1);
    EXPECT_EQ(server.asked.back().arguments[0].type, pg::Oid{});
}

TEST_F(Prepared, IsPreparedAgainOnceWhenItsPlanNoLongerFits) {
    const auto stale = server_error("0A000", pg::ErrorKind::plan_invalidated, pg::RetryScope::statement);
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    server.answer("select a", stale);
    statement();
    EXPECT_EQ(server.take_log(),
              (Lines{"prepare select a", "execute select a", "deallocate", "prepare select a", "execute select a"}));
    server.answer("select a", stale);
    server.answer("select a", stale);
    EXPECT_THROW(statement(), pg::PlanInvalidated);
    server.answer("select a", stale);
    server.refuses_to_deallocate = server_error("57014");
    EXPECT_THROW(statement(), pg::PlanInvalidated) << "an old plan that stays cannot be replaced";
}

TEST_F(Prepared, IsPreparedAgainWhenTheServerHasForgottenIt) {
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    server.answer("select a", server_error("26000", pg::ErrorKind::plan_invalidated, pg::RetryScope::statement));
    statement();
    EXPECT_EQ(server.take_log(),
              (Lines{"prepare select a", "execute select a", "prepare select a", "execute select a"}));
}

TEST_F(Prepared, IsNotHealedInATransaction) {
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    pg::Transaction transaction = db.client.begin();
    server.answer("select a", server_error("0A000", pg::ErrorKind::plan_invalidated, pg::RetryScope::transaction));
    EXPECT_THROW(statement.on(transaction)(), pg::PlanInvalidated);
    EXPECT_EQ(server.take_log(), (Lines{"begin", "prepare select a", "execute select a"}));
}

TEST_F(Prepared, RunsOnTheExecutorThatItIsGiven) {
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    pg::Connection connection = db.client.connection();
    statement.on(connection)();
    EXPECT_EQ(server.opened, 1) << "the only session is the connection's";
    auto tuned = connection.with({.max_result_bytes = 10});
    statement.on(tuned)();
    EXPECT_EQ(server.asked.back().max_result_bytes, 10u);
}

TEST_F(Prepared, IsForgottenWhenTheLastCopyIsGone) {
    auto kept = db.client.prepare<pg::Affected()>("select kept");
    {
        const auto statement = db.client.prepare<pg::Affected()>("select a");
        const auto copy = statement;
        statement();
        copy();
        kept();
    }
    server.take_log();
    server.refuses_to_deallocate = server_error("57014");
    db.client.exec("select 1");
    EXPECT_EQ(server.take_log(), (Lines{"deallocate", "select 1"}));
    server.refuses_to_deallocate.reset();
    db.client.exec("select 1");
    EXPECT_EQ(server.take_log(), (Lines{"deallocate", "select 1"})) << "what failed is tried again";
    db.client.exec("select 1");
    kept();
    EXPECT_EQ(server.take_log(), (Lines{"select 1", "execute select kept"}));
}

TEST_F(Prepared, IsForgottenOnAConnectionThatStays) {
    pg::Connection connection = db.client.connection();
    db.client.prepare<pg::Affected()>("select a").on(connection)();
    server.take_log();
    connection.exec("select 1");
    EXPECT_EQ(server.take_log(), (Lines{"deallocate", "select 1"}));
}

TEST_F(Prepared, OutlivesItsClient) {
    auto holder = std::make_unique<pg::Client>(db.client);
    const auto statement = holder->prepare<pg::Affected()>("select a");
    holder.reset();
    EXPECT_TRUE(statement.try_call());
}

}  // namespace
