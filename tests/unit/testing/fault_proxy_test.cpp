// A proxy between two raw sockets, fault by fault.
#include "pg/testing/fault_proxy.hpp"

#include <cerrno>
#include <thread>

#include "pg/testing/fake_server.hpp"
#include "src/testing/loopback.hpp"
#include "tests/db/testing/session.hpp"
#include "tests/unit/testing/raw_client.hpp"

namespace pg::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto to_server = Direction::to_server;
constexpr auto to_client = Direction::to_client;

/// A listener without a protocol, a proxy before it, and connections through both.
class Network : public ::testing::Test {
protected:
    /// The two sides of a new connection.
    struct Pair {
        RawClient client, server;
    };

    [[nodiscard]] Pair connect() const {
        RawClient client("127.0.0.1", proxy.port());
        return {std::move(client), accept()};
    }
    [[nodiscard]] RawClient accept() const {
        pollfd awaited{.fd = listener.socket.get(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&awaited, 1, poll_timeout(in_time())), 1) << "no connection came";
        return RawClient(Descriptor(::accept(listener.socket.get(), nullptr, nullptr)));
    }

    const Listener listener = listen_on_loopback().value();
    FaultProxy proxy = FaultProxy::start("127.0.0.1", listener.port);
};

TEST_F(Network, PassesBytesAndCountsThem) {
    auto [client, server] = connect();
    client.send("hello");
    EXPECT_EQ(server.receive(5), "hello");
    server.send("hi");
    EXPECT_EQ(client.receive(2), "hi");
    const auto stats = proxy.stats();
    EXPECT_EQ(stats.accepted, 1u);
    EXPECT_EQ(stats.open, 1u);
    EXPECT_EQ(stats.to_server.bytes_in, 5u);
    EXPECT_EQ(stats.to_server.bytes_out, 5u);
    EXPECT_EQ(stats.to_client.bytes_in, 2u);
    EXPECT_EQ(stats.to_client.bytes_out, 2u);
}

TEST_F(Network, PassesMoreThanItHolds) {
    auto [client, server] = connect();
    const std::string much(3 << 20, 'x');
    std::string got;
    std::thread reader([&, &from = server] { got = from.receive(much.size()); });
    client.send(much);
    reader.join();
    EXPECT_EQ(got.size(), much.size());
}

TEST_F(Network, PassesEndsEachWayByItself) {
    auto [client, server] = connect();
    client.send("last");
    client.half_close();
    EXPECT_EQ(server.receive_all(), "last");
    EXPECT_EQ(server.end(), 0);
    server.send("answer");
    EXPECT_EQ(client.receive(6), "answer");
    server.close();
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(client.end(), 0);
    EXPECT_TRUE(proxy.wait_until_idle(in_time()));
    EXPECT_EQ(proxy.stats().to_client.bytes_out, 6u) << "of connections that are gone too";
}

TEST_F(Network, PassesAResetOn) {
    auto [client, server] = connect();
    client.send("x");
    EXPECT_EQ(server.receive(1), "x");
    client.reset();
    EXPECT_EQ(server.receive_all(), "");
    EXPECT_EQ(server.end(), ECONNRESET);
}

TEST_F(Network, NoticesAResetWhenItSends) {
    auto [client, server] = connect();
    client.send("x");
    EXPECT_EQ(server.receive(1), "x");
    proxy.set(to_client, {.frozen = true});
    server.reset();
    client.send("y");
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(client.end(), ECONNRESET);
}

TEST_F(Network, Delays) {
    auto [client, server] = connect();
    proxy.set(to_server, {.delay = 60ms});
    const auto begin = Deadline::Clock::now();
    client.send("late");
    EXPECT_EQ(server.receive(4), "late");
    EXPECT_GE(Deadline::Clock::now() - begin, 60ms);
    EXPECT_TRUE(proxy.wait_for_bytes_out(to_server, 4, in_time()));
}

TEST_F(Network, GivesBackWhatADelayHeldWhenItHeals) {
    auto [client, server] = connect();
    proxy.set(to_server, {.delay = 1h});
    client.send("soon");
    EXPECT_TRUE(proxy.wait_for_bytes_in(to_server, 4, in_time()));
    EXPECT_EQ(proxy.stats().to_server.bytes_out, 0u);
    proxy.heal();
    EXPECT_EQ(server.receive(4), "soon");
}

TEST_F(Network, Throttles) {
    proxy.set(to_client, {.bytes_per_second = 10'000});
    auto [client, server] = connect();
    const auto begin = Deadline::Clock::now();
    server.send(std::string(1000, 'x'));
    EXPECT_EQ(client.receive(1000).size(), 1000u);
    EXPECT_GE(Deadline::Clock::now() - begin, 70ms);
}

TEST_F(Network, SendsByteByByte) {
    proxy.set(to_client, {.bytes_per_second = 1000, .one_byte_at_a_time = true});
    auto [client, server] = connect();
    server.send("slow loris");
    EXPECT_EQ(client.receive(10), "slow loris");
}

TEST_F(Network, CorruptsOneByte) {
    auto [client, server] = connect();
    client.send("ab");
    EXPECT_EQ(server.receive(2), "ab");
    proxy.set(to_server, {.corrupt_at = 1});
    client.send("cde");
    EXPECT_EQ(server.receive(3), std::string("c") + static_cast<char>(~'d') + "e");
}

TEST_F(Network, CutsAfterSoManyBytes) {
    for (const auto& [ending, code] : {std::pair{Ending::fin, 0}, {Ending::reset, ECONNRESET}}) {
        proxy.heal();
        auto [client, server] = connect();
        server.send("ab");
        EXPECT_EQ(client.receive(2), "ab");
        proxy.set(to_client, {.cut_after = 3, .cut_ending = ending});
        server.send("cdefgh");
        EXPECT_EQ(client.receive_all(), "cde");
        EXPECT_EQ(client.end(), code);
        EXPECT_EQ(server.receive_all(), "");
        EXPECT_EQ(server.end(), code);
    }
    EXPECT_TRUE(proxy.wait_until_idle(in_time()));
}

TEST_F(Network, CutsAtOnceWhatIsOpenAndWhatComes) {
    auto [client, server] = connect();
    proxy.set(to_server, {.cut_after = 0});
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(proxy.stats().open, 0u);
    RawClient later("127.0.0.1", proxy.port());
    EXPECT_EQ(later.receive_all(), "");
}

TEST_F(Network, CutsWhatIsOpenAndNothingElse) {
    auto [client, server] = connect();
    proxy.cut(Ending::reset);
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(client.end(), ECONNRESET);
    EXPECT_EQ(server.receive_all(), "");
    proxy.set(to_server, {.delay = 1ns});  // reaches no connection that is gone
    proxy.half_close(to_server);
    auto [next, other] = connect();
    next.send("x");
    EXPECT_EQ(other.receive(1), "x");
}

TEST_F(Network, ClosesOneDirection) {
    auto [client, server] = connect();
    server.send("a");
    EXPECT_EQ(client.receive(1), "a");
    proxy.half_close(to_client);
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(client.end(), 0);
    server.send("lost");
    EXPECT_TRUE(proxy.wait_for_bytes_in(to_client, 5, in_time()));
    client.send("still here");
    EXPECT_EQ(server.receive(10), "still here");
    EXPECT_EQ(proxy.stats().to_client.bytes_out, 1u);
}

TEST_F(Network, ClosesOneDirectionBehindSoManyBytesOfOldConnectionsAndOfNewOnes) {
    auto [client, server] = connect();
    server.send("a");
    EXPECT_EQ(client.receive(1), "a");
    proxy.set(to_client, {.half_close_after = 3});
    server.send("bcdefgh");
    EXPECT_EQ(client.receive_all(), "bcd");
    EXPECT_EQ(client.end(), 0);
    client.send("still here");
    EXPECT_EQ(server.receive(10), "still here");
    proxy.set(to_server, {.half_close_after = 0});
    EXPECT_EQ(server.receive_all(), "");
    EXPECT_EQ(server.end(), 0);

    RawClient later("127.0.0.1", proxy.port());
    later.send("lost");
    RawClient other = accept();
    EXPECT_EQ(other.receive_all(), "");
    proxy.heal();
    other.send("xyz");
    EXPECT_EQ(later.receive(3), "xyz") << "what the set faults did not lose";
}

TEST_F(Network, SwallowsInOldConnectionsAndInNewOnes) {
    auto [client, server] = connect();
    proxy.set(to_server, {.swallow_after = 0});
    client.send("lost");
    EXPECT_TRUE(proxy.wait_for_bytes_in(to_server, 4, in_time()));
    auto [later, other] = connect();
    later.send("lost");
    EXPECT_TRUE(proxy.wait_for_bytes_in(to_server, 8, in_time()));
    EXPECT_EQ(proxy.stats().to_server.bytes_out, 0u);
    other.send("one way works");
    EXPECT_EQ(later.receive(13), "one way works");
}

TEST_F(Network, SwallowsEndsAndResets) {
    auto [client, server] = connect();
    proxy.set(to_server, {.swallow_after = 0});
    client.send("x");
    EXPECT_TRUE(proxy.wait_for_bytes_in(to_server, 1, in_time()));
    client.reset();
    auto [later, other] = connect();
    later.half_close();
    server.send("nobody there");
    EXPECT_TRUE(proxy.wait_for_bytes_in(to_client, 12, in_time()));
    EXPECT_EQ(proxy.stats().open, 2u);
    EXPECT_FALSE(other.hears_something(Deadline::after(0ms)));
    other.close();
    server.close();
    EXPECT_TRUE(proxy.wait_until_idle(in_time())) << "when both sides have ended, there is nobody to keep it for";
}

TEST_F(Network, FreezesAndThaws) {
    auto [client, server] = connect();
    proxy.set(to_server, {.frozen = true});
    client.send("held");
    server.send("passed");
    EXPECT_EQ(client.receive(6), "passed");
    EXPECT_EQ(proxy.stats().to_server.bytes_in, 0u);
    client.half_close();
    proxy.set(to_server, {});
    EXPECT_EQ(server.receive_all(), "held");
}

TEST_F(Network, SlowsASenderDownWhoseReceiverDoesNotRead) {
    auto [client, server] = connect();
    const auto sent = client.send_until_full();
    const auto stats = proxy.stats();
    EXPECT_LE(stats.to_server.bytes_in - stats.to_server.bytes_out, 256u * 1024u);
    EXPECT_LT(stats.to_server.bytes_in, sent) << "the rest waits in the kernel of the sender";
    EXPECT_EQ(server.receive(sent).size(), sent);
}

TEST_F(Network, RefusesConnectionsAndAcceptsThemAgain) {
    auto [client, server] = connect();
    for (int i = 0; i < 2; ++i) {
        proxy.refuse();
        proxy.refuse();
        EXPECT_EQ(RawClient("127.0.0.1", proxy.port()).connect_error(), ECONNREFUSED);
        client.send("x");
        EXPECT_EQ(server.receive(1), "x") << "an open connection goes on";
        proxy.refuse(false);
        auto [later, other] = connect();
        EXPECT_EQ(later.connect_error(), 0);
    }
    EXPECT_TRUE(proxy.wait_for_connections(3, in_time()));
}

TEST_F(Network, WaitsUntilTheDeadline) {
    EXPECT_FALSE(proxy.wait_for_connections(1, Deadline::after(1ms)));
    EXPECT_FALSE(proxy.wait_for_bytes_in(to_client, 1, Deadline::after(0ms)));
    auto [client, server] = connect();
    EXPECT_TRUE(proxy.wait_for_connections(1, Deadline::never()));
    EXPECT_FALSE(proxy.wait_until_idle(Deadline::after(1ms)));
}

TEST_F(Network, ResetsWhatIsOpenWhenItGoes) {
    auto [client, server] = connect();
    FaultProxy moved = std::move(proxy);
    client.send("x");
    EXPECT_EQ(server.receive(1), "x");
    moved = FaultProxy::start("127.0.0.1", listener.port);
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(client.end(), ECONNRESET);
}

TEST(FaultProxy, ResetsAClientWhoseServerIsNotThere) {
    auto listener = listen_on_loopback().value();
    const auto proxy = FaultProxy::start("127.0.0.1", listener.port);
    listener.socket.close();
    RawClient client("127.0.0.1", proxy.port());
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(client.end(), ECONNRESET);

    const auto no_socket = FaultProxy::start("/no/such/folder", 5432);
    RawClient other("127.0.0.1", no_socket.port());
    EXPECT_EQ(other.receive_all(), "");
    EXPECT_EQ(no_socket.stats().accepted, 1u);
}

TEST(FaultProxy, KnowsNoSuchHost) {
    const auto unknown = FaultProxy::try_start("no-such-host.invalid", 5432);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().kind(), ErrorKind::connect);
    EXPECT_TRUE(contains(unknown.error().message(), "find the address of no-such-host.invalid: "));
    const auto too_long = FaultProxy::try_start("/" + std::string(200, 'x'), 5432);
    ASSERT_FALSE(too_long);
    EXPECT_TRUE(contains(too_long.error().message(), "File name too long"));
}

// [proxy]
TEST(FaultProxy, CutsAClientOffInTheMiddleOfAnAnswer) {
    const auto server = FakeServer::start(Answers().on("select 1", {.columns = {{"n"}}, .rows = {{"1"}}}));
    auto proxy = FaultProxy::start(server);
    Session session(proxy.conninfo(server));
    EXPECT_EQ(session.value("select 1"), "1");

    proxy.set(Direction::to_client, {.cut_after = 5, .cut_ending = Ending::reset});
    EXPECT_TRUE(contains(session.value("select 1"), "error: "));
    proxy.heal();
    EXPECT_EQ(Session(proxy.conninfo(server)).value("select 1"), "1");
}
// [proxy]

TEST(FaultProxy, StandsInFrontOfAUnixSocket) {
    const auto server =
        FakeServer::start(Answers().on("select 1", {.columns = {{"n"}}, .rows = {{"1"}}}), {.unix_socket = true});
    const auto proxy = FaultProxy::start(server);
    EXPECT_EQ(Session(proxy.conninfo(server)).value("select 1"), "1");
}

}  // namespace
}  // namespace pg::testing
