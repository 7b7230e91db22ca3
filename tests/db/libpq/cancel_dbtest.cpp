// Cancel requests as the loops around them see them: when they are over, and what they wait for.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "pg/testing/reply.hpp"
#include "providers/libpq/cancel.hpp"
#include "providers/libpq/handle.hpp"
#include "providers/libpq/newer.hpp"
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

int poll_for(pollfd wanted, int milliseconds) { return ::poll(&wanted, 1, milliseconds); }

TEST(CancelRequest, IsNotMissedWhenItEndsBetweenTwoLooks) {
    const ConnectionHandle connection(PQconnectdb(testing::shared_server().conninfo().c_str()));
    ASSERT_EQ(PQstatus(connection.get()), CONNECTION_OK);
    const auto request = start_cancel(connection.get());
    ASSERT_TRUE(request);
    do {
        ASSERT_EQ(poll_for(request->waits_for(), 10000), 1);
        // It went on meanwhile, perhaps to its end: whoever waits for it now must not wait in vain.
        ASSERT_EQ(poll_for(request->waits_for(), 0), 1);
    } while (!request->advance());
}

TEST(CancelRequest, ReachesItsServerWhileAnotherIsDeaf) {
    const testing::TestServer frozen = testing::TestServer::start();
    std::vector<std::unique_ptr<spi::Session>> waiting(5);
    for (auto& session : waiting) session = open_session(frozen.conninfo());
    const DeafToCancels deaf(frozen);
    for (const auto& session : waiting) {
        const auto result = run(*session, "select pg_sleep(60)", in(200ms));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().outcome(), Outcome::unknown) << "nobody heard the request";
    }
    until_kept(testing::shared_server().conninfo(), [](spi::Session& session) {
        const Error told = run(session, "select pg_sleep(60)", in(200ms)).error();
        EXPECT_NE(told.outcome(), Outcome::not_sent);
        return told.connection_usable();
    });
}

// Since PostgreSQL 18 a key has 32 bytes, for clients that ask for it.
TEST(CancelRequest, ReachesAServerOfTheProtocolWithLongerKeys) {
    if (PQlibVersion() < 180000) GTEST_SKIP() << "this libpq has no such protocol";
    const testing::TestServer server = testing::TestServer::start({.major = 18, .tls = true});
    const std::string newer = " min_protocol_version=3.2 max_protocol_version=3.2";
    for (const std::string& conninfo : {server.conninfo() + newer, server.tcp_conninfo() + newer})
        until_kept(conninfo, [](spi::Session& session) {
            EXPECT_EQ(session.engine(), tested_engine());
            const Expected<Result> slept = run(session, "select pg_sleep(60)", in(50ms));
            EXPECT_FALSE(slept);
            return !slept && slept.error().connection_usable() && slept.error().outcome() == Outcome::not_applied;
        });
}

/// Listens, and takes one connection; the next one but one is answered by nobody, not even the kernel.
class FullServer {
public:
    FullServer() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
        ::listen(listener_, 0);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        address_ = address;
        const std::string conninfo = "host=127.0.0.1 user=app sslmode=disable gssencmode=disable port=" +
                                     std::to_string(ntohs(address.sin_port));
        client_.reset(PQconnectStart(conninfo.c_str()));
        session_ = ::accept(listener_, nullptr, nullptr);
        const std::string welcome = testing::Reply()
                                        .authentication(0)
                                        .parameter("server_version", "15.1")
                                        .backend_key(1, "key!")
                                        .ready()
                                        .bytes();
        ::send(session_, welcome.data(), welcome.size(), MSG_NOSIGNAL);
        for (auto step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED;) {
            const short events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
            poll_for({.fd = PQsocket(client_.get()), .events = events, .revents = 0}, 10000);
            step = PQconnectPoll(client_.get());
        }
    }
    FullServer(const FullServer&) = delete;
    FullServer& operator=(const FullServer&) = delete;
    ~FullServer() {
        for (const int one : {last_, session_, listener_}) ::close(one);
    }

    [[nodiscard]] PGconn* client() const { return client_.get(); }
    /// Takes the only place of those that wait to be accepted.
    void fill() const { ::connect(last_, reinterpret_cast<const sockaddr*>(&address_), sizeof address_); }

private:
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int last_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int session_ = -1;
    sockaddr_in address_{};
    ConnectionHandle client_;
};

// libpq sends on a socket that is not connected yet, and waits for it without an end.
TEST(CancelRequest, WaitsForItsConnectionOutsideOfLibpq) {
    if (!newer_functions().can_cancel()) GTEST_SKIP() << "it is made on a worker";
    const FullServer server;
    ASSERT_EQ(PQstatus(server.client()), CONNECTION_OK) << PQerrorMessage(server.client());
    server.fill();
    const auto request = start_cancel(server.client());
    ASSERT_TRUE(request);
    for (int turn = 0; turn < 3; ++turn) {
        EXPECT_FALSE(request->advance());
        EXPECT_EQ(poll_for(request->waits_for(), 0), 0);
    }
}

}  // namespace
}  // namespace pg::libpq
