// A server that falls silent under every function that can wait for it: each ends within its time, with the error that
// says so, and its client goes on as soon as the server does, with as many sessions as before.
#include <pg/async_listener.hpp>

#include "tests/db/assembly/silent_rows.hpp"
#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;
using frozen::End;
using frozen::Kind;
using frozen::Row;
using frozen::Silent;
using frozen::SilentLine;

/// Whether the error is one of a time that is over.
bool is_of_time(const pg::Error& error) {
    return error.kind() == pg::ErrorKind::timeout || error.kind() == pg::ErrorKind::pool_timeout ||
           error.kind() == pg::ErrorKind::commit_unknown;
}

void check(const Kind& kind, const Row& row) {
    SCOPED_TRACE(row.name);
    for (int attempt = 1;; ++attempt) {
        // What comes before the silence has the same time, which a busy machine may use up, as it may be late itself:
        // then it gets more. What hangs does so again.
        const std::chrono::milliseconds timeout = 300ms * attempt * attempt;
        SilentLine line(kind, timeout);
        pg::Client db = line.other_client();
        const frozen::Course course = run(line, db, row);
        const auto bound = testing_support::bound_on_hang(timeout + row.more);
        if ((!course.silence || *course.silence > bound) && attempt < 5) continue;
        ASSERT_TRUE(course.silence) << "it ended before: " << (course.failure ? course.failure->what() : "well");
        EXPECT_LE(*course.silence, bound);
        if (row.end == End::late) {
            ASSERT_TRUE(course.failure) << "it did not wait for the server";
            EXPECT_TRUE(is_of_time(*course.failure)) << course.failure->what();
        } else {
            EXPECT_FALSE(course.failure) << course.failure->what();
        }
        if (row.name != "Client::close") frozen::expect_goes_on(db);
        return;
    }
}

void check_all(const Kind& kind, const std::vector<Row>& rows) {
    frozen::check_all(rows, [&](const Row& row) { check(kind, row); });
}
/// Of a server whose postmaster goes on: it would serve whoever opens a session.
void check_on_stopped_processes(Kind kind, std::vector<Row> rows) {
    std::erase_if(rows, frozen::opens_session);
    kind.silent = Silent::processes;
    check_all(kind, rows);
}
/// Of a server that has stopped as a whole, and has one client.
void check_on_stopped_server(Kind kind, std::vector<Row> rows) {
    std::erase_if(rows, [](const Row& row) { return !frozen::opens_session(row); });
    kind.silent = Silent::server;
    frozen::check_all(rows, [&](const Row& row) { check(kind, row); }, 1);
}

class Frozen : public frozen::FrozenTest {};
INSTANTIATE_TEST_SUITE_P(Engine, Frozen, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(Frozen, ServerEndsEveryFunctionThatBlocksInItsTime) {
    check_all({"libpq", GetParam()}, frozen::blocking_rows());
}
TEST_P(Frozen, ServerEndsEveryFunctionThatBlocksUntilAReactorIsDoneInItsTime) {
    check_all({"async", GetParam()}, frozen::blocking_rows());
}
TEST_P(Frozen, ServerEndsEveryFunctionThatIsAwaitedInItsTime) {
    check_all({"async", GetParam()}, frozen::awaited_rows());
}

TEST_P(Frozen, ProcessesOfAServerEndEveryFunctionThatBlocksInItsTime) {
    check_on_stopped_processes({"libpq", GetParam()}, frozen::blocking_rows());
}
TEST_P(Frozen, ProcessesOfAServerEndEveryFunctionThatBlocksUntilAReactorIsDoneInItsTime) {
    check_on_stopped_processes({"async", GetParam()}, frozen::blocking_rows());
}
TEST_P(Frozen, ProcessesOfAServerEndEveryFunctionThatIsAwaitedInItsTime) {
    check_on_stopped_processes({"async", GetParam()}, frozen::awaited_rows());
}

TEST_P(Frozen, ServerThatHasStoppedEndsEveryFunctionThatOpensASessionInItsTime) {
    check_on_stopped_server({"libpq", GetParam()}, frozen::blocking_rows());
    check_on_stopped_server({"async", GetParam()}, frozen::blocking_rows());
    check_on_stopped_server({"async", GetParam()}, frozen::awaited_rows());
}

pg::Task<void> hear_after_loss(SilentLine& line, pg::AsyncClient async) {
    pg::AsyncListener listener(async);
    co_await listener.listen("frozen");
    line.go_silent();
    line.lose_sessions();
    static_cast<void>(co_await listener.next(line.options().timeout));
}

TEST_P(Frozen, ServerEndsAListenerThatFindsItsSessionAgainInItsTime) {
    const Row row{"a listener that finds its session again",
                  [](SilentLine& line, pg::Client& db) { pg::sync_wait(hear_after_loss(line, db.async())); }};
    check_all({"async", GetParam()}, {row});
}

}  // namespace
