// Every call that takes a stop, stopped while the server does not answer: it ends within the time for cleaning up, as
// what was stopped, and its client goes on as soon as the server does.
#include <pg/async_listener.hpp>

#include "tests/db/assembly/silent_rows.hpp"
#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;
using frozen::Kind;
using frozen::Row;
using frozen::SilentLine;

/// Whether the error is that of a stop. Nobody knows what became of a commit that was stopped.
bool is_of_stop(const pg::Error& error) {
    return error.kind() == pg::ErrorKind::cancelled || error.kind() == pg::ErrorKind::commit_unknown;
}

void check_stopped(const Kind& kind, const Row& row) {
    SCOPED_TRACE(row.name);
    for (int attempt = 1;; ++attempt) {
        SilentLine line(kind, 60s);
        if (frozen::only_reads(row)) line.expect_nothing_sent();
        pg::Client db = line.other_client();
        const frozen::Course course = run(line, db, row);
        ASSERT_TRUE(course.silence) << (course.failure ? course.failure->what() : "it ended well");
        const auto bound = testing_support::bound_on_hang(2s + row.more);
        if (*course.silence > bound && attempt < 3) continue;  // what hangs does so again
        EXPECT_LE(*course.silence, bound);
        ASSERT_TRUE(course.failure) << "it did not wait for the server";
        EXPECT_TRUE(is_of_stop(*course.failure)) << course.failure->what();
        return frozen::expect_goes_on(db);
    }
}

void check_all(const char* provider, const char* engine, std::vector<Row> rows) {
    std::erase_if(rows, [](const Row& row) { return !frozen::takes_stop(row); });
    frozen::check_all(rows, [&](const Row& row) {
        check_stopped({.provider = provider, .engine = engine, .is_stopped = true}, row);
    });
}

class Stopped : public frozen::FrozenTest {};
INSTANTIATE_TEST_SUITE_P(Engine, Stopped, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(Stopped, EndsEveryFunctionThatBlocks) { check_all("libpq", GetParam(), frozen::blocking_rows()); }
TEST_P(Stopped, EndsEveryFunctionThatBlocksUntilAReactorIsDone) {
    check_all("async", GetParam(), frozen::blocking_rows());
}
TEST_P(Stopped, EndsEveryFunctionThatIsAwaited) { check_all("async", GetParam(), frozen::awaited_rows()); }

pg::Task<void> hear_after_loss(SilentLine& line, pg::AsyncClient async) {
    pg::AsyncListener listener(async);
    co_await listener.listen("frozen");
    const pg::StopToken* const stop = line.stop();
    line.go_silent();
    line.lose_sessions();
    static_cast<void>(co_await listener.next(pg::no_timeout, stop));
}

TEST_P(Stopped, EndsAListenerThatFindsItsSessionAgain) {
    const Row row{"AsyncListener::next of a lost session",
                  [](SilentLine& line, pg::Client& db) { pg::sync_wait(hear_after_loss(line, db.async())); }};
    check_stopped({.provider = "async", .engine = GetParam(), .is_stopped = true}, row);
}

}  // namespace
