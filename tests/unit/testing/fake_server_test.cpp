// A fake server and its scripts, from the client's side.
#include "pg/testing/fake_server.hpp"

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <sys/resource.h>

#include "tests/bound_arguments.hpp"
#include "tests/unit/testing/raw_client.hpp"

namespace pg::testing {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

RawClient client_of(const FakeServer& server) { return {server.host(), server.port()}; }

/// Up to and with a ReadyForQuery of an idle session.
std::string receive_to_ready(RawClient& client) {
    std::string bytes;
    while (!bytes.ends_with("Z\0\0\0\5I"sv)) {
        const std::string one = client.receive(1);
        if (one.empty()) return bytes;
        bytes += one;
    }
    return bytes;
}

/// Begins a session: what a cancel request for it has to show.
std::string key_at_start(RawClient& client) {
    client.send(startup_packet());
    const auto greeting = receive_to_ready(client);
    return greeting.substr(greeting.find("K\0\0\0\xc"sv) + 9, 4);
}

TEST(FakeServer, LetsAClientInAndAnswersIt) {
    const auto server = FakeServer::start([](Conversation& client) {
        ASSERT_TRUE(client.let_in({.server_version = "18.1", .parameters = {{"in_hot_standby", "on"}}}));
        EXPECT_EQ(client.expect(MessageKind::query).sql, "select 1");
        client.send(Reply().columns({{"n"}}).row({"1"}).tag("SELECT 1").ready());
        EXPECT_EQ(client.receive().kind, MessageKind::left);
    });
    auto client = client_of(server);
    client.send(startup_packet());
    const auto greeting = receive_to_ready(client);
    EXPECT_TRUE(greeting.starts_with("R\0\0\0\x8\0\0\0\0"sv));
    EXPECT_NE(greeting.find("server_version\00018.1\0"sv), std::string::npos);
    EXPECT_NE(greeting.find("in_hot_standby\0on\0"sv), std::string::npos);
    client.send(query_message("select 1"));
    EXPECT_EQ(receive_to_ready(client), Reply().columns({{"n"}}).row({"1"}).tag("SELECT 1").ready().bytes());
    client.close();
    EXPECT_TRUE(server.wait_for_clients(1, in_time()));
    EXPECT_EQ(server.failures(), std::vector<std::string>());
}

TEST(FakeServer, RefusesEncryptionBeforeItLetsIn) {
    const auto server = FakeServer::start([](Conversation& client) { EXPECT_TRUE(client.let_in()); });
    auto client = client_of(server);
    client.send(said([](auto& out) { wire::put_request(out, wire::StartupRequest::gss_encryption); }));
    EXPECT_EQ(client.receive(1), "N");
    client.send(said([](auto& out) { wire::put_request(out, wire::StartupRequest::tls); }));
    EXPECT_EQ(client.receive(1), "N");
    client.send(startup_packet());
    EXPECT_EQ(client.receive(1), "R");
}

TEST(FakeServer, ReadsEveryPartOfAMessage) {
    const auto server = FakeServer::start([](Conversation& client) {
        const auto start = client.expect(MessageKind::startup);
        EXPECT_EQ(start.protocol, 196608u);
        ASSERT_EQ(start.settings.size(), 2u);
        EXPECT_EQ(start.settings[1].name, "database");
        EXPECT_EQ(start.settings[1].value, "shop");

        const auto parse = client.expect(MessageKind::parse);
        EXPECT_EQ(parse.statement, "s1");
        EXPECT_EQ(parse.sql, "select $1");
        EXPECT_EQ(parse.types, std::vector{Oid{23}});
        const auto described = client.expect(MessageKind::describe);
        EXPECT_FALSE(described.about_portal);
        EXPECT_EQ(described.sql, "select $1");
        const auto bind = client.expect(MessageKind::bind);
        EXPECT_EQ(bind.sql, "select $1");
        EXPECT_EQ(bind.arguments, (FakeValues{"\0\0\0\7"s, std::nullopt}));
        EXPECT_EQ(bind.argument_formats, (std::vector{Format::binary, Format::text}));
        EXPECT_EQ(bind.result_formats, std::vector{Format::binary});
        const auto execute = client.expect(MessageKind::execute);
        EXPECT_EQ(execute.sql, "select $1");
        EXPECT_EQ(execute.statement, "s1");
        EXPECT_EQ(execute.arguments, bind.arguments);
        EXPECT_EQ(execute.most_rows, 5u);
        EXPECT_EQ(client.expect(MessageKind::close).statement, "s1");
        EXPECT_TRUE(client.expect(MessageKind::close).about_portal);
        client.expect(MessageKind::sync);
        EXPECT_EQ(client.expect(MessageKind::copy_data).data, "row\n");
        client.expect(MessageKind::copy_done);
        EXPECT_EQ(client.expect(MessageKind::copy_fail).data, "no more");
        EXPECT_EQ(client.expect(MessageKind::password).data, "secret\0"s);
        client.expect(MessageKind::flush);
        EXPECT_EQ(client.expect(MessageKind::function_call).body, "any");
        client.expect(MessageKind::terminate);
    });
    auto client = client_of(server);
    client.send(startup_packet() + said([](auto& out) {
                    const std::uint32_t types[] = {23};
                    wire::put_parse(out, "s1", "select $1", types);
                    wire::put_describe(out, wire::Named::statement, "s1");
                    const wire::Argument arguments[] = {{"\0\0\0\7", 4, 1}, {}};
                    const std::int16_t formats[] = {1};
                    wire::put_bind(out, "s1", arguments, formats);
                    wire::put_execute(out, 5);
                    wire::put_close(out, wire::Named::statement, "s1");
                    wire::put_close(out, wire::Named::portal, "");
                    wire::put_sync(out);
                    wire::put_copy_data_header(out, 4);
                    out.put_bytes("row\n");
                    wire::put_empty(out, wire::ClientType::copy_done);
                    wire::put_copy_fail(out, "no more");
                    wire::put_password(out, "secret\0"sv);
                    wire::put_empty(out, wire::ClientType::flush);
                    const auto call = out.begin(wire::ClientType::function_call);
                    out.put_bytes("any");
                    out.end(call);
                    wire::put_empty(out, wire::ClientType::terminate);
                }));
    EXPECT_TRUE(server.wait_for_clients(1, in_time()));
    EXPECT_EQ(server.failures(), std::vector<std::string>());
    const auto statements = server.statements();
    ASSERT_EQ(statements.size(), 1u);
    EXPECT_EQ(statements[0].client, 1);
    EXPECT_EQ(statements[0].sql, "select $1");
    EXPECT_EQ(statements[0].arguments, (FakeValues{"7", std::nullopt})) << "as text, for its type is known";
}

TEST(FakeServer, CallsAMessageMalformedThatDoesNotFitItsKind) {
    const auto server = FakeServer::start([](Conversation& client) {
        EXPECT_TRUE(client.let_in());
        for (int i = 0; i < 8; ++i) EXPECT_EQ(client.receive().kind, MessageKind::malformed) << i;
    });
    auto client = client_of(server);
    client.send(startup_packet());
    for (const char type : {'Q', 'P', 'B', 'D', 'E', 'f', 'S', '?'}) client.send(Reply().message(type, "x").bytes());
    EXPECT_TRUE(server.wait_for_clients(1, in_time()));

    const auto strict =
        FakeServer::start([](Conversation& conversation) { conversation.expect(MessageKind::startup); });
    client_of(strict).send("\0\0\0\x8\0\3\0\0"sv);
    EXPECT_TRUE(strict.wait_for_clients(1, in_time()));
    EXPECT_EQ(strict.failures(), std::vector{"client 1: the script waits for a startup packet, and what comes is "
                                             "a malformed message"s});
}

// [script]
TEST(FakeServer, SendsHalfAMessageNowAndTheOtherHalfOnCue) {
    const std::string notice = Reply().notice("half and half").bytes();
    auto server = FakeServer::start([&](Conversation& client) {
        client.send(notice.substr(0, 7));
        EXPECT_TRUE(client.wait_for_cue());
        client.send(notice.substr(7));
    });
    auto client = client_of(server);
    EXPECT_EQ(client.receive(7), notice.substr(0, 7));
    server.cue();
    EXPECT_EQ(client.receive_all(), notice.substr(7));
    EXPECT_EQ(client.end(), 0);
}
// [script]

TEST(FakeServer, TakesACueThatCameBeforeItWasWaitedFor) {
    auto server = FakeServer::start([](Conversation& client) {
        EXPECT_TRUE(client.wait_for_cue());
        client.send("on");
    });
    server.cue();
    EXPECT_EQ(client_of(server).receive_all(), "on");
}

TEST(FakeServer, EndsWithAFinThoughSomethingIsUnread) {
    auto server = FakeServer::start([](Conversation& client) {
        client.expect(MessageKind::startup);
        EXPECT_TRUE(client.wait_for_cue());
        client.send("last words");
        client.close();
        EXPECT_EQ(client.receive().kind, MessageKind::left);
        client.send("into the void");
    });
    auto client = client_of(server);
    client.send(startup_packet());
    client.send("unread");
    server.cue();
    EXPECT_EQ(client.receive_all(), "last words");
    EXPECT_EQ(client.end(), 0);
}

TEST(FakeServer, EndsWithAReset) {
    const auto server = FakeServer::start([](Conversation& client) { client.reset(); });
    auto client = client_of(server);
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_EQ(client.end(), ECONNRESET);
}

TEST(FakeServer, SeesThatAClientLeaves) {
    const auto server = FakeServer::start([](Conversation& client) {
        EXPECT_EQ(client.receive_until(MessageKind::sync).kind, MessageKind::left);
        EXPECT_FALSE(client.let_in());
        client.expect(MessageKind::query);
    });
    client_of(server).reset();
    EXPECT_TRUE(server.wait_for_clients(1, in_time()));
    EXPECT_EQ(server.failures(),
              std::vector{"client 1: the script waits for Query, and what comes is the end of the connection"s});
}

TEST(FakeServer, TellsOfWhatScriptsThrow) {
    const auto server = FakeServer::start([](Conversation& client) {
        if (client.number() == 1) throw std::runtime_error("no idea");
        throw 42;
    });
    EXPECT_EQ(client_of(server).receive_all(), "");
    EXPECT_TRUE(server.wait_for_clients(1, in_time()));
    EXPECT_EQ(client_of(server).receive_all(), "");
    EXPECT_TRUE(server.wait_for_clients(2, in_time()));
    EXPECT_EQ(server.failures(),
              (std::vector{"client 1: no idea"s, "client 2: the script threw what is no std::exception"s}));
}

TEST(FakeServer, ServesSeveralClientsAtTheSameTime) {
    auto server = FakeServer::start([](Conversation& client) {
        client.send(std::to_string(client.number()));
        EXPECT_TRUE(client.wait_for_cue());
        client.send("!");
    });
    auto first = client_of(server);
    EXPECT_EQ(first.receive(1), "1");
    auto second = client_of(server);
    EXPECT_EQ(second.receive(1), "2");
    server.cue();
    server.cue();
    EXPECT_EQ(first.receive_all() + second.receive_all(), "!!");
}

TEST(FakeServer, LetsClientsWaitWhoseTurnHasNotCome) {
    auto server = FakeServer::start(
        [](Conversation& client) {
            client.send("in");
            static_cast<void>(client.wait_for_cue());
        },
        {.most_clients = 1});
    auto first = client_of(server);
    EXPECT_EQ(first.receive(2), "in");
    auto second = client_of(server);
    EXPECT_FALSE(second.hears_something(Deadline::after(50ms)));
    server.cue();
    EXPECT_EQ(second.receive(2), "in");
}

TEST(FakeServer, StopsThoughItsScriptsWait) {
    std::atomic<int> ended = 0;
    {
        const auto server = FakeServer::start([&](Conversation& client) {
            switch (client.number()) {
                case 1: client.ignore(); break;
                case 2: EXPECT_FALSE(client.wait_for_cue()); break;
                case 3: EXPECT_FALSE(client.wait_for_cancel()); break;
                default: client.send(std::string(64 << 20, 'x'));  // which nobody takes
            }
            ++ended;
        });
        RawClient clients[] = {client_of(server), client_of(server), client_of(server), client_of(server)};
        for (auto& client : clients) client.send("hello");
        EXPECT_EQ(clients[3].receive(1), "x");
    }
    EXPECT_EQ(ended, 4);
}

TEST(FakeServer, HearsACancelRequestOnAnotherConnection) {
    const auto server = FakeServer::start([](Conversation& client) {
        if (!client.let_in()) return;
        client.expect(MessageKind::query);
        if (client.wait_for_cancel()) client.send(Reply().error("57014", "canceled").ready());
    });
    auto client = client_of(server);
    const auto key = key_at_start(client);
    auto other = client_of(server);
    const auto other_key = key_at_start(other);
    EXPECT_NE(key, other_key);
    client.send(query_message("select pg_sleep(60)"));

    const auto cancel_with = [&](int process, std::string_view shown) {
        auto canceller = client_of(server);
        canceller.send(said([&](auto& out) { wire::put_cancel(out, process, shown); }));
        EXPECT_EQ(canceller.receive_all(), "");
    };
    cancel_with(1, "none");
    cancel_with(1, other_key);
    cancel_with(2, key);
    cancel_with(1, "\0\0\0\1"sv);
    EXPECT_EQ(server.cancel_requests(), std::vector<int>());
    cancel_with(1, key);
    EXPECT_EQ(receive_to_ready(client), Reply().error("57014", "canceled").ready().bytes());
    EXPECT_EQ(server.cancel_requests(), std::vector{1});
}

TEST(FakeServer, WaitsForStatementsUntilTheDeadline) {
    const auto server = FakeServer::start([](Conversation& client) {
        client.let_in();
        client.ignore();
    });
    EXPECT_FALSE(server.wait_for_statements(1, Deadline::after(1ms)));
    EXPECT_FALSE(server.wait_for_clients(1, Deadline::after(0ms)));
}

TEST(FakeServer, ListensOnAUnixSocketThatIsGoneAfterwards) {
    std::string folder;
    {
        const auto server = FakeServer::start([](Conversation& client) { client.send("here"); }, {.unix_socket = true});
        folder = server.host();
        EXPECT_NE(server.conninfo().find("host='" + folder + "' port=5432"), std::string::npos) << server.conninfo();
        EXPECT_EQ(client_of(server).receive_all(), "here");
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(FakeServer, GoesOnElsewhere) {
    auto server = FakeServer::start([](Conversation& client) { client.send("moved"); });
    FakeServer other = std::move(server);
    EXPECT_EQ(client_of(other).receive_all(), "moved");
    other = FakeServer::start([](Conversation& client) { client.send("new"); });
    EXPECT_EQ(client_of(other).receive_all(), "new");
}

TEST(FakeServer, RefusesANumberOfClientsThatMakesNoSense) {
    for (const std::size_t count : {0u, 65u}) {
        const auto refused = FakeServer::try_start([](Conversation&) {}, {.most_clients = count});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind(), ErrorKind::usage);
        EXPECT_EQ(refused.error().message(),
                  "FakeServerOptions.most_clients is " + std::to_string(count) + ", not 1 to 64");
    }
}

TEST(FakeServer, NamesEveryKindOfMessage) {
    for (const auto& [kind, name] : {std::pair{MessageKind::cancel_request, "a cancel request"sv},
                                     {MessageKind::tls_request, "a request for TLS"},
                                     {MessageKind::gss_request, "a request for GSS encryption"},
                                     {MessageKind::bind, "Bind"},
                                     {MessageKind::close, "Close"},
                                     {MessageKind::copy_data, "CopyData"},
                                     {MessageKind::copy_done, "CopyDone"},
                                     {MessageKind::copy_fail, "CopyFail"},
                                     {MessageKind::describe, "Describe"},
                                     {MessageKind::execute, "Execute"},
                                     {MessageKind::flush, "Flush"},
                                     {MessageKind::function_call, "FunctionCall"},
                                     {MessageKind::parse, "Parse"},
                                     {MessageKind::password, "a password"},
                                     {MessageKind::sync, "Sync"},
                                     {MessageKind::terminate, "Terminate"},
                                     {MessageKind{'?'}, "a message of an unknown kind"}})
        EXPECT_EQ(to_string(kind), name);
}

}  // namespace
}  // namespace pg::testing
