// Lines that go silent, change a byte, crawl or lag under every verb: a call ends within its time, what an error says
// of a statement's outcome is what the database holds, and a line that is only slow changes no result.
#include <atomic>
#include <cstdlib>
#include <mutex>

#include "tests/db/assembly/line.hpp"
#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;
using lines::Kind;
using lines::Line;
using lines::side_by_side;
using pg::testing::Direction;
using pg::testing::Faults;

constexpr std::chrono::milliseconds timeout{200};

class BadLine : public testing::TestWithParam<Kind> {
protected:
    static void SetUpTestSuite() {
        for (const Kind& kind : lines::kinds()) {
            pg::Client db = pg::connect(kind.server().conninfo());
            verbs::make_tables(db);
        }
    }
    void SetUp() override { observer_.exec("truncate verb_written"); }

    /// Runs `verb` on a line with these faults in one direction, and those in the other.
    template <class Verb>
    static void on_a_line_with(Direction direction, const Faults& faults, std::chrono::milliseconds time,
                               const std::string& what, Verb verb, const Faults& others = {}) {
        Line line(GetParam(), timeout);
        line.proxy().set(direction, faults);
        line.proxy().set(other(direction), others);
        const auto begin = std::chrono::steady_clock::now();
        verb(line.db());
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(time)) << what;
        line.proxy().heal();
        line.expect_another_session();
    }
    /// The same on lines that are silent in that direction: from the beginning, from a third of the conversation on and
    /// from two thirds on; where there is TLS, in the head of the first record and in its body as well.
    template <class Verb>
    static void on_silent_lines(const char* name, std::chrono::milliseconds time, Direction direction, Verb verb) {
        const std::uint64_t length = Line(GetParam(), 10s).length(direction, verb);
        std::vector<std::uint64_t> places{0, length / 3, length * 2 / 3};
        if (GetParam().by_tls) places.insert(places.end(), {3, 12});
        for (const std::uint64_t place : places)
            on_a_line_with(direction, {.swallow_after = place}, time, name + (" from byte " + std::to_string(place)),
                           verb);
    }
    /// The same on lines that are silent in both directions, from a third of the conversation on and from two thirds
    /// on.
    template <class Verb>
    static void on_dead_lines(const char* name, std::chrono::milliseconds time, Verb verb) {
        const std::uint64_t answers = Line(GetParam(), 10s).length(Direction::to_client, verb);
        const std::uint64_t requests = Line(GetParam(), 10s).length(Direction::to_server, verb);
        for (const std::uint64_t part : {1, 2})
            on_a_line_with(Direction::to_client, {.swallow_after = answers * part / 3}, time,
                           name + (", dead after " + std::to_string(part) + " of three parts"), verb,
                           {.swallow_after = requests * part / 3});
    }
    /// The same on lines that turn a byte round, at some places all over the conversation.
    template <class Verb>
    static void on_corrupt_lines(const char* name, std::chrono::milliseconds time, Direction direction, Verb verb) {
        const std::uint64_t length = Line(GetParam(), 10s).length(direction, verb);
        const char* wanted = std::getenv("PGCLIENT_TEST_CUTS");
        const std::uint64_t places = wanted ? std::strtoul(wanted, nullptr, 10) : 3;
        for (std::uint64_t at = length % places; at < length; at += length / places)
            on_a_line_with(direction, {.corrupt_at = at}, time, name + (", corrupt at " + std::to_string(at)), verb);
    }
    [[nodiscard]] static Direction other(Direction direction) {
        return direction == Direction::to_client ? Direction::to_server : Direction::to_client;
    }
    /// Whether the error is one of a time that is over, as that of a connection is that was lost to it before, or of
    /// one that could not be opened. A session goes on only where it is known what became of the statement.
    static void expect_timeout(const pg::Error& error) {
        if (error.kind() == pg::ErrorKind::pool_timeout) return;
        EXPECT_TRUE(error.kind() == pg::ErrorKind::timeout || error.kind() == pg::ErrorKind::commit_unknown)
            << error.what();
        EXPECT_TRUE(!error.connection_usable() || verbs::may_go_on(error)) << error.what();
    }
    /// Keeps what a verb said, until all lines are gone and the server has done what it had got.
    void keep(const verbs::Writer& verb, int first, const std::vector<verbs::Said>& said) {
        ASSERT_EQ(said.size(), static_cast<std::size_t>(verb.numbers));
        const std::lock_guard lock(mutex_);
        for (const verbs::Said& one : said) said_.push_back({verb.name, first++, one});
    }
    void expect_that_the_database_agrees() {
        const auto until = std::chrono::steady_clock::now() + 60s;
        while (observer_.query_one<bool>(
            "select exists (select from pg_stat_activity where state in ('active', 'idle in transaction') and pid <> "
            "pg_backend_pid() and backend_type = 'client backend')"))
            ASSERT_LT(std::chrono::steady_clock::now(), until) << "the server is at work all the time";
        int claims = 0;
        for (const Statement& one : said_) {
            const std::optional<bool> claimed = verbs::claim(one.said);
            if (!claimed) continue;
            ++claims;
            EXPECT_EQ(observer_.query_one<bool>("select exists (select from verb_written where n = $1)", one.number),
                      *claimed)
                << one.verb;
        }
        EXPECT_GT(claims, 0);
    }

    [[nodiscard]] static const std::vector<verbs::Reader>& readers() { return GetParam().verbs().readers; }
    [[nodiscard]] static const std::vector<verbs::Writer>& writers() { return GetParam().verbs().writers; }

    pg::Client observer_ = pg::connect(GetParam().server().conninfo());
    std::atomic<int> next_{1};

private:
    struct Statement {
        const char* verb;
        int number;
        verbs::Said said;
    };
    std::mutex mutex_;  // guards said_
    std::vector<Statement> said_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, BadLine, testing::ValuesIn(lines::kinds()),
                         [](const auto& kind) { return kind.param.name(); });

TEST_P(BadLine, ThatGoesSilentEndsEveryReaderInTime) {
    side_by_side(readers().size(), [](std::size_t i) {
        const verbs::Reader& reader = readers()[i];
        const auto time = reader.leaves_traces ? timeout + 2s : timeout;
        for (const Direction direction : {Direction::to_server, Direction::to_client}) {
            int runs = 0;  // the first one is undisturbed
            on_silent_lines(reader.name, time, direction, [&](pg::Client& db) {
                try {
                    EXPECT_GT(reader.read(db).size(), 10u);
                    EXPECT_TRUE(runs == 0 || reader.leaves_traces) << reader.name << ": the silence hit nothing";
                } catch (const pg::Error& error) {
                    EXPECT_NE(runs, 0) << reader.name << ": " << error.what();
                    expect_timeout(error);
                }
                ++runs;
            });
        }
    });
}

TEST_P(BadLine, ThatGoesSilentEndsEveryWriterInTimeWithTheTruth) {
    side_by_side(writers().size(), [this](std::size_t i) {
        const verbs::Writer& writer = writers()[i];
        for (const Direction direction : {Direction::to_server, Direction::to_client})
            on_silent_lines(writer.name, timeout, direction, [&](pg::Client& db) {
                const int first = next_.fetch_add(writer.numbers);
                keep(writer, first, writer.write(db, first));
            });
    });
    expect_that_the_database_agrees();
}

// Half-open: whatever either side sends is lost.
TEST_P(BadLine, ThatIsDeadEndsEveryReaderInTime) {  // fault 10
    side_by_side(readers().size(), [](std::size_t i) {
        const verbs::Reader& reader = readers()[i];
        int runs = 0;  // the first two are undisturbed
        on_dead_lines(reader.name, reader.leaves_traces ? timeout + 2s : timeout, [&](pg::Client& db) {
            try {
                EXPECT_GT(reader.read(db).size(), 10u);
                EXPECT_TRUE(runs < 2 || reader.leaves_traces) << reader.name << ": its death hit nothing";
            } catch (const pg::Error& error) {
                EXPECT_GE(runs, 2) << reader.name << ": " << error.what();
                expect_timeout(error);
            }
            ++runs;
        });
    });
}

TEST_P(BadLine, ThatIsDeadEndsEveryWriterInTimeWithTheTruth) {
    side_by_side(writers().size(), [this](std::size_t i) {
        const verbs::Writer& writer = writers()[i];
        on_dead_lines(writer.name, timeout, [&](pg::Client& db) {
            const int first = next_.fetch_add(writer.numbers);
            keep(writer, first, writer.write(db, first));
        });
    });
    expect_that_the_database_agrees();
}

// In the clear a changed byte may be one of a value, which nobody can tell; by TLS none is taken for what was sent.
TEST_P(BadLine, ThatChangesAByteEndsEveryReaderInTimeAndByTlsWithTheTruth) {
    side_by_side(readers().size(), [](std::size_t i) {
        const verbs::Reader& reader = readers()[i];
        std::string whole;
        int failures = 0;
        for (const Direction direction : {Direction::to_server, Direction::to_client})
            on_corrupt_lines(reader.name, reader.leaves_traces ? timeout + 2s : timeout, direction,
                             [&](pg::Client& db) {
                                 try {
                                     const std::string read = reader.read(db);
                                     if (whole.empty()) whole = read;
                                     EXPECT_TRUE(read == whole || !GetParam().by_tls) << reader.name;
                                 } catch (const pg::Error&) {
                                     ++failures;
                                 }
                             });
        EXPECT_GT(whole.size(), 10u) << reader.name << ": the first one is undisturbed";
        EXPECT_TRUE(failures > 0 || reader.leaves_traces) << reader.name << ": the changes hit nothing";
    });
}

/// Of a request in the clear it makes another one.
class BadLineByTls : public BadLine {};
INSTANTIATE_TEST_SUITE_P(Kinds, BadLineByTls, testing::ValuesIn(lines::kinds(true)),
                         [](const auto& kind) { return kind.param.name(); });

TEST_P(BadLineByTls, ThatChangesAByteEndsEveryWriterInTimeWithTheTruth) {
    side_by_side(writers().size(), [this](std::size_t i) {
        const verbs::Writer& writer = writers()[i];
        for (const Direction direction : {Direction::to_server, Direction::to_client})
            on_corrupt_lines(writer.name, timeout, direction, [&](pg::Client& db) {
                const int first = next_.fetch_add(writer.numbers);
                keep(writer, first, writer.write(db, first));
            });
    });
    expect_that_the_database_agrees();
}

// Of a frozen one the peer's kernel still takes bytes, so that what waits is the read.
TEST_P(BadLine, ThatStandsStillEndsEveryReaderInTime) {
    side_by_side(readers().size(), [](std::size_t i) {
        const verbs::Reader& reader = readers()[i];
        const auto time = reader.leaves_traces ? timeout + 2s : timeout;
        for (const Direction direction : {Direction::to_server, Direction::to_client})
            on_a_line_with(direction, {.frozen = true}, time, reader.name, [&](pg::Client& db) {
                try {
                    static_cast<void>(reader.read(db));
                    ADD_FAILURE() << reader.name;
                } catch (const pg::Error& error) {
                    expect_timeout(error);
                }
            });
    });
}

TEST_P(BadLine, ThatCrawlsEndsEveryVerbInTime) {
    side_by_side(readers().size(), [](std::size_t i) {
        Line line(GetParam(), timeout);
        line.proxy().set(Direction::to_client, {.bytes_per_second = 1});
        const auto begin = std::chrono::steady_clock::now();
        try {
            static_cast<void>(readers()[i].read(line.db()));
            ADD_FAILURE() << readers()[i].name;
        } catch (const pg::Error& error) {
            expect_timeout(error);
        }
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(timeout))
            << readers()[i].name;
    });
}

// A row of which a second brings the 400th part is given up in its time; one that has come is there, and who leaves a
// stream with all the others unread waits for none of them.
TEST_P(BadLine, ThatIsNarrowHoldsUpNobodyWithHugeRows) {  // fault 14
    constexpr Faults narrow{.bytes_per_second = 10'000};
    {
        Line line(GetParam(), timeout);
        line.proxy().set(Direction::to_client, narrow);
        const auto begin = std::chrono::steady_clock::now();
        const auto told = line.db().try_query_one<std::string>("select repeat('x', 4000000)");
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(timeout));
        ASSERT_FALSE(told);
        // On a busy machine the server may be asked to give it up before it has a row to send.
        EXPECT_EQ(told.error().kind(), pg::ErrorKind::timeout) << told.error().what();
    }
    Line line(GetParam(), 10s);
    line.proxy().set(Direction::to_client, narrow);
    std::chrono::steady_clock::time_point left;
    {
        auto rows = line.db().stream<std::string>(
            "select repeat('x', case n when 1 then 5000 else 100000 end) from generate_series(1, 500) n");
        for (const std::string& row : rows) {
            EXPECT_EQ(row, std::string(5000, 'x'));
            break;
        }
        left = std::chrono::steady_clock::now();
    }
    EXPECT_LE(std::chrono::steady_clock::now() - left, testing_support::bound_on_hang(2000ms));
    line.proxy().heal();
    EXPECT_EQ(line.db().query_one<int>("select 1"), 1);
}

TEST_P(BadLine, ThatIsOnlySlowChangesNothing) {
    for (const Faults& faults :
         {Faults{.delay = 3ms}, Faults{.bytes_per_second = 100'000}, Faults{.one_byte_at_a_time = true}}) {
        side_by_side(readers().size(), [&](std::size_t i) {
            Line line(GetParam(), 30s);
            const std::string expected = readers()[i].read(line.db());
            for (const Direction direction : {Direction::to_server, Direction::to_client})
                line.proxy().set(direction, faults);
            EXPECT_EQ(readers()[i].read(line.db()), expected) << readers()[i].name;
        });
        side_by_side(writers().size(), [&](std::size_t i) {
            const verbs::Writer& writer = writers()[i];
            Line line(GetParam(), 30s);
            for (const Direction direction : {Direction::to_server, Direction::to_client})
                line.proxy().set(direction, faults);
            const int first = next_.fetch_add(writer.numbers);
            for (const verbs::Said& said : writer.write(line.db(), first)) EXPECT_EQ(said, std::nullopt) << writer.name;
        });
    }
    EXPECT_EQ(observer_.query_one<std::int64_t>("select count(*) from verb_written"), next_ - 1);
}

}  // namespace
