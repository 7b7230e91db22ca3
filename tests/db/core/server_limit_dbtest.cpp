// Deadlines that the server is told of: by blocking and awaited calls of each engine, inside transactions and outside.
#include <gtest/gtest.h>

#include "async_database.hpp"
#include "pg/connection.hpp"
#include "pg/sqlstate.hpp"
#include "pg/tenancy.hpp"

namespace {

using namespace std::chrono_literals;

class ToldDeadline : public testing::TestWithParam<const char*> {
protected:
    static const std::string& conninfo() {
        static const std::string text = pg::testing::shared_server().create_database("server_limit");
        return text;
    }
    static pg::Client open(std::string_view more, const pg::Options& options = {}) {
        pg::Options one = options;
        one.pool_max_size = 1;
        return pg::connect(conninfo() + ' ' + GetParam() + ' ' + std::string(more), one);
    }
    /// What a statement sees that is sent with this time, in milliseconds; zero: none.
    template <class Executor>
    static double limit_in(Executor& executor, std::chrono::nanoseconds timeout = 0ns) {
        return executor.template query_one<double>(
            pg::Query{.sql = "select extract(epoch from current_setting('statement_timeout')::interval)::float8 * 1000",
                      .timeout = timeout});
    }
    template <class Executor>
    static void expect_near(Executor& executor, std::chrono::milliseconds timeout, std::chrono::milliseconds most) {
        const double limit = limit_in(executor, timeout);
        EXPECT_LE(limit, static_cast<double>(most.count()));
        EXPECT_GE(limit, static_cast<double>(most.count()) / 2) << "most of it is left when it is sent";
    }
};
INSTANTIATE_TEST_SUITE_P(Each, ToldDeadline,
                         testing::Values("provider=libpq engine=direct", "provider=libpq engine=libpq",
                                         "provider=async engine=direct", "provider=async engine=libpq"),
                         [](const auto& each) {
                             const std::string_view text = each.param;
                             return std::string(text.substr(9, 5)) + '_' +
                                    std::string(text.substr(text.rfind('=') + 1));
                         });

TEST_P(ToldDeadline, IsTheServersToo) {
    pg::Client db = open("statement_timeout_margin=50ms timeout=20s");
    expect_near(db, 10s, 9950ms);
    expect_near(db, 0ms, 19950ms);
    EXPECT_EQ(limit_in(db, pg::no_timeout), 0);
    EXPECT_EQ(db.query_one<std::string>("show statement_timeout"), "0") << "nothing of it stays";
}

TEST_P(ToldDeadline, IsNotToldUnlessTheClientSaysSo) {
    pg::Client db = open("");
    EXPECT_EQ(limit_in(db, 10s), 0);
}

TEST_P(ToldDeadline, EndsTheStatementOnTheServerAndKeepsTheSession) {
    pg::Client db = open("statement_timeout_margin=30s");
    const int session = db.query_one<int>("select pg_backend_pid()");
    const auto late = db.with({.timeout = 400ms}).try_exec("select pg_sleep(60)");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), pg::ErrorKind::timeout);
    EXPECT_EQ(late.error().outcome(), pg::Outcome::not_applied);
    EXPECT_EQ(late.error().sqlstate(), pg::sqlstate::query_canceled) << "the server has ended it";
    EXPECT_TRUE(late.error().connection_usable());
    EXPECT_EQ(db.query_one<int>("select pg_backend_pid()"), session);
}

TEST_P(ToldDeadline, LeavesAShorterLimitAlone) {
    pg::Client db = open("statement_timeout_margin=50ms options='-c statement_timeout=3s'");
    EXPECT_EQ(limit_in(db, 10s), 3000);
    expect_near(db, 1s, 950ms);
    EXPECT_EQ(limit_in(db, 10s), 3000);
}

TEST_P(ToldDeadline, IsEachStatementsOwnInATransaction) {
    pg::Client db = open("statement_timeout_margin=50ms");
    db.transaction([](pg::Transaction& tx) {
        expect_near(tx, 1s, 950ms);
        expect_near(tx, 10s, 9950ms);
        tx.exec("set local statement_timeout = '4s'");
        EXPECT_EQ(limit_in(tx, 10s), 4000);
        expect_near(tx, 1s, 950ms);
        EXPECT_EQ(limit_in(tx, 10s), 4000) << "what the transaction had before";
    });
    expect_near(db, 10s, 9950ms);
}

TEST_P(ToldDeadline, GoesWithPreparedStatementsRowsAndSettings) {
    const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{std::make_shared<pg::Tenancy>()};
    pg::Client all = open("statement_timeout_margin=50ms", {.interceptors = &interceptors});
    pg::Client db = pg::for_tenant(all, "ann");
    const auto seen = db.prepare<std::string(int)>(
        "select current_setting('app.tenant') || $1::text || (current_setting('statement_timeout') <> '0')::text");
    for (int round = 0; round < 3; ++round) EXPECT_EQ(seen(round), "ann" + std::to_string(round) + "true");
    EXPECT_EQ(db.query_all<int>("select n from generate_series(1, 3) n"), (std::vector<int>{1, 2, 3}));
    EXPECT_FALSE(db.try_exec("select 1 / 0"));
}

TEST_P(ToldDeadline, IsNotForWhatCannotRunInATransaction) {
    pg::Client db = open("statement_timeout_margin=50ms");
    db.exec("create table if not exists swept (n int)");
    db.exec("vacuum swept");
    EXPECT_EQ(db.query_one<std::string>("show statement_timeout"), "0");
}

class ToldAwaitedDeadline : public AsyncDatabase {};
INSTANTIATE_TEST_SUITE_P(Engine, ToldAwaitedDeadline, testing::Values("direct", "libpq"), name_of_engine);

pg::Task<void> sleep_too_long(pg::AsyncClient async, int& late) {
    const auto slept = co_await async.with({.timeout = 500ms}).try_exec("select pg_sleep(60)");
    EXPECT_FALSE(slept);
    if (slept) co_return;
    EXPECT_EQ(slept.error().kind(), pg::ErrorKind::timeout);
    EXPECT_EQ(slept.error().outcome(), pg::Outcome::not_applied) << "alone on its session";
    ++late;
}

TEST_P(ToldAwaitedDeadline, GivesEachCallASessionOfItsOwn) {
    const pg::Client told = pg::connect(
        conninfo() + " provider=async statement_timeout_margin=200ms engine=" + GetParam(), {.pool_max_size = 2});
    int late = 0;
    std::vector<pg::Task<void>> all;
    for (int i = 0; i < 2; ++i) all.push_back(sleep_too_long(told.async(), late));
    pg::sync_wait(pg::when_all(std::move(all)));
    EXPECT_EQ(late, 2);
}

}  // namespace
