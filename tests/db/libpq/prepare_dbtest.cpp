// Preparing, describing and forgetting statements.
#include "tests/db/libpq/open_session.hpp"
#include "tests/outcomes_of.hpp"

namespace pg::libpq {
namespace {

TEST(Prepare, DescribesWhatTheStatementTakesAndGives) {
    const auto session = open_session();
    const Oid types[] = {Oid{20}, Oid{0}};
    const spi::Description described =
        session->prepare("both", "select $1 as big, $2::date as day, relname from pg_class", types, soon()).value();
    EXPECT_EQ(described.parameters, (std::vector<Oid>{Oid{20}, Oid{1082}}));
    ASSERT_EQ(described.columns.size(), 3u);
    EXPECT_EQ(described.columns[1].name, "day");
    EXPECT_EQ(described.columns[1].type.oid, Oid{1082});
    EXPECT_EQ(described.columns[1].type.format, Format::binary);
    EXPECT_EQ(described.columns[2].table, Oid{1259});
}

TEST(Prepare, LetsTheStatementBeRunByItsName) {
    const auto session = open_session();
    ASSERT_TRUE(session->prepare("twice", "select $1::int4 * 2", {}, soon()));
    Params params;
    ASSERT_FALSE(params.add(std::int32_t{21}));
    const spi::Request request{
        .sql = "select $1::int4 * 2", .statement = "twice", .params = &params, .format = Format::text};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(bytes_of(session->run(request, soon()).value(), 0), "42");
}

TEST(Prepare, DescribesAStatementWithoutRows) {
    const auto session = open_session();
    const spi::Description described = session->prepare("s", "set work_mem = '1MB'", {}, soon()).value();
    EXPECT_TRUE(described.columns.empty());
    EXPECT_TRUE(described.parameters.empty());
}

TEST(Prepare, ReportsAWrongStatementAndKeepsTheSession) {
    const auto session = open_session();
    const Expected<spi::Description> wrong = session->prepare("wrong", "select nothing", {}, soon());
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().sqlstate(), "42703");
    EXPECT_EQ(wrong.error().position(), 8u);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Prepare, RefusesZeroBytes) {
    const auto session = open_session();
    EXPECT_EQ(session->prepare("a", std::string_view("select\0", 7), {}, soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(session->prepare(std::string_view("\0", 1), "select 1", {}, soon()).error().kind(), ErrorKind::usage);
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Prepare, ForgetsAStatementWhateverItsName) {
    const auto session = open_session();
    const std::string name = "odd \"name\"";
    ASSERT_TRUE(session->prepare(name, "select 1", {}, soon()));
    session->forget(name);
    const Expected<Result> gone = session->run({.sql = "select 1", .statement = name}, soon());
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().sqlstate(), "26000");
    session->forget(name);
    session->forget(std::string_view("zero\0byte", 9));
    EXPECT_EQ(text_of(*session, "select count(*) from pg_prepared_statements"), "0");
}

TEST(Prepare, ForgetsAStatementInATransactionWhenThatDoesNoHarm) {
    const auto session = open_session();
    ASSERT_TRUE(session->prepare("a", "select 1", {}, soon()));
    ASSERT_TRUE(run(*session, "begin"));
    session->forget("a");
    session->forget("of nobody");
    EXPECT_EQ(text_of(*session, "select 2"), "2");
    ASSERT_FALSE(run(*session, "select 1/0"));
    ASSERT_TRUE(run(*session, "rollback"));
    EXPECT_EQ(text_of(*session, "select count(*) from pg_prepared_statements"), "0");
}

TEST(Prepare, ForgetsAStatementOfASessionThatOnlyRunsTransactions) {
    const auto session = open_session();
    ASSERT_TRUE(session->prepare("a", "select 1", {}, soon()));
    ASSERT_TRUE(session->run_command("begin", soon()));
    session->forget("a");
    ASSERT_TRUE(session->run_command("commit", soon()));
    ASSERT_TRUE(session->run_command("begin", soon()));
    EXPECT_EQ(text_of(*session, "select count(*) from pg_prepared_statements"), "0");
    ASSERT_TRUE(session->run_command("commit", soon()));
}

TEST(Prepare, GoesAlongWithTheFirstExecution) {
    const auto session = open_session();
    std::shared_ptr<const ResultStorage> description;
    Params params;
    ASSERT_FALSE(params.add(41));
    spi::Request request{.sql = "select $1 + 1 as n", .statement = "along", .params = &params, .prepare = &description};
    const Expected<Result> first = session->run(request, soon());
    ASSERT_TRUE(first) << first.error().what();
    EXPECT_EQ((*first)[0].get<int>("n"), 42);
    ASSERT_TRUE(description);
    ASSERT_EQ(description->columns().size(), 1u);
    EXPECT_EQ(description->columns()[0].name, "n");
    EXPECT_TRUE(description->matches());
    request.prepare = nullptr;
    request.description = &description;
    const Expected<Result> second = session->run(request, soon());
    ASSERT_TRUE(second);
    EXPECT_EQ((*second)[0].get<int>("n"), 42);
    EXPECT_EQ(second->storage()->matches(), description->matches());
}

TEST(Prepare, GoesAlongInEveryVerb) {
    const auto session = open_session();
    std::shared_ptr<const ResultStorage> description;
    const auto named = [&](const char* name, std::string_view sql) {
        description.reset();
        return spi::Request{.sql = sql, .statement = name, .prepare = &description};
    };
    const auto limited = [&](spi::Request request) { return request.max_result_bytes = 100, request; };
    const auto in_text = [&](spi::Request request) { return request.format = Format::text, request; };
    ASSERT_TRUE(session->run(limited(named("limited", "select 1 as a")), soon()));
    EXPECT_TRUE(description);
    const auto text = session->run(in_text(named("text", "select 1 as a")), soon());
    ASSERT_TRUE(text);
    EXPECT_EQ(text->columns()[0].type.format, Format::text);
    ASSERT_TRUE(description);
    EXPECT_EQ(description->columns()[0].type.format, Format::binary);
    ASSERT_TRUE(session->run(named("command", "create temp table along (a int)"), soon()));
    EXPECT_TRUE(!description || description->columns().empty()) << "it gives no rows";
    auto stream = session->stream(named("stream", "select 1 as a"), soon());
    ASSERT_TRUE(stream);
    EXPECT_EQ((*stream)->next(soon()).value().size(), 1u);
    stream->reset();
    EXPECT_TRUE(description);
    const auto without_binary = session->run(named("acl", "select '{=r/postgres}'::aclitem[] as a"), soon());
    ASSERT_TRUE(without_binary) << without_binary.error().what();
    EXPECT_EQ(without_binary->size(), 1u);
    EXPECT_EQ(text_of(*session, "select count(*) from pg_prepared_statements"), "5");
}

TEST(Prepare, GoesAlongInABatch) {
    const auto session = open_session();
    std::shared_ptr<const ResultStorage> description;
    const spi::Request first{.sql = "select 7 as a", .statement = "batched", .prepare = &description};
    const spi::Request next{.sql = "select 7 as a", .statement = "batched"};
    for (const spi::BatchSync sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        const std::vector<spi::Request> requests{{.sql = "select 1"}, first, next, next};
        for (const auto& outcome : pg::testing::outcomes_of(*session, requests, sync, soon())) {
            ASSERT_TRUE(outcome) << outcome.error().what();
            EXPECT_EQ(outcome->size(), 1u);
        }
        EXPECT_TRUE(description);
        session->forget("batched");
    }
    const std::vector<spi::Request> wrong{
        {.sql = "selekt", .statement = "wrong", .prepare = &description},
        {.sql = "selekt", .statement = "wrong"},
    };
    const auto refused = pg::testing::outcomes_of(*session, wrong, spi::BatchSync::each, soon());
    EXPECT_EQ(refused[0].error().sqlstate(), "42601");
    EXPECT_EQ(refused[1].error().sqlstate(), "26000");
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Prepare, SaysWhyWhatGoesAlongFailed) {
    const auto session = open_session();
    std::shared_ptr<const ResultStorage> description;
    const auto refused = session->run({.sql = "select nope", .statement = "x", .prepare = &description}, soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate(), "42703");
    EXPECT_FALSE(session->run({.sql = "select 1/0", .statement = "y", .prepare = &description}, soon()));
    EXPECT_EQ(text_of(*session, "select string_agg(name, ' ') from pg_prepared_statements"), "y");
}

TEST(Prepare, ExpiresWhileAnotherSessionHoldsTheTable) {
    const auto other = open_session();
    ASSERT_TRUE(run(*other, "create table held_for_prepare (n int)"));
    ASSERT_TRUE(run(*other, "begin"));
    ASSERT_TRUE(run(*other, "lock held_for_prepare"));
    until_kept(testing::shared_server().conninfo(), [](spi::Session& session) {
        const auto expired =
            within(100ms, [&] { return session.prepare("held", "select * from held_for_prepare", {}, in(100ms)); });
        EXPECT_EQ(expired.error().kind(), ErrorKind::timeout);
        return expired.error().connection_usable();
    });
    ASSERT_TRUE(run(*other, "drop table held_for_prepare"));
    ASSERT_TRUE(run(*other, "commit"));
}

TEST(Prepare, RefusesMoreParametersThanTheProtocolCounts) {
    const auto session = open_session();
    const std::vector<Oid> types(65536, Oid{23});
    const Expected<spi::Description> refused = session->prepare("many", "select 1", types, soon());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::usage) << refused.error().what();
    EXPECT_TRUE(session->usable());
}

TEST(Prepare, ReadsResultsByTheDescriptionThatItGave) {
    const auto session = open_session();
    const std::string sql = "select 7 as n, null::text as t";
    const spi::Description described = session->prepare("described", sql, {}, soon()).value();
    const Result result =
        session->run({.sql = sql, .statement = "described", .description = &described.names}, soon()).value();
    EXPECT_EQ(result[0].get<std::int32_t>("n"), 7);
    EXPECT_TRUE(result[0].is_null("t"));
}

TEST(Prepare, LooksAgainWhenTheResultIsNotAsDescribed) {
    const auto session = open_session();
    const spi::Description other = session->prepare("other", "select 7::int8 as n", {}, soon()).value();
    const Result result = session->run({.sql = "select 'seven' as n", .description = &other.names}, soon()).value();
    EXPECT_EQ(result[0].get<std::string>("n"), "seven");
}

}  // namespace
}  // namespace pg::libpq
