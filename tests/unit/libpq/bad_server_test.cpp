// Servers that refuse, are deaf, speak garbage or die in the middle: a typed error that names host and phase, in time.
#include <chrono>
#include <gtest/gtest.h>

#include "pg/testing/fake_server.hpp"
#include "providers/libpq/provider.hpp"
#include "tests/slowness.hpp"

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

using testing::Conversation;
using testing::FakeServer;
using testing::MessageKind;
using testing::Reply;
using testing::Script;

using OpenResult = Expected<std::unique_ptr<spi::Session>>;

spi::Wait in(std::chrono::nanoseconds time) { return {.deadline = Deadline::after(time), .stop = nullptr}; }

OpenResult open(const std::string& conninfo, std::chrono::milliseconds time = 10s) {
    const auto begin = std::chrono::steady_clock::now();
    OpenResult opened = make_libpq_provider()->open(Config::parse(conninfo).value(), {}, in(time));
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(time));
    return opened;
}

FakeServer serve(Script script) { return FakeServer::start(std::move(script)); }

/// Takes connections and says nothing.
FakeServer serve_nothing() {
    return serve([](Conversation& client) { client.ignore(); });
}

/// Lets its clients in and answers nothing.
FakeServer serve_well() {
    return serve([](Conversation& client) {
        client.let_in();
        client.ignore();
    });
}

/// Answers the startup packet by an error.
FakeServer serve_refusal(SqlState sqlstate, std::string message) {
    ErrorFields error;
    error.severity = "FATAL";
    error.sqlstate = sqlstate;
    error.message = std::move(message);
    return serve([error](Conversation& client) {
        client.receive();
        client.send(Reply().error(error));
    });
}

std::string port_of(const FakeServer& server) { return std::to_string(server.port()); }
std::string conninfo_of(const FakeServer& server) { return server.conninfo() + " user=app dbname=shop engine=libpq"; }
std::string conninfo_of(const FakeServer& first, const FakeServer& second) {
    return "host=127.0.0.1,127.0.0.1 port=" + port_of(first) + "," + port_of(second) +
           " user=app sslmode=disable gssencmode=disable engine=libpq";
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
        const FakeServer gone = serve_nothing();
        conninfo = conninfo_of(gone);
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
    const FakeServer deaf = serve_nothing();
    const OpenResult opened = open(conninfo_of(deaf), 1s);
    expect_failure(opened, ErrorKind::timeout, "no answer in time (authentication)");
    EXPECT_EQ(opened.error().retry_scope(), RetryScope::connect);
}

TEST(BadServer, ThatIsDeafToTls) {
    const FakeServer deaf = serve_nothing();
    expect_failure(open(conninfo_of(deaf) + " sslmode=require", 1s), ErrorKind::timeout, "(TLS)");
}

TEST(BadServer, ThatIsDeafHoldsUpOnlyItsShareOfTheTime) {
    const FakeServer deaf = serve_nothing();
    const FakeServer good = serve_well();
    const OpenResult opened = open(conninfo_of(deaf, good), 8s);
    ASSERT_TRUE(opened) << opened.error().what();
    EXPECT_EQ((*opened)->node(), "127.0.0.1:" + port_of(good));
}

TEST(BadServer, ThatIsDeafIsLeftAfterConnectTimeout) {
    const FakeServer deaf = serve_nothing();
    const auto begin = std::chrono::steady_clock::now();
    expect_failure(open(conninfo_of(deaf) + " connect_timeout=1", 60s), ErrorKind::timeout, "no answer");
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(1s));
}

TEST(BadServer, ThatClosesAtOnce) {
    const FakeServer server = serve([](Conversation&) {});
    expect_failure(open(conninfo_of(server)), ErrorKind::connect, "(authentication)");
}

TEST(BadServer, ThatSpeaksGarbage) {
    const FakeServer server = serve([](Conversation& client) { client.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
    const OpenResult opened = open(conninfo_of(server));
    expect_failure(opened, ErrorKind::protocol, "(authentication)");
}

TEST(BadServer, ThatAnswersTheRequestForTlsWithGarbage) {
    const FakeServer server = serve([](Conversation& client) { client.send("X"); });
    expect_failure(open(conninfo_of(server) + " sslmode=require"), ErrorKind::protocol, "(TLS)");
}

TEST(BadServer, ThatAnswersTheRequestForTlsWithAReport) {
    const FakeServer server = serve([](Conversation& client) {
        client.receive();
        client.send(Reply().error("53300", "too many"));
    });
    const OpenResult opened = open(conninfo_of(server) + " sslmode=require");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().outcome(), Outcome::not_sent) << opened.error().what();
    EXPECT_TRUE(server.statements().empty());
}

// As a postmaster does it that cannot fork.
TEST(BadServer, ThatHasNoProcessForAClientIsLeftForTheNext) {
    const FakeServer full = serve([](Conversation& client) {
        client.receive();
        client.send("Ecould not fork new process for connection: Cannot allocate memory\n\0"sv);
    });
    const OpenResult alone = open(conninfo_of(full));
    expect_failure(alone, ErrorKind::connect, "could not fork new process");
    EXPECT_EQ(alone.error().retry_scope(), RetryScope::connect);
    EXPECT_EQ(alone.error().hint(), "");
    expect_failure(open(conninfo_of(full) + " sslmode=require"), ErrorKind::connect, "SSL exchange");

    const FakeServer good = serve_well();
    EXPECT_TRUE(open(conninfo_of(full, good)));
}

TEST(BadServer, ThatAsksForThePasswordItselfIsNotGivenItWhereChannelBindingIsRequired) {
    const FakeServer server = serve([](Conversation& client) {
        client.receive();
        client.send(Reply().authentication(3));
        if (client.receive().kind == MessageKind::password) client.report("it has the password");
    });
    const OpenResult opened = open(conninfo_of(server) + " password=secret channel_binding=require");
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message().find("channel binding"), std::string_view::npos) << opened.error().what();
    EXPECT_TRUE(server.failures().empty());
}

TEST(BadServer, ThatDiesInTheMiddleOfAMessage) {
    const FakeServer server = serve([](Conversation& client) {
        client.send(Reply().authentication(0).parameter("server_version", "15.1").bytes().substr(0, 12));
    });
    expect_failure(open(conninfo_of(server)), ErrorKind::connect, "(authentication)");
}

TEST(BadServer, ThatReportsWithoutACode) {
    const FakeServer server = serve([](Conversation& client) {
        client.receive();
        client.send(Reply().message('E', "Mno code at all\0\0"sv));
    });
    expect_failure(open(conninfo_of(server)), ErrorKind::auth, "no code at all");
}

TEST(BadServer, ThatStartsUpIsLeftForTheNext) {
    const FakeServer starting = serve_refusal("57P03", "starting up");
    const OpenResult alone = open(conninfo_of(starting));
    expect_failure(alone, ErrorKind::connect, "starting up");
    EXPECT_EQ(alone.error().sqlstate(), "57P03");
    EXPECT_EQ(alone.error().retry_scope(), RetryScope::connect);

    const FakeServer good = serve_well();
    EXPECT_TRUE(open(conninfo_of(starting, good)));
}

TEST(BadServer, ThatRefusesThePasswordHasAnsweredForAll) {
    const FakeServer refusing = serve_refusal("28P01", "wrong");
    const FakeServer deaf = serve_nothing();
    const OpenResult opened = open(conninfo_of(refusing, deaf));
    expect_failure(opened, ErrorKind::auth, "wrong");
    EXPECT_EQ(opened.error().message().find(port_of(deaf)), std::string_view::npos);
}

TEST(BadServer, ThatIsNotTrustedHasAnsweredForAllWhateverTheSessionIsToBe) {
    const FakeServer trusting = serve_well(), other = serve_well();
    const OpenResult opened =
        open(conninfo_of(trusting, other) + " channel_binding=require target_session_attrs=read-write");
    expect_failure(opened, ErrorKind::auth, "(authentication)");
    EXPECT_EQ(opened.error().retry_scope(), RetryScope::after_refresh);
    EXPECT_EQ(opened.error().message().find(port_of(other)), std::string_view::npos) << opened.error().what();
}

TEST(BadServer, ThatIsAnotherThanWasAskedForIsLeftForTheNext) {
    const auto serve_standby = [] {
        return serve([](Conversation& client) {
            client.receive();
            client.send(Reply()
                            .authentication(0)
                            .parameter("server_version", "15.1")
                            .parameter("in_hot_standby", "on")
                            .parameter("default_transaction_read_only", "off")
                            .backend_key(1, "key!")
                            .ready());
            client.ignore();
        });
    };
    const FakeServer first = serve_standby(), second = serve_standby();
    const OpenResult opened = open(conninfo_of(first, second) + " target_session_attrs=read-write");
    expect_failure(opened, ErrorKind::connect, "(session attributes)");
    EXPECT_NE(opened.error().message().find(port_of(first)), std::string_view::npos) << opened.error().what();
    EXPECT_NE(opened.error().message().find(port_of(second)), std::string_view::npos) << opened.error().what();
}

TEST(BadServer, NamesAllThatWereTried) {
    std::string first, second;
    {
        const FakeServer one = serve_nothing(), two = serve_nothing();
        first = port_of(one);
        second = port_of(two);
    }
    const OpenResult opened = open("host=127.0.0.1,127.0.0.1 port=" + first + "," + second + " user=app");
    expect_failure(opened, ErrorKind::connect, "127.0.0.1:" + first);
    expect_failure(opened, ErrorKind::connect, "127.0.0.1:" + second);
}

// Faults of an established session: each script lets the client in, and answers its statement.

Expected<Result> run_against(const std::string& answer) {
    const FakeServer server = serve([&](Conversation& client) {
        client.let_in();
        client.receive_until(MessageKind::sync);
        client.send(answer);
    });
    const auto session = open(conninfo_of(server)).value();
    Expected<Result> result = session->run({.sql = "select 1"}, in(10s));
    EXPECT_FALSE(session->usable());
    return result;
}

Reply described() { return Reply().parse_complete().bind_complete().columns({{"n", Oid{23}, Format::binary}}); }

TEST(DyingServer, InTheMiddleOfAnAnswerLeavesTheOutcomeUnknown) {
    const std::string columns = described().bytes();
    const testing::FakeValues row{"\0\0\0\1"s};
    for (const std::string& answer :
         {""s, columns, described().row(row).bytes(), described().row(row).tag("SELECT 1").bytes(),
          columns.substr(0, columns.size() - 3)}) {
        const Expected<Result> result = run_against(answer);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost) << result.error().what();
        EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    }
}

TEST(DyingServer, GivesItsReason) {
    ErrorFields crash;
    crash.severity = "FATAL";
    crash.sqlstate = "57P02";
    crash.message = "crash";
    const Expected<Result> result = run_against(Reply().error(crash).bytes());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().sqlstate(), "57P02");
    EXPECT_EQ(result.error().message(), "crash");
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
}

// As one does that crashed, or is stopped at once: its processes have no time for more than a warning.
TEST(DyingServer, GivesItsReasonByTheWay) {
    for (const char* code : {"57P01", "57P02"}) {
        ErrorFields crash;
        crash.severity = "WARNING";
        crash.sqlstate = code;
        crash.message = "terminating connection because of crash of another server process";
        const Expected<Result> result = run_against(Reply().notice(crash).bytes());
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost);
        EXPECT_EQ(result.error().sqlstate(), code) << result.error().what();
        EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    }
}

TEST(LyingServer, IsLeftWhenItSendsGarbage) {
    for (const std::string& answer : {"\xff\xff\xff\xff\xff\xff\xff\xff"s, described().message('D', "\0\7"sv).bytes(),
                                      "D\xff\xff\xff\xff"s, "C\0\0\0\2"s}) {
        const Expected<Result> result = run_against(answer);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::protocol) << result.error().what();
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
    const FakeServer good = serve([](Conversation& client) {
        client.receive();
        client.send(Reply()
                        .authentication(0)
                        .notice("hello")
                        .parameter("server_version", "15.1")
                        .parameter("client_encoding", "UTF8")
                        .backend_key(1, "key!")
                        .ready());
        client.ignore();
    });
    EXPECT_TRUE(open(conninfo_of(good)));
}

TEST(BadServer, ThatOffersACopyBothWays) {
    const FakeServer odd = serve([](Conversation& client) {
        client.let_in();
        client.receive_until(MessageKind::sync);
        client.send(Reply().message('W', "\0\0\0"sv));
        client.ignore();
    });
    const OpenResult session = open(conninfo_of(odd));
    ASSERT_TRUE(session);
    const Expected<Result> answer = (*session)->run({.sql = "select 1"}, in(10s));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind(), ErrorKind::protocol) << answer.error().what();
    EXPECT_FALSE((*session)->usable());
}

}  // namespace
}  // namespace pg::libpq
