// The six verbs and their twins: what is sent, what comes back, and what is said when it does not fit.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/types/enumeration.hpp"

namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;
using fake::affected;
using fake::Lines;
using fake::rows;
using fake::server_error;

struct User {
    std::int64_t id;
    std::string name;
};

enum class Mood { sad, ok };

}  // namespace

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr TypeId type{{}, {}, "mood"};
};

namespace {

class Verbs : public testing::Test {
protected:
    /// The error of a call that must have one.
    template <class T>
    static pg::Error error_of(const pg::Expected<T>& result) {
        if (result) {
            ADD_FAILURE() << "no error came";
            return server_error("00000");
        }
        return result.error();
    }

    fake::Database db;
    fake::Server& server = *db.server;
    pg::Client& client = db.client;
};

TEST_F(Verbs, ReadRowsAsWhatIsAskedFor) {
    const auto users = rows({{"id", 20}, {"name"}}, {{"1", "ann"}, {"2", "bob"}});
    server.answer("select u", users);
    EXPECT_EQ(client.query_all<User>("select u")[1].name, "bob");
    server.answer("select u", users);
    EXPECT_EQ((client.query_all<std::tuple<int, std::string>>("select u")[0]), std::tuple(1, "ann"s));
    server.answer("select", rows({}, {{}, {}}));
    EXPECT_EQ(client.query_all<std::tuple<>>("select").size(), 2u) << "rows without columns";
    server.answer("select u", users);
    const pg::Result result = client.query("select u");
    EXPECT_EQ(result.size(), 2u);
    server.answer("select u", users);
    EXPECT_EQ(client.query_all<pg::Row>("select u")[1].index(), 1u);
    server.answer("select b", rows({{"b", 16}}, {{"t"}, {"f"}}));
    EXPECT_EQ(client.query_all<bool>("select b"), (std::vector{true, false}));
    server.answer("select u", rows({{"id", 20}, {"name"}}, {{"1", "ann"}}));
    EXPECT_EQ(client.query_one<User>("select u").name, "ann");
    server.answer("select n", rows({{"n", 23}}, {{std::nullopt}}));
    const std::optional<std::optional<int>> null = client.query_maybe<std::optional<int>>("select n");
    EXPECT_TRUE(null && !*null) << "a row whose value is NULL is a row";
    server.answer("select n", rows({{"n", 23}}));
    EXPECT_EQ(client.query_maybe<int>("select n"), std::nullopt);
    server.answer("delete from t", affected("DELETE 3", 3));
    EXPECT_EQ(client.exec("delete from t"), 3u);
}

TEST_F(Verbs, GiveRowsThatOutliveTheIteratorThatStoodAtThem) {
    server.answer("select n", rows({{"n", 23}}, {{"1"}, {"2"}}));
    const pg::Result result = client.query("select n");
    const pg::Row& first = *result.begin();
    auto at = result.begin();
    const pg::Row& the_same = *at++;
    EXPECT_EQ(first.get<int>("n"), 1);
    EXPECT_EQ(the_same.get<int>("n"), 1);
    EXPECT_EQ(at->get<int>("n"), 2);
}

TEST_F(Verbs, SayWhenThereIsNoRowOrOneTooMany) {
    server.answer("select n", rows({{"n", 23}}));
    const pg::Error none = error_of(client.try_query_one<int>("select n"));
    EXPECT_EQ(none.kind(), pg::ErrorKind::no_rows);
    EXPECT_EQ(none.outcome(), pg::Outcome::applied);
    EXPECT_EQ(none.sql(), "select n");
    server.answer("select n", rows({{"n", 23}}, {{"1"}, {"2"}}));
    EXPECT_EQ(error_of(client.try_query_one<int>("select n")).message(),
              "at most one row was asked for, and the statement gave 2; query_all takes them all");
    server.answer("select n", rows({{"n", 23}}, {{"1"}, {"2"}}));
    EXPECT_THROW(static_cast<void>(client.query_maybe<int>("select n")), pg::TooManyRows);
    server.answer("select n", rows({{"n", 23}}));
    EXPECT_THROW(static_cast<void>(client.query_one<int>("select n")), pg::NoRows);
}

TEST_F(Verbs, NameAllMisfitsAtOnceEvenWithoutARow) {
    const auto misfits = rows({{"id", 25}, {"other", 23}});
    const char* const expected =
        "the result does not fit its row type: column \"other\" has no field; field \"name\" has no column; column "
        "\"id\" is text, its target takes int8";
    server.answer("select u", misfits);
    EXPECT_EQ(error_of(client.try_query_all<User>("select u")).message(), expected);
    server.answer("select u", misfits);
    EXPECT_EQ(error_of(client.try_query_maybe<User>("select u")).message(), expected);
    server.answer("select u", misfits);
    EXPECT_EQ(error_of(client.try_query_one<User>("select u")).kind(), pg::ErrorKind::no_rows);
}

TEST_F(Verbs, NameTheRowAndColumnOfAValueThatDoesNotFit) {
    server.answer("select n", rows({{"n", 23}}, {{"1"}, {"70000"}}));
    EXPECT_EQ(error_of(client.try_query_all<std::int16_t>("select n")).kind(), pg::ErrorKind::decode);
    server.answer("select n", rows({{"n", 23}}, {{std::nullopt}}));
    EXPECT_THROW(static_cast<void>(client.query_one<int>("select n")), pg::DecodeError);
    server.answer("select n", rows({{"n", 23}}, {{std::nullopt}}));
    EXPECT_THROW(static_cast<void>(client.query_maybe<int>("select n")), pg::DecodeError);
}

TEST_F(Verbs, NameTheArgumentThatHasNoWireForm) {
    const pg::Error error = error_of(client.try_exec("select $1, $2", 1, "a\0b"s));
    EXPECT_EQ(error.kind(), pg::ErrorKind::encode);
    EXPECT_EQ(error.outcome(), pg::Outcome::not_sent);
    EXPECT_TRUE(error.message().starts_with("argument $2 ")) << error.message();
    EXPECT_THROW(static_cast<void>(client.stream<int>("select $1", "\0"s)), pg::EncodeError);
    EXPECT_EQ(server.take_log(), Lines{});
}

struct Text {
    const char* sql;
    const char* message;
    std::uint32_t position;
};

TEST_F(Verbs, CheckTextsThatAreKnownAtRunTime) {
    const Text texts[] = {
        {"", "the statement is empty", 1},
        {"select 1; select 2", "the text holds several statements; use run_script", 11},
        {"select 'a", "a string has no end", 8},
        {"select \"a", "a quoted name has no end", 8},
        {"select 1 /* a", "a comment has no end", 10},
        {"select $0", "there is no $0; the first parameter is $1", 8},
        {"select 'äöü', $0", "there is no $0; the first parameter is $1", 15},
        {"select $65536", "the highest parameter is $65535", 8},
        {"select $1", "the statement has 1 parameters, but 0 arguments were given", 0},
    };
    for (const auto& [sql, message, position] : texts) {
        const pg::Error error = error_of(client.try_exec(pg::runtime(sql)));
        EXPECT_EQ(error.kind(), pg::ErrorKind::usage) << sql;
        EXPECT_EQ(error.message(), message) << sql;
        EXPECT_EQ(error.position(), position) << sql;
        EXPECT_EQ(error_of(client.try_stream<int>(pg::runtime(sql))).message(), message) << sql;
        EXPECT_THROW(static_cast<void>(client.prepare<pg::Affected()>(pg::runtime(sql))), pg::UsageError) << sql;
    }
    EXPECT_EQ(server.take_log(), Lines{}) << "nothing is sent";
    EXPECT_TRUE(client.try_exec(pg::runtime("select $1"), 1));
}

TEST_F(Verbs, PassOptionsOnToTheRequest) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    auto tuned = client.with({.timeout = pg::no_timeout,
                              .stop = &stop,
                              .format = pg::Format::text,
                              .max_result_bytes = 10,
                              .extra = pg::Extra::ignore});
    server.answer("select n", rows({{"n", 23}, {"more", 23}}, {{"1", "2"}}));
    EXPECT_EQ(tuned.query_one<std::tuple<int>>("select n"), std::tuple(1));
    EXPECT_TRUE(server.asked[0].wait.deadline.is_never());
    EXPECT_EQ(server.asked[0].wait.stop, &stop);
    EXPECT_EQ(server.asked[0].format, pg::Format::text);
    EXPECT_EQ(server.asked[0].max_result_bytes, 10u);

    tuned.exec(pg::Query{.sql = "select 2", .max_result_bytes = 20});
    EXPECT_FALSE(server.asked[1].wait.deadline.is_never()) << "a query's own options replace the executor's";
    EXPECT_EQ(server.asked[1].wait.stop, nullptr);
    EXPECT_EQ(server.asked[1].format, pg::Format::binary);
    EXPECT_EQ(server.asked[1].max_result_bytes, 20u);
}

TEST_F(Verbs, HaveTheTimeoutOfTheClientWhenTheyNameNone) {
    db.context->timeout = pg::no_timeout;
    client.exec("select 1");
    client.exec(pg::Query{.sql = "select 2", .timeout = 1h});
    EXPECT_TRUE(server.asked[0].wait.deadline.is_never());
    EXPECT_FALSE(server.asked[1].wait.deadline.is_never());
}

// ---- what is sent again --------------------------------------------------------------------------

TEST_F(Verbs, GoToAnotherSessionWhenNoByteHadLeft) {
    server.answer("select 1", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_TRUE(client.try_exec("select 1"));
    EXPECT_EQ(server.opened, 2);
    EXPECT_EQ(server.closed, 1);
}

TEST_F(Verbs, GoToAnotherSessionOnce) {
    server.answer("select 1", fake::connection_lost(pg::Outcome::not_sent));
    server.answer("select 1", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_EQ(error_of(client.try_exec("select 1")).kind(), pg::ErrorKind::connection_lost);
}

TEST_F(Verbs, DoNotRepeatWhatMayHaveHappenedUnlessItIsIdempotent) {
    server.answer("update t", fake::connection_lost(pg::Outcome::unknown));
    EXPECT_THROW(client.exec("update t"), pg::ConnectionLost);
    server.answer("update t", fake::connection_lost(pg::Outcome::unknown));
    EXPECT_TRUE(client.try_exec(pg::Query{.sql = "update t", .idempotent = true}));
    EXPECT_EQ(server.asked.size(), 3u);
}

TEST_F(Verbs, StayOnTheirConnection) {
    pg::Connection connection = client.connection();
    server.answer("select 1", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_THROW(connection.exec("select 1"), pg::ConnectionLost);
    EXPECT_EQ(server.opened, 1);
}

// ---- the rest of a client ------------------------------------------------------------------------

TEST_F(Verbs, RunScriptsAndCleanTheSessionAfterwards) {
    client.run_script("set a = 1; select 2");
    const Lines log = server.take_log();
    ASSERT_EQ(log.size(), 2u);
    EXPECT_EQ(log[0], "script set a = 1; select 2");
    EXPECT_TRUE(log[1].starts_with("script close all;")) << log[1];
    server.refuses_scripts = server_error("42601");
    EXPECT_THROW(client.run_script("nonsense"), pg::ServerError);
    client.close();
    EXPECT_THROW(client.run_script("select 1"), pg::UsageError);
}

TEST_F(Verbs, CleanASessionThatAStatementLeftTracesIn) {
    for (const char* tag : {"SET", "LISTEN", "DECLARE CURSOR", "PREPARE", "LOAD", "DO"}) {
        server.answer("tell", affected(tag));
        client.exec("tell");
        EXPECT_EQ(server.take_log().size(), 2u) << tag;
    }
    client.exec("select 1");
    EXPECT_EQ(server.take_log(), Lines{"select 1"}) << "a clean session costs nothing";
}

TEST_F(Verbs, CleanASessionWhoseTextSaysThatItLeavesTraces) {
    const auto cleaned = [&] { return server.take_log().back().starts_with("script close all;"); };
    client.exec("select set_config('a', 'b', false)");
    EXPECT_TRUE(cleaned());
    client.exec(pg::runtime("create temp table t ()"));
    EXPECT_TRUE(cleaned());
    server.answer("select pg_advisory_lock(1), 1 / 0", server_error("22012"));
    EXPECT_THROW(client.exec("select pg_advisory_lock(1), 1 / 0"), pg::ServerError);
    EXPECT_TRUE(cleaned()) << "the lock is there even so";
    {
        pg::Transaction transaction = client.begin();
        transaction.exec("select pg_advisory_lock(1)");
        transaction.commit();
    }
    EXPECT_TRUE(cleaned());
    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    for (const int n : client.stream<int>("select set_config('a', 'b', false)")) EXPECT_EQ(n, 1);
    EXPECT_TRUE(cleaned());
    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    server.chunks.emplace_back(affected("DO"));
    for (const int n : client.stream<int>("do nothing")) EXPECT_EQ(n, 1);
    EXPECT_TRUE(cleaned());
    static_cast<void>(pg::CopyReader(client, "copy (select set_config('a', 'b', false)) to stdout"));
    EXPECT_TRUE(cleaned());
    EXPECT_THROW(pg::CopyOut<int>(client, "(select set_config('a', 'b', false))"), pg::Error);
    EXPECT_TRUE(cleaned());
    server.answer("create table pg_temp.t ()", affected("CREATE TABLE"));
    client.exec("create table pg_temp.t ()");
    EXPECT_TRUE(cleaned());
    client.exec("select temp from weather");
    EXPECT_EQ(server.take_log(), Lines{"select temp from weather"});
}

TEST_F(Verbs, RefuseEverythingAfterClose) {
    client.exec("select 1");
    pg::Client copy = client;
    client.close();
    EXPECT_EQ(server.closed, 1);
    EXPECT_EQ(error_of(copy.try_exec("select 1")).message(), "the client is closed");
    EXPECT_THROW(static_cast<void>(copy.connection()), pg::UsageError);
    EXPECT_THROW(static_cast<void>(copy.begin()), pg::UsageError);
    EXPECT_THROW(static_cast<void>(copy.stream<int>("select 1")), pg::UsageError);
}

TEST_F(Verbs, GoOnAfterCloseOnSessionsThatAreLent) {
    fake::Database wide(4);
    wide.server->chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    wide.client.exec("select 1");
    auto connection = std::make_optional(wide.client.connection());
    pg::Transaction transaction = wide.client.begin();
    auto stream = wide.client.stream<int>("select n");
    pg::CopyWriter copy(wide.client, "copy t from stdin");
    const auto prepared = wide.client.prepare<pg::Affected()>("select 2");
    wide.client.close();
    EXPECT_EQ(wide.server->closed, 0);

    connection->begin().commit();
    EXPECT_NO_THROW(prepared.on(*connection)());
    EXPECT_THROW(prepared(), pg::UsageError);
    transaction.exec("select 1");
    transaction.commit();
    EXPECT_EQ(wide.server->closed, 1);
    EXPECT_EQ(*stream.try_next().value(), 1);
    EXPECT_EQ(stream.try_next().value(), nullptr);
    const auto moved = std::move(stream);
    EXPECT_EQ(stream.try_next().error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(wide.server->closed, 2);
    copy.finish();
    EXPECT_EQ(wide.server->closed, 3);
    connection.reset();
    EXPECT_EQ(wide.server->closed, 4);
    EXPECT_EQ(wide.server->opened, 4);
    EXPECT_EQ(error_of(wide.client.try_connection()).message(), "the client is closed");
}

TEST_F(Verbs, ShareSessionsBetweenCopiesOfAClient) {
    pg::Client other = client;
    other.exec("select 1");
    fake::Database elsewhere;
    other = elsewhere.client;
    other.exec("select 2");
    EXPECT_EQ(server.take_log(), Lines{"select 1"});
    EXPECT_EQ(elsewhere.server->take_log(), Lines{"select 2"});
    EXPECT_EQ(elsewhere.client.impl(), other.impl());
}

TEST_F(Verbs, KeepOneSessionOnAConnection) {
    {
        pg::Connection connection = client.connection(5s);
        EXPECT_EQ(connection.engine(), "fake");
        EXPECT_EQ(connection.node(), "nowhere:5432");
        EXPECT_EQ(connection.server_version(), 150018);
        EXPECT_EQ(connection.backend_process(), 1);
        EXPECT_EQ(connection.parameter("TimeZone"), "UTC");
        EXPECT_EQ(connection.parameter("nonsense"), "");
        pg::Connection moved = std::move(connection);
        moved.exec("select 1");
        pg::Connection other = client.connection();
        other = std::move(moved);
        EXPECT_EQ(other.backend_process(), 1);
    }
    EXPECT_EQ(server.opened, 2);
    EXPECT_TRUE(server.take_log().back().starts_with("script close all;"));
}

// ---- streams -------------------------------------------------------------------------------------

TEST_F(Verbs, StreamRowsChunkByChunk) {
    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}, {"2"}}));
    server.chunks.emplace_back(rows({{"n", 23}}, {{"3"}}));
    std::vector<int> seen;
    for (const int n : client.stream<int>("select n")) seen.push_back(n);
    EXPECT_EQ(seen, (std::vector{1, 2, 3}));
    EXPECT_EQ(server.take_log(), (Lines{"stream select n", "stream closed"}));
}

TEST_F(Verbs, StreamTuplesThatBorrow) {
    server.chunks.emplace_back(rows({{"a", 23}, {"b"}}, {{"1", "x"}}));
    auto stream = client.stream<int, std::string_view>("select a");
    auto at = stream.begin();
    EXPECT_EQ(std::get<1>(*at.operator->()), "x");
    at++;
    EXPECT_TRUE(at == stream.end());
    EXPECT_EQ(stream.try_next().value(), nullptr);
}

TEST_F(Verbs, StreamWithTheirTimeoutForEachWait) {
    auto tuned = client.with({.timeout = pg::no_timeout, .format = pg::Format::text, .max_result_bytes = 10});
    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    auto stream = tuned.stream<int>("select n");
    EXPECT_TRUE(server.last_wait.deadline.is_never());
    EXPECT_EQ(server.asked[0].format, pg::Format::text);
    EXPECT_EQ(server.asked[0].max_result_bytes, 10u);
}

TEST_F(Verbs, StopAStreamAtItsFirstError) {
    server.answer("select n", server_error("42P01"));
    EXPECT_THROW(static_cast<void>(client.stream<int>("select n")), pg::ServerError);
    server.chunks.emplace_back(server_error("22012"));
    EXPECT_THROW(static_cast<void>(client.stream<int>("select n")), pg::ServerError);
    server.chunks.emplace_back(rows({{"n"}}, {{"x"}}));
    EXPECT_THROW(static_cast<void>(client.stream<int>("select n")), pg::ShapeError);

    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    server.chunks.emplace_back(server_error("22012"));
    auto stream = client.stream<int>("select n");
    EXPECT_EQ(*stream.try_next().value(), 1);
    EXPECT_EQ(error_of(stream.try_next()).sqlstate(), "22012");
    EXPECT_EQ(error_of(stream.try_next()).kind(), pg::ErrorKind::usage) << "no end: there may have been more";
}

TEST_F(Verbs, NameTheRowOfAStreamThatDoesNotFit) {
    server.chunks.emplace_back(rows({{"n", 23}}, {{std::nullopt}, {"2"}}));
    auto stream = client.stream<int>("select n");
    EXPECT_EQ(error_of(stream.try_next()).kind(), pg::ErrorKind::decode);
    EXPECT_EQ(*stream.try_next().value(), 2);
}

constexpr std::int64_t one = 1;  // whose literal is an int4

TEST_F(Verbs, StreamWithLiteralsWhereTheServerTookThemBefore) {
    server.answer("select f($1)", server_error("42883"));
    client.exec("select f($1)", one);
    server.answer("select f($1)", rows({{"f", 23}}));
    auto stream = client.stream<int>("select f($1)", one);
    EXPECT_EQ(server.asked.back().arguments[0].type, pg::Oid{23});
}

TEST_F(Verbs, StreamAgainWithLiteralsWhenTheServerRefusesTheirTypes) {
    server.answer("select f($1)", server_error("42883"));
    server.chunks.emplace_back(rows({{"f", 23}}, {{"1"}}));
    auto stream = client.stream<int>("select f($1)", one);
    EXPECT_EQ(*stream.try_next().value(), 1);
    ASSERT_EQ(server.asked.size(), 2u);
    EXPECT_EQ(server.asked[1].arguments[0].type, pg::Oid{23});
    EXPECT_EQ(server.asked[1].arguments[0].bytes, "1");

    server.answer("select g($1)", rows({{"g", 23}}));
    server.answer("select g($1)", rows({{"g", 23}}));
    server.chunks.emplace_back(server_error("42804"));
    server.chunks.emplace_back(rows({{"g", 23}}, {{"2"}}));
    EXPECT_EQ(*client.stream<int>("select g($1)", one).begin(), 2)
        << "a provider may say it in place of the first rows";
    EXPECT_EQ(server.take_log(), (Lines{"stream select f($1)", "stream select f($1)", "stream select g($1)",
                                        "stream closed", "stream select g($1)", "stream closed"}));
}

TEST_F(Verbs, DescribeAStreamAgainWithLiterals) {
    server.descriptions.emplace_back(server_error("42883"));
    server.descriptions.emplace_back(std::vector<fake::Column>{{"m", 23}});
    EXPECT_THROW(static_cast<void>(client.stream<Mood>("select f($1)", one)), pg::ShapeError);
    EXPECT_EQ(server.take_log(),
              (Lines{"describe select f($1)", "describe select f($1)", "stream select f($1)", "stream closed"}));
}

TEST_F(Verbs, StreamAgainOnceAndNeverInATransaction) {
    server.answer("select f($1)", server_error("42883"));
    server.answer("select f($1)", server_error("42883"));
    EXPECT_THROW(static_cast<void>(client.stream<int>("select f($1)", one)), pg::ServerError);
    EXPECT_EQ(server.asked.size(), 2u);
    server.answer("select g($1)", server_error("42883"));
    pg::Transaction transaction = client.begin();
    EXPECT_THROW(static_cast<void>(transaction.stream<int>("select g($1)", one)), pg::ServerError);
    EXPECT_EQ(server.asked.size(), 4u);
}

TEST_F(Verbs, StreamNothingAgainAfterItsFirstRows) {
    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    server.chunks.emplace_back(server_error("42883"));
    auto stream = client.stream<int>("select f($1)", one);
    EXPECT_EQ(*stream.try_next().value(), 1);
    EXPECT_EQ(error_of(stream.try_next()).sqlstate(), "42883");
    EXPECT_EQ(server.asked.size(), 1u);
}

}  // namespace
