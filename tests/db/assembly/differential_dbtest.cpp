// Providers, engines and ways to the server side by side on the same statements: the same columns and the same bytes.
// Tables are random; PGCLIENT_TEST_SEED repeats one that failed.
#include <pg/async_copy.hpp>
#include <pg/batch.hpp>
#include <random>

#include "pg/spi/session.hpp"
#include "providers/libpq/provider.hpp"
#include "tests/db/assembly/peers.hpp"

namespace {

using namespace std::chrono_literals;
using differential::make_database;
using differential::Peer;
using differential::peers;

/// A type and an expression that gives random values of it.
struct Generator {
    const char* type;
    const char* value;
};

constexpr Generator generators[] = {
    {"int2", "(random() * 65535 - 32768)::int2"},
    {"int4", "((random() - 0.5) * 4e9)::int4"},
    {"int8", "((random() - 0.5) * 1.8e19)::int8"},
    {"float4", "(array['nan', 'infinity', '-0', '1e-40', (random() * 1e9)::text])[1 + n % 5]::float4"},
    {"float8", "(array['nan', '-infinity', '0', '5e-324', (random() * 1e300)::text])[1 + n % 5]::float8"},
    {"numeric",
     "(array['nan', '0.000', '-12345678901234567890.0123456789', (random() * 1e20)::text])[1 + n % 4]::numeric"},
    {"numeric(12, 3)", "(random() * 1e8)::numeric(12, 3)"},
    {"bool", "random() < 0.5"},
    {"text", "repeat(md5(random()::text), (random() * 6)::int)"},
    {"text", "case when n % 500 = 7 then repeat('long ', 30000) else '' end"},
    {"varchar(20)", "left(md5(random()::text), 20)"},
    {"char(7)", "left(md5(random()::text), (random() * 7)::int)"},
    {"name", "md5(random()::text)::name"},
    {"\"char\"", "chr(65 + n % 26)::\"char\""},
    {"bytea", "decode(md5(random()::text), 'hex')"},
    {"date", "(array['infinity', '-infinity', '4713-01-01 BC', '2000-01-01'])[1 + n % 4]::date"},
    {"time", "time '00:00' + random() * interval '24 hours'"},
    {"timetz", "timetz '00:00+02' + random() * interval '24 hours'"},
    {"timestamp", "timestamp '1970-01-01' + random() * interval '90 years'"},
    {"timestamptz", "(array['infinity', '-infinity', '1999-12-31 23:59:60+00'])[1 + n % 3]::timestamptz"},
    {"interval", "(random() - 0.5) * interval '300 years 5 months 3 days 01:02:03.000004'"},
    {"uuid", "gen_random_uuid()"},
    {"inet", "('10.' || n % 256 || '.0.1/' || n % 33)::inet"},
    {"cidr", "'2001:db8::/32'::cidr"},
    {"macaddr", "'08:00:2b:01:02:03'::macaddr"},
    {"json", "json_build_object('n', n, 'text', md5(random()::text))"},
    {"jsonb", "jsonb_build_array(n, random(), null, 'x')"},
    {"varbit", "(n * 7919)::bit(24)::varbit"},
    {"int4[]", "array[n, null, -n]"},
    {"int4[]", "('[2:3][-1:0]={{1,2},{3,' || n || '}}')::int4[]"},
    {"text[]", "array['', null, md5(random()::text)]"},
    {"int4range", "int4range(n, n + (random() * 100)::int)"},
    {"tstzrange", "tstzrange(now(), null)"},
    {"int4multirange", "int4multirange(int4range(1, 3), int4range(n + 10, n + 20))"},
    {"point", "point(random(), n)"},
    {"box", "box(point(0, 0), point(n, random()))"},
    {"tsvector", "to_tsvector('simple', md5(random()::text) || ' word')"},
    {"oid", "n::oid"},
    {"money", "(n * 3)::money"},
    {"mood", "(array['sad', 'ok', 'happy'])[1 + n % 3]::mood"},
    {"pair", "row(n, md5(random()::text))::pair"},
    {"pair[]", "array[row(n, null)::pair, null]"},
    {"positive", "(n + 1)::positive"},
};

/// All that can be asked of a result, as a text that names the first difference well enough.
std::string text_of(const pg::Column& column) {
    return std::string(column.name) + " oid " + std::to_string(static_cast<unsigned>(column.type.oid)) + " format " +
           std::to_string(static_cast<int>(column.type.format)) + " modifier " + std::to_string(column.modifier) +
           " of " + std::to_string(static_cast<unsigned>(column.table)) + "." + std::to_string(column.attribute);
}
void add_rows(std::vector<std::string>& lines, const pg::Result& result) {
    for (const pg::Row& row : result) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += row.is_null(i) ? "|null" : "|" + std::string(row.cell(i).bytes());
        lines.push_back(std::move(line));
    }
}
std::vector<std::string> all_of(const pg::Result& result) {
    std::vector<std::string> lines;
    for (const pg::Column& column : result.columns()) lines.push_back(text_of(column));
    add_rows(lines, result);
    lines.push_back(std::string(result.tag()) + " affected " + std::to_string(result.affected()));
    return lines;
}

/// The rows of a stream of the provider itself: what it hands on undecoded.
std::vector<std::string> streamed(const Peer& peer, const std::string& sql, pg::Format format) {
    const std::string conninfo = peer.conninfo();
    const pg::spi::Wait wait{.deadline = pg::Deadline::after(30s), .stop = nullptr};
    const auto session = pg::libpq::make_libpq_provider()->open(pg::Config::parse(conninfo).value(), {}, wait).value();
    const auto stream = session->stream({.sql = sql, .format = format}, wait).value();
    std::vector<std::string> lines;
    pg::Result chunk = stream->next(wait).value();
    for (const pg::Column& column : chunk.columns()) lines.push_back(text_of(column));
    for (; !chunk.empty(); chunk = stream->next(wait).value()) add_rows(lines, chunk);
    lines.push_back(std::string(chunk.tag()));
    return lines;
}

std::string copied(pg::Client& db, const std::string& sql) {
    std::string all;
    pg::CopyReader reader(db, pg::runtime(sql));
    while (const auto piece = reader.read()) all += *piece;
    return all;
}
std::uint64_t copy_in(pg::Client& db, const std::string& sql, std::string_view bytes) {
    pg::CopyWriter writer(db, pg::runtime(sql));
    writer.write(bytes);
    return writer.finish();
}

/// The same, awaited: in pieces, whose beginnings and ends have no meaning. @{
pg::Task<std::string> awaited_copy(pg::AsyncClient db, std::string sql, std::size_t enough) {
    std::string all;
    pg::AsyncCopyReader reader = co_await pg::AsyncCopyReader::open(db, pg::runtime(sql));
    while (const auto piece = co_await reader.read(enough)) all += *piece;
    co_return all;
}
pg::Task<std::uint64_t> awaited_copy_in(pg::AsyncClient db, std::string sql, std::string bytes, std::size_t piece) {
    pg::AsyncCopyWriter writer = co_await pg::AsyncCopyWriter::open(db, pg::runtime(sql));
    for (std::size_t at = 0; at < bytes.size(); at += piece) co_await writer.write(bytes.substr(at, piece));
    co_return co_await writer.finish();
}  /// @}

using Lines = std::vector<std::string>;

/// Of a batch: of all rows, of some and of none.
std::vector<Lines> batched(pg::Client& db, const pg::QueryOptions& options, const std::string& select) {
    auto tuned = db.with(options);
    pg::Batch batch(tuned);
    const auto all = batch.query(pg::runtime(select));
    const auto some = batch.query(pg::runtime(select + " offset $1"), 95);
    const auto none = batch.query(pg::runtime("delete from random_rows where false"));
    batch.run();
    return {all_of(all.get()), all_of(some.get()), all_of(none.get())};
}
/// The same of awaited calls that are under way at once.
std::vector<Lines> awaited(pg::Client& db, const pg::QueryOptions& options, const std::string& select) {
    const auto tuned = db.async().with(options);
    std::vector<pg::Async<pg::Result>> calls;
    calls.push_back(tuned.query(pg::runtime(select)));
    calls.push_back(tuned.query(pg::runtime(select + " offset $1"), 95));
    calls.push_back(tuned.query(pg::runtime("delete from random_rows where false")));
    std::vector<Lines> lines;
    for (const pg::Result& result : pg::sync_wait(pg::when_all(std::move(calls)))) lines.push_back(all_of(result));
    return lines;
}

class SameBytes : public testing::Test {
protected:
    static void SetUpTestSuite() { make_database(); }

    std::vector<pg::Client> clients_ = [] {
        std::vector<pg::Client> clients;
        for (const Peer& peer : peers) clients.push_back(peer.open());
        return clients;
    }();
    pg::Client& first_ = clients_.front();

    /// A table of random columns, and as many random rows; the server's random numbers are those of the seed, too.
    void make_table(unsigned long seed) {
        std::mt19937 random(static_cast<std::uint32_t>(seed));
        const auto below = [&](std::size_t limit) {
            return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
        };
        const std::size_t columns = 1 + below(20);
        constexpr int sizes[] = {0, 1, 3, 100, 2500};
        std::string create = "drop table if exists random_rows; create table random_rows (";
        std::string values;
        for (std::size_t i = 0; i < columns; ++i) {
            const Generator& generator = generators[below(std::size(generators))];
            create += (i == 0 ? "c" : ", c") + std::to_string(i) + " " + generator.type;
            values += (i == 0 ? "" : ", ") + std::string("case when random() < 0.2 then null else ") + generator.value +
                      " end";
        }
        first_.run_script(create + ")");
        first_.run_script("select setseed(" + std::to_string(1.0 / static_cast<double>(seed + 1)) +
                          "); insert into random_rows select " + values + " from generate_series(1, " +
                          std::to_string(sizes[below(std::size(sizes))]) + ") n");
    }

    void expect_the_same_results(pg::Format format) {
        const std::string select = "select * from random_rows";
        const pg::QueryOptions options{.format = format};
        const auto expected = all_of(first_.with(options).query(pg::runtime(select)));
        const auto in_batch = batched(first_, options, select);
        const auto in_stream = streamed(peers[0], select, format);
        EXPECT_EQ(in_batch.front(), expected);
        EXPECT_EQ(in_stream.size(), expected.size());
        for (std::size_t at = 1; at < clients_.size(); ++at) {
            SCOPED_TRACE(peers[at].name());
            pg::Client& db = clients_[at];
            EXPECT_EQ(all_of(db.with(options).query(pg::runtime(select))), expected);
            EXPECT_EQ(batched(db, options, select), in_batch);
            if (peers[at].is_awaited()) {
                EXPECT_EQ(awaited(db, options, select), in_batch);
            } else {
                EXPECT_EQ(streamed(peers[at], select, format), in_stream);
            }
        }
    }

    /// And empties the table again.
    void expect_copied(const std::string& format, const std::string& expected) {
        EXPECT_EQ(copied(first_, "copy copy_rows to stdout (format " + format + ")"), expected);
        first_.exec("truncate copy_rows");
    }
    void expect_the_same_copies(const std::string& format) {
        const std::string out = "copy random_rows to stdout (format " + format + ")";
        const std::string in = "copy copy_rows from stdin (format " + format + ")";
        const std::string expected = copied(first_, out);
        const auto rows =
            static_cast<std::uint64_t>(first_.query_one<std::int64_t>("select count(*) from random_rows"));
        first_.run_script("drop table if exists copy_rows; create table copy_rows (like random_rows)");
        for (std::size_t at = 0; at < clients_.size(); ++at) {
            SCOPED_TRACE(peers[at].name());
            EXPECT_EQ(copied(clients_[at], out), expected);
            EXPECT_EQ(copy_in(clients_[at], in, expected), rows);
            expect_copied(format, expected);
            if (!peers[at].is_awaited()) continue;
            const pg::AsyncClient async = clients_[at].async();
            for (const std::size_t piece : {1000, 300'000}) {
                EXPECT_EQ(pg::sync_wait(awaited_copy(async, out, piece)), expected);
                EXPECT_EQ(pg::sync_wait(awaited_copy_in(async, in, expected, piece)), rows);
                expect_copied(format, expected);
            }
        }
    }
};

TEST_F(SameBytes, AreReadAndCopied) {
    differential::with_seeds(12, [&](unsigned long seed) {
        make_table(seed);
        for (const pg::Format format : {pg::Format::binary, pg::Format::text}) expect_the_same_results(format);
        for (const char* format : {"text", "binary", "csv"}) expect_the_same_copies(format);
    });
}

/// What is counted of a statement: as it is, in a batch, as it is prepared and when it was.
std::vector<std::uint64_t> counts_of(pg::Client& client, const char* sql) {
    pg::Connection db = client.connection();
    pg::Batch batch(db);
    const auto deferred = batch.query(pg::runtime(sql));
    batch.run();
    const auto prepared = client.prepare<pg::Affected()>(pg::runtime(sql)).on(db);
    std::vector<std::uint64_t> counts{db.query(pg::runtime(sql)).affected(), deferred.get().affected()};
    for (int run = 0; run < 2; ++run) counts.push_back(prepared().rows);
    return counts;
}

TEST(SameCounts, AreToldByAll) {
    make_database();
    peers[0].open().run_script(
        "create table counted (n int); insert into counted values (1), (2);"
        "create procedure counting(inout n int) language plpgsql as $$ begin n := n + 1; end $$;");
    constexpr std::pair<const char*, std::uint64_t> counted[] = {
        {"select n from counted", 2},
        {"select n from counted where false", 0},
        {"values (1), (2), (3)", 3},
        {"update counted set n = n returning n", 2},
        {"explain select n from counted", 0},
        {"show work_mem", 0},
        {"call counting(1)", 0},
    };
    for (const auto& [sql, count] : counted) {
        for (const Peer& peer : peers) {
            pg::Client client = peer.open();
            EXPECT_EQ(counts_of(client, sql), std::vector<std::uint64_t>(4, count)) << sql << ", " << peer.name();
        }
    }
}

}  // namespace
