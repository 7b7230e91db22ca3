// COPY on a server: what goes in comes out, what does not fit is named before row one, and sessions survive.
#include <limits>

#include "pg/copy.hpp"
#include "pg/types/array.hpp"
#include "pg/types/bytea.hpp"
#include "pg/types/composite.hpp"
#include "pg/types/datetime.hpp"
#include "pg/types/enumeration.hpp"
#include "pg/types/json.hpp"
#include "pg/types/range.hpp"
#include "tests/db/core/database.hpp"
#include "tests/db/core/kept_session.hpp"

namespace {

enum class Mood { sad, ok, happy };
struct Address {
    std::string street;
    std::optional<Mood> mood;
    friend bool operator==(const Address&, const Address&) = default;
};
struct Pair {
    std::int32_t y, x;
};
struct Everything {
    std::int32_t id;
    bool flag;
    double real;
    std::optional<std::string> text;
    std::vector<std::byte> bytes;
    pg::TimestampTz made;
    Mood mood;
    std::vector<Mood> moods;
    Address address;
    pg::Range<std::int32_t> span;
    pg::Jsonb document;
    friend bool operator==(const Everything&, const Everything&) = default;
};

}  // namespace

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr TypeId type{{}, {}, "mood"};
};
template <>
struct pg::Codec<Pair> : pg::CompositeCodec<Pair> {
    static constexpr TypeId type{{}, {}, "pair"};
};
template <>
struct pg::Codec<Address> : pg::CompositeCodec<Address> {
    static constexpr TypeId type{{}, {}, "address"};
};

namespace {

class CopyDb : public Database {
protected:
    CopyDb() {
        db.run_script(
            "drop schema public cascade; create schema public;"
            "create type mood as enum ('sad', 'ok', 'happy'); create type address as (street text, mood mood);"
            "create table everything (id int, flag bool, \"real\" float8, text varchar(20), bytes bytea, made "
            "timestamptz,"
            "  mood mood, moods mood[], address address, span int4range, document jsonb);"
            "create table t (id int primary key, name text, twice int generated always as (2 * id) stored)");
    }
    static Everything something(std::int32_t id) {
        return {id,
                id % 2 == 0,
                id / 4.0,
                id % 3 == 0 ? std::nullopt : std::optional<std::string>("text " + std::to_string(id)),
                {std::byte{0}, std::byte{255}},
                {id * 1'000'000LL},
                static_cast<Mood>(id % 3),
                {Mood::sad, Mood::happy},
                {"street", id % 2 ? std::optional(Mood::ok) : std::nullopt},
                pg::Range<std::int32_t>(id, id + 1),
                {"{\"id\": 1}"}};
    }
    std::int64_t rows() { return db.query_one<std::int64_t>("select count(*) from t"); }
};

TEST_F(CopyDb, BringsBackWhatItTookIn) {
    std::vector<Everything> in;
    for (std::int32_t id = 0; id < 2000; ++id) in.push_back(something(id));
    EXPECT_EQ(pg::copy_rows(db, "everything", in), in.size());
    std::vector<Everything> out;
    for (const Everything& row : pg::CopyOut<Everything>(db, "(select * from everything order by id)"))
        out.push_back(row);
    EXPECT_EQ(out, in);
    EXPECT_EQ(db.query_all<Everything>("select * from everything order by id"), in);
}

TEST_F(CopyDb, SendsAFieldToTheColumnOfItsName) {
    struct Reversed {
        std::string name;
        std::int32_t id;
    };
    pg::copy_rows(db, "t", std::vector<Reversed>{{"a", 1}, {"b", 2}});
    pg::copy_rows(db, "t (id, name)", std::vector<Reversed>{{"c", 3}});
    EXPECT_EQ((db.query_all<std::tuple<int, std::string>>("select id, name from t order by id")),
              (std::vector<std::tuple<int, std::string>>{{1, "a"}, {2, "b"}, {3, "c"}}));
    std::vector<std::int32_t> ids;
    for (const Reversed& row : pg::CopyOut<Reversed>(db, "t")) ids.push_back(row.id);
    EXPECT_EQ(ids, (std::vector{1, 2, 3}));
}

TEST_F(CopyDb, WritesValuesByPosition) {
    pg::CopyIn<std::int32_t, std::string_view> copy(db, "t (id, name)");
    copy.write(1, "a");
    copy.write({2, "b"});
    EXPECT_EQ(copy.finish(), 2u);
    EXPECT_EQ(rows(), 2);
}

TEST_F(CopyDb, NamesEveryColumnThatDoesNotFit) {
    struct Wrong {
        std::int64_t id;
        std::int32_t name;
        std::string twice;
    };
    const auto copy = pg::CopyIn<Wrong>::try_open(db, "t (id, name, twice)");
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error().message(),
              "the result does not fit its row type: column \"id\" is int4, its target takes int8; column \"name\" is "
              "text, its target takes int4; column \"twice\" is int4, its target takes text");
    const auto positions = pg::CopyIn<std::int32_t, std::string>::try_open(db, "t");
    ASSERT_FALSE(positions) << "the generated column counts when none is listed";
    EXPECT_EQ(positions.error().kind(), pg::ErrorKind::shape);
}

TEST_F(CopyDb, ComparesTheFieldsOfACompositeByName) {
    db.run_script("create type pair as (x int, y int); create table pairs (one pair, many pair[])");
    EXPECT_THROW((pg::CopyIn<Pair>(db, "pairs (one)")), pg::ShapeError);
    EXPECT_THROW((pg::CopyIn<std::vector<Pair>>(db, "pairs (many)")), pg::ShapeError);
    db.run_script(
        "drop table pairs; drop type pair; create type pair as (y int, x int); create table pairs (one pair)");
    pg::Client fresh = pg::connect(conninfo());
    pg::CopyIn<Pair> copy(fresh, "pairs (one)");
    copy.write(Pair{.y = 2, .x = 1});
    EXPECT_EQ(copy.finish(), 1u);
    EXPECT_EQ(db.query_one<std::string>("select one::text from pairs"), "(2,1)");
}

TEST_F(CopyDb, KeepsNothingThatWasNotFinished) {
    pg::Client narrow = pg::connect(conninfo(), {.pool_max_size = 1});
    const auto leave_and_fail = [&] {
        {
            pg::CopyIn<std::int32_t> copy(narrow, "t (id)");
            for (std::int32_t id = 0; id < 20'000; ++id) copy.write(id);
        }
        EXPECT_EQ(rows(), 0);
        pg::CopyIn<std::int32_t> failed(narrow, "t (id)");
        failed.write(1);
        failed.fail("changed my mind");
        EXPECT_EQ(rows(), 0);
    };
    EXPECT_TRUE(keeps_its_session(narrow, leave_and_fail));
    EXPECT_NE(pg::testing::shared_server().log().find("changed my mind"), std::string::npos);
}

TEST_F(CopyDb, SaysWhatTheServerRefused) {
    pg::CopyIn<std::int32_t> twice(db, "t (id)");
    twice.write(1);
    twice.write(1);
    EXPECT_THROW(twice.finish(), pg::UniqueViolation);
    pg::CopyIn<std::int32_t, std::string> early(db, "t (id, name)");
    const auto write_much = [&] {
        for (std::int32_t i = 0; i < 1'000'000; ++i) early.write(1, "x");
        early.finish();
    };
    EXPECT_THROW(write_much(), pg::UniqueViolation);
    const std::vector<std::tuple<std::int32_t, std::string>> zero_byte{{1, std::string(1, '\0')}};
    EXPECT_EQ(pg::try_copy_rows(db, "t (id, name)", zero_byte).error().sqlstate(), "22021");
    EXPECT_THROW(pg::CopyIn<std::int32_t>(db, "missing (id)"), pg::ServerError);
    EXPECT_THROW(static_cast<void>(pg::CopyOut<std::int32_t>(db, "(select 1 / 0)").begin()), pg::ServerError);
    EXPECT_EQ(rows(), 0);
}

TEST_F(CopyDb, IsPartOfItsTransaction) {
    {
        pg::Transaction transaction = db.begin();
        pg::copy_rows(transaction, "t (id)", std::vector<std::int32_t>{1, 2});
        EXPECT_EQ(transaction.query_one<std::int64_t>("select count(*) from t"), 2);
    }
    EXPECT_EQ(rows(), 0);
}

TEST_F(CopyDb, LeavesALongRangeEarly) {
    pg::Client narrow = pg::connect(conninfo(), {.pool_max_size = 1});
    std::int64_t seen = 0;
    for (const std::int64_t n : pg::CopyOut<std::int64_t>(narrow, "(select generate_series(1::int8, 100000000))"))
        if ((seen = n) == 1000) break;
    EXPECT_EQ(seen, 1000);
    EXPECT_EQ(narrow.query_one<int>("select 1"), 1);
}

TEST_F(CopyDb, StreamsBytesOfAnyFormat) {
    pg::CopyWriter csv(db, "copy t (id, name) from stdin (format csv, header)");
    EXPECT_EQ(csv.columns(), 2u);
    csv.write("id,name\n1,\"a, b\"\n");
    csv.write("2,");
    csv.write("c\n");
    EXPECT_EQ(csv.finish(), 2u);
    pg::CopyReader text(db, "copy (select id, name from t order by id) to stdout");
    std::string all;
    while (const auto piece = text.read()) all += *piece;
    EXPECT_EQ(all, "1\ta, b\n2\tc\n");
    pg::CopyWriter bad(db, "copy t (id) from stdin");
    bad.write("x\n");
    EXPECT_THROW(bad.finish(), pg::ServerError);
}

TEST_F(CopyDb, LeavesNothingOfWhatIsNoCopyToTheNextBorrower) {
    pg::Client narrow = pg::connect(conninfo(), {.pool_max_size = 1});
    const auto process = narrow.query_one<int>("select pg_backend_pid()");
    const auto before = narrow.query_one<std::string>("select current_user::text || current_setting('search_path')");
    for (const char* text : {"set role pg_monitor", "set search_path to nowhere"}) {
        const auto in = pg::CopyWriter::try_open(narrow, pg::runtime(text));
        ASSERT_FALSE(in) << text;
        EXPECT_EQ(in.error().kind(), pg::ErrorKind::usage) << in.error().what();
        EXPECT_EQ(narrow.query_one<std::string>("select current_user::text || current_setting('search_path')"), before);
        EXPECT_FALSE(pg::CopyReader::try_open(narrow, pg::runtime(text)));
        EXPECT_EQ(narrow.query_one<std::string>("select current_user::text || current_setting('search_path')"), before);
    }
    EXPECT_EQ(narrow.query_one<int>("select pg_backend_pid()"), process);
}

}  // namespace
