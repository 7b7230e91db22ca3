// Connections that are cut at every byte of a conversation, in either direction: no verb gives half a result, and what
// an error says of a statement's outcome is what the database holds.
//
// Faults of the network that are tested elsewhere: a reset and an end in the middle of a statement and a frozen server
// in tests/db/libpq/{deadline,tls}_dbtest.cpp, half messages and bytes that make no sense in tests/unit/libpq.
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <pg/batch.hpp>
#include <pg/connection.hpp>
#include <pg/copy.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <pg/testing/test_server.hpp>

#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;
using pg::testing::Direction;
using pg::testing::Ending;
using pg::testing::FaultProxy;
using Row = std::tuple<int, std::string>;

/// The text of a thousand rows or of one: the same whichever way they were read.
void add(std::string& all, const Row& row) { all += std::to_string(std::get<0>(row)) + std::get<1>(row) + ";"; }

/// A verb that reads, and all that it read.
struct Reader {
    const char* name;
    std::function<std::string(pg::Client&)> read;
};

const std::vector<Reader>& readers() {
    static const std::vector<Reader> all{
        {"query_all",
         [](pg::Client& db) {
             std::string text;
             for (const Row& row : db.query_all<Row>("select n, label from cut_rows order by n")) add(text, row);
             return text;
         }},
        {"query",
         [](pg::Client& db) {
             std::string text;
             const pg::Result result = db.query("select n, label from cut_rows where n <= $1 order by n", 40);
             for (const pg::Row& row : result) add(text, {row.get<int>(0), row.get<std::string>(1)});
             return text + std::string(result.tag());
         }},
        {"prepared",
         [](pg::Client& db) {
             const auto find = db.prepare<std::optional<Row>(int)>("select n, label from cut_rows where n = $1");
             std::string text;
             for (const int n : {3, 7, 1000}) add(text, find(n).value_or(Row{0, "none"}));
             return text;
         }},
        {"stream",
         [](pg::Client& db) {
             std::string text;
             for (const Row& row : db.stream<int, std::string>("select n, label from cut_rows order by n"))
                 add(text, row);
             return text;
         }},
        {"batch",
         [](pg::Client& db) {
             pg::Batch batch(db);
             std::vector<pg::Deferred<Row>> rows;
             for (int n = 1; n <= 5; ++n)
                 rows.push_back(batch.query_one<Row>("select n, label from cut_rows where n = $1", n));
             batch.run(pg::BatchMode::each);
             std::string text;
             for (const auto& row : rows) add(text, row.get());
             return text;
         }},
        {"copy_out",
         [](pg::Client& db) {
             std::string text;
             pg::CopyReader reader(db, "copy (select n, label from cut_rows order by n) to stdout");
             while (const auto piece = reader.read()) text += *piece;
             return text;
         }},
    };
    return all;
}

/// What a verb says that became of the insert of a number; nothing when it says that it went well.
using Said = std::optional<pg::Outcome>;
/// A verb that inserts one number, or three that begin with it.
struct Writer {
    const char* name;
    int numbers;
    std::function<std::vector<Said>(pg::Client&, int first)> write;
};

std::vector<Said> said(std::size_t count, const std::function<void()>& write) {
    try {
        write();
        return std::vector<Said>(count);
    } catch (const pg::Error& error) {
        EXPECT_FALSE(error.connection_usable()) << error.what();
        return std::vector<Said>(count, error.outcome());
    }
}

const std::vector<Writer>& writers() {
    static const std::vector<Writer> all{
        {"exec", 1,
         [](pg::Client& db, int n) { return said(1, [&] { db.exec("insert into cut_written values ($1)", n); }); }},
        {"transaction", 1,
         [](pg::Client& db, int n) {
             return said(1, [&] {
                 pg::Transaction transaction = db.begin();
                 transaction.exec("insert into cut_written values ($1)", n);
                 transaction.commit();
             });
         }},
        {"script", 3,
         [](pg::Client& db, int n) {
             const std::string script = "insert into cut_written values (" + std::to_string(n) +
                                        "); insert into cut_written values (" + std::to_string(n + 1) +
                                        "); insert into cut_written values (" + std::to_string(n + 2) + ")";
             return said(3, [&] { db.run_script(script); });
         }},
        {"atomic batch", 3,
         [](pg::Client& db, int n) {
             return said(3, [&] {
                 pg::Batch batch(db);
                 for (int i = 0; i < 3; ++i) batch.exec("insert into cut_written values ($1)", n + i);
                 batch.run();
             });
         }},
        {"batch of each", 3,
         [](pg::Client& db, int n) {
             pg::Batch batch(db);
             std::vector<pg::Deferred<std::uint64_t>> inserts;
             for (int i = 0; i < 3; ++i) inserts.push_back(batch.exec("insert into cut_written values ($1)", n + i));
             static_cast<void>(batch.try_run(pg::BatchMode::each));
             std::vector<Said> outcomes;
             for (const auto& insert : inserts)
                 outcomes.push_back(said(1, [&] { static_cast<void>(insert.get()); }).front());
             return outcomes;
         }},
        {"copy_in", 3,
         [](pg::Client& db, int n) {
             return said(3, [&] {
                 pg::CopyIn<int> copy(db, "cut_written");
                 for (int i = 0; i < 3; ++i) copy.write(n + i);
                 EXPECT_EQ(copy.finish(), 3u);
             });
         }},
    };
    return all;
}

struct Cut {
    const char* engine;
    Direction direction;
    Ending ending;
};

class CutConnection : public testing::TestWithParam<Cut> {
protected:
    static void SetUpTestSuite() {
        pg::Client db = pg::connect(pg::testing::shared_server().conninfo());
        db.run_script(
            "drop table if exists cut_rows, cut_written; create table cut_written (n int primary key);"
            "create table cut_rows as select n, repeat('x', n % 9) as label from generate_series(1, 60) n");
    }

    [[nodiscard]] pg::Client connect() const {
        return pg::connect(proxy_.conninfo(pg::testing::shared_server()) + " engine=" + GetParam().engine,
                           {.pool_max_size = 1, .timeout = 10s});
    }
    [[nodiscard]] std::uint64_t bytes() const {
        const auto stats = proxy_.stats();
        return GetParam().direction == Direction::to_client ? stats.to_client.bytes_out : stats.to_server.bytes_out;
    }
    /// How many bytes of the conversation go by while `verb` runs undisturbed.
    template <class Verb>
    std::uint64_t length_of(Verb verb) {
        pg::Client db = connect();
        const std::uint64_t before = bytes();
        verb(db);
        return bytes() - before;
    }
    /// Runs `verb` with connections that are cut at places all over the `length` bytes of its conversation, other ones
    /// for each verb.
    template <class Verb>
    void at_many_bytes(std::uint64_t length, Verb verb) {
        const char* places = std::getenv("PGCLIENT_TEST_CUTS");
        const std::uint64_t step = length / (places ? std::strtoul(places, nullptr, 10) : 20) + 1;
        for (std::uint64_t cut = turn_++ % step; cut < length; cut += step) {
            pg::Client db = connect();
            ASSERT_EQ(db.connection().engine(), GetParam().engine);
            proxy_.set(GetParam().direction, {.cut_after = cut, .cut_ending = GetParam().ending});
            const auto begin = std::chrono::steady_clock::now();
            verb(db, cut);
            EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(1s)) << cut;
            proxy_.heal();
            EXPECT_EQ(db.query_one<int>("select 1"), 1) << "a session of its own is opened for the next statement";
        }
    }

    FaultProxy proxy_ = FaultProxy::start(pg::testing::shared_server());

private:
    static inline std::uint64_t turn_ = 0;
};

TEST_P(CutConnection, GivesAllOfAResultOrAnError) {
    for (const Reader& reader : readers()) {
        SCOPED_TRACE(reader.name);
        std::string whole;
        const std::uint64_t length = length_of([&](pg::Client& db) { whole = reader.read(db); });
        ASSERT_GT(whole.size(), 10u);
        at_many_bytes(length, [&](pg::Client& db, std::uint64_t cut) {
            try {
                EXPECT_EQ(reader.read(db), whole) << "cut after " << cut << " bytes of " << length;
            } catch (const pg::Error& error) {
                EXPECT_FALSE(error.connection_usable()) << cut << ": " << error.what();
                const bool typed =
                    error.kind() == pg::ErrorKind::connection_lost || error.kind() == pg::ErrorKind::connect;
                EXPECT_TRUE(typed) << cut << ": " << error.what();
            }
        });
    }
}

TEST_P(CutConnection, SaysOfAnInsertWhatTheDatabaseHolds) {
    pg::Client other = pg::connect(pg::testing::shared_server().conninfo());
    other.exec("truncate cut_written");
    int next = 1;
    for (const Writer& writer : writers()) {
        SCOPED_TRACE(writer.name);
        const std::uint64_t length =
            length_of([&](pg::Client& db) { writer.write(db, std::exchange(next, next + 3)); });
        at_many_bytes(length, [&](pg::Client& db, std::uint64_t cut) {
            const int first = std::exchange(next, next + 3);
            const std::vector<Said> all = writer.write(db, first);
            ASSERT_EQ(all.size(), static_cast<std::size_t>(writer.numbers));
            for (int i = 0; i < writer.numbers; ++i) {
                const Said& outcome = all[static_cast<std::size_t>(i)];
                if (outcome == pg::Outcome::unknown) continue;
                const bool claims_it = !outcome || outcome == pg::Outcome::applied;
                EXPECT_EQ(other.query_one<bool>("select exists (select from cut_written where n = $1)", first + i),
                          claims_it)
                    << "insert " << i << ", cut after " << cut << " bytes of " << length;
            }
        });
    }
}

INSTANTIATE_TEST_SUITE_P(Cuts, CutConnection,
                         testing::Values(Cut{"direct", Direction::to_client, Ending::fin},
                                         Cut{"direct", Direction::to_client, Ending::reset},
                                         Cut{"direct", Direction::to_server, Ending::fin},
                                         Cut{"direct", Direction::to_server, Ending::reset},
                                         Cut{"libpq", Direction::to_client, Ending::fin},
                                         Cut{"libpq", Direction::to_client, Ending::reset},
                                         Cut{"libpq", Direction::to_server, Ending::fin},
                                         Cut{"libpq", Direction::to_server, Ending::reset}),
                         [](const testing::TestParamInfo<Cut>& cut) {
                             return std::string(cut.param.engine) +
                                    (cut.param.direction == Direction::to_client ? "_answers" : "_requests") +
                                    (cut.param.ending == Ending::fin ? "_end" : "_reset");
                         });

}  // namespace
