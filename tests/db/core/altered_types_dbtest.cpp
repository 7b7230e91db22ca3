// Types that are altered while a client knows them: no value comes out of another field than it went into.
#include <gtest/gtest.h>

#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/savepoint.hpp"
#include "pg/testing/test_server.hpp"
#include "pg/transaction.hpp"
#include "pg/types/array.hpp"
#include "pg/types/composite.hpp"

namespace {

struct Pair {
    std::int32_t a, b;
    friend bool operator==(const Pair&, const Pair&) = default;
};
struct Swapped {
    std::int32_t b, a;
    friend bool operator==(const Swapped&, const Swapped&) = default;
};
struct Triple {
    std::int32_t a, b;
    std::optional<std::int32_t> c;
    friend bool operator==(const Triple&, const Triple&) = default;
};
struct Holder {
    Pair one, two;
    std::vector<Pair> these;
    friend bool operator==(const Holder&, const Holder&) = default;
};
struct Both {
    Pair one, two;
    std::vector<Pair> these, many;
    Holder held;
    friend bool operator==(const Both&, const Both&) = default;
};

}  // namespace

template <>
struct pg::Codec<Holder> : pg::CompositeCodec<Holder> {
    static constexpr TypeId type{{}, {}, "holder"};
};
template <>
struct pg::Codec<Pair> : pg::CompositeCodec<Pair> {
    static constexpr TypeId type{{}, {}, "pair"};
};
template <>
struct pg::Codec<Swapped> : pg::CompositeCodec<Swapped> {
    static constexpr TypeId type{{}, {}, "pair"};
};
template <>
struct pg::Codec<Triple> : pg::CompositeCodec<Triple> {
    static constexpr TypeId type{{}, {}, "pair"};
};

namespace {

class AlteredTypes : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        static const std::string made = pg::testing::shared_server().create_database("altered_types");
        conninfo = made + " engine=" + GetParam();
        other.emplace(pg::connect(made));
        other->run_script(
            "drop schema public cascade; create schema public; create type pair as (a int, b int);"
            "create table pairs (one pair); insert into pairs values (row(1, 2))");
        db.emplace(pg::connect(conninfo, {.pool_max_size = 1}));
    }
    /// Often enough for the statement to have a name.
    template <class T>
    static void expect(pg::Executor& executor, const T& value) {
        for (int round = 0; round < 3; ++round) EXPECT_EQ(executor.query_one<T>(all), value);
    }
    template <class T>
    static pg::ErrorKind refused(pg::Executor& executor) {
        const auto read = executor.try_query_one<T>(all);
        return read ? pg::ErrorKind::usage : read.error().kind();  // that it never is
    }
    template <class T>
    static void expect_refusal(pg::Executor& executor) {
        for (int round = 0; round < 3; ++round) EXPECT_EQ(refused<T>(executor), pg::ErrorKind::shape);
        EXPECT_THROW(pg::CopyIn<T>(executor, "pairs"), pg::ShapeError);
    }

    static constexpr char all[] = "select one from pairs limit 1";
    static constexpr char swap[] =
        "do $$ begin alter type pair rename attribute a to c; alter type pair rename attribute b to a;"
        "alter type pair rename attribute c to b; end $$";
    std::string conninfo;
    std::optional<pg::Client> other, db;
};
INSTANTIATE_TEST_SUITE_P(Engine, AlteredTypes, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(AlteredTypes, AreNoticedWhenTheClientAltersThem) {
    expect(*db, Pair{1, 2});
    db->exec(swap);
    expect_refusal<Pair>(*db);
    expect(*db, Swapped{1, 2});
    EXPECT_EQ(pg::copy_rows(*db, "pairs", std::vector<Swapped>{{3, 4}}), 1u);
    db->exec("alter type pair rename attribute b to c");
    db->exec("alter type pair rename attribute a to b");
    db->exec("alter type pair rename attribute c to a");
    expect(*db, Pair{1, 2});
    db->exec("alter type pair add attribute c int");
    expect(*db, Triple{1, 2, std::nullopt});
    expect_refusal<Pair>(*db);
}

TEST_P(AlteredTypes, AreNoticedWithinABatch) {
    expect(*db, Pair{1, 2});
    pg::Batch batch(*db);
    batch.exec(swap);
    const auto as_before = batch.query_one<Pair>(all);
    const auto as_now = batch.query_one<Swapped>("select one from pairs limit 1 offset 0");
    batch.run(pg::BatchMode::each);
    EXPECT_THROW(static_cast<void>(as_before.get()), pg::ShapeError);
    EXPECT_EQ(as_now.get(), (Swapped{1, 2}));
}

TEST_P(AlteredTypes, AreNoticedWhenTheyAreTheRowsOfATable) {
    db->exec("create table t (a int, b int)");
    db->exec("insert into t values (1, 2)");
    const auto row = [&] { return db->query_one<Triple>("select t from t"); };
    for (int round = 0; round < 3; ++round) EXPECT_EQ(db->query_one<Pair>("select t from t"), (Pair{1, 2}));
    db->exec("alter table t add column c int default 3");
    for (int round = 0; round < 3; ++round) EXPECT_EQ(row(), (Triple{1, 2, 3}));
    db->exec("create domain d as int");
    db->exec("alter table t alter column c type d");
    for (int round = 0; round < 3; ++round) EXPECT_EQ(row(), (Triple{1, 2, 3}));
    db->exec("drop domain d cascade");
    for (int round = 0; round < 3; ++round) EXPECT_EQ(db->query_one<Pair>("select t from t"), (Pair{1, 2}));
}

TEST_P(AlteredTypes, AreWhatTheyWereWhenTheTransactionIsRolledBack) {
    expect(*db, Pair{1, 2});
    {
        pg::Transaction transaction = db->begin();
        {
            const pg::Savepoint part = transaction.savepoint();
            transaction.exec(swap);
            expect(transaction, Swapped{1, 2});
            expect_refusal<Pair>(transaction);
        }
        expect(transaction, Pair{1, 2});
        expect_refusal<Swapped>(transaction);
        transaction.exec(swap);
        expect(transaction, Swapped{1, 2});
    }
    expect(*db, Pair{1, 2});
    expect_refusal<Swapped>(*db);
}

TEST_P(AlteredTypes, AreNewForTheOtherSessionsWhenTheTransactionIsCommitted) {
    pg::Client client = pg::connect(conninfo, {.pool_max_size = 2});
    pg::Connection reader = client.connection();
    expect(reader, Pair{1, 2});
    pg::Transaction transaction = client.begin();
    transaction.exec(swap);
    expect(transaction, Swapped{1, 2});
    expect(reader, Pair{1, 2});
    transaction.commit();
    expect_refusal<Pair>(reader);
    expect(reader, Swapped{1, 2});
}

TEST_P(AlteredTypes, OfOthersAreAnErrorOnceWhereTheServerSendsOtherFields) {
    expect(*db, Pair{1, 2});
    other->exec("alter type pair add attribute c int");
    const auto read = db->try_query_one<Pair>(all);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind(), pg::ErrorKind::decode);
    EXPECT_NE(read.error().message().find("repeat it"), std::string::npos) << read.error().message();
    EXPECT_EQ(refused<Pair>(*db), pg::ErrorKind::shape);
    expect(*db, Triple{1, 2, std::nullopt});

    other->exec("alter type pair drop attribute b");
    other->exec("alter type pair add attribute b text");
    other->exec("delete from pairs");
    other->exec("insert into pairs values (row(1, 3, 'x'))");
    EXPECT_EQ(refused<Triple>(*db), pg::ErrorKind::decode);
    EXPECT_EQ((db->query_one<std::tuple<std::int32_t, std::int32_t, std::string>>(
                  "select (one).a, (one).c, (one).b from pairs")),
              (std::tuple{1, 3, std::string("x")}));
    EXPECT_EQ(refused<Triple>(*db), pg::ErrorKind::shape);
}

TEST_P(AlteredTypes, OfOthersAreLearnedWhenARowTypeDoesNotFitWhatWasKnown) {
    expect(*db, Pair{1, 2});
    other->exec("alter type pair add attribute c int");
    EXPECT_EQ(refused<Triple>(*db), pg::ErrorKind::shape) << "as far as the client knows";
    expect(*db, Triple{1, 2, std::nullopt});
}

TEST_P(AlteredTypes, OfOthersAreSeenByATypedCopy) {
    expect(*db, Pair{1, 2});
    pg::copy_rows(*db, "pairs", std::vector<Pair>{{1, 2}});
    other->exec(swap);
    EXPECT_THROW(pg::CopyIn<Pair>(*db, "pairs"), pg::ShapeError);
    EXPECT_THROW(pg::CopyOut<Pair>(*db, "pairs"), pg::ShapeError);
    std::vector<Swapped> copied;
    for (const Swapped& row : pg::CopyOut<Swapped>(*db, "pairs")) copied.push_back(row);
    EXPECT_EQ(copied, (std::vector<Swapped>{{1, 2}, {1, 2}}));
    EXPECT_EQ(pg::copy_rows(*db, "pairs", std::vector<Swapped>{{.b = 3, .a = 4}}), 1u);
    EXPECT_EQ(refused<Pair>(*db), pg::ErrorKind::shape) << "the COPY has told the statements";
    EXPECT_EQ(db->query_one<std::int64_t>("select count(*) from pairs where (one).b = 3 and (one).a = 4"), 1);
}

TEST_P(AlteredTypes, OfOneNameInTwoSchemasAreToldApartByACopy) {
    db->run_script(
        "drop schema if exists second cascade; create schema second; create type second.pair as (a int, b int);"
        "create type holder as (one second.pair, two pair, these second.pair[]);"
        "create table both_of_them (one second.pair, two pair, these second.pair[], many pair[], held holder)");
    const Holder holder{{11, 12}, {13, 14}, {{15, 16}}};
    const std::vector<Both> in{{{1, 2}, {3, 4}, {{5, 6}}, {{7, 8}, {9, 10}}, holder}};
    for (const char* const learned_last : {"select row(1, 2)::second.pair", "select row(1, 2)::public.pair"}) {
        EXPECT_EQ(db->query_one<Pair>(pg::runtime(learned_last)), (Pair{1, 2}));
        EXPECT_EQ(pg::copy_rows(*db, "both_of_them", in), 1u) << learned_last;
        EXPECT_EQ(pg::copy_rows(*db, "both_of_them (two)", std::vector<Pair>{{1, 2}}), 1u) << learned_last;
        std::vector<Both> out;
        for (const Both& row : pg::CopyOut<Both>(*db, "(select * from both_of_them where one is not null)"))
            out.push_back(row);
        EXPECT_EQ(out, in);
        db->exec("delete from both_of_them");
    }
}

TEST_P(AlteredTypes, RefuseATupleOfOtherTypesBeforeItIsSent) {
    using Wide = std::tuple<std::int64_t, std::int32_t>;
    pg::CopyIn<std::tuple<Wide>> wide(*db, "pairs");
    EXPECT_THROW(wide.write({Wide{1, 2}}), pg::EncodeError);
    EXPECT_EQ(wide.finish(), 0u) << "the row was dropped, and nothing else";
    using Narrow = std::tuple<std::int32_t, std::int32_t>;
    db->exec("create table nested as select row(1, 2)::pair as one where false");
    EXPECT_EQ(pg::copy_rows(*db, "nested", std::vector<std::tuple<Narrow>>{{Narrow{3, 4}}}), 1u);
    EXPECT_EQ(db->query_one<Pair>("select one from nested"), (Pair{3, 4}));
}

}  // namespace
