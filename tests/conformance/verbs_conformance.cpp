// Verbs: rows as scalars, tuples and structs; one, none and too many; arguments; shape errors.
#include <pg/rows.hpp>
#include <pg/types/array.hpp>
#include <pg/types/unsigned.hpp>

#include "conformance.hpp"

namespace conformance {
namespace {

class Verbs : public Conformance {};

struct Person {
    std::int64_t id;
    std::string name;
    std::optional<std::string> email;
};

constexpr const char people[] =
    "create table if not exists people (id bigint primary key, name text not null, email text);"
    "truncate people;"
    "insert into people values (1, 'ann', 'ann@example.org'), (2, 'bob', null)";

TEST_P(Verbs, ReadsStructsByFieldNameInAnyColumnOrder) {
    db.run_script(people);
    const auto rows = db.query_all<Person>("select email, name, id from people order by id");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].id, 1);
    EXPECT_EQ(rows[0].name, "ann");
    EXPECT_EQ(rows[0].email, "ann@example.org");
    EXPECT_EQ(rows[1].email, std::nullopt);
}

TEST_P(Verbs, ReadsTuplesByPosition) {
    const auto row = db.query_one<std::tuple<int, std::string, bool>>("select 7, 'seven', true");
    EXPECT_EQ(row, std::make_tuple(7, "seven", true));
}

TEST_P(Verbs, TellsNoRowFromNull) {
    EXPECT_EQ(db.query_maybe<std::optional<int>>("select null::int where false"), std::nullopt);
    const auto row = db.query_maybe<std::optional<int>>("select null::int");
    ASSERT_TRUE(row.has_value());
    EXPECT_EQ(*row, std::nullopt);
}

TEST_P(Verbs, SendsSeveralTextsEachAsItIs) {
    const std::string long_text(1000, 'x');
    EXPECT_EQ(db.query_one<std::string>("select concat($1::text, $2::text, $3::text, $4::text, $5::int)", "ab",
                                        std::string_view("cde"), std::optional<std::string>(), long_text, 7),
              "abcde" + long_text + "7");
}

TEST_P(Verbs, RefusesOtherThanOneRowWhereOneIsAsked) {
    EXPECT_THROW(static_cast<void>(db.query_one<int>("select 1 where false")), pg::NoRows);
    EXPECT_THROW(static_cast<void>(db.query_one<int>("select generate_series(1, 2)")), pg::TooManyRows);
    EXPECT_THROW(static_cast<void>(db.query_maybe<int>("select generate_series(1, 2)")), pg::TooManyRows);
}

TEST_P(Verbs, CountsTheRowsAffected) {
    db.run_script(people);
    EXPECT_EQ(db.exec("update people set name = upper(name) where id >= $1", 1), 2u);
    EXPECT_EQ(db.exec("delete from people where id = $1", 99), 0u);
}

TEST_P(Verbs, SendsArgumentsOfEveryEverydayType) {
    const auto row = db.query_one<std::tuple<bool, std::int16_t, std::int32_t, std::int64_t, double, std::string>>(
        "select $1, $2, $3, $4, $5, $6::text", true, std::int16_t{-2}, 3, std::int64_t{1} << 40, 2.5,
        "text with 'quotes'");
    EXPECT_EQ(row, std::make_tuple(true, -2, 3, std::int64_t{1} << 40, 2.5, "text with 'quotes'"));
}

TEST_P(Verbs, LetsTheServerInferTheTypeOfStrings) {
    EXPECT_EQ(db.query_one<bool>("select $1 < current_date", "1999-12-31"), true);
    EXPECT_EQ(db.query_one<std::string>("select $1::jsonb ->> 'a'", R"({"a": "b"})"), "b");
}

TEST_P(Verbs, SendsNumbersAsLiteralsWhereTheServerRefusesTheirType) {
    EXPECT_EQ(db.query_one<std::string>("select repeat('x', $1)", std::int64_t{3}), "xxx");
    EXPECT_EQ(db.query_one<std::string>("select repeat('x', $1)", std::int64_t{2}), "xx");
    EXPECT_EQ(db.query_one<std::string>("select repeat('x', $1)", std::size_t{1}), "x");
    EXPECT_EQ(db.query_one<std::string>("select round($1, 1)::text", 2.25), "2.3");
}

TEST_P(Verbs, NeverLetsANumberBecomeATextADateOrAnInterval) {
    constexpr std::int64_t zero = 0;
    EXPECT_EQ(db.query_one<int>("select ('[7, 8]'::jsonb ->> $1)::int", zero), 7) << "the first, not the key \"0\"";
    EXPECT_EQ(db.query_one<std::string>("select ('[\"0\", 1]'::jsonb - $1)::text", zero), "[1]");
    EXPECT_EQ(db.query_one<std::string>("select substring('a2c', $1)", std::int64_t{2}), "2c");
    EXPECT_EQ(db.query_one<std::string>("select (date '2024-01-31' - $1)::text", std::int64_t{1}), "2024-01-30");
    EXPECT_EQ(db.query_one<std::string>("select (date '2024-01-31' - $1)::text", 1), "2024-01-30");
    EXPECT_THROW(static_cast<void>(db.query_one<bool>("select date '2024-01-02' = $1", 20240102)), pg::ServerError);
    EXPECT_THROW(static_cast<void>(db.query_one<bool>("select interval '5 s' = $1", std::int64_t{5})), pg::ServerError);
}

TEST_P(Verbs, SendsNullForNulloptAndNullptr) {
    EXPECT_TRUE(db.query_one<bool>("select $1::int is null and $2::text is null", std::optional<int>(), nullptr));
}

TEST_P(Verbs, NamesEveryColumnThatDoesNotFit) {
    try {
        static_cast<void>(db.query_all<Person>("select 1.5 as id, 'x' as name, 2 as extra"));
        FAIL() << "a shape error was due";
    } catch (const pg::ShapeError& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("\"id\" is numeric"), std::string::npos) << text;
        EXPECT_NE(text.find("\"extra\" has no field"), std::string::npos) << text;
        EXPECT_NE(text.find("\"email\" has no column"), std::string::npos) << text;
    }
}

TEST_P(Verbs, ChecksTheShapeOfAnEmptyResult) {
    EXPECT_THROW(static_cast<void>(db.query_all<int>("select 'x' where false")), pg::ShapeError);
    EXPECT_THROW(static_cast<void>(db.query_maybe<int>("select 'x' where false")), pg::ShapeError);
}

TEST_P(Verbs, IgnoresExtraColumnsOnlyWhenAsked) {
    const auto row = db.with({.extra = pg::Extra::ignore})
                         .query_one<Person>("select 1::int8 as id, 'x' as name, null::text as email, 9 as more");
    EXPECT_EQ(row.name, "x");
}

TEST_P(Verbs, RefusesANarrowingThatLosesTheValue) {
    EXPECT_EQ(db.query_one<std::int16_t>("select 32767::int8"), 32767);
    EXPECT_THROW(static_cast<void>(db.query_one<std::int16_t>("select 32768::int8")), pg::DecodeError);
    EXPECT_THROW(static_cast<void>(db.query_one<int>("select null::int")), pg::DecodeError);
}

TEST_P(Verbs, ChecksARunTimeTextBeforeSendingIt) {
    EXPECT_EQ(db.query_one<int>(pg::runtime("select $1::int"), 4), 4);
    EXPECT_THROW(db.exec(pg::runtime("select $1"), 1, 2), pg::UsageError);
    EXPECT_THROW(db.exec(pg::runtime("select 1; select 2")), pg::UsageError);
    EXPECT_THROW(db.exec(pg::runtime("  -- nothing")), pg::UsageError);
}

TEST_P(Verbs, ReadsDynamicRowsByNameAndNumber) {
    const pg::Result result = db.query("select 1 as a, 'x' as b, null as c union all select 2, 'y', null order by 1");
    ASSERT_EQ(result.size(), 2u);
    EXPECT_EQ(result[1].get<int>("a"), 2);
    EXPECT_EQ(result[1].get<std::string>(1), "y");
    EXPECT_TRUE(result[0].is_null("c"));
    EXPECT_THROW(static_cast<void>(result[2]), pg::UsageError);
    const pg::Row row = result[0];
    EXPECT_THROW(static_cast<void>(row.get<int>("nope")), pg::UsageError);
    EXPECT_THROW(static_cast<void>(row.get<int>("b")), pg::ShapeError);
    const pg::Result pairs = db.query("select 1, 'x' union all select 2, 'y'");
    int sum = 0;
    for (auto&& [a, b] : pairs.rows<int, std::string_view>()) sum += a + static_cast<int>(b.size());
    EXPECT_EQ(sum, 5);
}

TEST_P(Verbs, KeepWhatAResultsViewsPointToWhileOthersAreReceived) {
    // Of more than one piece of memory: many short rows, and some that are larger than a piece.
    const auto length = [](int n) { return n % 1000 == 0 ? 300'000u : static_cast<unsigned>(n % 200); };
    const pg::Result kept = db.query(
        "select n, repeat(chr(97 + n % 26), case when n % 1000 = 0 then 300000 else n % 200 end)"
        " from generate_series(1, 20000) n");
    std::vector<std::pair<int, std::string_view>> views;
    for (auto&& [n, text] : kept.rows<int, std::string_view>()) views.emplace_back(n, text);
    ASSERT_EQ(views.size(), 20'000u);
    for (int times = 0; times < 3; ++times) {
        const auto others = db.query_all<std::string>("select repeat('#', 1000) from generate_series(1, 5000)");
        ASSERT_EQ(others.size(), 5'000u);
    }
    for (int expected = 1; const auto& [n, text] : views) {
        ASSERT_EQ(n, expected++);
        ASSERT_EQ(text, std::string(length(n), static_cast<char>('a' + n % 26)));
    }
}

TEST_P(Verbs, ReturnsErrorsFromTheTryTwins) {
    const auto rows = db.try_query_all<int>("select 1/$1", 0);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().sqlstate(), "22012");
    EXPECT_EQ(rows.error().outcome(), pg::Outcome::not_applied);
    EXPECT_EQ(db.try_query("select 1/$1", 0).error().sqlstate(), "22012");
    EXPECT_EQ(db.try_query_one<int>("select 1/$1", 0).error().sqlstate(), "22012");
    EXPECT_EQ(db.try_query_one<int>("select 1 where false").error().kind(), pg::ErrorKind::no_rows);
    EXPECT_EQ(db.try_query_maybe<int>("select generate_series(1, 2)").error().kind(), pg::ErrorKind::too_many_rows);
    EXPECT_EQ(db.try_exec("select 1/$1", 0).error().sqlstate(), "22012");
    EXPECT_EQ(db.try_stream<int>("select 1/$1", 0).error().sqlstate(), "22012");
    EXPECT_EQ(db.try_stream<int>("select 'x'").error().kind(), pg::ErrorKind::shape);
    EXPECT_EQ(db.try_run_script("select 1; select 1/0").error().sqlstate(), "22012");
}

TEST_P(Verbs, ReturnAnswersFromTheTryTwins) {
    EXPECT_EQ(db.try_query("select 1").value().size(), 1u);
    EXPECT_EQ(db.try_query_all<int>("select generate_series(1, 2)").value(), (std::vector{1, 2}));
    EXPECT_EQ(db.try_query_one<int>("select 1").value(), 1);
    EXPECT_EQ(db.try_query_maybe<int>("select 1 where false").value(), std::nullopt);
    EXPECT_EQ(db.try_exec("select 1").value(), 1u);
    auto stream = db.try_stream<int>("select 7").value();
    EXPECT_EQ(*stream.try_next().value(), 7);
    EXPECT_EQ(stream.try_next().value(), nullptr);
    EXPECT_TRUE(db.try_run_script("select 1; select 2"));
}

TEST_P(Verbs, RunAScriptAsOneTransaction) {
    EXPECT_THROW(db.run_script("create table half (n int); select 1/0"), pg::ServerError);
    EXPECT_EQ(db.query_one<std::optional<std::string>>("select to_regclass('half')::text"), std::nullopt);
    db.run_script("create table whole (n int); insert into whole values (1), (2)");
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from whole"), 2);
}

TEST_P(Verbs, TakeOptionsWithTheText) {
    const pg::Query text{.sql = "select 'x'", .format = pg::Format::text};
    const pg::Result as_text = db.query(text);
    EXPECT_EQ(as_text.columns()[0].type.format, pg::Format::text);
    const pg::Result in_binary = db.query("select 'x'");
    EXPECT_EQ(in_binary.columns()[0].type.format, pg::Format::binary);
    const pg::Query large{.sql = "select repeat('x', 1000)", .max_result_bytes = 100};
    EXPECT_EQ(db.try_query(large).error().kind(), pg::ErrorKind::result_too_large);
}

TEST_P(Verbs, RepeatsInTextWhatHasNoBinaryForm) {
    const auto acl = db.query_one<std::string>("select 'postgres=r/postgres'::aclitem");
    EXPECT_EQ(acl, "postgres=r/postgres");
}

TEST_P(Verbs, StreamsManyRowsAndStopsEarly) {
    std::int64_t sum = 0;
    for (const std::int64_t n : db.stream<std::int64_t>("select generate_series(1::int8, $1)", 20'000)) sum += n;
    EXPECT_EQ(sum, 200'010'000);
    for (auto&& [n, text] :
         db.stream<int, std::string_view>("select n, repeat('x', n % 10) from generate_series(1, 200000) n")) {
        EXPECT_EQ(text.size(), static_cast<std::size_t>(n % 10));
        if (n == 10) break;
    }
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

TEST_P(Verbs, ReportsAnErrorInTheMiddleOfAStreamAfterTheRowsBeforeIt) {
    auto stream = db.stream<int>("select 1000 / (500 - n) from generate_series(1, 1000) n");
    int rows = 0;
    EXPECT_THROW(
        {
            for (const int n : stream) rows += n > 0 ? 1 : 0;
        },
        pg::ServerError);
    EXPECT_EQ(rows, 499);
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

TEST_P(Verbs, NamesTheRowOfAStreamThatDoesNotFit) {
    auto stream = db.stream<int>("select nullif(n, 20000) from generate_series(1, 30000) n");
    for (int row = 1; row < 20000; ++row) ASSERT_EQ(*stream.try_next().value(), row);
    const auto unfit = stream.try_next();
    ASSERT_FALSE(unfit);
    EXPECT_NE(unfit.error().message().find("of row 20000:"), std::string_view::npos) << unfit.error().what();
}

PGCLIENT_CONFORMANCE(Verbs);

}  // namespace
}  // namespace conformance
