// Sessions on a server: clean for the next borrower, learned types, and statements that it keeps.
#include <stop_token>

#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/statement_cache.hpp"
#include "pg/stop.hpp"
#include "pg/transaction.hpp"
#include "pg/types/enumeration.hpp"
#include "tests/db/core/database.hpp"
#include "tests/db/core/kept_session.hpp"

namespace {

enum class Colour { red, green };

}  // namespace

template <>
struct pg::Codec<Colour> : pg::EnumCodec<Colour> {
    static constexpr TypeId type{{}, {}, "colour"};
};

namespace {

class SessionDb : public Database {
protected:
    pg::Client narrow = pg::connect(conninfo(), {.pool_max_size = 1});
};

TEST_F(SessionDb, ComesBackWithoutTheTracesOfItsBorrower) {
    const auto leave_traces = [&] {
        pg::Connection connection = narrow.connection();
        connection.exec("set work_mem = '77MB'");
        connection.exec("create temporary table scratch (a int)");
        connection.exec("listen orders");
        connection.exec("select pg_advisory_lock(1)");
        connection.exec("begin");
        connection.exec("declare c cursor with hold for select 1");
        connection.exec("commit");
    };
    EXPECT_TRUE(keeps_its_session(narrow, leave_traces));
    EXPECT_NE(narrow.query_one<std::string>("show work_mem"), "77MB");
    EXPECT_FALSE(narrow.query_one<bool>("select to_regclass('scratch') is not null"));
    EXPECT_EQ(narrow.query_one<std::int64_t>("select count(*) from pg_listening_channels()"), 0);
    EXPECT_EQ(narrow.query_one<std::int64_t>("select count(*) from pg_cursors where name <> ''"), 0);
    EXPECT_EQ(narrow.query_one<std::int64_t>("select count(*) from pg_locks where locktype = 'advisory'"), 0);
}

TEST_F(SessionDb, ComesBackWithoutWhatAFunctionLeftInIt) {
    const auto leave_traces = [&] {
        narrow.exec("select set_config('work_mem', '77MB', false)");
        narrow.prepare<pg::Affected()>("select pg_advisory_lock(1)")();
        narrow.exec("create temp table scratch as select 1");
        narrow.exec("do $$ begin set work_mem = '78MB'; end $$");
    };
    EXPECT_TRUE(keeps_its_session(narrow, leave_traces));
    EXPECT_FALSE(narrow.query_one<std::string>("show work_mem").starts_with("7"));
    EXPECT_FALSE(narrow.query_one<bool>("select to_regclass('scratch') is not null"));
    EXPECT_EQ(narrow.query_one<std::int64_t>("select count(*) from pg_locks where locktype = 'advisory'"), 0);
}

TEST_F(SessionDb, ComesBackWithoutWhatAStatementOfSqlItselfLeft) {
    const int process = narrow.query_one<int>("select pg_backend_pid()");
    const auto locks = [&] {
        return narrow.query_one<std::int64_t>("select count(*) from pg_locks where locktype = 'advisory'");
    };
    narrow.exec("prepare lock_it as select 1 from pg_advisory_lock(7)");
    narrow.query("execute lock_it");
    EXPECT_EQ(locks(), 0);
    EXPECT_EQ(narrow.query_one<int>("execute lock_it"), 1);
    EXPECT_EQ(locks(), 0) << "also when its rows are taken as they come";
    for (int round = 0; round < 3; ++round) narrow.prepare<int()>("execute lock_it")();
    EXPECT_EQ(locks(), 0);
    static_cast<void>(narrow.stream<int>("execute lock_it"));
    EXPECT_EQ(locks(), 0);
    narrow.query("explain analyze execute lock_it");
    EXPECT_EQ(locks(), 0);
    narrow.exec("create table made as execute lock_it");
    EXPECT_EQ(locks(), 0);
    narrow.exec("drop table made");
    narrow.exec("deallocate lock_it");
    EXPECT_EQ(narrow.query_one<int>("select pg_backend_pid()"), process);
}

TEST_F(SessionDb, ComesBackWithoutTheTableOfAnExplainedStatement) {
    narrow.query("explain analyze create table pg_temp.scratch as select 1");
    EXPECT_FALSE(narrow.query_one<bool>("select to_regclass('scratch') is not null"));
}

TEST_F(SessionDb, ComesBackWithoutWhatWasLeftByCodeThatFailed) {
    const auto is_at_rest = [&] {
        return narrow.query_one<std::int64_t>("select count(*) from pg_locks where locktype = 'advisory'") == 0;
    };
    const auto code = pg::runtime("do $$ begin perform pg_advisory_lock(7); raise exception 'enough'; end $$");
    const auto fail = [&] {
        EXPECT_FALSE(narrow.try_exec(code));
        EXPECT_TRUE(is_at_rest());
        for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
            pg::Batch batch(narrow);
            const auto failed = batch.exec(code);
            static_cast<void>(batch.try_run(mode));
            EXPECT_FALSE(failed.try_get());
            EXPECT_TRUE(is_at_rest());
        }
        EXPECT_FALSE(narrow.try_stream<int>(code));
        EXPECT_TRUE(is_at_rest());
    };
    EXPECT_TRUE(keeps_its_session(narrow, fail));
}

TEST_F(SessionDb, KeepsItsStatementsForTheNextBorrower) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(narrow.query_one<int>("select $1 + 100", i), 100 + i);
    narrow.exec("set work_mem = '77MB'");
    EXPECT_EQ(narrow.query_one<int>("select $1 + 100", 3), 103);
    EXPECT_EQ(narrow.statement_cache().hits, 2u) << "cleaning it forgets none of them";
}

TEST_F(SessionDb, KeepsNoStatementAboutATemporaryTable) {
    db.run_script(
        "drop table if exists things; create table things (id int, what text);"
        "insert into things values (1, 'lasting')");
    const auto read = [](pg::Executor& executor) {
        return executor.query_one<std::string>("select what from things where id = $1", "1");
    };
    const auto read_in_transaction = [&](auto& on) {
        return on.transaction([&](pg::Transaction& transaction) { return read(transaction); });
    };
    for (const bool by_script : {true, false}) {
        for (const bool held : {true, false}) {
            {
                pg::Connection one = narrow.connection();
                const char* const made = "create temp table things as select '1' as id, 'fleeting' as what";
                by_script ? one.run_script(made) : static_cast<void>(one.exec(pg::runtime(made)));
                for (int round = 0; round < 3; ++round) EXPECT_EQ(read(one), "fleeting");
            }
            if (held) {
                pg::Connection next = narrow.connection();
                EXPECT_EQ(read_in_transaction(next), "lasting");
            }
            EXPECT_EQ(read_in_transaction(narrow), "lasting");
        }
    }
}

TEST_F(SessionDb, ForgetsOnlyItsOwnStatementsWhenItDropsATemporaryTable) {
    db.run_script("drop table if exists things; create table things (id int, what text)");
    pg::Connection one = db.connection(), other = db.connection();
    const auto count = [](pg::Connection& session) {
        return session.transaction([](pg::Transaction& transaction) {
            return transaction.query_one<std::int64_t>("select count(*) from things where id = $1", "1");
        });
    };
    for (int round = 0; round < 3; ++round) EXPECT_EQ(count(other), 0);
    one.exec("create temp table things as select '1' as id");
    for (int round = 0; round < 3; ++round) EXPECT_EQ(count(one), 1);
    one.exec("drop table things");
    pg::Transaction transaction = one.begin();
    EXPECT_EQ(transaction.query_one<std::int64_t>("select count(*) from things where id = $1", "1"), 0);
    const std::uint64_t hits = db.statement_cache().hits;
    EXPECT_EQ(count(other), 0);
    EXPECT_EQ(db.statement_cache().hits, hits + 1);
}

TEST_F(SessionDb, LeavesNoStatementOnTheServerThatItHasForgotten) {
    pg::Connection session = narrow.connection();
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 3; ++i) session.exec("select 1 as one");
        EXPECT_FALSE(session.try_exec("deallocate nowhere"));
    }
    EXPECT_LE(session.query_one<std::int64_t>("select count(*) from pg_prepared_statements"), 1);
}

TEST_F(SessionDb, LearnsATypeWhenItFirstMeetsIt) {
    narrow.run_script("drop type if exists colour; create type colour as enum ('red', 'green')");
    EXPECT_EQ(narrow.query_one<Colour>("select 'green'::colour"), Colour::green);
    EXPECT_EQ(narrow.query_one<Colour>("select $1::colour", Colour::red), Colour::red);
    pg::Client fresh = pg::connect(conninfo());
    std::vector<Colour> seen;
    for (const Colour colour : fresh.stream<Colour>("select unnest(enum_range(null::colour)) limit 1"))
        seen.push_back(colour);
    EXPECT_EQ(seen, std::vector{Colour::red});
}

TEST_F(SessionDb, StreamsNumbersOfTypesThatAFunctionDoesNotTake) {
    narrow.run_script("create or replace function halved(real) returns real language sql as 'select $1 / 2'");
    std::vector<float> seen;
    for (const float half : narrow.stream<float>("select halved($1) from generate_series(1, 3)", 5.0))
        seen.push_back(half);
    EXPECT_EQ(seen, std::vector<float>(3, 2.5F));
}

TEST_F(SessionDb, KeepsNothingOfATransactionWhoseEndWasNotSent) {
    db.run_script("drop table if exists kept; create table kept (n int)");
    for (const char* engine : {"direct", "libpq"}) {
        pg::Client one = pg::connect(conninfo() + " engine=" + engine, {.pool_max_size = 1});
        {
            pg::Connection session = one.connection();
            for (const bool commits : {true, false}) {
                std::stop_source source;
                const pg::StopToken stop(source.get_token());
                pg::Transaction transaction = session.begin({.stop = &stop});
                transaction.exec("insert into kept values (1)");
                source.request_stop();
                const auto ended = commits ? transaction.try_commit() : transaction.try_rollback();
                ASSERT_FALSE(ended);
                EXPECT_EQ(ended.error().outcome(), pg::Outcome::not_sent);
                session.exec("insert into kept values (2)");
            }
            std::stop_source source;
            const pg::StopToken stop(source.get_token());
            EXPECT_THROW(session.transaction({.stop = &stop},
                                             [&](pg::Transaction& transaction) {
                                                 transaction.exec("insert into kept values (1)");
                                                 source.request_stop();
                                             }),
                         pg::Cancelled);
            session.exec("insert into kept values (2)");
        }
        EXPECT_EQ(db.query_all<int>("delete from kept returning n"), (std::vector<int>{2, 2, 2})) << engine;
    }
}

TEST_F(SessionDb, IsReplacedWhenTheServerEndsIt) {
    const int process = narrow.query_one<int>("select pg_backend_pid()");
    db.exec("select pg_terminate_backend($1, 10000)", process);
    EXPECT_NE(narrow.query_one<int>("select pg_backend_pid()"), process);
}

}  // namespace
