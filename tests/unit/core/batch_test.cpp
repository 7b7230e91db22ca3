// Batches: what is sent together, and what each statement says afterwards.
#include "pg/batch.hpp"

#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/connection.hpp"

namespace {

// A type whose codec gives up.
struct Unwritable {};

}  // namespace

template <>
struct pg::Codec<Unwritable> {
    static constexpr TypeId type{Oid{23}, Oid{}, "int4"};
    static constexpr Format argument = Format::binary;
    static Fault encode(Writer&, const Unwritable&) { throw std::length_error("no room"); }
};

namespace {

using namespace std::chrono_literals;
using fake::affected;
using fake::Lines;
using fake::rows;
using fake::server_error;

class Batch : public testing::Test {
protected:
    fake::Database db;
    fake::Server& server = *db.server;
    pg::Batch batch{db.client};
};

TEST_F(Batch, GivesEveryStatementItsOwnResult) {
    server.answer("select 1", rows({{"n", 23}}, {{"1"}}));
    server.answer("select 2", rows({{"n", 23}}, {}));
    server.answer("select 3", rows({{"n", 23}}, {{"3"}, {"4"}}));
    server.answer("delete from t", affected("DELETE 5", 5));
    server.answer("select 'x' as x", rows({{"x"}}, {{"x"}}));
    const auto one = batch.query_one<int>("select 1");
    const auto maybe = batch.query_maybe<int>("select 2");
    const auto all = batch.query_all<int>("select 3");
    const auto count = batch.exec("delete from t");
    const auto dynamic = batch.query("select 'x' as x");
    EXPECT_EQ(batch.size(), 5u);
    EXPECT_EQ(server.take_log(), Lines{}) << "nothing is sent before run()";

    batch.run();

    EXPECT_EQ(server.take_log(), Lines{"batch of 5"});
    EXPECT_EQ(one.get(), 1);
    EXPECT_EQ(maybe.get(), std::nullopt);
    EXPECT_EQ(all.get(), (std::vector<int>{3, 4}));
    EXPECT_EQ(count.get(), 5u);
    const pg::Row row = dynamic.get()[0];
    EXPECT_EQ(row.get<std::string>("x"), "x");
    EXPECT_EQ(one.get(), 1) << "a result can be asked for again";
}

TEST_F(Batch, SendsNothingAheadOfAnAnswerWhereThatIsNotToBe) {
    db.context->sends_ahead = false;
    const auto first = batch.exec("select 1");
    const auto second = batch.exec("select 2");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), (Lines{"select 1", "select 2"}));
    EXPECT_TRUE(first.try_get());
    EXPECT_TRUE(second.try_get());
    const auto third = batch.exec("select 3");
    batch.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 1"}) << "an atomic one has one end";
    EXPECT_TRUE(third.try_get());
}

TEST_F(Batch, TellsTheServerOfItsDeadlineAndLiftsThatInsideATransaction) {
    db.context->limit_margin = std::chrono::milliseconds(1);
    batch.exec("select 1");
    batch.exec("select 2");
    batch.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 3"});
    pg::Transaction transaction = db.client.begin();
    static_cast<void>(server.take_log());
    pg::Batch inside(transaction);
    inside.exec("select 1");
    inside.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 3"});
    inside.exec("create table t ()");
    inside.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 1"}) << "it is not about rows";
}

TEST_F(Batch, FailsWithWhatEndedItsTransactionBehindIt) {
    db.context->limit_margin = std::chrono::milliseconds(1);
    pg::Transaction transaction = db.client.begin();
    pg::Batch inside(transaction);
    const auto only = inside.exec("select 1");
    server.answer(
        "select set_config('statement_timeout', current_setting('pgclient.statement_timeout'), true) "
        "where current_setting('statement_timeout') = current_setting('pgclient.statement_limit')",
        server_error("57014", pg::ErrorKind::cancelled));
    const auto ran = inside.try_run();
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().sqlstate(), pg::sqlstate::query_canceled);
    EXPECT_FALSE(only.try_get());
}

TEST_F(Batch, GivesItsSessionBackBeforeResultsAreRead) {
    fake::Database narrow(1);
    pg::Batch one(narrow.client);
    const auto n = one.exec("select 1");
    one.run();
    EXPECT_TRUE(narrow.client.try_exec("select 2"));
    EXPECT_EQ(n.get(), 0u);
}

TEST_F(Batch, WaitsForItsNextRunWhereThereWasNoSession) {
    for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        fake::Database narrow(1);
        narrow.context->acquire_timeout = 1ms;
        std::optional<pg::Connection> held = narrow.client.connection();
        pg::Batch waiting(narrow.client);
        const auto count = waiting.exec("delete from t");
        EXPECT_EQ(waiting.try_run(mode).error().kind(), pg::ErrorKind::pool_timeout);
        EXPECT_EQ(count.try_get().error().kind(), pg::ErrorKind::pool_timeout) << "it says why";
        waiting.exec("delete from u");
        EXPECT_EQ(count.try_get().error().kind(), pg::ErrorKind::usage) << "another run is to come";
        held.reset();
        narrow.server->answer("delete from t", affected("DELETE 5", 5));
        waiting.run(mode);
        EXPECT_EQ(count.get(), 5u);
        EXPECT_EQ(narrow.server->asked.size(), 2u);
    }
}

TEST_F(Batch, SaysOfARefusedStatementWhyWhileTheOthersWait) {
    fake::Database narrow(1);
    narrow.context->acquire_timeout = 1ms;
    const pg::Connection held = narrow.client.connection();
    pg::Batch waiting(narrow.client);
    const auto good = waiting.exec("delete from t");
    const auto refused = waiting.exec(pg::runtime("select 1; select 2"));
    EXPECT_EQ(waiting.try_run(pg::BatchMode::each).error().kind(), pg::ErrorKind::pool_timeout);
    EXPECT_EQ(good.try_get().error().kind(), pg::ErrorKind::pool_timeout);
    EXPECT_EQ(refused.try_get().error().kind(), pg::ErrorKind::usage);
}

TEST_F(Batch, IsUsedUpWhereAStatementWasRefused) {
    const auto refused = batch.exec(pg::runtime("select 1; select 2"));
    EXPECT_FALSE(batch.try_run());
    EXPECT_TRUE(batch.try_run()) << "nothing waits any more";
    EXPECT_FALSE(refused.try_get());
}

TEST_F(Batch, HasTheOptionsOfAnExecutorThatIsGone) {
    server.answer("select a, b", rows({{"a", 23}, {"b", 23}}, {{"1", "2"}}));
    const pg::QueryOptions options{.extra = pg::Extra::ignore};
    auto tuned = std::make_unique<pg::Tuned>(db.client, options);
    pg::Batch lenient(*tuned);
    const auto one = lenient.query_one<std::tuple<int>>("select a, b");
    lenient.run();
    tuned.reset();
    EXPECT_EQ(one.get(), std::tuple(1));
}

TEST_F(Batch, GivesResultsThatCopiesAskForToo) {
    server.answer("select 1", rows({{"n", 23}}, {{"1"}}));
    auto one = batch.query_one<int>("select 1");
    batch.run();
    const auto other = std::move(one);
    EXPECT_EQ(other.get(), 1);
    EXPECT_EQ(one.get(), 1) << "a value, of which nothing is moved";  // NOLINT(bugprone-use-after-move)
}

TEST_F(Batch, RefusesAResultBeforeItsRun) {
    const auto n = batch.query_one<int>("select 1");
    const auto early = n.try_get();
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().kind(), pg::ErrorKind::usage);
    EXPECT_THROW(static_cast<void>(n.get()), pg::UsageError);
}

TEST_F(Batch, IsAsItWasWhenACodecThrows) {
    for (int i = 0; i < 2; ++i) server.answer("delete from t where n = $1", affected("DELETE 1", 1));
    const auto count = batch.exec("delete from t where n = $1", 7);
    EXPECT_THROW(batch.exec("delete from t where n = $1", Unwritable{}), std::length_error);
    EXPECT_EQ(batch.size(), 1u);
    const auto another = batch.exec("delete from t where n = $1", 8);
    batch.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 2"});
    EXPECT_EQ(count.get() + another.get(), 2u);
}

TEST_F(Batch, RefusesAResultThatWasCleared) {
    const auto old = batch.exec("select 1");
    batch.run();
    batch.clear();
    const auto fresh = batch.exec("select 2");
    EXPECT_EQ(batch.size(), 1u);
    EXPECT_EQ(old.try_get().error().message(), "the batch was cleared, and this result with it");
    EXPECT_EQ(fresh.try_get().error().kind(), pg::ErrorKind::usage);
    batch.run();
    EXPECT_TRUE(fresh.try_get());
    EXPECT_FALSE(old.try_get());
}

TEST_F(Batch, RunsOnlyWhatWasAddedSince) {
    const auto first = batch.exec("select 1");
    batch.run();
    batch.run();
    const auto second = batch.exec("select 2");
    batch.run();
    EXPECT_EQ(server.take_log(), (Lines{"batch of 1", "batch of 1"}));
    EXPECT_TRUE(first.try_get());
    EXPECT_TRUE(second.try_get());
}

TEST_F(Batch, KeepsResultsAliveAfterItIsGone) {
    server.answer("select 1", rows({{"n", 23}}, {{"1"}}));
    auto temporary = std::make_unique<pg::Batch>(db.client);
    const auto n = temporary->query_one<int>("select 1");
    temporary->run();
    temporary.reset();
    EXPECT_EQ(n.get(), 1);
}

TEST_F(Batch, CanBeMoved) {
    const auto n = batch.exec("select 1");
    pg::Batch moved = std::move(batch);
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(batch.try_run().error().kind(), pg::ErrorKind::usage);
    batch = std::move(moved);
    EXPECT_FALSE(batch.empty());
    batch.run();
    EXPECT_TRUE(n.try_get());
}

TEST_F(Batch, SaysOfEveryStatementThatNothingWasAppliedWhenOneFails) {
    server.answer("select 2", server_error("23505", pg::ErrorKind::unique_violation));
    const auto before = batch.exec("select 1");
    const auto culprit = batch.exec("select 2");
    const auto behind = batch.exec("select 3");

    const auto ran = batch.try_run();

    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().kind(), pg::ErrorKind::unique_violation);
    EXPECT_THROW(static_cast<void>(culprit.get()), pg::UniqueViolation);
    for (const auto* other : {&before, &behind}) {
        const auto outcome = other->try_get();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind(), pg::ErrorKind::cancelled);
        EXPECT_EQ(outcome.error().outcome(), pg::Outcome::not_applied);
        EXPECT_EQ(outcome.error().message(), "the batch is atomic, and its statement 2 failed: refused as 23505");
    }
}

TEST_F(Batch, SendsNothingOfAnAtomicBatchThatEndsItsTransaction) {
    for (const char* sql : {"commit", "/* a */ COMMIT", "rollback", "begin", "end", "prepare transaction 'x'"}) {
        const auto before = batch.exec("insert");
        const auto control = batch.exec(pg::runtime(sql));
        const auto ran = batch.try_run();
        ASSERT_FALSE(ran) << sql;
        EXPECT_EQ(ran.error().kind(), pg::ErrorKind::usage);
        EXPECT_EQ(ran.error().sql(), sql);
        EXPECT_EQ(control.try_get().error().message(),
                  "an atomic batch is one transaction: it takes no statement that begins or ends one; use "
                  "BatchMode::each for that");
        EXPECT_EQ(before.try_get().error().outcome(), pg::Outcome::not_sent);
    }
    const auto prepared = db.client.prepare<pg::Affected()>("commit");
    static_cast<void>(batch.add(prepared));
    EXPECT_THROW(batch.run(), pg::UsageError);
    EXPECT_EQ(server.take_log(), Lines{});
}

TEST_F(Batch, LetsTheOthersControlTransactions) {
    for (const char* sql : {"begin", "select 1", "commit"}) batch.exec(pg::runtime(sql));
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), Lines{"each of 3"});
    pg::Transaction transaction = db.client.begin();
    pg::Batch within(transaction);
    within.exec("savepoint a");
    within.exec("rollback to a");
    within.run();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "batch of 2"}));
}

TEST_F(Batch, SendsNothingOfATransactionBehindItsEnd) {
    for (const char* end : {"commit", "rollback"}) {
        pg::Transaction transaction = db.client.begin();
        pg::Batch within(transaction);
        const auto before = within.exec("insert");
        static_cast<void>(within.exec(pg::runtime(end)));
        const auto behind = within.exec("update");
        within.run(pg::BatchMode::each);
        EXPECT_TRUE(before.try_get());
        ASSERT_FALSE(behind.try_get()) << "it would stand alone";
        EXPECT_EQ(behind.try_get().error().kind(), pg::ErrorKind::usage);
        EXPECT_EQ(behind.try_get().error().outcome(), pg::Outcome::not_sent);
        EXPECT_EQ(server.take_log().back(), "each of 2");
    }
    pg::Transaction transaction = db.client.begin();
    pg::Batch within(transaction);
    for (const char* sql : {"insert", "commit and chain", "update"}) within.exec(pg::runtime(sql));
    within.run(pg::BatchMode::each);
    pg::Connection connection = db.client.connection();
    static_cast<void>(server.take_log());
    pg::Batch outside(connection);
    for (const char* sql : {"begin", "insert", "commit", "update"}) outside.exec(pg::runtime(sql));
    outside.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), Lines{"each of 4"}) << "there it is a text like any other";
}

TEST_F(Batch, CleansASessionWhoseTextsSayThatTheyLeaveTraces) {
    const auto prepared = db.client.prepare<pg::Affected()>("select pg_advisory_lock(1)");
    const auto cleaned = [&] {
        batch.run();
        return server.take_log().back().starts_with("script close all;");
    };
    batch.exec("select 1");
    EXPECT_FALSE(cleaned());
    batch.exec("create temp table t ()");
    EXPECT_TRUE(cleaned());
    batch.exec(pg::runtime("select set_config('a', 'b', false)"));
    EXPECT_TRUE(cleaned());
    static_cast<void>(batch.add(prepared));
    EXPECT_TRUE(cleaned());
}

TEST_F(Batch, LetsEachStatementFailAlone) {
    server.answer("select 2", server_error("23505", pg::ErrorKind::unique_violation));
    const auto before = batch.exec("select 1");
    const auto culprit = batch.exec("select 2");
    const auto behind = batch.exec("select 3");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), Lines{"each of 3"});
    EXPECT_TRUE(before.try_get());
    EXPECT_THROW(static_cast<void>(culprit.get()), pg::UniqueViolation);
    EXPECT_TRUE(behind.try_get());
}

TEST_F(Batch, SaysWhyNoSessionCouldBeHad) {
    server.refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect, .message = "nobody there"});
    const auto n = batch.exec("select 1");
    EXPECT_THROW(batch.run(pg::BatchMode::each), pg::ConnectError);
    EXPECT_THROW(static_cast<void>(n.get()), pg::ConnectError);
}

TEST_F(Batch, CopiesTextsThatAreKnownAtRunTime) {
    std::string text = "select 1 where $1 = 2";
    const auto n = batch.exec(pg::runtime(text), 2);
    text.assign(text.size(), 'x');
    batch.run();
    EXPECT_EQ(server.asked.back().sql, "select 1 where $1 = 2");
    EXPECT_TRUE(n.try_get());
}

TEST_F(Batch, SendsNothingOfAnAtomicBatchWithABadStatement) {
    const std::string two = "select 1; select 2";
    const auto fine = batch.exec("select 1");
    const auto bad = batch.exec(pg::runtime(two));
    const auto ran = batch.try_run();
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(server.take_log(), Lines{});
    EXPECT_EQ(bad.try_get().error().message(), "the text holds several statements; use run_script");
    EXPECT_EQ(fine.try_get().error().outcome(), pg::Outcome::not_sent);
}

TEST_F(Batch, RunsTheOthersOfABatchOfEach) {
    const auto bad = batch.exec("select $1", std::string_view("a\0b", 3));
    const auto fine = batch.exec("select 1");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), Lines{"each of 1"});
    EXPECT_THROW(static_cast<void>(bad.get()), pg::EncodeError);
    EXPECT_TRUE(fine.try_get());
}

TEST_F(Batch, SendsNothingWhenNoStatementCanBeSent) {
    const auto bad = batch.exec("select $1", std::string_view("a\0b", 3));
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), Lines{});
    EXPECT_FALSE(bad.try_get());
}

TEST_F(Batch, TakesTheOptionsOfItsExecutorAndOfItsQueries) {
    auto tuned = db.client.with({.timeout = pg::no_timeout, .format = pg::Format::text});
    pg::Batch other(tuned);
    const auto a = other.exec("select 1");
    const auto b = other.exec(pg::Query{.sql = "select 2", .format = pg::Format::binary});
    other.run();
    ASSERT_EQ(server.asked.size(), 2u);
    EXPECT_EQ(server.asked[0].format, pg::Format::text);
    EXPECT_TRUE(server.asked[0].wait.deadline.is_never());
    EXPECT_EQ(server.asked[1].format, pg::Format::binary);
}

TEST_F(Batch, RefusesALimitForItsResults) {
    const auto limited = batch.exec(pg::Query{.sql = "select 1", .max_result_bytes = 20});
    EXPECT_THROW(batch.run(), pg::UsageError);
    EXPECT_FALSE(limited.try_get());
    auto tuned = db.client.with({.max_result_bytes = 10});
    pg::Batch other(tuned);
    const auto plain = other.exec("select 1");
    EXPECT_THROW(other.run(), pg::UsageError);
    EXPECT_EQ(plain.try_get().error().outcome(), pg::Outcome::not_sent);
    EXPECT_EQ(server.take_log(), Lines{});
}

TEST_F(Batch, RefusesOptionsThatOnlyAWholeBatchCanHave) {
    const auto timed = batch.exec(pg::Query{.sql = "select 1", .timeout = 1s});
    EXPECT_THROW(batch.run(), pg::UsageError);
    EXPECT_THROW(static_cast<void>(timed.get()), pg::UsageError);
    EXPECT_EQ(server.take_log(), Lines{});
}

}  // namespace
