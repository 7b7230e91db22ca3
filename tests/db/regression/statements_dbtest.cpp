// Statements that are remembered: another type of a parameter, another search path or another role is another
// statement, however often the text was run before.
#include <vector>

#include "pg/batch.hpp"
#include "tests/db/regression/every_way.hpp"

namespace regression_tests {
namespace {

/// Often enough for whatever is done only from the second or third time on.
constexpr int often = 5;

constexpr pg::Sql<1> typed("select pg_typeof(coalesce($1, $1))::text || ' ' || coalesce($1, $1)::text");

class RememberedStatement : public EveryWay {
protected:
    static void SetUpTestSuite() {
        onlooker().run_script(R"sql(
            drop schema if exists regression_near, regression_far cascade;
            drop role if exists regression_near; drop role if exists regression_far;
            create role regression_near; create role regression_far;
            create schema regression_near authorization regression_near;
            create schema regression_far authorization regression_far;
            create table regression_near.place as select 'near' as name, 1::int as size;
            create table regression_far.place as select 'far' as name, 2::bigint as size;
            grant select on regression_near.place, regression_far.place to public)sql");
    }
    static void TearDownTestSuite() {
        onlooker().run_script(
            "drop schema regression_near, regression_far cascade; drop role regression_near; drop role regression_far");
    }
    static void expect_place(OwnSession& session, const std::string& name, std::int64_t size) {
        for (int i = 0; i < often; ++i) {
            const auto found = session.ask<std::string>("select name from place");
            ASSERT_TRUE(found) << told(found);
            EXPECT_EQ(*found, name);
            const auto measured = session.ask<std::int64_t>("select size from place where size >= $1", 0);
            ASSERT_TRUE(measured) << told(measured);
            EXPECT_EQ(*measured, size);
        }
    }
};

TEST_P(RememberedStatement, IsAnotherOneWhenTheTypeOfAParameterIs) {
    pg::Client db = open(1);
    for (int i = 0; i < often; ++i) {
        EXPECT_EQ(ask<std::string>(db, typed.text(), std::int32_t{i}).value(), "integer " + std::to_string(i));
        EXPECT_EQ(ask<std::string>(db, typed.text(), std::int64_t{1} << 40).value(), "bigint 1099511627776");
        EXPECT_EQ(ask<std::string>(db, typed.text(), 0.5).value(), "double precision 0.5");
        EXPECT_EQ(ask<std::string>(db, typed.text(), true).value(), "boolean true");
        EXPECT_EQ(ask<std::string>(db, typed.text(), std::string("word")).value(), "text word");
        EXPECT_EQ(ask<std::string>(db, typed.text(), std::int16_t{-3}).value(), "smallint -3");
    }
}

TEST_P(RememberedStatement, IsAnotherOneForEachSignatureThatItIsPreparedWith) {
    pg::Client db = open(1);
    const auto narrow = db.prepare<std::string(std::int32_t)>(typed);
    const auto wide = db.prepare<std::string(std::int64_t)>(typed);
    const auto call = [&](const auto& prepared, auto argument) {
        return awaited() ? db.async().call(prepared, argument).get() : prepared(argument);
    };
    for (int i = 0; i < often; ++i) {
        EXPECT_EQ(call(narrow, std::int32_t{5}), "integer 5");
        EXPECT_EQ(call(wide, std::int64_t{1} << 40), "bigint 1099511627776");
    }
}

TEST_P(RememberedStatement, IsLookedUpInTheSearchPathOfNow) {
    pg::Client db = open(1);
    OwnSession session = hold(db);
    for (int i = 0; i < 3; ++i) {
        session.run("set search_path to regression_near");
        expect_place(session, "near", 1);
        session.run("set search_path to regression_far");
        expect_place(session, "far", 2);
    }
}

TEST_P(RememberedStatement, IsLookedUpForTheRoleOfNow) {
    pg::Client db = open(1);
    OwnSession session = hold(db);
    session.run("set search_path to \"$user\"");
    for (int i = 0; i < 3; ++i) {
        session.run("set role regression_near");
        expect_place(session, "near", 1);
        session.run("set role regression_far");
        expect_place(session, "far", 2);
    }
}

TEST_P(RememberedStatement, IsLookedUpAsItsTransactionHasIt) {
    pg::Client db = open(1);
    OwnSession session = hold(db);
    session.run("set search_path to regression_near");
    for (int i = 0; i < 3; ++i) {
        expect_place(session, "near", 1);
        session.run("begin");
        session.run("set local search_path to regression_far");
        expect_place(session, "far", 2);
        session.run("rollback");
    }
}

TEST_P(RememberedStatement, GoesOnWhenATypeOfItsParametersIsMadeAnew) {
    pg::Client db = open(1);
    onlooker().run_script("drop type if exists regression_near.mood");
    for (const char* make :
         {"create type regression_near.mood as enum ('good')",
          "drop type regression_near.mood; create type regression_near.mood as enum ('bad', 'good')"}) {
        onlooker().run_script(make);
        for (int i = 0; i < often; ++i) {
            const auto mood = ask<std::string>(db, "select $1::regression_near.mood::text", std::string("good"));
            ASSERT_TRUE(mood) << told(mood);
            EXPECT_EQ(*mood, "good");
        }
    }
    onlooker().run_script("drop type regression_near.mood");
}

TEST_P(RememberedStatement, IsTheOneOfItsSession) {
    pg::Client db = open(2);
    OwnSession near = hold(db), far = hold(db);
    near.run("set search_path to regression_near");
    far.run("set search_path to regression_far");
    for (int i = 0; i < 3; ++i) {
        expect_place(near, "near", 1);
        expect_place(far, "far", 2);
    }
}

TEST_P(RememberedStatement, IsAboutATableThatCameToStandBeforeItsOwn) {
    // Both schemas are in the search path as it is. The name has "temp" in it, which a temporary table's need not.
    onlooker().run_script(
        "drop schema if exists postgres cascade; create schema postgres; drop table if exists public.attempts;"
        "create table public.attempts as select 'old' as name");
    for (const char* make : {"create table postgres.attempts as select 'new' as name",
                             "create table postgres.attempts (name text default 'new', temp int)",
                             "do $$ begin create table postgres.attempts as select 'new' as name; end $$"}) {
        pg::Client db = open(2);
        OwnSession one = hold(db), other = hold(db);
        const auto expect = [&](OwnSession& session, const std::optional<std::string>& name) {
            for (int i = 0; i < often; ++i) {
                const auto found = session.ask<std::optional<std::string>>("select max(name) from attempts");
                ASSERT_TRUE(found) << told(found);
                EXPECT_EQ(*found, name) << make;
            }
        };
        expect(one, "old");
        expect(other, "old");
        one.run(make);
        onlooker().run_script("insert into postgres.attempts select 'new' where not exists (table postgres.attempts)");
        expect(one, "new");
        expect(other, "new");
        onlooker().run_script("drop table postgres.attempts");
    }
    onlooker().run_script("drop schema postgres; drop table public.attempts");
}

TEST_P(RememberedStatement, IsNotThatOfTheBorrowerBefore) {
    pg::Client db = open(1);
    {
        OwnSession session = hold(db);
        session.run("set search_path to regression_far");
        expect_place(session, "far", 2);
    }
    const auto found = ask<std::string>(db, "select name from place");
    ASSERT_FALSE(found) << "of the schema that the borrower before had set";
    EXPECT_EQ(found.error().sqlstate(), "42P01");
}

/// A procedure that commits in its middle has run, however it fails after that.
class CommittingProcedure : public EveryWay {
protected:
    static void SetUpTestSuite() {
        onlooker().run_script(R"sql(
            drop schema if exists regression_paid cascade; create schema regression_paid;
            create table regression_paid.paid (n int);
            create procedure regression_paid.fails(amount int) language plpgsql as $$ begin
                insert into regression_paid.paid values (amount); commit; perform no_such_function(amount); end $$;
            create procedure regression_paid.gives(inout grants aclitem) language plpgsql as $$ begin
                insert into regression_paid.paid values (1); commit; end $$;
            create procedure regression_paid.pays() language plpgsql as $$ begin
                insert into regression_paid.paid values (1); commit; end $$;
            create function regression_paid.f(n int) returns int language sql as 'select 1')sql");
    }
    static void TearDownTestSuite() { onlooker().run_script("drop schema regression_paid cascade"); }

    template <class... A>
    static void expect_one_run(std::string_view sql, const A&... arguments) {
        onlooker().run_script("truncate regression_paid.paid");
        pg::Client db = open(1);
        const auto done = awaited() ? db.async().try_exec(pg::runtime(sql), arguments...).get()
                                    : db.try_exec(pg::runtime(sql), arguments...);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().sqlstate(), "42883") << told(done);
        EXPECT_EQ(done.error().outcome(), pg::Outcome::unknown);
        EXPECT_EQ(done.error().retry_scope(), pg::RetryScope::none);
        EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from regression_paid.paid"), 1);
    }
};

TEST_P(CommittingProcedure, IsNotRunAgainForTheTypesOfItsArguments) {
    expect_one_run("call regression_paid.fails($1)", std::int64_t{7});
}

TEST_P(CommittingProcedure, IsNotRunAgainForAResultWithoutBinaryForm) {
    expect_one_run("call regression_paid.gives(null)");
}

TEST_P(CommittingProcedure, IsNotRunAgainForWhatFailsBehindItInABatch) {
    for (const char* failing : {"select regression_paid.f($1)", "select $1::int / 0"}) {
        onlooker().run_script("truncate regression_paid.paid");
        pg::Client db = open(1);
        pg::Batch batch(db);
        const auto paid = batch.exec("call regression_paid.pays()");
        const auto failed = batch.exec(pg::runtime(failing), std::int64_t{7});
        EXPECT_FALSE(batch.try_run());
        EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from regression_paid.paid"), 1);
        EXPECT_EQ(paid.try_get().error().outcome(), pg::Outcome::unknown) << paid.try_get().error().what();
        EXPECT_EQ(failed.try_get().error().outcome(), pg::Outcome::unknown) << failed.try_get().error().what();
    }
}

TEST_P(CommittingProcedure, IsToldLikeAStatementThatCommitsByItself) {
    onlooker().run_script("drop index if exists regression_paid.made");
    pg::Client db = open(1);
    pg::Batch batch(db);
    const auto made = batch.exec("create index concurrently made on regression_paid.paid ((1))");
    const auto failed = batch.exec("select 1 / 0");
    EXPECT_FALSE(batch.try_run());
    EXPECT_TRUE(onlooker().query_one<bool>("select to_regclass('regression_paid.made') is not null"));
    EXPECT_EQ(made.try_get().error().outcome(), pg::Outcome::unknown) << made.try_get().error().what();
    EXPECT_EQ(failed.try_get().error().outcome(), pg::Outcome::unknown) << failed.try_get().error().what();
}

TEST_P(CommittingProcedure, IsFoundForAnArgumentOfAnotherType) {
    onlooker().run_script(
        "create or replace procedure regression_paid.takes(amount int) language plpgsql as $$ begin end $$");
    pg::Client db = open(1);
    const std::string_view sql = "call regression_paid.takes($1)";
    constexpr std::int64_t amount = 7;
    const auto done =
        awaited() ? db.async().try_exec(pg::runtime(sql), amount).get() : db.try_exec(pg::runtime(sql), amount);
    EXPECT_TRUE(done) << told(done);
}

INSTANTIATE_TEST_SUITE_P(Ways, CommittingProcedure,
                         testing::Values(Way{"direct", false}, Way{"libpq", false}, Way{"direct", true},
                                         Way{"libpq", true}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(Ways, RememberedStatement,
                         testing::Values(Way{"direct", false}, Way{"libpq", false}, Way{"direct", true},
                                         Way{"libpq", true}),
                         name_of);

}  // namespace
}  // namespace regression_tests
