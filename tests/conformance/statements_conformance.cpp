// Statements that a session keeps prepared: by themselves and as asked, and what happens when they no longer fit.
#include <pg/batch.hpp>
#include <pg/prepared.hpp>
#include <pg/types/array.hpp>

#include "conformance.hpp"

namespace conformance {
namespace {

using Statements = Conformance;

/// How many statements of this text the session has.
std::int64_t prepared(const Executor& session, std::string_view sql) {
    return session.query_one<std::int64_t>("select count(*) from pg_prepared_statements where statement = $1", sql);
}

TEST_P(Statements, ArePreparedWhenTheyComeAgain) {
    const Connection session = db.connection();
    for (const std::int64_t names : {0, 1, 1, 1}) {
        EXPECT_EQ(session.query_one<int>("select $1 + 1", 41), 42);
        EXPECT_EQ(prepared(session, "select $1 + 1"), names);
    }
}

TEST_P(Statements, OfOneTextAreAsManyAsTheTypesOfTheirArguments) {
    const Connection session = db.connection();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(session.query_one<std::string>("select pg_typeof($1)::text", 1), "integer");
        EXPECT_EQ(session.query_one<std::string>("select pg_typeof($1)::text", std::int64_t{1}), "bigint");
        EXPECT_EQ(session.query_one<std::string>("select pg_typeof($1)::text", true), "boolean");
    }
    EXPECT_EQ(prepared(session, "select pg_typeof($1)::text"), 3);
}

TEST_P(Statements, AreNoMoreThanASessionMayKeep) {
    pg::Options few = options();
    few.statement_cache_size = 2;
    const Connection session = connect(few).connection();
    for (const char* sql : {"select 1", "select 2", "select 3"})
        for (int i = 0; i < 2; ++i) session.query(pg::runtime(sql));
    EXPECT_EQ(prepared(session, "select 1"), 0);
    const auto all = session.query_all<std::string>("select statement from pg_prepared_statements order by statement");
    EXPECT_EQ(all, (std::vector<std::string>{"select 2", "select 3"}));
}

TEST_P(Statements, AreNotPreparedWhenNoneIsToBe) {
    const Connection session = connect(options(), " statement_cache_size=0").connection();
    auto statement = db.prepare<int(int)>("select $1 + 0");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(session.query_one<int>("select $1 + 0", i), i);
        EXPECT_EQ(statement.on(session)(i), i);
    }
    EXPECT_EQ(session.query_one<std::int64_t>("select count(*) from pg_prepared_statements"), 0);
}

TEST_P(Statements, MayGiveTypesThatNobodyKnewWhenTheyWerePrepared) {
    db.run_script("create type mood as enum ('cold', 'warm')");
    const auto mood = db.prepare<std::string()>("select 'warm'::mood");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(mood(), "warm");
    db.run_script("create type speed as enum ('slow', 'fast')");
    const auto speed = db.prepare<std::string()>("select 'fast'::speed");
    for (int i = 0; i < 2; ++i) {
        pg::Batch batch = db.batch();
        const auto one = batch.add(speed.statement());
        const auto two = batch.add(speed.statement());
        db.run(batch);
        EXPECT_EQ(one.get(), "fast");
        EXPECT_EQ(two.get(), "fast");
    }
}

TEST_P(Statements, MayGiveTypesThatNobodyKnewToAStreamOfTexts) {
    db.run_script("create type tint as enum ('red', 'blue'); create domain named as text");
    for (const std::string& one : db.stream<std::string>("select 'red'::tint")) EXPECT_EQ(one, "red");
    db.run_script("create type hue as enum ('red', 'blue')");
    using Hues = std::vector<std::string>;
    for (const Hues& all : db.stream<Hues>("select array['blue', 'red']::hue[]")) EXPECT_EQ(all, (Hues{"blue", "red"}));
    for (const Hues& all : db.stream<Hues>("select array['a', 'b']::named[]")) EXPECT_EQ(all, (Hues{"a", "b"}));
}

TEST_P(Statements, HealAfterASchemaChange) {
    const Connection session = db.connection();
    db.run_script("drop table if exists shape; create table shape (a int); insert into shape values (1)");
    auto read = db.prepare<std::vector<pg::Row>()>("select * from shape").on(session);
    EXPECT_EQ(read().at(0).size(), 1u);
    db.exec("alter table shape add column b text");
    EXPECT_EQ(read().at(0).size(), 2u);
    session.run_script("deallocate all");
    EXPECT_EQ(read().at(0).size(), 2u);
}

TEST_P(Statements, HealThatNobodyAskedToHavePrepared) {
    const Connection session = db.connection();
    db.run_script("create table shape (a int); insert into shape values (1)");
    const auto width = [&] {
        const pg::Result rows = session.query("select * from shape");
        return rows.columns().size();
    };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(width(), 1u);
    EXPECT_EQ(prepared(session, "select * from shape"), 1);
    db.exec("alter table shape add column b text");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(width(), 2u);
    session.exec("discard all");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(width(), 2u);
    db.exec("alter table shape alter column a type bigint");
    const pg::Result rows = session.query("select * from shape");
    EXPECT_EQ(rows.columns()[0].type.oid, pg::Oid{20});
}

TEST_P(Statements, HealInABatch) {
    const Connection session = db.connection();
    db.run_script("create table shape (a int); insert into shape values (1)");
    const auto widths = [&] {
        pg::Batch batch = session.batch();
        const auto one = batch.query("select * from shape");
        const auto two = batch.query("select * from shape");
        session.run(batch);
        const pg::Result first = one.get(), second = two.get();
        return std::pair(first.columns().size(), second.columns().size());
    };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(widths(), std::pair(std::size_t{1}, std::size_t{1}));
    db.exec("alter table shape add column b text");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(widths(), std::pair(std::size_t{2}, std::size_t{2}));
}

TEST_P(Statements, HealInAStream) {
    const Connection session = db.connection();
    db.run_script("create table shape (a int); insert into shape values (1)");
    const auto read = [&] {
        int sum = 0;
        for (const auto& [a] :
             session.with({.extra = pg::Extra::ignore}).stream<std::tuple<int>>("select a from shape"))
            sum += a;
        return sum;
    };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(), 1);
    EXPECT_EQ(prepared(session, "select a from shape"), 1);
    db.exec("alter table shape alter column a type int using a + 1");
    EXPECT_EQ(read(), 2);
    db.run_script("drop table shape; create table shape (b text, a int); insert into shape values ('x', 3)");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(), 3);
    session.run_script("deallocate all");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(), 3);
}

TEST_P(Statements, HealByRunningATransactionAgain) {
    pg::Options one = options();
    one.pool_max_size = 1;
    const Client client = connect(one);
    db.run_script("create table shape (a int); insert into shape values (1)");
    int runs = 0;
    const auto width = [&] {
        return client.transaction([&](Transaction& transaction) {
            ++runs;
            const pg::Result rows = transaction.query("select * from shape");
            return rows.columns().size();
        });
    };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(width(), 1u);
    db.exec("alter table shape add column b text");
    EXPECT_EQ(width(), 2u);
    EXPECT_EQ(runs, 5) << "one of them twice";
}

TEST_P(Statements, AreNotTakenForThoseOfAnotherSearchPath) {
    db.run_script(
        "drop schema if exists one cascade; drop schema if exists two cascade;"
        "create schema one; create table one.t (id int, what text); insert into one.t values (1, 'one');"
        "create schema two; create table two.t (id text, what text); insert into two.t values ('1', 'two')");
    const Connection session = db.connection();
    const auto what = [&] { return session.query_one<std::string>("select what from t where id = $1", "1"); };
    for (int round = 0; round < 2; ++round) {
        session.exec("set search_path = one");
        for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "one");
        session.exec("set search_path = two");
        for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "two");
    }
    session.query("select set_config('search_path', 'one', false)");
    EXPECT_EQ(what(), "one");
    session.run_script("set search_path = two");
    EXPECT_EQ(what(), "two");
}

TEST_P(Statements, AreNotTakenForThoseOfATableMadeSince) {
    db.run_script("create table t (what text); insert into t values ('public')");
    const Connection session = db.connection();
    const auto what = [&] { return session.query_one<std::string>("select what from t"); };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "public");
    session.exec("create temp table t as select 'temporary' as what");
    EXPECT_EQ(what(), "temporary");
    session.exec("drop table t");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "public");
    session.exec("select 'selected' as what into temporary t");
    EXPECT_EQ(what(), "selected");
    session.exec("drop table t");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "public");
    session.run_script("create temp table t (what text); insert into t values ('script')");
    EXPECT_EQ(what(), "script");
    session.exec("drop table t");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "public");
    pg::Batch batch = session.batch();
    static_cast<void>(batch.exec("create temp table t as select 'batch' as what"));
    const auto in_batch = batch.query_one<std::string>("select what from t");
    session.run(batch);
    EXPECT_EQ(in_batch.get(), "batch");
}

TEST_P(Statements, AreNotTakenForThoseOfATableThatAnotherSessionMade) {
    db.run_script(
        "drop schema if exists first cascade; create schema first;"
        "create table t (what text); insert into t values ('public')");
    const Client client = connect(options(), " options='-c search_path=first,public'");
    const Connection session = client.connection();
    const auto what = [&] { return session.query_one<std::string>("select what from t"); };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "public");
    client.transaction([&](Transaction& transaction) {
        transaction.exec("create table first.t as select 'first' as what");
        EXPECT_EQ(what(), "public") << "nobody else sees it yet";
    });
    EXPECT_EQ(what(), "first");
    client.exec("drop table first.t");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(what(), "public");
    client.exec("alter table public.t set schema first");
    client.exec("update first.t set what = 'moved'");
    EXPECT_EQ(what(), "moved");
}

TEST_P(Statements, AskForTextWhereAColumnHasNoBinaryForm) {
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(db.query_one<std::string>("select '{=r/postgres}'::aclitem[]::text where $1 = $1", i),
                  "{=r/postgres}");
    const Connection session = db.connection();
    for (int i = 0; i < 4; ++i) EXPECT_EQ(session.query("select '{=r/postgres}'::aclitem[]").size(), 1u);
}

TEST_P(Statements, OfOneTextShareAName) {
    const Connection session = db.connection();
    pg::Batch batch = session.batch();
    for (int i = 0; i < 10; ++i) static_cast<void>(batch.query_one<int>("select $1 + 2", i));
    session.run(batch);
    EXPECT_EQ(prepared(session, "select $1 + 2"), 1);
}

TEST_P(Statements, ThatFailAreNoNamesForOthers) {
    const Connection session = db.connection();
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(session.try_query("select nowhere from pg_class").error().sqlstate(), "42703");
        EXPECT_EQ(session.try_query("select 1 / ($1 - $1)", 1).error().sqlstate(), "22012");
    }
    EXPECT_EQ(prepared(session, "select nowhere from pg_class"), 0);
    session.exec("begin");
    EXPECT_FALSE(session.try_query("select 2 / ($1 - $1)", 1));
    EXPECT_FALSE(session.try_query("select 2 / ($1 - $1)", 1));
    session.exec("rollback");
    EXPECT_EQ(session.query_one<int>("select 2 / ($1 - 1)", 2), 2);
}

PGCLIENT_CONFORMANCE(Statements);

}  // namespace
}  // namespace conformance
