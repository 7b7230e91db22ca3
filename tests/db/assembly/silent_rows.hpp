// The rows of every table, as what is run on a line that falls silent.
#pragma once

#include <functional>
#include <set>

#include "tests/db/assembly/silent_line.hpp"

namespace frozen {

/// A row of whichever table.
struct Row {
    std::string name;
    std::function<void(SilentLine&, pg::Client&)> call;
    End end = End::late;
    std::chrono::milliseconds more{};
};

/// Those that block, each executor's verb for a client, a connection and a transaction.
[[nodiscard]] std::vector<Row> blocking_rows();
/// Those that are awaited, and waited for.
[[nodiscard]] std::vector<Row> awaited_rows();
/// Whether a row opens a session while the server is silent.
[[nodiscard]] bool opens_session(const Row& row);
/// Whether a row's call takes a stop.
[[nodiscard]] bool takes_stop(const Row& row);
/// Whether a row's call sends nothing, as it reads what was asked for before.
[[nodiscard]] bool only_reads(const Row& row);

/// What came of a row.
struct Course {
    std::optional<pg::Error> failure;
    std::optional<std::chrono::nanoseconds> silence;  ///< from the time that the server fell silent
};
/// Runs a row of a client that has a session, and lets the server go on.
[[nodiscard]] Course run(SilentLine& line, pg::Client& db, const Row& row);
/// The server answers again: the client lends as many sessions as before.
void expect_goes_on(pg::Client& db);

/// Some rows at a time, in threads of their own: they wait most of the time.
template <class Check>
void check_all(const std::vector<Row>& rows, Check check, int at_a_time = 20) {
    std::set<std::string> names;
    for (const Row& row : rows) EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands there twice";
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < at_a_time; ++thread)
        threads.emplace_back([&] {
            for (std::size_t at = next++; at < rows.size(); at = next++) check(rows[at]);
        });
}

/// Its parameter is the engine.
class FrozenTest : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() {
        static const std::string conninfo = pg::testing::shared_server().create_database(SilentLine::database());
        pg::Client db = pg::connect(conninfo);
        make_tables(db);
    }
};

}  // namespace frozen
