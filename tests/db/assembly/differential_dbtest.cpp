// Providers, engines and ways to the server side by side on the same statements: the same columns, the same bytes, the
// same errors. Tables are random; PGCLIENT_TEST_SEED repeats one that failed.
#include <cstdlib>
#include <gtest/gtest.h>
#include <pg/async.hpp>
#include <pg/batch.hpp>
#include <pg/connection.hpp>
#include <pg/copy.hpp>
#include <pg/testing/test_server.hpp>
#include <random>

#include "pg/spi/session.hpp"
#include "providers/libpq/provider.hpp"

namespace {

using namespace std::chrono_literals;

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

constexpr const char* database = "differential";

pg::testing::TestServer& server() {
    static pg::testing::TestServer server =
        pg::testing::TestServer::start({.major = pg::testing::shared_server().major(), .tls = true});
    return server;
}

/// What is to behave as the first of them does.
struct Peer {
    const char* provider;
    const char* engine;
    bool by_tcp = false;
    bool by_tls = false;

    [[nodiscard]] std::string name() const {
        return std::string(provider) + " " + engine + (by_tls ? " by TLS" : by_tcp ? " by TCP" : "");
    }
    [[nodiscard]] bool is_awaited() const { return std::string_view(provider) == "async"; }
    [[nodiscard]] std::string conninfo() const {
        const std::string way = by_tcp ? server().tcp_conninfo(database) : server().conninfo(database);
        return way + (by_tcp && !by_tls ? " sslmode=disable" : "") + " engine=" + engine;
    }
    /// Seen to be what it says.
    [[nodiscard]] pg::Client open(const std::string& more = {}) const {
        pg::Client db = pg::connect(conninfo() + more, {.provider = provider, .pool_max_size = 1});
        EXPECT_EQ(db.connection().engine(), engine);
        EXPECT_EQ(db.query_one<bool>("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), by_tls) << name();
        return db;
    }
};
constexpr Peer peers[] = {{"libpq", "libpq"},
                          {"libpq", "direct"},
                          {"async", "libpq"},
                          {"async", "direct"},
                          {"libpq", "direct", true},
                          {"libpq", "libpq", true, true},
                          {"libpq", "direct", true, true},
                          {"async", "direct", true, true}};

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

/// On the first call: the database that all of them are in.
void make_database() {
    static const bool made = [] {
        server().create_database(database);
        peers[0].open().run_script(
            "create type mood as enum ('sad', 'ok', 'happy'); create type pair as (first int, second text);"
            "create domain positive as int check (value > 0)");
        return true;
    }();
    static_cast<void>(made);
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

    void expect_the_same_copies(const std::string& format) {
        const std::string out = "copy random_rows to stdout (format " + format + ")";
        const std::string expected = copied(first_, out);
        first_.run_script("drop table if exists copy_rows; create table copy_rows (like random_rows)");
        for (std::size_t at = 0; at < clients_.size(); ++at) {
            SCOPED_TRACE(peers[at].name());
            EXPECT_EQ(copied(clients_[at], out), expected);
            pg::CopyWriter writer(clients_[at], pg::runtime("copy copy_rows from stdin (format " + format + ")"));
            writer.write(expected);
            writer.finish();
            EXPECT_EQ(copied(first_, "copy copy_rows to stdout (format " + format + ")"), expected);
            first_.exec("truncate copy_rows");
        }
    }
};

TEST_F(SameBytes, AreReadAndCopied) {
    const char* given = std::getenv("PGCLIENT_TEST_SEED");
    const unsigned long first = given ? std::strtoul(given, nullptr, 10) : 1;
    for (unsigned long seed = first; seed < first + (given ? 1 : 12); ++seed) {
        SCOPED_TRACE("PGCLIENT_TEST_SEED=" + std::to_string(seed));
        make_table(seed);
        for (const pg::Format format : {pg::Format::binary, pg::Format::text}) expect_the_same_results(format);
        for (const char* format : {"text", "binary", "csv"}) expect_the_same_copies(format);
    }
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

// ---- errors ----------------------------------------------------------------------------------------

std::string text_of(const pg::Error& error) {
    std::string text = "kind " + std::to_string(static_cast<int>(error.kind())) + " outcome " +
                       std::to_string(static_cast<int>(error.outcome())) + " retry " +
                       std::to_string(static_cast<int>(error.retry_scope())) +
                       (error.connection_usable() ? " usable" : " broken") + " at " + std::to_string(error.position());
    for (const std::string_view field :
         {error.severity(), std::string_view(error.sqlstate().code()), error.message(), error.detail(), error.hint(),
          error.context(), error.schema(), error.table(), error.column(), error.type(), error.constraint(),
          error.routine(), error.sql()})
        text.append("\n  ").append(field);
    return text;
}

/// What comes of an action: nothing but its error counts here.
template <class Action>
std::string outcome_of(Action action) {
    try {
        action();
        return "went well";
    } catch (const pg::Error& error) {
        return text_of(error);
    }
}

constexpr const char* failing[] = {
    "selec 1",
    "select 1 +",
    "select nothing",
    "select * from nowhere",
    "select no_such_function(1)",
    "select 1 / 0",
    "select 'x'::int",
    "select 'x'::mood",
    "select 0::positive",
    "select '{1,2'::int[]",
    "select n / (n - 3) from generate_series(1, 5) n",
    "insert into parents values (1)",
    "insert into parents values (null)",
    "insert into children values (7)",
    "insert into checked values (-1)",
    "insert into excluded values ('[1,5)')",
    "update parents set id = null",
    "delete from parents",
    "create table parents (id int)",
    "drop table parents",
    "drop table nowhere",
    "vacuum nowhere",
    "select pg_sleep(5)",
    "lock table locked in exclusive mode nowait",
    "select raise_all()",
    "select raise_plain()",
    "do $$ begin raise exception using errcode = '40001', message = 'serialize'; end $$",
    "do $$ begin raise exception using errcode = '40P01'; end $$",
    "do $$ begin raise exception using errcode = 'ZZ123', hint = 'own', detail = 'code'; end $$",
    "set no_such_setting = 1",
    "set statement_timeout = 'never'",
    "set transaction_isolation = 'serializable'; select 1",
    "release savepoint nowhere",
    "declare c cursor for select 1",
    "fetch 1 from nowhere",
    "execute nowhere",
    "deallocate nowhere",
    "listen",
    "grant nothing to nobody",
    "copy nowhere from stdin",
    "explain select nothing",
    "prepare transaction 'x'",
    "insert into deferred values (1)",
};

/// All that comes of a statement: in every verb, in a transaction, in batches, and then of another one.
Lines outcomes_of(pg::Client& client, const char* sql) {
    Lines all;
    pg::Connection db = client.connection();
    all.push_back(outcome_of([&] { db.exec(pg::runtime(sql)); }));
    all.push_back(outcome_of([&] { static_cast<void>(db.query_all<std::string>(pg::runtime(sql))); }));
    all.push_back(outcome_of([&] {
        for (const auto& row : db.stream<std::string>(pg::runtime(sql))) static_cast<void>(row);
    }));
    all.push_back(outcome_of([&] { db.run_script(std::string("select 1; ") + sql + "; select 2"); }));
    all.push_back(outcome_of([&] {
        pg::Transaction transaction = db.begin();
        all.push_back(outcome_of([&] { transaction.exec(pg::runtime(sql)); }));
        all.push_back(outcome_of([&] { transaction.exec("select 1"); }));
        transaction.commit();
    }));
    for (const pg::BatchMode mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch(db);
        const auto before = batch.exec("select 1");
        const auto failed = batch.exec(pg::runtime(sql));
        const auto after = batch.exec("select 2");
        all.push_back(outcome_of([&] { batch.run(mode); }));
        for (const auto& deferred : {before, failed, after})
            all.push_back(outcome_of([&] { static_cast<void>(deferred.get()); }));
    }
    all.push_back(outcome_of([&] { static_cast<void>(db.query_one<int>("select 1")); }));
    return all;
}
/// What comes of one among awaited calls that are under way at once.
std::string awaited_outcome_of(pg::Client& client, const char* sql) {
    const pg::AsyncClient db = client.async();
    std::vector<pg::Async<pg::Expected<std::uint64_t>>> calls;
    for (const char* each : {"select 1", sql, "select 2"}) calls.push_back(db.try_exec(pg::runtime(each)));
    const auto told = pg::sync_wait(pg::when_all(std::move(calls)));
    EXPECT_TRUE(told.front() && told.back());
    return told[1] ? "went well" : text_of(told[1].error());
}

TEST(SameErrors, AreToldByAll) {
    make_database();
    pg::Client db = peers[0].open();
    db.run_script(R"(
        create table parents (id int primary key); insert into parents values (1);
        create table children (id int references parents); insert into children values (1);
        create table checked (n int constraint above_zero check (n > 0));
        create table excluded (r int4range, exclude using gist (r with &&)); insert into excluded values ('[2,3)');
        create table locked (n int);
        create table deferred (n int unique deferrable initially deferred); insert into deferred values (1);
        create function raise_plain() returns int language plpgsql as $$ begin raise exception 'plain % text', 7; end $$;
        create function raise_all() returns int language plpgsql as $$ begin
            raise exception using errcode = '23514', message = 'm', detail = 'd', hint = 'h', column = 'c',
                constraint = 'k', datatype = 't', table = 'b', schema = 's'; end $$;)");
    pg::Transaction holder = db.begin();
    holder.exec("lock table locked in exclusive mode");

    // A server that gives up by itself gives up the same for all.
    const std::string limits = " options='-c statement_timeout=100ms -c lock_timeout=50ms'";
    std::vector<pg::Client> clients, for_awaited;  // apart, since what is prepared by now tells
    for (const Peer& peer : peers) {
        clients.push_back(peer.open(limits));
        for_awaited.push_back(peer.open(limits));
    }
    for (const char* const sql : failing) {
        SCOPED_TRACE(sql);
        const Lines expected = outcomes_of(clients.front(), sql);
        EXPECT_EQ(expected.back(), "went well");
        for (std::size_t at = 1; at < clients.size(); ++at) {
            SCOPED_TRACE(peers[at].name());
            EXPECT_EQ(outcomes_of(clients[at], sql), expected);
            if (peers[at].is_awaited()) {
                EXPECT_EQ(awaited_outcome_of(for_awaited[at], sql), expected.front());
            }
        }
    }
}

}  // namespace
