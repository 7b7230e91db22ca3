// Servers that refuse, are deaf, speak garbage or die in the middle: a typed error that names host and phase, in time.
#include <chrono>
#include <gtest/gtest.h>

#include "providers/libpq/provider.hpp"
#include "tests/slowness.hpp"
#include "tests/unit/libpq/fake_server.hpp"

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

using OpenResult = Expected<std::unique_ptr<spi::Session>>;

spi::Wait in(std::chrono::nanoseconds time) { return {.deadline = Deadline::after(time), .stop = nullptr}; }

OpenResult open(const std::string& conninfo, std::chrono::milliseconds time = 10s) {
    const auto begin = std::chrono::steady_clock::now();
    OpenResult opened = make_libpq_provider()->open(Config::parse(conninfo).value(), {}, in(time));
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(time));
    return opened;
}

void expect_failure(const OpenResult& opened, ErrorKind kind, std::string_view words) {
    ASSERT_FALSE(opened);
    const Error& error = opened.error();
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(error.outcome(), Outcome::not_sent);
    EXPECT_FALSE(error.connection_usable());
    EXPECT_NE(error.message().find(words), std::string_view::npos) << error.what();
    EXPECT_NE(error.message().find(error.node()), std::string_view::npos) << error.what();
}

TEST(BadServer, ThatIsNotThere) {
    std::string conninfo;
    {
        const FakeServer gone;
        conninfo = gone.conninfo();
    }
    const OpenResult opened = open(conninfo);
    expect_failure(opened, ErrorKind::connect, "Connection refused (connect)");
    EXPECT_EQ(opened.error().message().find("connect 127.0.0.1:"), 0u) << opened.error().what();
    EXPECT_NE(opened.error().message().find(" as app: "), std::string_view::npos);
    EXPECT_EQ(opened.error().retry_scope(), RetryScope::connect);
}

TEST(BadServer, ThatHasNoSocket) {
    expect_failure(open("host=/no/such/folder user=app"), ErrorKind::connect, "No such file or directory");
}

TEST(BadServer, ThatIsDeaf) {
    const FakeServer deaf;
    const OpenResult opened = open(deaf.conninfo(), 100ms);
    expect_failure(opened, ErrorKind::timeout, "no answer in time (authentication)");
    EXPECT_EQ(opened.error().retry_scope(), RetryScope::connect);
}

TEST(BadServer, ThatIsDeafToTls) {
    const FakeServer deaf;
    expect_failure(open(deaf.conninfo() + " sslmode=require", 100ms), ErrorKind::timeout, "(TLS)");
}

TEST(BadServer, ThatIsDeafHoldsUpOnlyItsShareOfTheTime) {
    const FakeServer deaf;
    const FakeServer good([](const FakeClient& client) {
        client.let_in();
        client.receive_to_the_end();
    });
    const OpenResult opened = open("host=127.0.0.1,127.0.0.1 port=" + deaf.port() + "," + good.port() +
                                       " user=app sslmode=disable gssencmode=disable",
                                   2s);
    ASSERT_TRUE(opened) << opened.error().what();
    EXPECT_EQ((*opened)->node(), "127.0.0.1:" + good.port());
}

TEST(BadServer, ThatIsDeafIsLeftAfterConnectTimeout) {
    const FakeServer deaf;
    const auto begin = std::chrono::steady_clock::now();
    expect_failure(open(deaf.conninfo() + " connect_timeout=1", 60s), ErrorKind::timeout, "no answer");
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(1s));
}

TEST(BadServer, ThatClosesAtOnce) {
    const FakeServer server([](const FakeClient&) {});
    expect_failure(open(server.conninfo()), ErrorKind::connect, "(authentication)");
}

TEST(BadServer, ThatSpeaksGarbage) {
    const FakeServer server([](const FakeClient& client) { client.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
    const OpenResult opened = open(server.conninfo(), 2s);
    expect_failure(opened, ErrorKind::protocol, "(authentication)");
}

TEST(BadServer, ThatAnswersTheRequestForTlsWithGarbage) {
    const FakeServer server([](const FakeClient& client) { client.send("X"); });
    expect_failure(open(server.conninfo() + " sslmode=require", 2s), ErrorKind::protocol, "(TLS)");
}

TEST(BadServer, ThatDiesInTheMiddleOfAMessage) {
    const FakeServer server([](const FakeClient& client) { client.send(welcome().substr(0, 12)); });
    expect_failure(open(server.conninfo()), ErrorKind::connect, "(authentication)");
}

TEST(BadServer, ThatReportsWithoutACode) {
    const FakeServer server([](const FakeClient& client) {
        static_cast<void>(client.receive());
        client.send(report('E', {{'M', "no code at all"}}));
    });
    expect_failure(open(server.conninfo()), ErrorKind::auth, "no code at all");
}

TEST(BadServer, ThatStartsUpIsLeftForTheNext) {
    const FakeServer starting([](const FakeClient& client) {
        static_cast<void>(client.receive());
        client.send(report('E', {{'S', "FATAL"}, {'V', "FATAL"}, {'C', "57P03"}, {'M', "starting up"}}));
    });
    const OpenResult alone = open(starting.conninfo());
    expect_failure(alone, ErrorKind::connect, "starting up");
    EXPECT_EQ(alone.error().sqlstate(), "57P03");
    EXPECT_EQ(alone.error().retry_scope(), RetryScope::connect);

    const FakeServer good([](const FakeClient& client) {
        client.let_in();
        client.receive_to_the_end();
    });
    EXPECT_TRUE(open("host=127.0.0.1,127.0.0.1 port=" + starting.port() + "," + good.port() +
                     " user=app sslmode=disable gssencmode=disable"));
}

TEST(BadServer, ThatRefusesThePasswordHasAnsweredForAll) {
    const FakeServer refusing([](const FakeClient& client) {
        static_cast<void>(client.receive());
        client.send(report('E', {{'S', "FATAL"}, {'V', "FATAL"}, {'C', "28P01"}, {'M', "wrong"}}));
    });
    const FakeServer deaf;
    const OpenResult opened = open("host=127.0.0.1,127.0.0.1 port=" + refusing.port() + "," + deaf.port() +
                                   " user=app sslmode=disable gssencmode=disable");
    expect_failure(opened, ErrorKind::auth, "wrong");
    EXPECT_EQ(opened.error().message().find(deaf.port()), std::string_view::npos);
}

TEST(BadServer, NamesAllThatWereTried) {
    std::string first, second;
    {
        const FakeServer one, two;
        first = one.port();
        second = two.port();
    }
    const OpenResult opened = open("host=127.0.0.1,127.0.0.1 port=" + first + "," + second + " user=app");
    expect_failure(opened, ErrorKind::connect, "127.0.0.1:" + first);
    expect_failure(opened, ErrorKind::connect, "127.0.0.1:" + second);
}

// Faults of an established session: each script lets the client in, and answers its statement.

Expected<Result> run_against(const std::string& answer) {
    const FakeServer server([&](const FakeClient& client) {
        client.let_in();
        static_cast<void>(client.receive());
        client.send(answer);
    });
    const auto session = open(server.conninfo()).value();
    Expected<Result> result = session->run({.sql = "select 1"}, in(2s));
    EXPECT_FALSE(session->usable());
    return result;
}

const std::string described =
    message('1', "") + message('2', "") + message('T', "\0\1n\0\0\0\0\0\0\0\0\0\0\27\0\4\xff\xff\xff\xff\0\1"sv);

TEST(DyingServer, InTheMiddleOfAnAnswerLeavesTheOutcomeUnknown) {
    for (const std::string& answer : {std::string(), described, described + message('D', "\0\1\0\0\0\4\0\0\0\1"sv),
                                      described + message('D', "\0\1\0\0\0\4\0\0\0\1"sv) + message('C', "SELECT 1\0"sv),
                                      described.substr(0, described.size() - 3)}) {
        const Expected<Result> result = run_against(answer);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost) << result.error().what();
        EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    }
}

TEST(DyingServer, GivesItsReason) {
    const Expected<Result> result =
        run_against(report('E', {{'S', "FATAL"}, {'V', "FATAL"}, {'C', "57P02"}, {'M', "crash"}}));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().sqlstate(), "57P02");
    EXPECT_EQ(result.error().message(), "crash");
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
}

TEST(LyingServer, IsLeftWhenItSendsGarbage) {
    for (const std::string& answer :
         {std::string("\xff\xff\xff\xff\xff\xff\xff\xff"), described + message('D', "\0\7"sv),
          std::string("D\xff\xff\xff\xff", 5), std::string("C\0\0\0\2", 5)}) {
        const Expected<Result> result = run_against(answer);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().outcome(), Outcome::unknown) << result.error().what();
    }
}

TEST(BadServer, WhoseNameNobodyKnows) {
    const OpenResult opened = open("host=no-such-host.invalid user=app", 3s);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message().find("no-such-host.invalid"), std::string_view::npos) << opened.error().what();
    EXPECT_EQ(opened.error().outcome(), Outcome::not_sent);
}

TEST(BadServer, ThatGreetsWithANoticeIsLetIn) {
    const FakeServer good([](const FakeClient& client) {
        static_cast<void>(client.receive());
        const std::string greeting = welcome();
        const std::size_t admitted = message('R', big_endian(0)).size();
        client.send(greeting.substr(0, admitted) + report('N', {{'S', "NOTICE"}, {'C', "00000"}, {'M', "hello"}}) +
                    greeting.substr(admitted));
        client.receive_to_the_end();
    });
    EXPECT_TRUE(open(good.conninfo()));
}

TEST(BadServer, ThatOffersACopyBothWays) {
    const FakeServer odd([](const FakeClient& client) {
        client.let_in();
        static_cast<void>(client.receive());
        client.send(message('W', "\0\0\0"sv));
        client.receive_to_the_end();
    });
    const OpenResult session = open(odd.conninfo());
    ASSERT_TRUE(session);
    const Expected<Result> answer = (*session)->run({.sql = "select 1"}, in(2s));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind(), ErrorKind::protocol) << answer.error().what();
    EXPECT_FALSE((*session)->usable());
}

}  // namespace
}  // namespace pg::libpq
