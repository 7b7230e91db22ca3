// Prepared statements: as asked and by themselves, once a session.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/statement_cache.hpp"

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

TEST_F(Prepared, TakesNoOptionsOfAQuery) {
    EXPECT_THROW(static_cast<void>(db.client.prepare<int()>(pg::Query{.sql = "select 1", .idempotent = true})),
                 pg::UsageError);
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
    const auto statement = db.client.prepare<pg::Affected(std::int64_t)>("select f($1)");
    server.descriptions.push_back(server_error("42883"));
    statement(1);
    EXPECT_EQ(server.asked.back().arguments[0].type, pg::Oid{23});
}

TEST_F(Prepared, IsPreparedAgainOnceWhenItsPlanNoLongerFits) {
    const auto stale = server_error("0A000", pg::ErrorKind::plan_invalidated, pg::RetryScope::statement);
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    statement();
    server.answer("select a", stale);
    server.take_log();
    statement();
    EXPECT_EQ(server.take_log(),
              (Lines{"execute select a", "forget select a", "prepare select a", "execute select a"}));
}

TEST_F(Prepared, GoesWithoutANameWhereSomebodyInBetweenKeepsItsPlan) {
    const auto stale = server_error("0A000", pg::ErrorKind::plan_invalidated, pg::RetryScope::statement);
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    statement();
    server.take_log();
    for (int i = 0; i < 2; ++i) server.answer("select a", stale);
    statement();
    EXPECT_EQ(server.take_log(), (Lines{"execute select a", "forget select a", "prepare select a", "execute select a",
                                        "forget select a", "select a"}));
    statement();
    EXPECT_EQ(server.take_log(), Lines{"select a"});
    server.answer("select a", stale);
    EXPECT_THROW(statement(), pg::PlanInvalidated) << "there is no other way to run it";
}

TEST_F(Prepared, GoesWithoutANameWhereThatIsTaken) {
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    server.descriptions.push_back(server_error("42P05"));
    statement();
    EXPECT_EQ(server.take_log(), (Lines{"prepare select a", "execute select a", "forget select a", "select a"}));
    statement();
    EXPECT_EQ(server.take_log(), Lines{"select a"});
    server.answer("select a", server_error("42P05"));
    EXPECT_EQ(statement.try_call().error().sqlstate(), "42P05") << "a name that the statement itself gave";
}

TEST_F(Prepared, IsPreparedAgainWhenTheTypesThatWereInferredAreRefused) {
    const auto statement = db.client.prepare<pg::Affected(const char*)>("delete from t where a = $1");
    statement("1");
    server.answer("delete from t where a = $1", server_error("42883"));
    server.take_log();
    statement("1");
    EXPECT_EQ(server.take_log(), (Lines{"execute delete from t where a = $1", "forget delete from t where a = $1",
                                        "prepare delete from t where a = $1", "execute delete from t where a = $1"}));
}

TEST_F(Prepared, IsPreparedAgainOnceWhenATypeWasMadeAnew) {
    const pg::Error gone({.kind = pg::ErrorKind::server,
                          .outcome = pg::Outcome::not_applied,
                          .sqlstate = pg::SqlState("XX000"),
                          .message = "cache lookup failed for type 16387"});
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    statement();
    for (int i = 0; i < 2; ++i) server.answer("select a", gone);
    server.take_log();
    EXPECT_THROW(statement(), pg::Error);
    EXPECT_EQ(server.take_log(), (Lines{"execute select a", "forget select a", "prepare select a", "execute select a",
                                        "forget select a"}));
    statement();
    EXPECT_EQ(server.take_log(), (Lines{"prepare select a", "execute select a"}));
    server.answer("select a", gone);
    statement();
}

TEST_F(Prepared, IsForgottenInATransactionAndHealedWhenThatRunsAgain) {
    const auto statement = db.client.prepare<pg::Affected()>("select a");
    statement();
    server.answer("select a", server_error("0A000", pg::ErrorKind::plan_invalidated, pg::RetryScope::transaction));
    server.take_log();
    db.client.transaction([&](pg::Transaction& transaction) { statement.on(transaction)(); });
    EXPECT_EQ(server.take_log(), (Lines{"begin", "execute select a", "forget select a", "rollback", "begin",
                                        "prepare select a", "execute select a", "commit"}));
}

TEST_F(Prepared, HasNoNameWhenItEndsATransaction) {
    const auto statement = db.client.prepare<pg::Affected()>("commit");
    statement();
    EXPECT_EQ(server.take_log(), Lines{"commit"});
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

TEST_F(Prepared, IsTheSameStatementHoweverOftenItIsAskedFor) {
    db.client.prepare<pg::Affected()>("select a")();
    db.client.prepare<pg::Affected()>("select a")();
    EXPECT_EQ(server.take_log(), (Lines{"prepare select a", "execute select a", "execute select a"}));
}

TEST_F(Prepared, OutlivesItsClient) {
    auto holder = std::make_unique<pg::Client>(db.client);
    const auto statement = holder->prepare<pg::Affected()>("select a");
    holder.reset();
    EXPECT_TRUE(statement.try_call());
}

using Names = Prepared;

TEST_F(Names, AreGivenToWhatComesAgain) {
    for (int i = 0; i < 3; ++i) db.client.exec("select 1");
    EXPECT_EQ(server.take_log(), (Lines{"select 1", "prepare select 1", "execute select 1", "execute select 1"}));
    for (int i = 0; i < 3; ++i) db.client.exec(pg::runtime(std::string("select 1")));
    EXPECT_EQ(server.take_log(), (Lines{"execute select 1", "execute select 1", "execute select 1"}));
    EXPECT_EQ(db.client.statement_cache().hits, 4u);
    EXPECT_EQ(db.client.statement_cache().misses, 2u);
}

TEST_F(Names, AreNotGivenWhereTablesMayBeOthers) {
    fake::Database one{1};
    std::optional<pg::Connection> connection = one.client.connection();
    for (int i = 0; i < 3; ++i) connection->exec("select 1");
    one.server->take_log();
    for (const char* change : {"set search_path = other", "SET ROLE other", "set session authorization other"}) {
        one.server->answer(change, affected("SET"));
        connection->exec(pg::runtime(change));
        connection->exec("select 1");
        EXPECT_EQ(one.server->take_log(), (Lines{change, "select 1"}));
        connection.reset();
        connection = one.client.connection();
        one.server->take_log();  // the session was cleaned
        connection->exec("select 1");
        EXPECT_EQ(one.server->take_log(), Lines{"execute select 1"}) << "its names are those that it began with";
    }
    one.server->answer("set work_mem = 1", affected("SET"));
    connection->exec("set work_mem = 1");
    connection->exec("select 1");
    EXPECT_EQ(one.server->take_log(), (Lines{"set work_mem = 1", "execute select 1"}));
}

TEST_F(Names, AreForgottenWhenTheServerForgetsThem) {
    pg::Connection connection = db.client.connection();
    for (const char* all : {"discard all", "deallocate all"}) {
        for (int i = 0; i < 3; ++i) connection.exec("select 1");
        server.answer(all, affected(all[1] == 'i' ? "DISCARD ALL" : "DEALLOCATE ALL"));
        connection.exec(pg::runtime(all));
        server.take_log();
        connection.exec("select 1");
        EXPECT_EQ(server.take_log(), (Lines{"prepare select 1", "execute select 1"})) << all;
    }
}

TEST_F(Names, StayWhenOneOfAnotherIsDeallocated) {
    pg::Connection connection = db.client.connection();
    for (int i = 0; i < 3; ++i) connection.exec("select 1");
    server.answer("deallocate q", affected("DEALLOCATE"));
    connection.exec("deallocate q");
    server.take_log();
    connection.exec("select 1");
    EXPECT_EQ(server.take_log(), Lines{"execute select 1"});
}

TEST_F(Names, StayForWhatIsSentBeforeAStatementThatOnlySpeaksOfForgetting) {
    pg::Connection connection = db.client.connection();
    for (int i = 0; i < 3; ++i) connection.exec("select 1");
    server.take_log();
    pg::Batch batch(connection);
    const auto one = batch.exec("select 1");
    const auto two = batch.exec("create temp table discarded (a int)");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log().front(), "each of 2");
    EXPECT_TRUE(server.asked[3].prepared);
}

TEST_F(Names, AreClosedWhereTheServerMayHaveSomeYet) {
    pg::Connection connection = db.client.connection();
    for (int i = 0; i < 3; ++i) connection.exec("select 1");
    server.take_log();
    connection.run_script("discard plans");
    EXPECT_EQ(server.take_log(), (Lines{"forget select 1", "script discard plans"}));
}

TEST_F(Names, AreNotGivenWhenNoneAreToBeKept) {
    db.context->statements.entries = 0;
    const auto statement = db.client.prepare<pg::Affected()>("select 1");
    for (int i = 0; i < 3; ++i) statement();
    EXPECT_EQ(server.take_log(), (Lines{"select 1", "select 1", "select 1"}));
}

}  // namespace
