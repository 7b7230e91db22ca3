// Running one statement: results, arguments, errors with all their fields, and what stays true of the session.
#include "pg/catalog.hpp"
#include "providers/libpq/direct_take_over.hpp"
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

void add_all(Params& params, auto... values) {
    const bool refused = (static_cast<bool>(params.add(values)) || ... || false);
    EXPECT_FALSE(refused);
}

TEST(Run, GivesRowsInBinaryWithNamesAndTypes) {
    const auto session = open_session();
    const Result result = run(*session, "select 7::int4 as seven, 'x'::text as x, null::int8, ''::text").value();
    ASSERT_EQ(result.size(), 1u);
    ASSERT_EQ(result.columns().size(), 4u);
    EXPECT_EQ(result.columns()[0].name, "seven");
    EXPECT_EQ(result.columns()[0].type.oid, Oid{23});
    EXPECT_EQ(result.columns()[0].type.format, Format::binary);
    EXPECT_EQ(bytes_of(result, 0), std::string_view("\0\0\0\7", 4));
    EXPECT_EQ(bytes_of(result, 1), "x");
    EXPECT_TRUE(result.storage()->cell(0, 2).is_null());
    EXPECT_FALSE(result.storage()->cell(0, 3).is_null());
    EXPECT_EQ(result.tag(), "SELECT 1");
}

TEST(Run, DescribesTheTableColumnBehindAColumn) {
    const auto session = open_session();
    const Result result = run(*session, "select 1 as one, relname, 'x'::varchar(5) from pg_class limit 0").value();
    EXPECT_EQ(result.columns()[0].table, Oid{0});
    EXPECT_EQ(result.columns()[1].table, Oid{1259});
    EXPECT_EQ(result.columns()[1].attribute, 2);
    EXPECT_EQ(result.columns()[2].modifier, 9);
    EXPECT_TRUE(result.empty());
}

TEST(Run, GivesAResultThatKeepsTheTypesItPointsTo) {
    auto types = std::make_shared<TypeCatalog>();
    const std::weak_ptr<TypeCatalog> watched = types;
    auto session = open_session(testing::shared_server().conninfo(), {.types = std::move(types), .notices = nullptr});
    const std::string sql = "select 1 as one";
    std::vector<Result> results{run(*session, sql).value(),
                                session->run({.sql = sql, .max_result_bytes = 100}, soon()).value()};
    {
        const spi::Description described = session->prepare("kept", sql, {}, soon()).value();
        const spi::Request prepared{.sql = sql, .statement = "kept", .description = &described.names};
        results.push_back(session->run(prepared, soon()).value());
    }
    session.reset();
    for (std::size_t left = results.size(); left != 0; --left) {
        EXPECT_FALSE(watched.expired()) << left;
        results.pop_back();
    }
    EXPECT_TRUE(watched.expired());
}

TEST(Run, KeepsAResultWithManyColumns) {
    const auto session = open_session();
    const Result result = run(*session, "select 1,2,3,4,5,6,7,8,9,10,11 as last").value();
    ASSERT_EQ(result.columns().size(), 11u);
    EXPECT_EQ(result.columns()[10].name, "last");
    Cell cells[2];
    constexpr std::uint16_t last_and_first[] = {10, 0};
    result.storage()->read(0, last_and_first, cells);
    EXPECT_EQ(cells[0].bytes(), std::string_view("\0\0\0\13", 4));
    EXPECT_EQ(cells[1].bytes(), std::string_view("\0\0\0\1", 4));
}

TEST(Run, SendsArgumentsOfAllKinds) {
    const auto session = open_session();
    Params params;
    add_all(params, std::int32_t{41}, std::string_view("2024-02-29"), nullptr);
    const spi::Request request{.sql = "select $1 + 1, $2::date::text, $3::text is null", .params = &params};
    const Result result = session->run(request, soon()).value();
    EXPECT_EQ(bytes_of(result, 0), std::string_view("\0\0\0\52", 4));
    EXPECT_EQ(bytes_of(result, 1), "2024-02-29");
    EXPECT_EQ(bytes_of(result, 2), std::string_view("\1", 1));
}

TEST(Run, SendsMoreArgumentsThanFitOnTheStack) {
    const auto session = open_session();
    Params params;
    std::string sql = "select 0";
    for (int i = 1; i <= 40; ++i) {
        ASSERT_FALSE(params.add(std::int32_t{i}));
        sql += " + $" + std::to_string(i);
    }
    const Result result = session->run({.sql = sql, .params = &params, .format = Format::text}, soon()).value();
    EXPECT_EQ(bytes_of(result, 0), "820");
}

TEST(Run, CountsTheRowsThatWereChanged) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    const Result inserted = run(*session, "insert into t select generate_series(1, 5)").value();
    EXPECT_EQ(inserted.affected(), 5u);
    EXPECT_EQ(inserted.tag(), "INSERT 0 5");
}

TEST(Run, TakesAnEmptyStatement) {
    const auto session = open_session();
    const Result result = run(*session, "").value();
    EXPECT_TRUE(result.empty());
    EXPECT_TRUE(result.columns().empty());
}

TEST(Run, ReportsEveryFieldOfAnError) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table taken (id int constraint only_once primary key)"));
    ASSERT_TRUE(run(*session, "insert into taken values (1)"));
    const Expected<Result> result = run(*session, "insert into taken values (1)");
    ASSERT_FALSE(result);
    const Error& error = result.error();
    EXPECT_EQ(error.kind(), ErrorKind::unique_violation);
    EXPECT_EQ(error.outcome(), Outcome::not_applied);
    EXPECT_EQ(error.sqlstate(), "23505");
    EXPECT_EQ(error.severity(), "ERROR");
    EXPECT_EQ(error.constraint(), "only_once");
    EXPECT_EQ(error.table(), "taken");
    EXPECT_EQ(error.routine(), "_bt_check_unique");
    EXPECT_NE(error.detail().find("(1)"), std::string_view::npos);
    EXPECT_EQ(error.sql(), "insert into taken values (1)");
    EXPECT_EQ(error.node(), session->node());
    EXPECT_EQ(error.engine(), tested_engine());
    EXPECT_TRUE(error.connection_usable());
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Run, NamesThePositionOfAnError) {
    const auto session = open_session();
    const Expected<Result> result = run(*session, "select nothing");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().position(), 8u);
    EXPECT_EQ(result.error().sqlstate(), "42703");
}

TEST(Run, HearsAnErrorThatComesBehindTheCommandTag) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table late (id int primary key deferrable initially deferred)"));
    const Expected<Result> result = run(*session, "insert into late values (1), (1)");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::unique_violation);
}

TEST(Run, RefusesATextThatAZeroByteWouldCutShort) {
    const auto session = open_session();
    const Expected<Result> result = run(*session, std::string_view("select 1\0; drop table x", 23));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::usage);
    EXPECT_TRUE(session->usable());
}

TEST(Run, RefusesMoreArgumentsThanTheProtocolHas) {
    const auto session = open_session();
    Params params;
    for (int i = 0; i <= 65535; ++i) ASSERT_FALSE(params.add(nullptr));
    const Expected<Result> result = session->run({.sql = "select 1", .params = &params}, soon());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::usage);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Run, RefusesToServeACopy) {
    for (const char* sql : {"copy t from stdin", "copy (select generate_series(1, 100000)) to stdout"})
        until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
            EXPECT_TRUE(run(session, "create temp table t (n int)"));
            const Error refused = run(session, sql).error();
            EXPECT_EQ(refused.kind(), ErrorKind::usage) << sql;
            EXPECT_NE(refused.message().find("copy_in"), std::string_view::npos);
            return session.usable();
        });
}

// Such a COPY fails before the server reads from it, or behind what was sent with it. libpq cannot tell how many
// answers are still to come where it fails before: then it says that the connection is closed.
TEST(Run, TellsWhetherItGoesOnAfterACopyThatFailsBeforeItReads) {
    const auto failed_by = [](auto verb, std::string_view sql, bool goes_on) {
        const auto session = open_session();
        ASSERT_TRUE(session->run_script(
            "create temp table t (n int); create temp view a_view as select n from t;"
            "create temp table refusing (n int); create temp table slow (n int);"
            "create function pg_temp.refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;"
            "create function pg_temp.sleep() returns trigger language plpgsql as "
            "$$ begin perform pg_sleep(0.05); raise exception using errcode = '57014'; end $$;"
            "create trigger refuse before insert on refusing execute function pg_temp.refuse();"
            "create trigger sleep before insert on slow execute function pg_temp.sleep()",
            soon()));
        const auto failed = verb(*session, sql);
        ASSERT_FALSE(failed) << sql;
        EXPECT_EQ(failed.error().connection_usable(), goes_on) << sql;
        EXPECT_EQ(session->usable(), goes_on) << sql;
        if (!goes_on) return;
        EXPECT_EQ(text_of(*session, "select 1"), "1") << sql;
    };
    for (const auto& [sql, reads] : {std::pair("copy a_view from stdin", false),
                                     {"copy refusing from stdin", false},
                                     {"copy slow from stdin", false},
                                     {"copy t from stdin", true},
                                     {"copy nothing from stdin", true}}) {
        const bool goes_on = reads || tested_engine() == "direct";
        failed_by([](auto& session, auto text) { return session.run({.sql = text}, soon()); }, sql, goes_on);
        failed_by([](auto& session, auto text) { return session.stream({.sql = text}, soon()); }, sql, goes_on);
        failed_by([](auto& session, auto text) { return session.run_script(text, soon()); }, sql, true);
        failed_by([](auto& session, auto text) { return session.copy_out(text, soon()); }, sql, goes_on);
    }
}

TEST(Run, KnowsTheStateOfItsTransaction) {
    const auto session = open_session();
    EXPECT_EQ(session->transaction_status(), spi::TransactionStatus::idle);
    ASSERT_TRUE(run(*session, "begin"));
    EXPECT_EQ(session->transaction_status(), spi::TransactionStatus::open);
    ASSERT_FALSE(run(*session, "select 1/0"));
    EXPECT_EQ(session->transaction_status(), spi::TransactionStatus::failed);
    ASSERT_TRUE(run(*session, "rollback"));
    EXPECT_EQ(session->transaction_status(), spi::TransactionStatus::idle);
}

TEST(Run, TellsARetryOfTheTransactionFromOneOfTheStatement) {
    const auto session = open_session();
    const char* sql = "do $$ begin raise exception using errcode = '40001'; end $$";
    const Expected<Result> alone = run(*session, sql);
    ASSERT_FALSE(alone);
    EXPECT_EQ(alone.error().kind(), ErrorKind::conflict);
    EXPECT_EQ(alone.error().retry_scope(), RetryScope::transaction);
}

// A column without binary output, and a server that says so with a code and a routine, not with words.
constexpr std::string_view without_binary = "select relacl from pg_class where relacl is not null limit 1";

TEST(TextFallback, RepeatsAStatementInTextAndRemembersIt) {
    const auto session = open_session();
    for (int i = 0; i < 2; ++i) {
        const Result result = run(*session, without_binary).value();
        EXPECT_EQ(result.columns()[0].type.format, Format::text);
        EXPECT_EQ(bytes_of(result, 0).front(), '{');
    }
}

TEST(TextFallback, IsAnErrorInsideATransactionThatSaysWhatToDo) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "begin"));
    const Expected<Result> result = run(*session, without_binary);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().sqlstate(), "42883");
    EXPECT_NE(result.error().hint().find("Format::text"), std::string_view::npos);
    ASSERT_TRUE(run(*session, "rollback"));
    ASSERT_TRUE(run(*session, "begin"));
    EXPECT_TRUE(run(*session, without_binary));
}

TEST(TextFallback, WorksForLimitedResultsToo) {
    const auto session = open_session();
    const Result result = session->run({.sql = without_binary, .max_result_bytes = 100000}, soon()).value();
    EXPECT_EQ(result.columns()[0].type.format, Format::text);
}

TEST(LimitedResult, IsTheSameAsAnUnlimitedOne) {
    const auto session = open_session();
    const char* sql = "select n, case when n % 3 > 0 then repeat('x', n % 7) end as x from generate_series(1, 500) n";
    const Result whole = run(*session, sql).value();
    const Result limited = session->run({.sql = sql, .max_result_bytes = 1 << 20}, soon()).value();
    ASSERT_EQ(limited.size(), whole.size());
    EXPECT_EQ(limited.tag(), whole.tag());
    EXPECT_EQ(limited.affected(), whole.affected());
    EXPECT_EQ(limited.columns()[1].name, "x");
    for (std::size_t row = 0; row < whole.size(); ++row) {
        Cell expected[2], seen[2];
        constexpr std::uint16_t both[] = {0, 1};
        whole.storage()->read(row, both, expected);
        limited.storage()->read(row, both, seen);
        for (std::size_t column : {0u, 1u}) {
            ASSERT_EQ(seen[column].length, expected[column].length);
            ASSERT_EQ(seen[column].bytes(), expected[column].bytes());
        }
        ASSERT_EQ(limited.storage()->cell(row, 1).bytes(), expected[1].bytes());
    }
}

TEST(LimitedResult, HasColumnsWhenItHasNoRows) {
    const auto session = open_session();
    const Result result = session->run({.sql = "select 1 as n limit 0", .max_result_bytes = 10}, soon()).value();
    EXPECT_TRUE(result.empty());
    EXPECT_EQ(result.columns()[0].name, "n");
    const Result set = session->run({.sql = "set work_mem = '1MB'", .max_result_bytes = 10}, soon()).value();
    EXPECT_EQ(set.tag(), "SET");
}

TEST(LimitedResult, GivesUpAResultThatIsTooLargeAndKeepsTheSession) {
    const char* sql = "select repeat('x', 1000) from generate_series(1, 10000000)";
    until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
        const Error told = session.run({.sql = sql, .max_result_bytes = 50000}, soon()).error();
        EXPECT_EQ(told.kind(), ErrorKind::result_too_large);
        if (!session.usable()) return false;
        EXPECT_EQ(told.outcome(), Outcome::not_applied);
        EXPECT_TRUE(told.connection_usable());
        return true;
    });
}

TEST(LimitedResult, ReportsAnErrorInTheMiddle) {
    const auto session = open_session();
    const char* sql = "select 1 / (50 - n) from generate_series(1, 100) n";
    const Expected<Result> result = session->run({.sql = sql, .max_result_bytes = 50000}, soon());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().sqlstate(), "22012");
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Session, SaysWhatItIs) {
    const auto session = open_session();
    EXPECT_EQ(session->engine(), tested_engine());
    EXPECT_EQ(session->node(),
              testing::shared_server().socket_folder() + ":" + std::to_string(testing::shared_server().port()));
    EXPECT_EQ(session->server_version() / 10000, testing::shared_server().major());
    EXPECT_EQ(std::to_string(session->backend_process()), text_of(*session, "select pg_backend_pid()"));
    EXPECT_EQ(session->parameter("client_encoding"), "UTF8");
    EXPECT_EQ(session->parameter("DateStyle").substr(0, 3), "ISO");
    EXPECT_EQ(session->parameter("IntervalStyle"), "postgres");
    EXPECT_EQ(session->parameter("application_name"), "pgclient");
    EXPECT_EQ(session->parameter("no such parameter"), "");
    EXPECT_TRUE(session->alive());
    EXPECT_TRUE(session->usable());
}

// A fallback that went unnoticed would pass for the other engine.
TEST(Session, IsOfTheDirectEngineUnlessSomethingIsInTheWay) {
    Config config = Config::parse(testing::shared_server().conninfo()).value();
    const auto provider = make_libpq_provider();
    EXPECT_EQ(provider->open(config, {}, soon()).value()->engine(), "direct");
    config.set("engine", "auto").value();
    EXPECT_EQ(provider->open(config, {}, soon()).value()->engine(), "direct");
    EXPECT_EQ(direct::fallbacks(), 0u);
}

TEST(Script, RunsSeveralStatements) {
    const auto session = open_session();
    ASSERT_TRUE(session->run_script("create temp table s (n int); insert into s values (1), (2); select 3", soon()));
    EXPECT_EQ(text_of(*session, "select count(*) from s"), "2");
}

TEST(Script, SaysWhatItsLastStatementDid) {
    const auto session = open_session();
    const auto tag_of = [&](std::string_view script) {
        const spi::CommandTag tag = session->run_command(script, soon()).value();
        return std::string(tag.text());
    };
    EXPECT_EQ(tag_of("select 1; create temp table s (n int); insert into s values (1), (2)"), "INSERT 0 2");
    EXPECT_EQ(tag_of("begin"), "BEGIN");
    EXPECT_FALSE(session->run_command("select 1/0", soon()));
    EXPECT_EQ(tag_of("commit"), "ROLLBACK");
    EXPECT_EQ(tag_of(""), "");
}

TEST(Script, StopsAtTheFirstError) {
    const auto session = open_session();
    const Expected<void> done = session->run_script("select 1; select 1/0; select 2", soon());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().sqlstate(), "22012");
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Script, RefusesACopyAndAZeroByte) {
    const auto session = open_session();
    EXPECT_EQ(session->run_script("copy (select 1) to stdout", soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(session->run_script("select 1; copy (select 1) to stdout", soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(session->run_script(std::string_view("select\0 1", 9), soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

}  // namespace
}  // namespace pg::libpq
