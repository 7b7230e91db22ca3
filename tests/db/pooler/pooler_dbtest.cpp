// Clients of a real PgBouncer, in both of its usual modes: the same answers as from a server, and typed errors for what
// a pooler does not promise.
#include <atomic>
#include <gtest/gtest.h>
#include <span>
#include <thread>

#include "pg/async.hpp"
#include "pg/async_listener.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/large_object.hpp"
#include "pg/listener.hpp"
#include "pg/pool/options.hpp"
#include "pg/pool/pool.hpp"
#include "pg/pool/statement.hpp"
#include "pg/savepoint.hpp"
#include "pg/sqlstate.hpp"
#include "pg/statement_cache.hpp"
#include "pg/task.hpp"
#include "tests/db/pooler/pgbouncer.hpp"

namespace pooler_tests {
namespace {

using namespace std::chrono_literals;

struct Way {
    const char* mode;
    const char* provider;
    const char* engine;
};

std::string name_of(const testing::TestParamInfo<Way>& way) {
    return std::string(way.param.mode).append("_").append(way.param.provider).append("_").append(way.param.engine);
}

class ThroughAPooler : public testing::TestWithParam<Way> {
protected:
    /// Once for all suites of this kind.
    static void SetUpTestSuite() {
        static const bool made = [] {
            static_cast<void>(pg::testing::shared_server().create_database("pooled"));
            onlooker().run_script(
                "create type mood as enum ('calm', 'glad'); create table notes (id bigint primary key, text text);"
                "create table ledger (n int)");
            return true;
        }();
        static_cast<void>(made);
    }
    static pg::Client& onlooker() {
        static pg::Client client = pg::connect(pg::testing::shared_server().conninfo("pooled"));
        return client;
    }
    /// One for each mode, with fewer sessions at the server than its clients have.
    static PgBouncer& pooler(std::string_view mode) {
        static PgBouncer session(pg::testing::shared_server(), "session", {"default_pool_size = 8"});
        static PgBouncer transaction(pg::testing::shared_server(), "transaction", {"default_pool_size = 3"});
        return mode == "session" ? session : transaction;
    }
    static std::string way() {
        return std::string(" provider=").append(GetParam().provider).append(" engine=").append(GetParam().engine);
    }
    static pg::Client open(std::size_t sessions) {
        return pg::open(pooler(GetParam().mode).conninfo("pooled") + way(),
                        {.pool_max_size = sessions, .timeout = 20s});
    }
    static bool is_transaction() { return std::string_view(GetParam().mode) == "transaction"; }
    static bool is_awaited() { return std::string_view(GetParam().provider) == "async"; }

    template <class Condition>
    static bool soon(Condition condition) {
        const auto until = std::chrono::steady_clock::now() + 60s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > until) return false;
            std::this_thread::yield();
        }
        return true;
    }
    static std::int64_t in_ledger() { return onlooker().query_one<std::int64_t>("select count(*) from ledger"); }

    ThroughAPooler() { onlooker().run_script("truncate notes; truncate ledger"); }

    pg::Client db = open(4);
};

struct Note {
    std::int64_t id;
    std::string text;
};

TEST_P(ThroughAPooler, EveryVerbAnswers) {
    EXPECT_EQ(db.exec("insert into notes select n, 'note ' || n from generate_series(1, 100) n"), 100u);
    EXPECT_EQ(db.query_one<std::string>("select text from notes where id = $1", 7), "note 7");
    EXPECT_EQ(db.query_maybe<int>("select 1 where false"), std::nullopt);
    EXPECT_EQ(db.query_all<Note>("select id, text from notes where id <= $1 order by id", 3).size(), 3u);
    EXPECT_EQ(db.query("select * from notes").size(), 100u);
    EXPECT_EQ(db.query_one<std::string>("select 'glad'::mood"), "glad");
    std::int64_t sum = 0;
    for (const std::int64_t id : db.stream<std::int64_t>("select n::bigint from generate_series(1, 10000) n"))
        sum += id;
    EXPECT_EQ(sum, 50005000);
    db.run_script("insert into ledger values (1); insert into ledger values (2)");
    EXPECT_EQ(in_ledger(), 2);
}

TEST_P(ThroughAPooler, APreparedStatementAnswersOnWhicheverServerItRuns) {
    const auto text_of = db.prepare<std::optional<std::string>(std::int64_t)>("select text from notes where id = $1");
    const auto add = db.prepare<pg::Affected(std::int64_t, std::string)>("insert into notes values ($1, $2)");
    EXPECT_EQ(add(1, "first").rows, 1u);
    std::vector<std::thread> crowd;
    std::atomic<int> right = 0;
    for (int one = 0; one < 8; ++one)
        crowd.emplace_back([&] {
            for (int i = 0; i < 25; ++i) right += text_of(1) == "first";
        });
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(right, 200);
    pg::Batch batch(db);
    const auto found = batch.add(text_of, 1);
    const auto missing = batch.add(text_of, 2);
    batch.run();
    EXPECT_EQ(found.get(), "first");
    EXPECT_EQ(missing.get(), std::nullopt);
    if (is_transaction()) {
        EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from pg_prepared_statements"), 0);
    }
}

TEST_P(ThroughAPooler, StatementsArePreparedWhereThePoolerKeepsThemApart) {
    if (!is_transaction()) GTEST_SKIP() << "a session of one's own has its statements, as everywhere";
    if (!PgBouncer::knows_prepared_statements()) GTEST_SKIP() << "this PgBouncer knows no prepared statements";
    const PgBouncer knowing(pg::testing::shared_server(), "transaction",
                            {"default_pool_size = 2", "max_prepared_statements = 3"});
    pg::Client client =
        pg::open(knowing.conninfo("pooled") + way() + " statement_cache_size=10", {.pool_max_size = 6, .timeout = 20s});
    std::vector<std::thread> crowd;
    std::atomic<int> right = 0;
    for (int one = 0; one < 6; ++one)
        crowd.emplace_back([&, one] {
            for (int i = 0; i < 50; ++i) {
                // More texts than a session keeps, or the pooler on a server, so that some are closed all the while.
                const std::string sql = "select $1 + " + std::to_string((one + i) % 15);
                right += client.query_one<int>(pg::runtime(sql), i) == i + (one + i) % 15;
            }
        });
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(right, 300);
    const pg::StatementCacheStats statements = client.statement_cache();
    EXPECT_GT(statements.prepared, 15u);
    EXPECT_GT(statements.evicted, 0u);
    EXPECT_LE(client.query_one<std::int64_t>("select count(*) from pg_prepared_statements"), 3)
        << "the pooler has closed some of what its clients go on with";
    onlooker().run_script("drop table if exists shape; create table shape (a int); insert into shape values (1)");
    const auto width = [&] {
        const pg::Result rows = client.query("select * from shape");
        return rows.columns().size();
    };
    for (int i = 0; i < 10; ++i) EXPECT_EQ(width(), 1u);
    onlooker().run_script("alter table shape add column b text");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(width(), 2u);
}

/// What sessions are warmed up with behind a pooler, and what became of it.
class WarmedUpBehindAPooler : public ThroughAPooler {
protected:
    static constexpr std::size_t sessions = 3;

    static pg::Client open_warm(const std::string& conninfo) {
        const std::vector<pg::PoolStatement> statements{
            pg::to_prepare<std::int64_t(std::int64_t)>("select $1 + 1"),
            pg::to_prepare<std::string(std::string)>("select 'mood ' || $1::mood")};
        const pg::PoolOptions pool{.min_size = sessions, .prepare = &statements};
        return pg::open(conninfo + way(), {.pool_max_size = sessions, .pool = &pool, .timeout = 20s});
    }
    /// Each session answers both, several times.
    static void use_all(pg::Client& client) {
        client.pool().wait_ready(sessions, 20s).value();
        const auto next = client.prepare<std::int64_t(std::int64_t)>("select $1 + 1");
        std::vector<pg::Connection> all;
        all.reserve(sessions);
        for (std::size_t i = 0; i < sessions; ++i) all.push_back(client.connection());
        for (pg::Connection& session : all)
            for (int round = 0; round < 4; ++round) {
                EXPECT_EQ(session.query_one<std::int64_t>("select $1 + 1", std::int64_t{round}), round + 1);
                EXPECT_EQ(session.query_one<std::string>("select 'mood ' || $1::mood", std::string("calm")),
                          "mood calm");
            }
        all.clear();
        EXPECT_EQ(next(4), 5);
        EXPECT_EQ(client.pool().stats().unprepared, 0u);
        EXPECT_EQ(client.statement_cache().outdated, 0u) << "nothing was forgotten and prepared again";
    }
};

TEST_P(WarmedUpBehindAPooler, StatementsArePreparedOnceWhereASessionHasNames) {
    pg::Client client = open_warm(pooler(GetParam().mode).conninfo("pooled"));
    use_all(client);
    const pg::StatementCacheStats statements = client.statement_cache();
    EXPECT_EQ(statements.prepared, is_transaction() ? 0u : 2 * sessions)
        << "a pooler that lends servers keeps no names";
    if (!is_transaction()) {
        EXPECT_EQ(statements.misses, 0u) << "all was prepared before it was asked for";
    }
}

TEST_P(WarmedUpBehindAPooler, StatementsArePreparedOnceWhereThePoolerKeepsThemApart) {
    if (!is_transaction()) GTEST_SKIP() << "a session of one's own has its statements, as everywhere";
    if (!PgBouncer::knows_prepared_statements()) GTEST_SKIP() << "this PgBouncer knows no prepared statements";
    const PgBouncer knowing(pg::testing::shared_server(), "transaction",
                            {"default_pool_size = 2", "max_prepared_statements = 20"});
    pg::Client client = open_warm(knowing.conninfo("pooled") + " statement_cache_size=10");
    use_all(client);
    const pg::StatementCacheStats statements = client.statement_cache();
    EXPECT_EQ(statements.prepared, 2 * sessions) << "by each session once, whichever server it is lent";
    EXPECT_EQ(statements.misses, 0u);
    const auto at_the_server =
        client.query_one<std::int64_t>("select count(*) from pg_prepared_statements where statement = 'select $1 + 1'");
    EXPECT_LE(at_the_server, 1) << "sessions of the pooler share what is prepared on a server";
}

TEST_P(ThroughAPooler, BatchesAreAtomicOrEachForItself) {
    pg::Batch atomic(db);
    atomic.exec("insert into ledger values (1)");
    const auto wrong = atomic.query_one<int>("select 1 / $1::int", 0);
    EXPECT_EQ(atomic.try_run().error().sqlstate(), pg::sqlstate::division_by_zero);
    EXPECT_EQ(in_ledger(), 0);
    pg::Batch each(db);
    const auto first = each.exec("insert into ledger values (1)");
    const auto second = each.query_one<int>("select 1 / $1::int", 0);
    const auto third = each.exec("insert into ledger values (3), (4)");
    each.run(pg::BatchMode::each);
    EXPECT_EQ(first.get(), 1u);
    EXPECT_THROW(static_cast<void>(second.get()), pg::Error);
    EXPECT_EQ(third.get(), 2u);
    EXPECT_EQ(in_ledger(), 3);
}

TEST_P(ThroughAPooler, RowsAreCopiedInAndOut) {
    pg::CopyIn<Note> in(db, "notes (id, text)");
    for (std::int64_t id = 0; id < 500; ++id) in.write({id, "copied"});
    EXPECT_EQ(in.finish(), 500u);
    std::int64_t sum = 0;
    for (const Note& note : pg::CopyOut<Note>(db, "notes (id, text)")) sum += note.id;
    EXPECT_EQ(sum, 124750);
}

TEST_P(ThroughAPooler, ATransactionKeepsItsServerUntilItsEnd) {
    std::vector<std::thread> crowd;
    std::atomic<int> wrong = 0;
    for (int number = 0; number < 8; ++number)
        crowd.emplace_back([&, number] {
            for (int i = 0; i < 10; ++i) {
                pg::Transaction transaction = db.begin();
                transaction.exec("insert into ledger values ($1)", number);
                const auto first = transaction.query_one<std::int64_t>("select txid_current()");
                {
                    pg::Savepoint part = transaction.savepoint();
                    static_cast<void>(transaction.try_exec("select 1 / 0"));
                    part.rollback();
                }
                wrong += transaction.query_one<std::int64_t>("select txid_current()") != first;
                if (i % 2 == 0) transaction.commit();
            }
        });
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(in_ledger(), 40);
}

TEST_P(ThroughAPooler, LargeObjectsLiveInTheirTransaction) {
    pg::Transaction transaction = db.begin();
    const pg::Oid oid = pg::LargeObject::create(transaction);
    pg::LargeObject object(transaction, oid, pg::LargeObjectMode::read_write);
    object.write(std::as_bytes(std::span("kept")));
    transaction.rollback();
}

TEST_P(ThroughAPooler, ErrorsAreThoseOfTheServer) {
    EXPECT_EQ(db.try_exec("select nothing from nowhere").error().sqlstate(), pg::sqlstate::undefined_table);
    db.exec("insert into notes values (1, 'a')");
    EXPECT_EQ(db.try_exec("insert into notes values (1, 'b')").error().kind(), pg::ErrorKind::unique_violation);
    pg::Transaction transaction = db.begin();
    static_cast<void>(transaction.try_exec("select 1 / 0"));
    EXPECT_EQ(transaction.try_commit().error().kind(), pg::ErrorKind::commit_rolled_back);
}

TEST_P(ThroughAPooler, AServerThatIsLostIsReplaced) {
    for (int i = 0; i < 5; ++i) {
        const auto process = db.query_one<int>("select pg_backend_pid()");
        onlooker().exec("select pg_terminate_backend($1, 5000)", process);
        const auto answer = db.with({.idempotent = true}).try_query_one<int>("select pg_backend_pid()");
        if (!answer) {
            EXPECT_EQ(answer.error().kind(), pg::ErrorKind::connection_lost) << answer.error().what();
        }
        EXPECT_TRUE(soon([&] { return db.try_exec("select 1").has_value(); }));
    }
}

TEST_P(ThroughAPooler, ASessionWhoseStatementWasCancelledServesNobodyAnyMore) {
    pg::Client one = open(1);
    ASSERT_EQ(one.query_one<int>("select 1"), 1);  // opening a session may take longer than the calls below
    for (int i = 0; i < 3; ++i) {
        const auto lost = one.pool().stats().lost;
        auto late = one.with({.timeout = 100ms}).try_exec("select pg_sleep(200)");
        for (const pg::Deadline patience = pg::Deadline::after(60s);
             !late && late.error().outcome() == pg::Outcome::not_sent && !patience.passed();)
            late = one.with({.timeout = 100ms}).try_exec("select pg_sleep(200)");  // a busy machine had sent nothing
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error().kind(), pg::ErrorKind::timeout) << late.error().what();
        EXPECT_FALSE(late.error().connection_usable());
        EXPECT_EQ(one.query_one<int>("select $1::int", i), i);
        EXPECT_GT(one.pool().stats().lost, lost) << "the session is given up, not lent on";
    }
    EXPECT_TRUE(soon([] {
        return onlooker().query_one<bool>(
            "select count(*) = 0 from pg_stat_activity where query like '%pg_sleep(200)%' and state = 'active' and pid "
            "<> pg_backend_pid()");
    })) << "the statement goes on";
}

TEST_P(ThroughAPooler, AStreamThatIsLeftEarlyGivesUpItsSession) {
    pg::Client one = open(1);
    const auto lost = one.pool().stats().lost;
    {
        auto rows = one.stream<int>("select n from generate_series(1, 5000000) n");
        EXPECT_NE(rows.begin(), rows.end());
    }
    EXPECT_EQ(one.query_one<int>("select 1"), 1);
    EXPECT_EQ(one.pool().stats().lost, lost + 1);
}

TEST_P(ThroughAPooler, ListeningNeedsASessionOfOnesOwn) {
    if (is_transaction()) {
        const auto refused = pg::Listener::try_open(db);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind(), pg::ErrorKind::usage);
        EXPECT_NE(refused.error().message().find("pooler=transaction"), std::string_view::npos);
        if (is_awaited()) {
            pg::AsyncListener listener(db);
            EXPECT_EQ(listener.try_listen("news").get().error().kind(), pg::ErrorKind::usage);
        }
        return;
    }
    pg::Listener listener(db);
    listener.listen("news");
    db.exec("notify news, 'it works'");
    const auto message = listener.next(10s);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->payload, "it works");
}

TEST_P(ThroughAPooler, ABorrowerIsCleanedUpAfterOnlyWhereTheSessionIsItsOwn) {
    // In transaction mode the lock is that of a server's session, which is everybody's: giving back must not release
    // what others hold there.
    {
        pg::Connection connection = db.connection();
        connection.exec("select pg_advisory_lock(4711)");
    }
    const auto held = [] {
        return onlooker().query_one<bool>(
            "select exists (select from pg_locks where locktype = 'advisory' and objid = 4711)");
    };
    if (!is_transaction()) {
        EXPECT_FALSE(held());
        return;
    }
    EXPECT_TRUE(held());
    onlooker().exec(
        "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and objid = 4711");
}

pg::Task<int> echo(pg::AsyncClient async, int number) {
    int wrong = 0;
    for (int i = 0; i < 10; ++i)
        wrong += co_await async.query_one<int>("select $1::int", number * 100 + i) != number * 100 + i;
    co_return wrong;
}

TEST_P(ThroughAPooler, AwaitedCallsGetTheirOwnAnswersAndAreNotSentAhead) {
    if (!is_awaited()) {
        EXPECT_EQ(db.query_one<int>("select 1"), 1);
        return;
    }
    std::vector<pg::Task<int>> all;
    for (int number = 0; number < 40; ++number) all.push_back(echo(db.async(), number));
    for (const int wrong : pg::sync_wait(pg::when_all(std::move(all)))) EXPECT_EQ(wrong, 0);

    pg::Client one = open(1);
    ASSERT_EQ(one.query_one<int>("select 1"), 1);
    pg::Connection gate = onlooker().connection();
    gate.exec("select pg_advisory_lock(99)");
    std::atomic<int> answered = 0;
    one.async().try_exec("select pg_advisory_xact_lock_shared(99)").start([&](const auto&) { ++answered; });
    ASSERT_TRUE(soon([] {
        return onlooker().query_one<bool>(
            "select exists (select from pg_locks where locktype = 'advisory' and objid = 99 and not granted)");
    }));
    for (int i = 0; i < 5; ++i) one.async().try_exec("select 1").start([&](const auto&) { ++answered; });
    EXPECT_TRUE(soon([&] { return one.pool().stats().waiting == 5; })) << "they are to wait for the session";
    gate.exec("select pg_advisory_unlock(99)");
    EXPECT_TRUE(soon([&] { return answered == 6; }));
}

const auto all_ways = testing::Values(Way{"session", "libpq", "direct"}, Way{"session", "libpq", "libpq"},
                                      Way{"session", "async", "direct"}, Way{"session", "async", "libpq"},
                                      Way{"transaction", "libpq", "direct"}, Way{"transaction", "libpq", "libpq"},
                                      Way{"transaction", "async", "direct"}, Way{"transaction", "async", "libpq"});
INSTANTIATE_TEST_SUITE_P(Ways, ThroughAPooler, all_ways, name_of);
INSTANTIATE_TEST_SUITE_P(Ways, WarmedUpBehindAPooler, all_ways, name_of);

// --- the beginning of a session

TEST(Pooler, IsReachedWithoutTheSettingsThatItRefuses) {
    const PgBouncer pooler(pg::testing::shared_server(), "session");
    pg::Client db = pg::connect(pooler.conninfo("postgres"));
    EXPECT_EQ(db.query_one<std::string>("select current_setting('client_encoding')"), "UTF8");
}

TEST(Pooler, LeavesTheFormOfDatesToTheDatabaseWhichIsLookedAt) {
    pg::Client server = pg::connect(pg::testing::shared_server().create_database("german"));
    server.exec("alter database german set datestyle = German");
    const PgBouncer pooler(pg::testing::shared_server(), "transaction");
    const auto refused = pg::try_connect(pooler.conninfo("german"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::connect);
    EXPECT_NE(refused.error().message().find("DateStyle is `German"), std::string_view::npos) << refused.error().what();
    server.exec("alter database german reset datestyle");
    server.exec("alter database german set intervalstyle = postgres_verbose");
    const PgBouncer again(pg::testing::shared_server(), "transaction");
    EXPECT_NE(pg::try_connect(again.conninfo("german")).error().message().find("IntervalStyle is `postgres_verbose`"),
              std::string_view::npos);
}

TEST(Pooler, GivesNobodyTheStatementThatAnotherHasPreparedThere) {
    // Nobody said that there is a pooler, and it knows no prepared statements.
    std::vector<std::string> settings{"default_pool_size = 2", "ignore_startup_parameters = options"};
    if (PgBouncer::knows_prepared_statements()) settings.emplace_back("max_prepared_statements = 0");
    for (const char* engine : {"direct", "libpq"}) {
        const PgBouncer pooler(pg::testing::shared_server(), "transaction", settings);
        const auto client = [&] {
            return pg::open(pooler.plain_conninfo("postgres") + " engine=" + engine, {.pool_max_size = 1});
        };
        pg::Client one = client(), other = client(), third = client();
        pg::Transaction on_first_server = one.begin();
        pg::Transaction on_second_server = other.begin();
        for (int round = 0; round < 3; ++round) {
            EXPECT_EQ(on_first_server.query_one<int>("select 1"), 1);
            EXPECT_EQ(on_second_server.query_one<int>("select 2"), 2);
        }
        on_second_server.commit();
        const pg::Transaction occupies_second_server = third.begin();
        on_first_server.commit();
        EXPECT_EQ(other.query_one<int>("select 2"), 2) << engine << ": on the first server";
    }
}

TEST(Pooler, ThatTakesNoMoreClientsIsAnErrorOfConnecting) {
    const PgBouncer pooler(pg::testing::shared_server(), "transaction", {"max_client_conn = 2"});
    pg::Client db = pg::connect(pooler.conninfo("postgres"));
    const pg::Connection first = db.connection(), second = db.connection();
    const auto third = pg::try_connect(pooler.conninfo("postgres"), {.timeout = 20s});
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().kind(), pg::ErrorKind::connect) << third.error().what();
}

}  // namespace
}  // namespace pooler_tests
