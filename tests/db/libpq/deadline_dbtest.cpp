// Deadlines, stops and broken connections: every call comes back in time, and says what became of the statement.
#include <csignal>
#include <functional>
#include <thread>

#include "pg/stop.hpp"
#include "tests/db/libpq/open_session.hpp"
#include "tests/outcomes_of.hpp"

namespace pg::libpq {
namespace {

/// Holds one backend in its tracks.
class Frozen {
public:
    explicit Frozen(const spi::Session& session) : process_(session.backend_process()) {
        testing::shared_server().freeze_backend(process_);
    }
    Frozen(const Frozen&) = delete;
    Frozen& operator=(const Frozen&) = delete;
    ~Frozen() { testing::shared_server().thaw_backend(process_); }

private:
    int process_;
};

TEST(Deadline, EndsATransactionWithItsConnectionWhenNobodyHearsTheCancel) {
    const testing::TestServer server = testing::TestServer::start();
    for (const bool in_transaction : {false, true}) {
        const auto session = open_session(server.conninfo());
        ASSERT_TRUE(run(*session, in_transaction ? "begin" : "select 1", soon()));
        const DeafToCancels deaf(server);
        const auto result =
            session->run({.sql = "select generate_series(1, 1000)", .statement = {}, .max_result_bytes = 100}, in(2s));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::result_too_large);
        EXPECT_FALSE(result.error().connection_usable());
        EXPECT_EQ(result.error().outcome(), in_transaction ? Outcome::not_applied : Outcome::applied);
    }
}

TEST(Deadline, CancelsTheStatementAndKeepsTheSession) {
    until_kept(testing::shared_server().conninfo(), [](spi::Session& session) {
        const Expected<Result> result = within(100ms, [&] { return run(session, "select pg_sleep(60)", in(100ms)); });
        EXPECT_EQ(result.error().kind(), ErrorKind::timeout);
        const bool kept = result.error().connection_usable();
        EXPECT_EQ(result.error().sql(), "select pg_sleep(60)");
        if (kept) {
            EXPECT_EQ(result.error().outcome(), Outcome::not_applied);
        }
        return kept;
    });
}

TEST(Deadline, SendsNothingWhenItHasPassedBefore) {
    const auto session = open_session();
    const Expected<Result> result = run(*session, "create table never_made ()", in(0ns));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::timeout);
    EXPECT_EQ(result.error().outcome(), Outcome::not_sent);
    EXPECT_EQ(text_of(*session, "select to_regclass('never_made') is null"), "t");
}

TEST(Deadline, IsKeptWhateverTheCallWhenTheServerStandsStill) {
    const std::pair<const char*, std::function<Expected<void>(spi::Session&)>> calls[] = {
        {"run",
         [](spi::Session& session) -> Expected<void> {
             const auto done = run(session, "select 1", in(100ms));
             return done ? Expected<void>() : done.error();
         }},
        {"limited run",
         [](spi::Session& session) -> Expected<void> {
             const auto done = session.run({.sql = "select 1", .max_result_bytes = 10}, in(100ms));
             return done ? Expected<void>() : done.error();
         }},
        {"batch",
         [](spi::Session& session) -> Expected<void> {
             const spi::Request requests[] = {{.sql = "select 1"}, {.sql = "select 2"}};
             const auto done = pg::testing::outcomes_of(session, requests, spi::BatchSync::each, in(100ms));
             EXPECT_FALSE(done[0]);
             return done[1] ? Expected<void>() : done[1].error();
         }},
        {"script", [](spi::Session& session) { return session.run_script("select 1", in(100ms)); }},
        {"stream",
         [](spi::Session& session) -> Expected<void> {
             const auto done = session.stream({.sql = "select 1"}, in(100ms));
             return done ? Expected<void>() : done.error();
         }},
        {"copy in",
         [](spi::Session& session) -> Expected<void> {
             const auto done = session.copy_in("copy pg_class from stdin", in(100ms));
             return done ? Expected<void>() : done.error();
         }},
        {"copy out",
         [](spi::Session& session) -> Expected<void> {
             const auto done = session.copy_out("copy pg_class to stdout", in(100ms));
             return done ? Expected<void>() : done.error();
         }},
        {"prepare",
         [](spi::Session& session) -> Expected<void> {
             const auto done = session.prepare("a", "select 1", {}, in(100ms));
             return done ? Expected<void>() : done.error();
         }},
    };
    for (const auto& [name, call] : calls) {
        SCOPED_TRACE(name);
        auto session = open_session();
        const Frozen frozen(*session);
        const Expected<void> done = within(100ms, [&, &made = call] { return made(*session); });
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().kind(), ErrorKind::timeout);
        EXPECT_EQ(done.error().outcome(), Outcome::unknown);
        EXPECT_FALSE(done.error().connection_usable());
        EXPECT_FALSE(session->usable());
        EXPECT_FALSE(session->alive());
        const Expected<Result> after = run(*session, "select 1");
        ASSERT_FALSE(after);
        EXPECT_EQ(after.error().kind(), ErrorKind::connection_lost);
        EXPECT_EQ(after.error().outcome(), Outcome::not_sent);
        within(0ms, [&] { session.reset(); });
    }
}

TEST(Deadline, IsKeptInTheMiddleOfAStreamOrACopy) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table sink (line text)"));
    {
        auto stream = session->stream({.sql = "select repeat('x', 1000) from generate_series(1, 10000000)"}, soon());
        ASSERT_TRUE(stream);
        const Frozen frozen(*session);
        Expected<Result> chunk = within(500ms, [&] {
            const spi::Wait wait = in(500ms);
            Expected<Result> next = (*stream)->next(wait);
            while (next) next = (*stream)->next(wait);
            return next;
        });
        EXPECT_EQ(chunk.error().kind(), ErrorKind::timeout);
    }
    const auto writer = open_session();
    ASSERT_TRUE(run(*writer, "create temp table sink (line text)"));
    {
        auto copy = writer->copy_in("copy sink from stdin", soon());
        ASSERT_TRUE(copy);
        const Frozen frozen(*writer);
        const std::string lines(1 << 20, '\n');
        const Expected<void> written = within(500ms, [&] {
            const spi::Wait wait = in(500ms);
            Expected<void> done = (*copy)->write(lines, wait);
            while (done) done = (*copy)->write(lines, wait);
            return done;
        });
        EXPECT_EQ(written.error().kind(), ErrorKind::timeout);
        EXPECT_EQ((*copy)->write("x", soon()).error().kind(), ErrorKind::usage);
    }
    const auto reader = open_session();
    {
        auto copy =
            reader->copy_out("copy (select repeat('x', 1000) from generate_series(1, 10000000)) to stdout", soon());
        ASSERT_TRUE(copy);
        const Frozen frozen(*reader);
        const auto read = within(500ms, [&] {
            const spi::Wait wait = in(500ms);
            auto piece = (*copy)->read(wait);
            while (piece) piece = (*copy)->read(wait);
            return piece;
        });
        EXPECT_EQ(read.error().kind(), ErrorKind::timeout);
    }
}

TEST(Deadline, OfAFrozenServerBoundsTheEndOfAStreamOrACopy) {
    const auto streaming = open_session();
    const auto writing = open_session();
    const auto reading = open_session();
    ASSERT_TRUE(run(*writing, "create temp table sink (line text)"));
    const char* many = "select repeat('x', 1000) from generate_series(1, 10000000)";
    auto stream = streaming->stream({.sql = many}, soon());
    auto in_copy = writing->copy_in("copy sink from stdin", soon());
    auto out_copy = reading->copy_out("copy (" + std::string(many) + ") to stdout", soon());
    ASSERT_TRUE(stream && in_copy && out_copy);
    const Frozen first(*streaming), second(*writing), third(*reading);
    within(2000ms, [&] { stream->reset(); });
    EXPECT_EQ(within(100ms, [&] { return (*in_copy)->finish(in(100ms)); }).error().kind(), ErrorKind::timeout);
    within(2000ms, [&] { out_copy->reset(); });
    EXPECT_FALSE(streaming->usable());
    EXPECT_FALSE(writing->usable());
    EXPECT_FALSE(reading->usable());
}

TEST(Stop, CancelsWhatRunsAndKeepsTheSession) {
    const auto watcher = open_session();
    until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
        std::stop_source source;
        const StopToken token(source.get_token());
        const std::string running = "select count(*) from pg_stat_activity where state = 'active' and pid = " +
                                    std::to_string(session.backend_process());
        // Asked for once the statement runs, as the server itself sees it.
        std::thread stopper([&] {
            while (text_of(*watcher, running) == "0") std::this_thread::yield();
            source.request_stop();
        });
        const Expected<Result> result =
            run(session, "select pg_sleep(60)", {.deadline = Deadline::after(30s), .stop = &token});
        stopper.join();
        EXPECT_EQ(result.error().kind(), ErrorKind::cancelled) << result.error().what();
        if (!session.usable()) return false;
        EXPECT_EQ(result.error().outcome(), Outcome::not_applied);
        return true;
    });
}

TEST(Stop, AskedForBeforeSendsNothing) {
    const auto session = open_session();
    std::stop_source source;
    const StopToken token(source.get_token());
    source.request_stop();
    const spi::Wait wait{.deadline = Deadline::after(10s), .stop = &token};
    const Expected<Result> result = run(*session, "select 1", wait);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::cancelled);
    EXPECT_EQ(result.error().outcome(), Outcome::not_sent);
    EXPECT_EQ(session->wait_notification(wait).error().kind(), ErrorKind::cancelled);
    EXPECT_TRUE(session->usable());
}

TEST(Stop, EndsACopyOfAServerThatKeepsUp) {
    for (const bool while_writing : {true, false}) {
        // What a socket takes at once, so that no write has to wait; and what is copied before a cancel request comes.
        const std::string rows(while_writing ? 70'000 : 1, '\n');
        until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
            EXPECT_TRUE(run(session, "create temp table t (line text)"));
            std::stop_source source;
            const StopToken token(source.get_token());
            const spi::Wait wait{.deadline = Deadline::after(10s), .stop = &token};
            const auto copy = session.copy_in("copy t from stdin", wait).value();
            EXPECT_TRUE(copy->write(rows, wait));
            source.request_stop();
            const auto told = [](const auto& answer) { return answer ? ErrorKind() : answer.error().kind(); };
            EXPECT_EQ(while_writing ? told(copy->write(rows, wait)) : told(copy->finish(wait)), ErrorKind::cancelled);
            EXPECT_EQ(told(copy->finish(soon())), ErrorKind::usage) << "it is over";
            if (!session.usable()) return false;
            EXPECT_EQ(text_of(session, "select count(*) from t"), "0");
            return true;
        });
    }
}

TEST(Stop, ThatNobodyAsksForChangesNothing) {
    const auto session = open_session();
    std::stop_source source;
    const StopToken token(source.get_token());
    const spi::Wait wait{.deadline = Deadline::after(10s), .stop = &token};
    EXPECT_EQ(bytes_of(run(*session, "select 'a'::text", wait).value(), 0), "a");
}

TEST(ConnectionLost, SaysThatNobodyKnowsWhatBecameOfTheStatement) {
    const auto session = open_session();
    const auto other = open_session();
    std::thread killer([&] {
        const std::string pid = std::to_string(session->backend_process());
        while (text_of(*other, "select count(*) from pg_stat_activity where state = 'active' and pid = " + pid) == "0")
            std::this_thread::yield();
        text_of(*other, "select pg_terminate_backend(" + pid + ")");
    });
    const Expected<Result> result = run(*session, "select pg_sleep(60)");
    killer.join();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost);
    EXPECT_EQ(result.error().sqlstate(), "57P01");
    EXPECT_EQ(result.error().severity(), "FATAL");
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    EXPECT_FALSE(session->usable());
    EXPECT_EQ(session->backend_process(), 0);
    EXPECT_EQ(session->parameter("TimeZone"), "");
}

TEST(ConnectionLost, IsSeenOnAnIdleSession) {
    const auto session = open_session();
    const auto other = open_session();
    EXPECT_TRUE(session->alive());
    const std::string pid = std::to_string(session->backend_process());
    text_of(*other, "select pg_terminate_backend(" + pid + ", 10000)");
    EXPECT_FALSE(session->alive());
    const Expected<Result> result = run(*session, "select 1");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost);
}

TEST(ConnectionLost, ByAKilledBackendIsNoHangAndNoCrash) {
    testing::TestServer server = testing::TestServer::start();
    const auto session = open_session(server.conninfo());
    const auto bystander = open_session(server.conninfo());
    server.kill_backend(session->backend_process());
    const Expected<Result> result = run(*session, "select 1");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost);
    EXPECT_EQ(result.error().sqlstate(), "");
    EXPECT_NE(result.error().message().find("connection lost"), std::string_view::npos);
    // The postmaster ends the others as soon as it hears of it.
    while (run(*bystander, "select 1")) continue;
    EXPECT_FALSE(bystander->usable());
}

TEST(ConnectionLost, UnderACommitIsCommitUnknown) {
    testing::TestServer server = testing::TestServer::start();
    const auto session = open_session(server.conninfo());
    ASSERT_TRUE(run(*session, "begin"));
    server.kill_backend(session->backend_process());
    const Expected<Result> result = run(*session, "/* end it */ COMMIT");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::commit_unknown);
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
}

}  // namespace
}  // namespace pg::libpq
