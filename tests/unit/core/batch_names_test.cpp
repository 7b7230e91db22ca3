// Batches whose statements have names, and what is repaired of them.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"

namespace {

using fake::affected;
using fake::Lines;
using fake::rows;
using fake::server_error;

class BatchNames : public testing::Test {
protected:
    fake::Database db;
    fake::Server& server = *db.server;
    pg::Batch batch{db.client};
};

TEST_F(BatchNames, PreparesAStatementOnceForASession) {
    const auto by_id = db.client.prepare<std::optional<int>(std::int64_t)>("select a from t where id = $1");
    const auto a = batch.add(by_id, 1);
    const auto b = batch.add(by_id, 2);
    batch.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 2"});
    EXPECT_TRUE(server.asked[0].prepared);
    EXPECT_EQ(server.asked[1].arguments[0].type, pg::Oid{20});

    batch.clear();
    const auto c = batch.add(by_id, 3);
    batch.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 1"});
    EXPECT_FALSE(a.try_get());
    EXPECT_FALSE(b.try_get());
}

TEST_F(BatchNames, FailsAsAWholeWhenAStatementCannotBePrepared) {
    server.descriptions.push_back(server_error("42P01"));
    const auto by_id = db.client.prepare<pg::Affected(int)>("delete from missing where id = $1");
    const auto fine = batch.exec("select 1");
    const auto bad = batch.add(by_id, 1);
    EXPECT_THROW(batch.run(), pg::ServerError);
    EXPECT_EQ(server.take_log(), (Lines{"batch of 2", "forget delete from missing where id = $1"}));
    EXPECT_EQ(bad.try_get().error().sqlstate(), "42P01");
    EXPECT_EQ(fine.try_get().error().outcome(), pg::Outcome::not_applied);
}

TEST_F(BatchNames, LetsAStatementThatCannotBePreparedFailAlone) {
    server.descriptions.push_back(server_error("42P01"));
    const auto by_id = db.client.prepare<pg::Affected(int)>("delete from missing where id = $1");
    const auto bad = batch.add(by_id, 1);
    const auto fine = batch.exec("select 1");
    batch.run(pg::BatchMode::each);
    EXPECT_FALSE(bad.try_get());
    EXPECT_TRUE(fine.try_get());
}

TEST_F(BatchNames, SendsNumbersAgainAsLiteralsWhenThePreparationRefusesTheirTypes) {
    server.descriptions.push_back(server_error("42883"));
    const auto by_id = db.client.prepare<pg::Affected(std::int64_t)>("delete from t where half(id) = $1");
    const auto n = batch.add(by_id, 1);
    batch.run();
    EXPECT_EQ(server.asked.back().arguments[0].type, pg::Oid{23});
    EXPECT_TRUE(n.try_get());
}

TEST_F(BatchNames, IsSentAgainWholeWhenNumberTypesWereRefused) {
    server.answer("select f($1)", server_error("42883"));
    const auto first = batch.exec("select 1");
    const auto n = batch.exec("select f($1)", std::int64_t{1});
    batch.run();
    EXPECT_EQ(server.take_log(), (Lines{"batch of 2", "batch of 2"}));
    EXPECT_EQ(server.asked.back().arguments[0].bytes, "1");
    EXPECT_EQ(server.asked.back().arguments[0].format, pg::Format::text);
    EXPECT_TRUE(first.try_get());
    EXPECT_TRUE(n.try_get());
}

TEST_F(BatchNames, IsSentAgainOnceWhenAPlanNoLongerFits) {
    const auto stale = server_error("0A000", pg::ErrorKind::plan_invalidated, pg::RetryScope::statement);
    const auto by_id = db.client.prepare<pg::Affected(int)>("delete from t where id = $1");
    const auto n = batch.add(by_id, 1);
    server.answer("delete from t where id = $1", stale);
    batch.run();
    EXPECT_EQ(server.take_log(), (Lines{"batch of 1", "forget delete from t where id = $1", "batch of 1"}));
    EXPECT_TRUE(n.try_get());

    batch.clear();
    const auto again = batch.add(by_id, 1);
    for (int i = 0; i < 3; ++i) server.answer("delete from t where id = $1", stale);
    EXPECT_THROW(batch.run(), pg::PlanInvalidated);
    EXPECT_FALSE(again.try_get());
}

TEST_F(BatchNames, SaysThatARepairedStatementOfEachMayRunAgain) {
    server.answer("select f($1)", server_error("42883"));
    const auto n = batch.exec("select f($1)", std::int64_t{1});
    const auto other = batch.exec("select 1");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), Lines{"each of 2"}) << "its turn has passed";
    EXPECT_EQ(n.try_get().error().retry_scope(), pg::RetryScope::statement);
    EXPECT_TRUE(other.try_get());

    const auto again = batch.exec("select f($1)", std::int64_t{1});
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.asked.back().arguments[0].type, pg::Oid{23});
    EXPECT_TRUE(again.try_get());
}

TEST_F(BatchNames, RepairsNothingInATransaction) {
    pg::Transaction transaction = db.client.begin();
    pg::Batch inside(transaction);
    server.answer("select f($1)", server_error("42883"));
    const auto n = inside.exec("select f($1)", std::int64_t{1});
    EXPECT_THROW(inside.run(), pg::ServerError);
    EXPECT_EQ(server.take_log(), (Lines{"begin", "batch of 1"}));
    EXPECT_FALSE(n.try_get());
}

TEST_F(BatchNames, LearnsNothingInAFailedTransaction) {
    pg::Transaction transaction = db.client.begin();
    pg::Batch inside(transaction);
    server.answer("select m", rows({{"m", 20000}}, {{"sad"}}));
    server.answer("select 1", server_error("22012"));
    const auto mood = inside.query("select m");
    const auto bad = inside.exec("select 1");
    inside.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), (Lines{"begin", "each of 2"}));
    EXPECT_TRUE(mood.try_get());
    EXPECT_FALSE(bad.try_get());
}

TEST_F(BatchNames, KeepsResultsWhoseTypesCouldNotBeLearned) {
    server.answer("select m", rows({{"m", 20000}}, {{"sad"}}));
    const auto mood = batch.query("select m");
    EXPECT_THROW(batch.run(), pg::ShapeError) << "the catalogue's answer has no columns";
    EXPECT_EQ(server.take_log().size(), 2u) << "the batch, and the question to the catalogue";
    EXPECT_EQ(mood.get().size(), 1u);
}

TEST_F(BatchNames, MarksASessionThatItLeavesTracesIn) {
    server.answer("set work_mem = '1MB'", affected("SET"));
    const auto set = batch.exec("set work_mem = '1MB'");
    batch.run();
    EXPECT_EQ(server.take_log().size(), 2u) << "the batch, and the reset";
    EXPECT_TRUE(set.try_get());
}

}  // namespace
