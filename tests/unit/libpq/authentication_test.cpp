// How often a server may have a password hashed: messages of authentication read ahead, and servers that ask for a lot.
#include "providers/libpq/authentication.hpp"

#include <gtest/gtest.h>

#include "pg/testing/fake_server.hpp"
#include "providers/libpq/provider.hpp"
#include "src/wire/server_messages.hpp"
#include "tests/slowness.hpp"

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

using testing::Conversation;
using testing::FakeServer;
using testing::Reply;

std::string message(wire::AuthRequest request, std::string_view data) {
    wire::SendBuffer out;
    wire::put_authentication(out, request, data);
    return std::string(out.unsent());
}
std::string challenge(std::string_view iterations) {
    return message(wire::AuthRequest::sasl_continue, "r=nonce,s=c2FsdA==,i=" + std::string(iterations));
}
const std::string methods = message(wire::AuthRequest::sasl, "SCRAM-SHA-256\0\0"s);
const std::string accepted = message(wire::AuthRequest::ok, {});

TEST(Demand, IsFairUpToTheLimit) {
    EXPECT_EQ(judge_demand(challenge("4096"), 4096), Demand::fair);
    EXPECT_EQ(judge_demand(challenge("4097"), 4096), Demand::excessive);
    EXPECT_EQ(judge_demand(challenge("2147483647"), 100'000), Demand::excessive);
    EXPECT_EQ(judge_demand(challenge("99999999999999999999"), 2'147'483'647), Demand::excessive);
    EXPECT_EQ(judge_demand(challenge("4097,x=y"), 4096), Demand::excessive);
}

// Each is a number to libpq.
TEST(Demand, IsReadAsLibpqReadsIt) {
    for (const char* number : {"+2147483647", " 2147483647", "\t+2147483647", "02147483647", "-2147483649"})
        EXPECT_EQ(judge_demand(challenge(number), 100'000), Demand::excessive) << number;
    EXPECT_EQ(judge_demand(challenge("+4096"), 4096), Demand::fair);
    EXPECT_EQ(judge_demand(challenge("-1"), 4096), Demand::fair) << "libpq refuses it";
}

TEST(Demand, IsSeenBehindAnAnswerAboutTheVersionOfTheProtocol) {
    const std::string version = "v\0\0\0\14\0\3\0\0\0\0\0\0"s;
    EXPECT_EQ(judge_demand(version + challenge("4097"), 4096), Demand::excessive);
    EXPECT_EQ(judge_demand(version.substr(0, 9), 4096), Demand::unfinished);
}

TEST(Demand, IsFairInAllThatIsNoChallenge) {
    EXPECT_EQ(judge_demand("", 1), Demand::fair) << "libpq sees an end for itself";
    EXPECT_EQ(judge_demand(methods, 1), Demand::fair);
    EXPECT_EQ(judge_demand("E\0\0\0\5", 1), Demand::fair) << "a report";
    EXPECT_EQ(judge_demand("HTTP/1.1 400 Bad Request", 1), Demand::fair) << "libpq refuses it";
    EXPECT_EQ(judge_demand(challenge(""), 1), Demand::fair) << "libpq refuses it";
    EXPECT_EQ(judge_demand(message(wire::AuthRequest::sasl_continue, "r=nonce,s=c2FsdA=="), 1), Demand::fair);
    EXPECT_EQ(judge_demand("R\0\0\0\7xxx"s, 1), Demand::fair) << "shorter than it can be: libpq refuses it";
    EXPECT_EQ(judge_demand("R\0\0\7\xd1\0\0\0\13"s, 1), Demand::fair) << "longer than libpq takes";
    EXPECT_EQ(judge_demand(message(wire::AuthRequest::sasl_final, ",i=9"), 1), Demand::fair);
    EXPECT_EQ(judge_demand(accepted + "R", 1), Demand::fair) << "no challenge comes behind it";
}

// libpq would keep a first half, and what is read ahead then would begin in the middle of a message.
TEST(Demand, IsUnfinishedWhileAnyMessageIs) {
    const std::string whole = challenge("2147483647");
    for (std::size_t length = 1; length < whole.size(); ++length) {
        EXPECT_EQ(judge_demand(whole.substr(0, length), 1), Demand::unfinished) << length;
        EXPECT_EQ(judge_demand(methods + whole.substr(0, length), 1), Demand::unfinished) << length;
    }
    EXPECT_EQ(judge_demand(methods + whole, 1), Demand::excessive);
}

/// A server that asks for so many iterations, in two pieces when it is told to.
FakeServer serve_challenge(std::string_view iterations, bool in_pieces = false) {
    return FakeServer::start([=, iterations = std::string(iterations)](Conversation& client) {
        client.receive();
        client.send(Reply().authentication(10, "SCRAM-SHA-256\0\0"s));
        const std::string answer = client.receive().data;
        const std::string nonce = answer.substr(answer.find("r="));
        const std::string bytes = message(wire::AuthRequest::sasl_continue, nonce + "more,s=c2FsdA==,i=" + iterations);
        if (in_pieces) {
            client.send(bytes.substr(0, 3));
            if (!client.wait_for_cue()) return;
            client.send(bytes.substr(3));
        } else {
            client.send(bytes);
        }
        client.ignore();
    });
}
Error refusal_of(const FakeServer& server, std::string_view more = {}, std::chrono::milliseconds time = 10s) {
    const std::string conninfo = server.conninfo() + " user=app dbname=shop password=secret " + std::string(more);
    const auto begin = std::chrono::steady_clock::now();
    const auto opened = make_libpq_provider()->open(Config::parse(conninfo).value(), {},
                                                    {.deadline = Deadline::after(time), .stop = nullptr});
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(time));
    return opened.error();
}

TEST(ServerThatAsksForTooMuchHashing, IsRefusedBeforeItIsDone) {
    const FakeServer server = serve_challenge("2147483647");
    const Error error = refusal_of(server);
    EXPECT_EQ(error.kind(), ErrorKind::connect) << error.what();
    EXPECT_EQ(error.outcome(), Outcome::not_sent);
    EXPECT_NE(error.message().find("scram_max_iterations=100000"), std::string_view::npos) << error.what();
}

TEST(ServerThatAsksForTooMuchHashing, IsRefusedHoweverItWritesTheNumber) {
    EXPECT_EQ(refusal_of(serve_challenge("+2147483647")).kind(), ErrorKind::connect);
}

TEST(ServerThatAsksForTooMuchHashing, IsRefusedByTheLimitThatIsSet) {
    const FakeServer server = serve_challenge("4096");
    EXPECT_EQ(refusal_of(server, "scram_max_iterations=4095").kind(), ErrorKind::connect);
    EXPECT_EQ(refusal_of(server, "scram_max_iterations=4096", 300ms).kind(), ErrorKind::timeout)
        << "it goes on, and is deaf";
}

TEST(ServerThatAsksForTooMuchHashing, IsRefusedWhenItAsksInPieces) {
    FakeServer server = serve_challenge("2147483647", true);
    EXPECT_EQ(refusal_of(server, {}, 300ms).kind(), ErrorKind::timeout) << "half a message is not enough";
    server.cue();
    server.cue();
    EXPECT_EQ(refusal_of(server).kind(), ErrorKind::connect);
}

}  // namespace
}  // namespace pg::libpq
