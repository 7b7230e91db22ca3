// Names that come to mean something else: prepared statements notice, and no other text is taken for one that does
// that.
#include <gtest/gtest.h>

#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/prepared.hpp"
#include "pg/statement_cache.hpp"
#include "pg/tenancy.hpp"
#include "pg/testing/test_server.hpp"
#include "pg/transaction.hpp"

namespace {

class NewNames : public testing::TestWithParam<const char*> {
protected:
    /// With a schema before the public one, and a table in that.
    void SetUp() override {
        static const std::string made = pg::testing::shared_server().create_database("names");
        conninfo = made + " options='-c search_path=first,public' engine=" + GetParam();
        pg::connect(made).run_script(
            "drop schema if exists first cascade; create schema first;"
            "drop table if exists public.t; create table public.t (n int); insert into public.t values (1)");
    }
    static constexpr char all[] = "select n from t";
    static void expect_name(pg::Executor& db, int value) {
        for (int round = 0; round < 3; ++round) EXPECT_EQ(db.query_one<int>(all), value);
    }

    std::string conninfo;
};
INSTANTIATE_TEST_SUITE_P(Engine, NewNames, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(NewNames, AreNotThoseOfSelectsThatSpeakOfThem) {
    pg::Client db = pg::connect(conninfo, {.pool_max_size = 1});
    for (int round = 0; round < 10; ++round) EXPECT_EQ(db.query("select 1 as created_at").size(), 1u);
    EXPECT_EQ(db.statement_cache().hits, 8u);
    for (int round = 0; round < 2; ++round) expect_name(db, 1);
    const std::uint64_t before = db.statement_cache().hits;
    for (const int one : db.stream<int>("select 1 as created_into")) EXPECT_EQ(one, 1);
    expect_name(db, 1);
    EXPECT_EQ(db.statement_cache().hits, before + 3) << "a stream of such a text took no name away";
}

TEST_P(NewNames, OfCursorsStandForTheirOwnColumns) {
    pg::Client db = pg::connect(conninfo, {.pool_max_size = 1});
    const auto fetch = db.prepare<std::vector<std::int64_t>()>("fetch all from c");
    const auto fetched_from = [&](const char* declare) {
        pg::Transaction transaction = db.begin();
        transaction.exec(pg::runtime(declare));
        return fetch.on(transaction)();
    };
    EXPECT_EQ(fetched_from("declare c cursor for select 7::int8 as n"), std::vector<std::int64_t>{7});
    EXPECT_THROW(fetched_from("declare c cursor for select 1.5::float8 as n"), pg::ShapeError) << "eight bytes, too";
}

TEST_P(NewNames, AreNoticedByAClientAndItsTenants) {
    pg::Client db = pg::connect(conninfo, {.pool_max_size = 1});
    expect_name(db, 1);
    pg::for_tenant(db, "acme").exec("create table first.t as select 2 as n");
    expect_name(db, 2);
    pg::Client acme = pg::for_tenant(db, "acme");
    expect_name(acme, 2);
    const std::uint64_t prepared = db.statement_cache().prepared;
    for (int round = 0; round < 3; ++round) {
        expect_name(acme, 2);
        expect_name(db, 2);
    }
    EXPECT_EQ(db.statement_cache().prepared, prepared) << "neither took away what the other had prepared";
}

TEST_P(NewNames, AreNoticedOfATableThatIsMadeOfRows) {
    pg::Client db = pg::connect(conninfo);
    pg::Connection session = db.connection();
    const auto made = db.prepare<pg::Affected()>("create temp table t as select 2 as n").on(session);
    for (int round = 0; round < 3; ++round) {  // from the second on it is known that there are no columns
        expect_name(session, 1);
        EXPECT_EQ(made().rows, 1u);
        expect_name(session, 2);
        session.exec("drop table pg_temp.t");
    }
}

TEST_P(NewNames, AreNoticedOfATableThatAnExplainedStatementMakes) {
    pg::Client db = pg::connect(conninfo);
    for (const char* sql :
         {"explain analyze create table first.t as select 2 as n", "explain (analyse) select 2 as n into first.t",
          "explain analyze create materialized view first.t as select 2 as n"}) {
        expect_name(db, 1);
        db.query(pg::runtime(sql));
        expect_name(db, 2);
        db.run_script(std::string_view(sql).find("view") != std::string_view::npos ? "drop materialized view first.t"
                                                                                   : "drop table first.t");
    }
}

TEST_P(NewNames, AreNoticedInTransactionsWhenATableOfAnotherTypeIsDropped) {
    pg::Client db = pg::connect(conninfo);
    pg::Connection one = db.connection(), other = db.connection();
    const auto in_a_transaction = [](pg::Connection& session) {
        pg::Transaction transaction = session.begin();
        return transaction.query_one<int>("select count(*)::int from t where n = $1", "1");
    };
    one.exec("create table first.t (n text)");
    for (int round = 0; round < 3; ++round)
        for (pg::Connection* session : {&one, &other}) EXPECT_EQ(in_a_transaction(*session), 0);
    one.exec("drop table first.t");
    for (pg::Connection* session : {&one, &other}) EXPECT_EQ(in_a_transaction(*session), 1);
}

TEST_P(NewNames, AreThoseOfTheStatementsBehindInABatch) {
    pg::Client db = pg::connect(conninfo);
    const auto prepared = db.prepare<pg::Affected()>("create table first.t as select 2 as n");
    for (const auto mode : {pg::BatchMode::each, pg::BatchMode::atomic}) {
        pg::Connection session = db.connection();
        for (int round = 0; round < 6; ++round) {
            expect_name(session, 1);
            pg::Batch batch(session);
            if (round % 2 == 0)
                static_cast<void>(batch.exec("select 2 as n into first.t"));
            else
                batch.add(prepared);
            const auto n = batch.query_one<int>(all);
            batch.run(mode);
            EXPECT_EQ(n.get(), 2) << round;
            session.exec("drop table first.t");
        }
    }
}

TEST_P(NewNames, OfColumnsThatOneSessionHasFoundAreNoticedByAllOfThem) {
    pg::Client db = pg::connect(conninfo, {.pool_max_size = 2});
    pg::Connection one = db.connection(), other = db.connection();
    const auto in_a_transaction = [](pg::Connection& session) {
        pg::Transaction transaction = session.begin();
        return transaction.try_query("select * from t");
    };
    for (int round = 0; round < 3; ++round)
        for (pg::Connection* session : {&one, &other}) {
            const auto answer = in_a_transaction(*session);
            EXPECT_EQ(answer->columns().size(), 1u);
        }
    pg::connect(conninfo).run_script("alter table public.t add column more int");
    EXPECT_EQ(in_a_transaction(one).error().kind(), pg::ErrorKind::plan_invalidated);
    for (pg::Connection* session : {&one, &other}) {
        const auto wider = in_a_transaction(*session);
        ASSERT_TRUE(wider) << wider.error().what();
        EXPECT_EQ(wider->columns().size(), 2u);
    }
}

TEST_P(NewNames, AreNoticedWhenTheTransactionOfAScriptIsCommitted) {
    pg::Client db = pg::connect(conninfo);
    pg::Connection other = db.connection();
    pg::Transaction transaction = db.begin();
    transaction.run_script("create table first.t (n int); insert into first.t values (2)");
    expect_name(other, 1);
    transaction.commit();
    expect_name(other, 2);
}

TEST_P(NewNames, OfTypesThatNoLongerGoHaveTheTransactionRunAgain) {
    pg::Client other = pg::connect(conninfo);
    const auto count = [](pg::Executor& db) {
        return db.query_one<std::int64_t>("select count(*) from t where n = $1", "1");
    };
    const auto count_in_a_batch = [](pg::Executor& db) {
        pg::Batch batch(db);
        const auto counted = batch.query_one<std::int64_t>("select count(*) from t where n = $1", "1");
        batch.run();
        return counted.get();
    };
    const auto count_in_a_stream = [](pg::Executor& db) {
        return *db.stream<std::int64_t>("select count(*) from t where n = $1", "1").begin();
    };
    const auto expect_a_second_run = [&](auto ask) {
        other.exec("alter table t alter n type int using n::int");
        pg::Client db = pg::connect(conninfo, {.pool_max_size = 1});
        for (int round = 0; round < 3; ++round) EXPECT_EQ(ask(db), 1);
        other.exec("alter table t alter n type text using n::text");
        int runs = 0;
        EXPECT_EQ(db.transaction([&](pg::Transaction& transaction) {
            ++runs;
            return ask(transaction);
        }),
                  1);
        EXPECT_EQ(runs, 2);
    };
    expect_a_second_run(count);
    expect_a_second_run(count_in_a_batch);
    expect_a_second_run(count_in_a_stream);
}

}  // namespace
