// What is run again: on which session, within which time, and until when.
#include <gtest/gtest.h>
#include <thread>

#include "fake_session.hpp"
#include "pg/connection.hpp"
#include "pg/stop.hpp"
#include "pg/tenancy.hpp"
#include "pg/transaction.hpp"
#include "src/core/retry.hpp"
#include "tests/recording_observer.hpp"

namespace {

using namespace std::chrono_literals;
using fake::Lines;
using fake::server_error;

pg::Error conflict() { return server_error("40001", pg::ErrorKind::conflict, pg::RetryScope::transaction); }

class Attempts : public testing::Test {
protected:
    fake::Database db;
    fake::Server& server = *db.server;
    pg::Client& client = db.client;
};

TEST_F(Attempts, HaveTheTimeOfTheirRequestOnce) {
    server.answer("select 1", fake::connection_lost(pg::Outcome::not_sent));
    client.exec("select 1");
    ASSERT_EQ(server.asked.size(), 2u);
    EXPECT_EQ(server.asked[1].wait.deadline, server.asked[0].wait.deadline);
}

TEST_F(Attempts, EndWithAStop) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    source.request_stop();
    server.answer("select 1", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_EQ(client.try_exec(pg::Query{.sql = "select 1", .stop = &stop}).error().kind(),
              pg::ErrorKind::connection_lost);
    EXPECT_EQ(server.asked.size(), 1u);
}

TEST_F(Attempts, BeginATransactionOnAnotherSessionOnceWhenItsFirstIsLost) {
    server.answer("begin", fake::connection_lost(pg::Outcome::unknown));
    client.begin().commit();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "begin", "commit"}));
    EXPECT_EQ(server.opened, 2);
    for (int i = 0; i < 2; ++i) server.answer("begin", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_THROW(static_cast<void>(client.begin()), pg::ConnectionLost);
    pg::Connection connection = client.connection();
    server.answer("begin", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_THROW(static_cast<void>(connection.begin()), pg::ConnectionLost) << "it is about that session";
}

TEST(AttemptsOfATenant, BeginATransactionWithTheTenantEachTimeAndAreTold) {
    const auto observer = std::make_shared<RecordingObserver>();
    fake::Database db(2, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{
                             .observer = observer, .interceptors = {std::make_shared<pg::Tenancy>("app.who")}}));
    db.server->answer("begin", fake::connection_lost(pg::Outcome::not_sent));
    const pg::Transaction transaction = pg::for_tenant(db.client, "ann").begin();
    ASSERT_EQ(db.server->asked.size(), 4u);
    EXPECT_EQ(db.server->asked[3].arguments[1].bytes, "ann");
    const auto loans = db.client.pool().loans();
    ASSERT_EQ(loans.size(), 1u);
    EXPECT_EQ(loans[0].site.line, __LINE__ - 5U);
    const auto told = observer->take();
    EXPECT_EQ(std::count_if(told.begin(), told.end(), [](auto& line) { return line.starts_with("retry"); }), 1);
    EXPECT_EQ(std::count_if(told.begin(), told.end(), [](auto& line) { return line.starts_with("begin"); }), 1);
}

TEST(TransactionRetries, RunAgainOnlyWhatTheErrorAllows) {
    pg::detail::TransactionRetries retries({.retries = 10});
    EXPECT_TRUE(retries.again(conflict()).value());
    EXPECT_FALSE(retries.again(server_error("23505", pg::ErrorKind::unique_violation)).value());
    EXPECT_FALSE(retries.again(server_error("40001", pg::ErrorKind::conflict, pg::RetryScope::statement)).value());
    EXPECT_FALSE(
        retries.again(server_error("40001", pg::ErrorKind::commit_unknown, pg::RetryScope::transaction)).value());
}

TEST(TransactionRetries, EndWithAStop) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    pg::detail::TransactionRetries retries({.retries = 10, .stop = &stop});
    EXPECT_TRUE(retries.again(conflict()).value());
    source.request_stop();
    const pg::Error stopped = retries.again(conflict()).error();
    EXPECT_EQ(stopped.kind(), pg::ErrorKind::cancelled);
    EXPECT_EQ(stopped.outcome(), pg::Outcome::not_applied);
    EXPECT_EQ(stopped.retry_scope(), pg::RetryScope::none);
    EXPECT_EQ(stopped.message(), "a stop was asked for before the transaction was run again: refused as 40001");
    EXPECT_FALSE(retries.again(server_error("23505", pg::ErrorKind::unique_violation)).value())
        << "the stop is not its cause";
}

TEST(TransactionRetries, AreToldOfWhenTheyComeAndNotBefore) {
    const auto observer = std::make_shared<RecordingObserver>();
    const pg::detail::Hooks hooks{.observer = observer};
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    pg::detail::TransactionRetries retries({.retries = 10, .stop = &stop});
    EXPECT_TRUE(retries.again(conflict(), &hooks).value());
    EXPECT_EQ(observer->take("retry").size(), 1u);
    source.request_stop();
    EXPECT_FALSE(retries.again(conflict(), &hooks));
    EXPECT_TRUE(observer->take("retry").empty());
}

TEST(TransactionRetries, RestUntilAStop) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    EXPECT_TRUE(pg::detail::rest(0ns, &stop));
    EXPECT_TRUE(pg::detail::rest(1ns, nullptr));
    std::thread stopper([&] { source.request_stop(); });
    EXPECT_FALSE(pg::detail::rest(1h, &stop));
    stopper.join();
    EXPECT_FALSE(pg::detail::rest(0ns, &stop)) << "one that was asked for before";
}

TEST(TransactionRetries, EndWithTheTimeOfTheTransaction) {
    pg::detail::TransactionRetries over({.timeout = 1ns, .retries = 10});
    EXPECT_FALSE(over.again(conflict()).value());
    EXPECT_EQ(over.remaining().timeout, 1ns) << "the attempt fails by its deadline, it has no other way";
    const pg::detail::TransactionRetries endless({.timeout = pg::no_timeout});
    EXPECT_EQ(endless.remaining().timeout, pg::no_timeout);
    const pg::detail::TransactionRetries bounded({.timeout = 1h});
    EXPECT_LE(bounded.remaining().timeout, 1h);
    EXPECT_GT(bounded.remaining().timeout, 59min);
    EXPECT_EQ(pg::detail::TransactionRetries({}).remaining().timeout, 0ns);
}

}  // namespace
