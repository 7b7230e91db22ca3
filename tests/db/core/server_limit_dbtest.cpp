// Deadlines that the server is told of: by blocking and awaited calls of each engine, inside transactions and outside.
#include <gtest/gtest.h>

#include "async_database.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/savepoint.hpp"
#include "pg/sqlstate.hpp"
#include "pg/tenancy.hpp"

namespace {

using namespace std::chrono_literals;

/// Of each the server is told half where the margin is longer. Tried one after the other until the server is the first
/// to end a statement: on a slow machine it is the client.
constexpr std::chrono::milliseconds times[] = {400ms, 2s, 8s};
constexpr std::chrono::milliseconds longest = times[2];

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
    /// Two statements of a batch see a limit near ten seconds, or none.
    static void expect_limits(pg::Executor& executor, pg::BatchMode mode, bool is_told) {
        auto timed = executor.with({.timeout = 10s});
        pg::Batch batch(timed);
        std::vector<pg::Deferred<double>> seen;
        for (int i = 0; i < 2; ++i)
            seen.push_back(batch.query_one<double>(
                "select extract(epoch from current_setting('statement_timeout')::interval)::float8 * 1000"));
        batch.run(mode);
        for (const auto& limit : seen) {
            EXPECT_LE(limit.get(), is_told ? 9950 : 0);
            EXPECT_GE(limit.get(), is_told ? 5000 : 0) << "most of it is left when it is sent";
        }
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
    for (const auto time : times) {
        const int session = db.query_one<int>("select pg_backend_pid()");
        const auto late = db.with({.timeout = time}).try_exec("select pg_sleep(60)");
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error().kind(), pg::ErrorKind::timeout);
        if (late.error().sqlstate().empty() && time != longest) continue;
        EXPECT_EQ(late.error().outcome(), pg::Outcome::not_applied);
        EXPECT_EQ(late.error().sqlstate(), pg::sqlstate::query_canceled) << "the server has ended it";
        EXPECT_TRUE(late.error().connection_usable());
        EXPECT_EQ(db.query_one<int>("select pg_backend_pid()"), session);
        break;
    }
}

TEST_P(ToldDeadline, LeavesAShorterLimitAlone) {
    pg::Client db = open("statement_timeout_margin=50ms options='-c statement_timeout=30s'");
    EXPECT_EQ(limit_in(db, 60s), 30000);
    expect_near(db, 10s, 9950ms);
    EXPECT_EQ(limit_in(db, 60s), 30000);
}

TEST_P(ToldDeadline, IsEachStatementsOwnInATransaction) {
    pg::Client db = open("statement_timeout_margin=50ms");
    db.transaction([](pg::Transaction& tx) {
        expect_near(tx, 10s, 9950ms);
        expect_near(tx, 20s, 19950ms);
        tx.exec("set local statement_timeout = '40s'");
        EXPECT_EQ(limit_in(tx, 80s), 40000);
        expect_near(tx, 10s, 9950ms);
        EXPECT_EQ(limit_in(tx, 80s), 40000) << "what the transaction had before";
    });
    expect_near(db, 10s, 9950ms);
}

TEST_P(ToldDeadline, IsLiftedBehindAStatementOfATransaction) {
    pg::Client db = open("statement_timeout_margin=30s");
    pg::Transaction tx = db.begin();
    const auto now = [&] { return tx.query_one<std::string>("show statement_timeout"); };  // which has none itself
    const auto run_one = [&] { tx.exec(pg::Query{.sql = "select 1", .timeout = 10s}); };
    run_one();
    EXPECT_EQ(now(), "0");
    tx.exec("set local statement_timeout = '4s'");
    run_one();
    EXPECT_EQ(now(), "4s");
    run_one();
    std::vector<std::string> limits;
    for (const std::string& limit : tx.stream<std::string>("select current_setting('statement_timeout')"))
        limits.push_back(limit);
    EXPECT_EQ(limits, std::vector<std::string>{"4s"});
    {
        pg::Savepoint part = tx.savepoint();
        EXPECT_FALSE(tx.try_exec("select 1 / 0"));
        EXPECT_EQ(tx.try_exec("select 1").error().sqlstate(), pg::sqlstate::in_failed_sql_transaction);
        part.rollback();
    }
    EXPECT_EQ(now(), "4s");
    tx.commit();
}

TEST_P(ToldDeadline, IsThatOfAnAtomicBatch) {
    pg::Client db = open("statement_timeout_margin=50ms");
    expect_limits(db, pg::BatchMode::atomic, true);
    EXPECT_EQ(db.query_one<std::string>("show statement_timeout"), "0") << "nothing of it stays";
    pg::Batch mixed(db);
    mixed.exec("create temp table seen on commit drop as select current_setting('statement_timeout') as limit");
    const auto seen = mixed.query_one<std::string>("table seen");
    mixed.run();
    EXPECT_EQ(seen.get(), "0") << "one of its statements is not about rows alone";
}

TEST_P(ToldDeadline, IsThatOfABatchInATransaction) {
    pg::Client db = open("statement_timeout_margin=50ms");
    pg::Transaction tx = db.begin();
    expect_limits(tx, pg::BatchMode::atomic, true);
    expect_limits(tx, pg::BatchMode::each, true);
    EXPECT_EQ(tx.query_one<std::string>("show statement_timeout"), "0") << "it is lifted behind the last one";
    tx.commit();
}

TEST_P(ToldDeadline, LeavesALimitThatAStatementSetItself) {
    pg::Client db = open("statement_timeout_margin=50ms");
    pg::Transaction tx = db.begin();
    tx.query("select set_config('statement_timeout', '5s', true)");
    EXPECT_EQ(tx.query_one<std::string>("show statement_timeout"), "5s");
    tx.commit();
    EXPECT_EQ(db.query_one<std::string>("show statement_timeout"), "0");
}

TEST_P(ToldDeadline, IsThatOfStatementsOfABatchWhichAreNotSentAhead) {
    pg::Client ahead = open("statement_timeout_margin=50ms");
    expect_limits(ahead, pg::BatchMode::each, false);
    pg::Client db = open("statement_timeout_margin=50ms pooler=transaction");
    expect_limits(db, pg::BatchMode::each, true);
    db.exec("create table if not exists swept (n int)");
    pg::Batch batch(db);
    batch.exec("vacuum swept");
    const auto wrong = batch.exec("select 1 / 0");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(wrong.try_get().error().sqlstate(), pg::sqlstate::division_by_zero);
}

TEST_P(ToldDeadline, EndsABatchOnTheServer) {
    pg::Client db = open("statement_timeout_margin=30s");
    pg::Executor& executor = db;
    for (const auto time : times) {
        auto hasty = executor.with({.timeout = time});
        pg::Batch batch(hasty);
        const auto first = batch.query_one<int>("select 1");
        const auto late = batch.exec("select pg_sleep(60)");
        const auto ran = batch.try_run();
        ASSERT_FALSE(ran);
        EXPECT_EQ(ran.error().kind(), pg::ErrorKind::timeout);
        if (ran.error().sqlstate().empty() && time != longest) continue;
        EXPECT_EQ(ran.error().outcome(), pg::Outcome::not_applied);
        EXPECT_EQ(ran.error().sqlstate(), pg::sqlstate::query_canceled) << "the server has ended it";
        EXPECT_EQ(late.try_get().error().kind(), pg::ErrorKind::timeout);
        EXPECT_EQ(first.try_get().error().kind(), pg::ErrorKind::cancelled) << "it is undone with the other";
        break;
    }
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

TEST_P(ToldDeadline, GoesWithTheSettingsOfABatch) {
    const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{std::make_shared<pg::Tenancy>()};
    pg::Client all = open("statement_timeout_margin=50ms", {.interceptors = &interceptors});
    pg::Client db = pg::for_tenant(all, "ann");
    for (const pg::BatchMode mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch(db);
        const auto seen = batch.query_one<std::string>(
            "select current_setting('app.tenant') || (current_setting('statement_timeout') <> '0')::text");
        const auto wrong = batch.exec("show app.tenant");
        batch.run(mode);
        EXPECT_EQ(seen.get(), mode == pg::BatchMode::each ? "anntrue" : "annfalse");
        EXPECT_TRUE(wrong.try_get());
    }
    expect_limits(db, pg::BatchMode::atomic, true);
    expect_limits(db, pg::BatchMode::each, true);
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

TEST_P(ToldDeadline, LeavesResultsTheLimitOfTheirSize) {
    const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{std::make_shared<pg::Tenancy>()};
    pg::Client timed = open("statement_timeout_margin=50ms"), all = open("", {.interceptors = &interceptors});
    pg::Client both = open("statement_timeout_margin=50ms", {.interceptors = &interceptors});
    pg::Client ann = pg::for_tenant(all, "ann"), late_ann = pg::for_tenant(both, "ann");
    for (pg::Client* db : {&timed, &ann, &late_ann}) {
        auto bounded = db->with({.timeout = 10s, .max_result_bytes = 100'000});
        const auto large = bounded.try_query("select repeat('x', 1000) from generate_series(1, 1000)");
        ASSERT_FALSE(large);
        EXPECT_EQ(large.error().kind(), pg::ErrorKind::result_too_large) << large.error().what();
        EXPECT_EQ(bounded.query_one<int>("select 7"), 7);
        EXPECT_EQ(bounded.try_query_one<int>("select 1 / 0").error().sqlstate(), "22012");
        EXPECT_EQ(bounded.query_one<int>("select 7"), 7) << "no transaction is left";
        pg::Transaction transaction = db->begin();
        auto inside = transaction.with({.max_result_bytes = 100'000});
        EXPECT_EQ(inside.query_one<int>("select 8"), 8);
        transaction.commit();
    }
    for (pg::Client* db : {&timed, &ann, &late_ann}) {
        db->exec("drop table if exists kept");
        db->exec("create table kept (more text)");
        // So little too much that the server has done all of it by then.
        constexpr char insert[] = "insert into kept select repeat('x', 10) from generate_series(1, 9) returning more";
        const auto large = db->with({.timeout = 10s}).try_query(pg::Query{.sql = insert, .max_result_bytes = 50});
        ASSERT_FALSE(large);
        EXPECT_EQ(large.error().outcome(), pg::Outcome::not_applied) << large.error().what();
        EXPECT_EQ(db->query_one<std::int64_t>("select count(*) from kept"), 0);
        pg::Transaction transaction = db->begin();
        EXPECT_FALSE(transaction.try_query(pg::Query{.sql = insert, .timeout = 400ms, .max_result_bytes = 50}));
        if (transaction.try_exec("select 1")) {  // it was not given up in time
            EXPECT_EQ(limit_in(transaction, pg::no_timeout), 0) << "the time of that statement is not that of others";
        }
        static_cast<void>(transaction.try_rollback());  // of a session that was lost, where that was not in time
        pg::Connection session = db->connection();
        auto careful = session.with({.max_result_bytes = 100'000});
        careful.exec("begin");
        careful.exec("insert into kept values ('x')");
        careful.exec("rollback");
        EXPECT_EQ(session.query_one<std::int64_t>("select count(*) from kept"), 0) << "it was a transaction";
    }
    auto bounded = timed.with({.timeout = 10s, .max_result_bytes = 100'000});
    EXPECT_GT(limit_in(bounded), 5000);
    EXPECT_EQ(
        late_ann.with({.max_result_bytes = 100'000}).query_one<std::string>("select current_setting('app.tenant')"),
        "ann");
    const auto slept = timed.with({.timeout = 400ms, .max_result_bytes = 100'000}).try_exec("select pg_sleep(60)");
    EXPECT_EQ(slept.error().kind(), pg::ErrorKind::timeout);
}

TEST_P(ToldDeadline, GivesTextForWhatHasNoBinaryForm) {
    const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{std::make_shared<pg::Tenancy>()};
    pg::Client timed = open("statement_timeout_margin=50ms"), all = open("", {.interceptors = &interceptors});
    pg::Client ann = pg::for_tenant(all, "ann");
    for (pg::Client* db : {&timed, &ann})
        for (int round = 0; round < 3; ++round)
            EXPECT_EQ(db->with({.timeout = 10s}).query("select '{=r/postgres}'::aclitem[] as a").size(), 1u);
    for (pg::Client* db : {&timed, &ann})
        EXPECT_EQ(db->with({.timeout = 10s, .max_result_bytes = 100'000})
                      .query("select '{=r/postgres}'::aclitem[] as b")
                      .size(),
                  1u);
    std::vector<std::string> texts;
    for (const std::string& text : ann.stream<std::string>("select '{=r/postgres}'::aclitem[] as c"))
        texts.push_back(text);
    EXPECT_EQ(texts, std::vector<std::string>{"{=r/postgres}"});
}

TEST_P(ToldDeadline, IsNotForWhatCannotRunInATransaction) {
    pg::Client db = open("statement_timeout_margin=50ms");
    db.exec("create table if not exists swept (n int)");
    db.exec("vacuum swept");
    EXPECT_EQ(db.query_one<std::string>("show statement_timeout"), "0");
}

class ToldAwaitedDeadline : public AsyncDatabase {};
INSTANTIATE_TEST_SUITE_P(Engine, ToldAwaitedDeadline, testing::Values("direct", "libpq"), name_of_engine);

/// Whether it is known what became of one that is late: it was alone on its session.
pg::Task<bool> sleep_too_long(pg::AsyncClient async, std::chrono::milliseconds time) {
    const auto slept = co_await async.with({.timeout = time}).try_exec("select pg_sleep(60)");
    EXPECT_FALSE(slept);
    if (slept) co_return false;
    EXPECT_EQ(slept.error().kind(), pg::ErrorKind::timeout);
    co_return slept.error().outcome() == pg::Outcome::not_applied;
}

TEST_P(ToldAwaitedDeadline, GivesEachCallASessionOfItsOwn) {
    pg::Client told = pg::connect(conninfo() + " provider=async statement_timeout_margin=200ms engine=" + GetParam(),
                                  {.pool_max_size = 2});
    std::vector<bool> known;
    for (const auto time : times) {
        {  // both are open before
            const pg::Connection one = told.connection(), other = told.connection();
        }
        std::vector<pg::Task<bool>> all;
        for (int i = 0; i < 2; ++i) all.push_back(sleep_too_long(told.async(), time));
        known = pg::sync_wait(pg::when_all(std::move(all)));
        if (known[0] && known[1]) break;
    }
    EXPECT_EQ(known, (std::vector{true, true})) << "each alone on its session";
}

}  // namespace
