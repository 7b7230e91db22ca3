// Connections that are cut, or of which one direction is closed, at every byte of a conversation, in either direction:
// no verb gives half a result, and what an error says of a statement's outcome is what the database holds.
//
// Faults of the network that are tested elsewhere: a reset and an end in the middle of a statement and a frozen server
// in tests/db/libpq/{deadline,tls}_dbtest.cpp, half messages and bytes that make no sense in tests/unit/libpq.
#include <chrono>
#include <cstdlib>

#include "tests/db/assembly/line.hpp"

namespace {

using namespace std::chrono_literals;
using lines::Kind;
using lines::Line;
using pg::testing::Direction;
using pg::testing::Ending;
using pg::testing::Faults;
using verbs::Reader;
using verbs::Said;
using verbs::Writer;

/// What comes to an end behind a byte.
struct Cut {
    const char* name;
    Faults (*behind)(std::uint64_t bytes);
};
constexpr Cut fin{"end", [](std::uint64_t bytes) { return Faults{.cut_after = bytes}; }};
constexpr Cut reset{"reset",
                    [](std::uint64_t bytes) { return Faults{.cut_after = bytes, .cut_ending = Ending::reset}; }};
/// What goes the other way is still taken, and answered for as long as the server has not found the end.
constexpr Cut one_way{"end_of_one_way", [](std::uint64_t bytes) { return Faults{.half_close_after = bytes}; }};

class CutConnection : public testing::TestWithParam<std::tuple<Kind, Direction, Cut>> {
protected:
    static void SetUpTestSuite() {
        for (const Kind& kind : lines::kinds()) {
            pg::Client db = pg::connect(kind.server().conninfo());
            verbs::make_tables(db);
        }
    }
    [[nodiscard]] static const Kind& kind() { return std::get<Kind>(GetParam()); }
    [[nodiscard]] static Direction direction() { return std::get<Direction>(GetParam()); }

    /// How many bytes of the conversation go by while `verb` runs undisturbed.
    template <class Verb>
    static std::uint64_t length_of(Verb verb) {
        return Line(kind(), 10s).length(direction(), verb);
    }
    /// Runs `verb` with connections that are cut at places all over the `length` bytes of its conversation, other ones
    /// for each verb.
    template <class Verb>
    static void at_many_bytes(std::uint64_t length, Verb verb) {
        const char* places = std::getenv("PGCLIENT_TEST_CUTS");
        const std::uint64_t step = length / (places ? std::strtoul(places, nullptr, 10) : 4) + 1;
        for (std::uint64_t cut = turn_++ % step; cut < length; cut += step) {
            Line line(kind(), 60s);
            line.proxy().set(direction(), std::get<Cut>(GetParam()).behind(cut));
            const auto begin = std::chrono::steady_clock::now();
            verb(line.db(), cut);
            EXPECT_LE(std::chrono::steady_clock::now() - begin, 30s) << cut << ": it waits for its time to be over";
            line.proxy().heal();
            line.expect_another_session();
        }
    }

private:
    static inline std::uint64_t turn_ = 0;
};

/// A session that could not be opened was asked nothing, nor was one that was lost while it was asked what the rows are
/// like; of any other that was lost nobody knows what it did.
void expect_outcome_of_a_loss(const pg::Error& error, bool asks_first) {
    EXPECT_FALSE(error.connection_usable()) << error.what();
    if (asks_first && error.outcome() == pg::Outcome::not_sent) return;
    switch (error.kind()) {
        case pg::ErrorKind::connect: EXPECT_EQ(error.outcome(), pg::Outcome::not_sent) << error.what(); return;
        case pg::ErrorKind::connection_lost:
        case pg::ErrorKind::commit_unknown: EXPECT_EQ(error.outcome(), pg::Outcome::unknown) << error.what(); return;
        default: ADD_FAILURE() << error.what();
    }
}

TEST_P(CutConnection, GivesAllOfAResultOrAnError) {
    for (const Reader& reader : kind().verbs().readers) {
        // The line of a session that the pool opens beside the first is cut, too, and the pool tries until it has one.
        if (kind().is_awaited() && reader.leaves_traces) continue;
        SCOPED_TRACE(reader.name);
        std::string whole;
        const std::uint64_t length = length_of([&](pg::Client& db) { whole = reader.read(db); });
        ASSERT_GT(whole.size(), 10u);
        int losses = 0;
        at_many_bytes(length, [&](pg::Client& db, std::uint64_t cut) {
            SCOPED_TRACE("cut after " + std::to_string(cut) + " bytes of " + std::to_string(length));
            try {
                EXPECT_EQ(reader.read(db), whole);
            } catch (const pg::Error& error) {
                expect_outcome_of_a_loss(error, reader.asks_first);
                ++losses;
            }
        });
        EXPECT_TRUE(losses > 0 || reader.leaves_traces) << "the cuts hit nothing";
    }
}

TEST_P(CutConnection, SaysOfAnInsertWhatTheDatabaseHolds) {
    pg::Client other = pg::connect(kind().server().conninfo());
    other.exec("truncate verb_written");
    int next = 1;
    for (const Writer& writer : kind().verbs().writers) {
        SCOPED_TRACE(writer.name);
        const std::uint64_t length =
            length_of([&](pg::Client& db) { writer.write(db, std::exchange(next, next + 3)); });
        at_many_bytes(length, [&](pg::Client& db, std::uint64_t cut) {
            SCOPED_TRACE("cut after " + std::to_string(cut) + " bytes of " + std::to_string(length));
            const int first = std::exchange(next, next + 3);
            const std::vector<Said> all = writer.write(db, first);
            ASSERT_EQ(all.size(), static_cast<std::size_t>(writer.numbers));
            for (int i = 0; i < writer.numbers; ++i) {
                const Said& said = all[static_cast<std::size_t>(i)];
                if (writer.is_one_request && said) {  // or it was cut before any of it was sent
                    EXPECT_TRUE(*said == pg::Outcome::unknown || (cut == 0 && *said == pg::Outcome::not_sent));
                }
                const std::optional<bool> claimed = verbs::claim(said);
                if (!claimed) continue;
                EXPECT_EQ(other.query_one<bool>("select exists (select from verb_written where n = $1)", first + i),
                          *claimed)
                    << "insert " << i;
            }
        });
    }
}

std::string name_of(const testing::TestParamInfo<std::tuple<Kind, Direction, Cut>>& one) {
    const auto& [kind, direction, cut] = one.param;
    return kind.name() + (direction == Direction::to_client ? "_answers_" : "_requests_") + cut.name;
}
constexpr Direction directions[] = {Direction::to_client, Direction::to_server};
INSTANTIATE_TEST_SUITE_P(InTheClear, CutConnection,
                         testing::Combine(testing::ValuesIn(lines::kinds(false)), testing::ValuesIn(directions),
                                          testing::Values(fin, reset, one_way)),
                         name_of);
// TLS is the same above a reset; an end that it does not announce is its own.
INSTANTIATE_TEST_SUITE_P(ByTls, CutConnection,
                         testing::Combine(testing::ValuesIn(lines::kinds(true)), testing::ValuesIn(directions),
                                          testing::Values(fin, one_way)),
                         name_of);

}  // namespace
