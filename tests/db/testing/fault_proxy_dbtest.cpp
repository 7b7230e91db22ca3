// The proxy in front of a real server: TLS goes through, byte by byte, and a frozen answer arrives after the thaw.
#include <chrono>
#include <poll.h>

#include "pg/testing/fault_proxy.hpp"
#include "pg/testing/test_server.hpp"
#include "tests/db/testing/session.hpp"

namespace pg::testing {
namespace {

using namespace std::chrono_literals;

TEST(FaultProxy, LetsTlsThroughByteByByte) {
    const auto server = TestServer::start({.auth = TestServerAuth::scram_sha_256, .tls = true});
    auto proxy = FaultProxy::start(server);
    proxy.set(Direction::to_client, {.one_byte_at_a_time = true});
    Session session(proxy.conninfo(server));
    EXPECT_EQ(session.value("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), "t") << session.error();
    EXPECT_GT(proxy.stats().to_client.bytes_out, 1000u);
}

TEST(FaultProxy, HoldsAnAnswerUntilItThaws) {
    const auto server = TestServer::start();
    auto proxy = FaultProxy::start(server);
    Session session(proxy.conninfo(server, "template1"));
    EXPECT_EQ(session.value("select current_database()"), "template1");

    const auto before = proxy.stats().to_server.bytes_out;
    proxy.set(Direction::to_client, {.frozen = true});
    ASSERT_EQ(PQsendQuery(session.get(), "select 42"), 1);
    EXPECT_TRUE(proxy.wait_for_bytes_out(Direction::to_server, before + 1, Deadline::after(20s)));
    EXPECT_EQ(PQconsumeInput(session.get()), 1);
    EXPECT_EQ(PQisBusy(session.get()), 1);
    proxy.heal();
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQgetResult(session.get()), &PQclear);
    EXPECT_STREQ(PQgetvalue(result.get(), 0, 0), "42");
}

}  // namespace
}  // namespace pg::testing
