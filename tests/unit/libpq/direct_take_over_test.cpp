// What a server says while the direct engine takes a connection over from libpq, which knows of half messages what
// nobody can ask it for.
#include <gtest/gtest.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using namespace std::string_view_literals;
using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

using OpenResult = Expected<std::unique_ptr<spi::Session>>;

/// Keeps the texts of what servers say by the way.
class Heard final : public spi::NoticeHandler {
public:
    std::vector<std::string> texts{};
    void on_notice(const Error& notice) noexcept override { texts.emplace_back(notice.message()); }
};

struct TakeOver {
    Reply with_libpq = {};  ///< sent with what lets libpq in
    Reply at_sync = {};     ///< the answer to the Sync; empty: the server leaves
    bool leaves = false;    ///< behind the answer
    std::chrono::milliseconds time = 10s;
    std::shared_ptr<Heard> heard = std::make_shared<Heard>();

    /// What opening a session comes to, asked of `engine`; the server then answers one statement.
    template <class Use>
    void operator()(std::string_view engine, Use use) const {
        const auto server = testing::FakeServer::start(
            [this](Conversation& client) {
                if (client.receive().kind != MessageKind::startup) return;
                client.send(Reply()
                                .authentication(0)
                                .parameter("server_version", "15.1")
                                .parameter("client_encoding", "UTF8")
                                .backend_key(1, "key!")
                                .ready()
                                .raw(with_libpq.bytes()));
                client.receive_until(MessageKind::sync);
                if (at_sync.bytes().empty()) return;
                client.send(at_sync);
                if (leaves) return;
                if (client.receive_until(MessageKind::execute).kind == MessageKind::left) return;
                client.send(Reply().parse_complete().bind_complete().no_data().tag("SELECT 0").ready());
                client.ignore();
            },
            {.unix_socket = true});
        use(make_libpq_provider()->open(Config::parse(server.conninfo() + " engine=" + std::string(engine)).value(),
                                        {.types = nullptr, .notices = heard}, in(time)));
        EXPECT_EQ(server.failures(), std::vector<std::string>());
    }
};

void expect_not_sent(const OpenResult& opened, ErrorKind kind, std::string_view words) {
    ASSERT_FALSE(opened);
    const Error& error = opened.error();
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(error.outcome(), Outcome::not_sent) << error.what();
    EXPECT_EQ(error.retry_scope(), RetryScope::connect) << error.what();
    EXPECT_FALSE(error.connection_usable());
    EXPECT_NE(error.message().find(words), std::string_view::npos) << error.what();
}

// What follows the half is no frame.
TEST(DirectTakeOver, LeavesAServerThatSpokeHalfAMessageToLibpq) {
    const std::string notice = Reply().message('N', "Mhalf_of_it_to_libpq\0\0"sv).bytes();
    for (std::size_t half = 1; half < notice.size(); ++half) {
        TakeOver take_over;
        take_over.with_libpq.raw(std::string_view(notice).substr(0, half));
        take_over.at_sync.raw(std::string_view(notice).substr(half)).ready();
        for (const char* engine : {"direct", "auto"}) {
            take_over(engine, [&](const OpenResult& opened) {
                expect_not_sent(opened, ErrorKind::protocol, "the server broke the protocol");
            });
        }
        EXPECT_EQ(take_over.heard->texts, std::vector<std::string>()) << half;
        if (HasFailure()) FAIL() << "cut at " << half;
    }
}

// It could be one by its first bytes, of a message whose rest is to come.
TEST(DirectTakeOver, WaitsForNoLongerThanItsTimeWhereTheOtherHalfLooksLikeAMessage) {
    TakeOver take_over{.time = 1s};
    const std::string notice = Reply().message('N', "MN0000 are the type and the length of a notice\0\0"sv).bytes();
    const std::size_t half = notice.find("N0000");
    take_over.with_libpq.raw(std::string_view(notice).substr(0, half));
    take_over.at_sync.raw(std::string_view(notice).substr(half)).ready();
    take_over("direct",
              [&](const OpenResult& opened) { expect_not_sent(opened, ErrorKind::timeout, "the deadline passed"); });
}

TEST(DirectTakeOver, TakesInWholeMessages) {
    const auto aside = [](std::string_view name) {
        return Reply()
            .notice(std::string("noticed ") + std::string(name))
            .notification(7, "channel", name)
            .parameter("TimeZone", name);
    };
    TakeOver take_over;
    take_over.with_libpq = aside("by libpq");
    take_over.at_sync = aside("at the sync").ready();
    take_over("direct", [&](const OpenResult& opened) {
        ASSERT_TRUE(opened) << opened.error().what();
        spi::Session& session = **opened;
        EXPECT_EQ(session.engine(), "direct");
        EXPECT_EQ(session.parameter("TimeZone"), "at the sync");
        const auto heard = session.wait_notification(soon()).value();
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->payload, "at the sync") << "nobody listened yet when libpq had the other";
        EXPECT_TRUE(session.alive());
        EXPECT_TRUE(session.run({.sql = "select"}, soon()));
    });
    EXPECT_EQ(take_over.heard->texts, std::vector<std::string>{"noticed at the sync"});
}

TEST(DirectTakeOver, FailsWithWhatIsNoReady) {
    ErrorFields farewell{.message = "going down"};
    farewell.severity = "FATAL";
    farewell.sqlstate = "57P01";
    const struct {
        Reply reply;
        ErrorKind kind;
        std::string_view words;
    } cases[] = {
        {Reply(), ErrorKind::connect, "connection lost: the server closed the connection"},
        {Reply().error(farewell), ErrorKind::connect, "going down"},
        {Reply().error("53200", "out of memory").ready(), ErrorKind::connect, "out of memory"},
        {Reply().row({"x"}).ready(), ErrorKind::protocol, "a row that nobody asked for"},
        {Reply().tag("SELECT 1").ready(), ErrorKind::protocol, "an answer out of order"},
        {Reply().message('Z', "?"), ErrorKind::protocol, "a malformed ReadyForQuery"},
    };
    for (const auto& [reply, kind, words] : cases) {
        TakeOver take_over;
        take_over.at_sync = reply;
        take_over("direct", [&](const OpenResult& opened) { expect_not_sent(opened, kind, words); });
    }
}

// It had let libpq in, as a pooler does that has no server.
TEST(DirectTakeOver, GoesOnToTheNextHostFromOneThatLeavesAtTheSync) {
    const auto let_in_and_leave = [](Conversation& client) {
        client.let_in();
        client.receive_until(MessageKind::sync);
    };
    const auto serve = [](Conversation& client) {
        client.let_in();
        client.expect(MessageKind::sync);
        client.send(Reply().ready());
        client.ignore();
    };
    const auto leaves = testing::FakeServer::start(let_in_and_leave, {}),
               serves = testing::FakeServer::start(serve, {});
    const auto open_at = [](std::uint16_t first, std::uint16_t second) {
        return make_libpq_provider()->open(
            Config::parse("host=127.0.0.1,127.0.0.1 user=app sslmode=disable engine=direct port=" +
                          std::to_string(first) + "," + std::to_string(second))
                .value(),
            {}, soon());
    };
    const OpenResult opened = open_at(leaves.port(), serves.port());
    ASSERT_TRUE(opened) << opened.error().what();
    EXPECT_EQ((*opened)->node(), "127.0.0.1:" + std::to_string(serves.port()));
    const OpenResult failed = open_at(leaves.port(), leaves.port());
    expect_not_sent(failed, ErrorKind::connect, "(take-over); 127.0.0.1:");
}

// The kernel finds a dead peer for whoever has the socket.
TEST(DirectTakeOver, LeavesTheSocketAsItWasConfigured) {
    const struct {
        std::string keywords;
        int user_timeout, idle;
    } cases[] = {{"", 0, 10}, {"tcp_user_timeout=7000 keepalives_idle=3", 7000, 3}};
    for (const auto& [keywords, user_timeout, idle] : cases)
        for (const char* engine : {"direct", "libpq"}) {
            const ScriptedSession session(engine, [](Conversation& client) { client.ignore(); },
                                          {.keywords = keywords});
            ASSERT_EQ(session->engine(), engine);
            const auto option = [&](int level, int name) {
                int value = -1;
                socklen_t size = sizeof value;
                EXPECT_EQ(::getsockopt(session->socket(), level, name, &value, &size), 0);
                return value;
            };
            EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), user_timeout) << engine;
            EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), idle) << engine;
            EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1) << engine;
            EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1) << engine;
        }
}

TEST(DirectTakeOver, NamesTheMessageInWhoseMiddleTheServerLeft) {
    TakeOver take_over{.at_sync = Reply().notice("whole").raw("Z\0\0"sv), .leaves = true};
    take_over("direct", [&](const OpenResult& opened) {
        expect_not_sent(opened, ErrorKind::connect,
                        "connection lost: the server closed the connection, in the middle of a message ('Z', 3 bytes)");
    });
}

}  // namespace
}  // namespace pg::libpq
