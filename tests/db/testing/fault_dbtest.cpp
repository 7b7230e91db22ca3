// Faults on demand: frozen servers and backends, killed servers and backends.
#include <chrono>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <unistd.h>

#include "pg/deadline.hpp"
#include "pg/testing/test_server.hpp"
#include "src/testing/proc.hpp"
#include "tests/db/testing/session.hpp"

namespace pg::testing {
namespace {

/// Whether an answer, or the end of the connection, comes in that time.
bool hears_something(const Session& session, std::chrono::milliseconds time) {
    pollfd readable{.fd = PQsocket(session.get()), .events = POLLIN, .revents = 0};
    return ::poll(&readable, 1, static_cast<int>(time.count())) > 0;
}

constexpr auto moment = std::chrono::milliseconds(50);
constexpr auto long_time = std::chrono::milliseconds(20000);

TEST(Freeze, NobodyAnswersUntilTheThaw) {
    auto server = TestServer::start();
    Session session(server.conninfo());
    const int backend = PQbackendPID(session.get());
    server.freeze();
    EXPECT_EQ(process_state(server.pid()).value().state, 'T');
    EXPECT_EQ(process_state(backend).value().state, 'T');
    for (const pid_t child : children_of(server.pid())) EXPECT_EQ(process_state(child).value().state, 'T');
    ASSERT_EQ(PQsendQuery(session.get(), "select 1"), 1);
    EXPECT_FALSE(hears_something(session, moment));

    server.thaw();
    EXPECT_TRUE(hears_something(session, long_time));
    EXPECT_EQ(session.value("select 2"), "2");
    EXPECT_TRUE(Session(server.tcp_conninfo()).connected());
}

// [freeze]
TEST(Freeze, OneBackendLeavesTheOthersAlone) {
    auto server = TestServer::start();
    Session frozen(server.conninfo());
    Session other(server.conninfo());
    const int backend = PQbackendPID(frozen.get());
    server.freeze_backend(backend);
    ASSERT_EQ(PQsendQuery(frozen.get(), "select 1"), 1);
    EXPECT_FALSE(hears_something(frozen, moment));
    EXPECT_EQ(other.value("select 2"), "2");

    server.thaw_backend(backend);
    EXPECT_TRUE(hears_something(frozen, long_time));
}
// [freeze]

TEST(Freeze, RefusesAProcessThatIsNotABackend) {
    auto server = TestServer::start();
    EXPECT_THROW(server.freeze_backend(::getpid()), UsageError);
    EXPECT_THROW(server.thaw_backend(1), UsageError);
    EXPECT_THROW(server.kill_backend(0), UsageError);
}

TEST(Freeze, RefusesAServerThatDoesNotRun) {
    auto server = TestServer::start();
    server.stop();
    EXPECT_THROW(server.freeze(), UsageError);
    server.thaw();
    EXPECT_EQ(server.pid(), 0);
}

TEST(Kill, TakesEveryProcessAndTheNextStartRecovers) {
    auto server = TestServer::start();
    Session session(server.conninfo());
    session.value("create table kept as select 42 as answer");
    const auto children = children_of(server.pid());
    ASSERT_FALSE(children.empty());
    server.kill();
    EXPECT_EQ(server.pid(), 0);
    for (const pid_t child : children) {
        const auto state = process_state(child);
        EXPECT_TRUE(!state || state->state == 'Z') << child;
    }
    EXPECT_TRUE(contains(session.value("select 1"), "error"));

    server.start_again();
    EXPECT_TRUE(contains(server.log(), "automatic recovery in progress"));
    EXPECT_EQ(Session(server.conninfo()).value("select answer from kept"), "42");
}

TEST(Kill, AlsoEndsAFrozenServer) {
    auto server = TestServer::start();
    server.freeze();
    server.kill();
    server.start_again();
    EXPECT_TRUE(Session(server.conninfo()).connected());
}

TEST(Kill, ABackendTakesAllSessionsWithItAndTheServerRecovers) {
    auto server = TestServer::start();
    Session victim(server.conninfo());
    Session bystander(server.conninfo());
    server.kill_backend(PQbackendPID(victim.get()));
    EXPECT_TRUE(hears_something(victim, long_time));
    EXPECT_TRUE(hears_something(bystander, long_time));
    EXPECT_TRUE(contains(bystander.value("select 1"), "error"));
    const auto deadline = Deadline::after(long_time);
    while (!Session(server.conninfo()).connected()) ASSERT_FALSE(deadline.passed()) << server.log();
    EXPECT_TRUE(contains(server.log(), "was terminated by signal 9"));
}

TEST(Kill, AServerThatEndedByItselfStartsAgain) {
    auto server = TestServer::start();
    Session session(server.conninfo());
    ASSERT_EQ(::kill(server.pid(), SIGQUIT), 0);
    EXPECT_TRUE(hears_something(session, long_time));
    EXPECT_TRUE(server.try_stop());
    server.start_again();
    EXPECT_TRUE(Session(server.conninfo()).connected());
}

}  // namespace
}  // namespace pg::testing
