// Providers, engines and ways to the server side by side on the same rows, read into tuples and structs: the same
// values, whichever verb gives them, blocking or awaited. Tables are random; PGCLIENT_TEST_SEED repeats one that
// failed.
#include <bit>
#include <pg/async_copy.hpp>
#include <pg/batch.hpp>
#include <pg/rows.hpp>
#include <pg/types/array.hpp>
#include <pg/types/bytea.hpp>
#include <pg/types/composite.hpp>
#include <pg/types/datetime.hpp>
#include <pg/types/enumeration.hpp>
#include <pg/types/json.hpp>
#include <pg/types/network.hpp>
#include <pg/types/numeric.hpp>
#include <pg/types/range.hpp>
#include <pg/types/uuid.hpp>

#include "tests/db/assembly/peers.hpp"

namespace {

using differential::Peer;
using differential::peers;

enum class Mood : std::uint8_t { sad, ok, happy };
struct Pair {
    std::optional<std::int32_t> first;
    std::optional<std::string> second;
    friend bool operator==(const Pair&, const Pair&) = default;
};

}  // namespace

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr pg::TypeId type{{}, {}, "mood"};
};
template <>
struct pg::Codec<Pair> : pg::CompositeCodec<Pair> {
    static constexpr pg::TypeId type{{}, {}, "pair"};
};

namespace {

// ---- what is read, and out of what -----------------------------------------------------------------

/// A column, and an expression of the row's number `n` that gives its values.
struct Column {
    const char* name;
    const char* type;
    const char* value;
};

/// Values that are never NULL and have one size each.
using Plain = std::tuple<std::int16_t, std::int32_t, std::int64_t, float, double, bool>;
constexpr Column plain_columns[] = {
    {"small", "int2", "(random() * 65535 - 32768)::int2"},
    {"middle", "int4", "((random() - 0.5) * 4e9)::int4"},
    {"big", "int8", "((random() - 0.5) * 1.8e19)::int8"},
    {"single", "float4", "(array['nan', 'infinity', '-0', '1e-40', (random() * 1e9)::text])[1 + n % 5]::float4"},
    {"twice", "float8", "(array['nan', '-infinity', '0', '5e-324', (random() * 1e300)::text])[1 + n % 5]::float8"},
    {"yes", "bool", "random() < 0.5"},
};

/// The same with NULLs, and texts among them; its fields stand in another order than the columns.
struct Mixed {
    std::optional<std::string> word;
    std::optional<double> twice;
    std::optional<bool> yes;
    std::string text;
    std::optional<std::int64_t> big;
    std::optional<std::int16_t> small;
};
constexpr Column mixed_columns[] = {
    {"small", "int2", "nullif(n % 3, 0)"},
    {"text", "text", "case when n % 500 = 7 then repeat('long ', 30000) when n % 2 = 0 then '' else md5(n::text) end"},
    {"big", "int8", "nullif(n % 5, 0) * 1234567890123"},
    {"word", "varchar(40)", "case when random() < 0.3 then null else left(md5(n::text), (random() * 9)::int) end"},
    {"yes", "bool", "case when n % 4 = 0 then null else n % 2 = 0 end"},
    {"twice", "float8", "case when random() < 0.3 then null else random() * 1e300 end"},
};

/// What is longer than a number: documents, bytes, and times.
struct Document {
    pg::Uuid id;
    std::optional<std::vector<std::byte>> bytes;
    std::optional<pg::Numeric> sum;
    std::optional<pg::Jsonb> json;
    std::optional<pg::Inet> address;
    std::optional<pg::Date> day;
    std::optional<pg::TimeOfDay> time;
    std::optional<pg::TimeTz> zoned;
    std::optional<pg::Timestamp> local;
    std::optional<pg::TimestampTz> moment;
    std::optional<pg::Interval> span;
};
constexpr Column document_columns[] = {
    {"id", "uuid", "md5(n::text)::uuid"},
    {"bytes", "bytea",
     "case n % 4 when 0 then null when 1 then '' else decode(repeat(md5(n::text), n % 90), 'hex') end"},
    {"sum", "numeric",
     "(array[null, 'nan', '0.000', '-12345678901234567890.0123456789', (random() * 1e20)::text])[1 + n % 5]::numeric"},
    {"json", "jsonb", "case when n % 3 = 0 then null else jsonb_build_array(n, null, repeat('x', n % 70)) end"},
    {"address", "inet", "case when n % 5 = 0 then null else ('10.' || n % 256 || '.0.1/' || n % 33)::inet end"},
    {"day", "date", "(array[null, 'infinity', '-infinity', '4713-01-01 BC', '2000-01-01'])[1 + n % 5]::date"},
    {"time", "time", "case when n % 7 = 0 then null else time '00:00' + random() * interval '24 hours' end"},
    {"zoned", "timetz", "case when n % 7 = 1 then null else timetz '00:00+02' + random() * interval '24 hours' end"},
    {"local", "timestamp",
     "case when n % 7 = 2 then null else timestamp '1970-01-01' + random() * interval '90 years' end"},
    {"moment", "timestamptz",
     "(array[null, 'infinity', '-infinity', '1999-12-31 23:59:60+00'])[1 + n % 4]::timestamptz"},
    {"span", "interval",
     "case when n % 7 = 3 then null else (random() - 0.5) * interval '300 years 5 months 3 days 01:02:03.000004' end"},
};

/// What has parts, and what the catalogue has to be asked about.
struct Nested {
    std::optional<Mood> mood;
    std::optional<Pair> one;
    std::optional<std::vector<std::optional<std::int32_t>>> numbers;
    std::vector<std::optional<std::string>> words;
    std::vector<std::optional<Pair>> pairs;
    std::optional<pg::Range<std::int32_t>> range;
    std::optional<std::int32_t> positive;
};
constexpr Column nested_columns[] = {
    {"mood", "mood", "(array['sad', 'ok', 'happy', null])[1 + n % 4]::mood"},
    {"one", "pair",
     "case n % 3 when 0 then null when 1 then row(n, null)::pair else row(null, md5(n::text))::pair end"},
    {"numbers", "int4[]", "case n % 3 when 0 then null when 1 then '{}' else array[n, null, -n] end"},
    {"words", "text[]", "case n % 2 when 0 then '{}' else array['', null, md5(n::text), '\"{},\\'] end"},
    {"pairs", "pair[]", "case n % 2 when 0 then '{}' else array[row(n, ',()')::pair, null] end"},
    {"range", "int4range", "case n % 3 when 0 then null when 1 then 'empty' else int4range(n, n + 7) end"},
    {"positive", "positive", "nullif(n % 4, 0)"},
};

/// A row of one value.
using Lone = std::optional<std::string>;
constexpr Column lone_columns[] = {
    {"lone", "text", "case n % 3 when 0 then null when 1 then '' else repeat('x', n * n % 5000) end"}};

// ---- the same --------------------------------------------------------------------------------------

/// To the bit, and to the last place of a numeric: 1.50 equals 1.5, and NaN is not itself. @{
template <class T>
bool same(const T& a, const T& b);
template <class T>
bool same(const std::optional<T>& a, const std::optional<T>& b) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
}
template <class T>
bool same(const T& a, const T& b) {
    if constexpr (std::is_same_v<T, float>)
        return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
    else if constexpr (std::is_same_v<T, double>)
        return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
    else if constexpr (std::is_same_v<T, pg::Numeric>)
        return a.to_string() == b.to_string();
    else
        return a == b;
}
template <class Row>
bool same_row(const Row& a, const Row& b) {
    if constexpr (std::is_same_v<Row, Plain>) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return (same(std::get<I>(a), std::get<I>(b)) && ...);
        }(std::make_index_sequence<std::tuple_size_v<Row>>{});
    } else if constexpr (std::is_same_v<Row, Lone>) {
        return same(a, b);
    } else {
        return pg::reflect::with_fields(a, [&](const auto&... of_a) {
            return pg::reflect::with_fields(b, [&](const auto&... of_b) { return (same(of_a, of_b) && ...); });
        });
    }
}  /// @}
template <class Row>
void expect_same(const std::vector<Row>& rows, const std::vector<Row>& expected, const char* way) {
    ASSERT_EQ(rows.size(), expected.size()) << way;
    for (std::size_t at = 0; at < rows.size(); ++at)
        ASSERT_TRUE(same_row(rows[at], expected[at])) << way << ", row " << at;
}

// ---- every way -------------------------------------------------------------------------------------

/// What is run on each peer. Not read by `select *`, since the columns come in an order of their own.
struct Table {
    std::string select, columns;
};

template <class Row>
std::vector<Row> streamed(pg::Executor& db, const std::string& sql) {
    std::vector<Row> rows;
    for (const Row& row : db.stream<Row>(pg::runtime(sql))) rows.push_back(row);
    return rows;
}
template <class Row>
pg::Task<std::vector<Row>> awaited_stream(pg::AsyncExecutor db, std::string sql) {
    std::vector<Row> rows;
    auto stream = co_await db.stream<Row>(pg::runtime(sql));
    while (const Row* row = co_await stream.next()) rows.push_back(*row);
    co_return rows;
}
template <class Row>
pg::Task<std::vector<Row>> awaited_copy(pg::AsyncClient db, std::string target) {
    std::vector<Row> rows;
    auto copy = co_await pg::AsyncCopyOut<Row>::open(db, target);
    for (;;) {
        std::vector<Row> some = co_await copy.read(70);
        if (some.empty()) co_return rows;
        std::move(some.begin(), some.end(), std::back_inserter(rows));
    }
}
template <class Row>
pg::Task<std::uint64_t> awaited_copy_in(pg::AsyncClient db, std::string target, std::vector<Row> rows) {
    auto copy = co_await pg::AsyncCopyIn<Row>::open(db, target);
    std::vector<Row> first(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2));
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(first.size()));
    co_await copy.write(std::move(first));
    co_await copy.write(std::move(rows));
    co_return co_await copy.finish();
}

/// What `call` gives for the values of a row, one by one.
template <class Row, class Call>
auto with_values(const Row& row, Call call) {
    if constexpr (std::is_same_v<Row, Plain>)
        return std::apply(call, row);
    else if constexpr (std::is_same_v<Row, Lone>)
        return call(row);
    else
        return pg::reflect::with_fields(row, call);
}

/// The columns in the order of those values.
template <class Row>
std::string in_order_of_fields(const Table& table) {
    if constexpr (std::is_same_v<Row, Plain> || std::is_same_v<Row, Lone>) {
        return table.columns;
    } else {
        std::string names;
        for (const std::string_view name : pg::reflect::field_names<Row>)
            names.append(names.empty() ? "" : ", ").append(name);
        return names;
    }
}

/// Read by each verb that blocks.
template <class Row>
void expect_blocking(pg::Client& client, pg::Format format, const std::string& sql, const std::vector<Row>& expected) {
    auto db = client.with({.format = format});
    expect_same(db.query_all<Row>(pg::runtime(sql)), expected, "query_all");
    expect_same(streamed<Row>(db, sql), expected, "stream");
    std::vector<Row> viewed;
    const pg::Result result = db.query(pg::runtime(sql));
    for (const Row& row : result.rows<Row>()) viewed.push_back(row);
    expect_same(viewed, expected, "the rows of a result");
    for (const pg::BatchMode mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch(db);
        const auto all = batch.query_all<Row>(pg::runtime(sql));
        const auto some = batch.query_all<Row>(pg::runtime(sql + " offset $1"), 2);
        batch.run(mode);
        expect_same(all.get(), expected, "batch");
        expect_same(some.get(), {expected.begin() + std::min<std::ptrdiff_t>(2, std::ssize(expected)), expected.end()},
                    "the second of a batch");
    }
    const auto prepared = client.prepare<std::vector<Row>()>(pg::runtime(sql)).on(db);
    for (int run = 0; run < 3; ++run) expect_same(prepared(), expected, "prepared");
}
/// And by each that is awaited.
template <class Row>
void expect_awaited(pg::Client& client, pg::Format format, const std::string& sql, const std::vector<Row>& expected) {
    const pg::AsyncExecutor db = client.async().with({.format = format});
    expect_same(db.query_all<Row>(pg::runtime(sql)).get(), expected, "awaited query_all");
    expect_same(pg::sync_wait(awaited_stream<Row>(db, sql)), expected, "awaited stream");
    for (const pg::BatchMode mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch = db.batch();
        const auto all = batch.query_all<Row>(pg::runtime(sql));
        const auto again = batch.query_all<Row>(pg::runtime(sql));
        db.run(batch, mode).get();
        expect_same(all.get(), expected, "awaited batch");
        expect_same(again.get(), expected, "the second of an awaited batch");
    }
    const auto prepared = client.prepare<std::vector<Row>()>(pg::runtime(sql));
    for (int run = 0; run < 3; ++run) expect_same(db.call(prepared).get(), expected, "awaited and prepared");
    std::vector<pg::Async<std::vector<Row>>> calls;  // that are under way at once
    for (int i = 0; i < 3; ++i) calls.push_back(db.query_all<Row>(pg::runtime(sql)));
    for (const std::vector<Row>& rows : pg::sync_wait(pg::when_all(std::move(calls))))
        expect_same(rows, expected, "among awaited calls");
}

class SameValues : public testing::Test {
protected:
    static void SetUpTestSuite() { differential::make_database(); }

    std::vector<pg::Client> clients_ = [] {
        std::vector<pg::Client> clients;
        for (const Peer& peer : peers) clients.push_back(peer.open());
        return clients;
    }();
    pg::Client& first_ = clients_.front();

    template <class Row, std::size_t N>
    void check(const Column (&columns)[N]) {
        differential::with_seeds(5, [&](unsigned long seed) {
            const Table table = make_table(columns, seed);
            const std::vector<Row> expected = first_.query_all<Row>(pg::runtime(table.select));
            ASSERT_EQ(expected.size(), sizes[seed % std::size(sizes)]);
            for (std::size_t at = 0; at < clients_.size(); ++at) {
                // How many rows come makes a difference by TLS, if at all.
                if (peers[at].by_tcp && !peers[at].by_tls && expected.size() > 100) continue;
                SCOPED_TRACE(peers[at].name());
                for (const pg::Format format : {pg::Format::binary, pg::Format::text}) {
                    SCOPED_TRACE(format == pg::Format::text ? "as text" : "as binary");
                    expect_blocking(clients_[at], format, table.select, expected);
                    if (peers[at].is_awaited()) expect_awaited(clients_[at], format, table.select, expected);
                }
                expect_named(clients_[at], table.select);
                expect_copied(clients_[at], peers[at].is_awaited(), table, expected);
                expect_inserted(clients_[at], peers[at].is_awaited(), table, expected);
            }
        });
    }

private:
    static constexpr std::size_t sizes[] = {0, 1, 3, 100, 2500};
    static constexpr std::ptrdiff_t most_inserted = 30;

    /// As many random rows as the seed says.
    Table make_table(std::span<const Column> columns, unsigned long seed) {
        std::string create, values, names;
        for (const Column& column : columns) {
            const char* const comma = create.empty() ? "" : ", ";
            create.append(comma).append(column.name).append(" ").append(column.type);
            values.append(comma).append(column.value);
            names.append(comma).append(column.name);
        }
        first_.run_script("drop table if exists typed, typed_copy; create table typed (n int, " + create +
                          "); create table typed_copy (like typed, at serial)");
        first_.run_script("select setseed(" + std::to_string(1.0 / static_cast<double>(seed + 1)) +
                          "); insert into typed select n, " + values + " from generate_series(1, " +
                          std::to_string(sizes[seed % std::size(sizes)]) + ") n");

        return {"select " + names + " from typed order by n", names};
    }
    /// It came so often that it has a name by now.
    static void expect_named(pg::Client& db, const std::string& sql) {
        EXPECT_GT(db.query_one<std::int64_t>("select count(*) from pg_prepared_statements where statement = $1", sql),
                  0);
    }
    /// Values that go in as arguments are what they were, the first of them.
    template <class Row>
    void expect_inserted(pg::Client& db, bool is_awaited, const Table& table, const std::vector<Row>& expected) {
        const std::string columns = in_order_of_fields<Row>(table);
        std::string sql = "insert into typed_copy (" + columns + ") values (";
        const auto count = 1 + std::count(columns.begin(), columns.end(), ',');
        for (int number = 1; number <= count; ++number) sql += (number == 1 ? "$" : ", $") + std::to_string(number);
        sql += ")";
        const std::vector<Row> some(expected.begin(), expected.begin() + std::min(std::ssize(expected), most_inserted));
        for (int form = 0; form <= (is_awaited ? 1 : 0); ++form) {
            for (const Row& row : some)
                EXPECT_EQ(with_values(row,
                                      [&](const auto&... value) {
                                          return form == 0 ? db.exec(pg::runtime(sql), value...)
                                                           : db.async().exec(pg::runtime(sql), value...).get();
                                      }),
                          1u);
            const std::string all = "select " + table.columns + " from typed_copy order by at";
            expect_same(first_.query_all<Row>(pg::runtime(all)), some, form == 0 ? "inserted" : "inserted, awaited");
            first_.exec("truncate typed_copy");
        }
    }
    /// Rows that go out and in again are what they were.
    template <class Row>
    void expect_copied(pg::Client& db, bool is_awaited, const Table& table, const std::vector<Row>& expected) {
        const std::string from = "(" + table.select + ")", into = "typed_copy (" + table.columns + ")";
        const std::string copy = "select " + table.columns + " from typed_copy order by at";
        std::vector<Row> rows;
        for (const Row& row : pg::CopyOut<Row>(db, from)) rows.push_back(row);
        expect_same(rows, expected, "copied out");
        pg::CopyIn<Row> in(db, into);
        for (const Row& row : expected) in.write(row);
        EXPECT_EQ(in.finish(), expected.size());
        expect_same(first_.query_all<Row>(pg::runtime(copy)), expected, "copied in");
        first_.exec("truncate typed_copy");
        if (!is_awaited) return;
        expect_same(pg::sync_wait(awaited_copy<Row>(db.async(), from)), expected, "copied out, awaited");
        EXPECT_EQ(pg::sync_wait(awaited_copy_in<Row>(db.async(), into, expected)), expected.size());
        expect_same(first_.query_all<Row>(pg::runtime(copy)), expected, "copied in, awaited");
        first_.exec("truncate typed_copy");
    }
};

TEST_F(SameValues, OfOneSizeAreRead) { check<Plain>(plain_columns); }
TEST_F(SameValues, WithNullsAndTextsAreReadIntoAStruct) { check<Mixed>(mixed_columns); }
TEST_F(SameValues, OfDocumentsAndTimesAreRead) { check<Document>(document_columns); }
TEST_F(SameValues, WithPartsAreRead) { check<Nested>(nested_columns); }
TEST_F(SameValues, ThatStandAloneAreRead) { check<Lone>(lone_columns); }

}  // namespace
