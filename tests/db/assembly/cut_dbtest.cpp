// Connections that are cut at every byte of a conversation, in either direction: no verb gives half a result, and what
// an error says of a statement's outcome is what the database holds.
//
// Faults of the network that are tested elsewhere: a reset and an end in the middle of a statement and a frozen server
// in tests/db/libpq/{deadline,tls}_dbtest.cpp, half messages and bytes that make no sense in tests/unit/libpq.
#include <cstdlib>
#include <gtest/gtest.h>
#include <pg/connection.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <pg/testing/test_server.hpp>

#include "tests/db/assembly/verbs.hpp"
#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;
using pg::testing::Direction;
using pg::testing::Ending;
using pg::testing::FaultProxy;
using verbs::Reader;
using verbs::Said;
using verbs::Writer;

struct Cut {
    const char* engine;
    Direction direction;
    Ending ending;
};

class CutConnection : public testing::TestWithParam<Cut> {
protected:
    static void SetUpTestSuite() {
        pg::Client db = pg::connect(pg::testing::shared_server().conninfo());
        verbs::make_tables(db);
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
    for (const Reader& reader : verbs::blocking().readers) {
        SCOPED_TRACE(reader.name);
        std::string whole;
        const std::uint64_t length = length_of([&](pg::Client& db) { whole = reader.read(db); });
        ASSERT_GT(whole.size(), 10u);
        at_many_bytes(length, [&](pg::Client& db, std::uint64_t cut) {
            try {
                EXPECT_EQ(reader.read(db), whole) << "cut after " << cut << " bytes of " << length;
            } catch (const pg::Error& error) {
                EXPECT_FALSE(error.connection_usable()) << cut << ": " << error.what();
                const bool typed = error.kind() == pg::ErrorKind::connection_lost ||
                                   error.kind() == pg::ErrorKind::connect ||
                                   error.kind() == pg::ErrorKind::commit_unknown;
                EXPECT_TRUE(typed) << cut << ": " << error.what();
            }
        });
    }
}

TEST_P(CutConnection, SaysOfAnInsertWhatTheDatabaseHolds) {
    pg::Client other = pg::connect(pg::testing::shared_server().conninfo());
    other.exec("truncate verb_written");
    int next = 1;
    for (const Writer& writer : verbs::blocking().writers) {
        SCOPED_TRACE(writer.name);
        const std::uint64_t length =
            length_of([&](pg::Client& db) { writer.write(db, std::exchange(next, next + 3)); });
        at_many_bytes(length, [&](pg::Client& db, std::uint64_t cut) {
            const int first = std::exchange(next, next + 3);
            const std::vector<Said> all = writer.write(db, first);
            ASSERT_EQ(all.size(), static_cast<std::size_t>(writer.numbers));
            for (int i = 0; i < writer.numbers; ++i) {
                const std::optional<bool> claimed = verbs::claim(all[static_cast<std::size_t>(i)]);
                if (!claimed) continue;
                EXPECT_EQ(other.query_one<bool>("select exists (select from verb_written where n = $1)", first + i),
                          *claimed)
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
