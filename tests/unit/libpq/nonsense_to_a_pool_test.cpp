// A server that says more than the answer to a statement, and makes no sense: the next loan gets another session.
#include <atomic>
#include <gtest/gtest.h>

#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/testing/fake_server.hpp"

namespace pg {
namespace {

using namespace std::string_view_literals;
using testing::ClientMessage;
using testing::Conversation;
using testing::FakeServer;
using testing::MessageKind;
using testing::Reply;

/// Answers each statement with the number of its session, and says nonsense behind the first answer of the first.
testing::Script answering_with(const Reply& nonsense) {
    return [nonsense](Conversation& client) {
        if (!client.let_in()) return;
        Reply reply;
        bool has_answered = false, has_run = false;
        for (;;) {
            const ClientMessage message = client.receive();
            switch (message.kind) {
                case MessageKind::left:
                case MessageKind::terminate: return;
                case MessageKind::parse: reply.parse_complete(); break;
                case MessageKind::bind: reply.bind_complete(); break;
                case MessageKind::describe:
                    reply.columns({{.name = "n", .type = Oid{23}, .format = Format::binary}});
                    break;
                case MessageKind::execute:
                    reply.row({std::string("\0\0\0", 3) + static_cast<char>(client.number())}).tag("SELECT 1");
                    has_run = true;
                    break;
                case MessageKind::sync:
                    reply.ready();
                    if (has_run && client.number() == 1 && !std::exchange(has_answered, true))
                        reply.raw(nonsense.bytes());
                    client.send(std::exchange(reply, {}));
                    break;
                default: client.report("nobody expected " + std::string(to_string(message.kind))); return;
            }
        }
    };
}

class NonsenseToAPool : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {
protected:
    [[nodiscard]] static std::string engine() { return std::get<0>(GetParam()); }
    [[nodiscard]] static bool is_awaited() { return std::get<1>(GetParam()) == "async"sv; }
    static Expected<int> ask(Client& client) {
        if (is_awaited()) return client.async().try_query_one<int>("select n from t").get();
        return client.try_query_one<int>("select n from t");
    }
};
INSTANTIATE_TEST_SUITE_P(Ways, NonsenseToAPool,
                         ::testing::Combine(::testing::Values("direct", "libpq"), ::testing::Values("libpq", "async")),
                         [](const auto& way) {
                             return std::string(std::get<0>(way.param)) + "_" + std::get<1>(way.param);
                         });

TEST_P(NonsenseToAPool, BehindAnAnswerIsNoneOfTheNextBorrowers) {
    const Reply nonsense[] = {Reply().message('q'),
                              Reply().raw("\xff\xff\xff\xff\xff\xff\xff\xff"sv),
                              Reply().raw("Z\0\0\0\3"sv),
                              Reply().row({"x"}),
                              Reply().ready(),
                              Reply().message('E', "no fields")};
    for (const Reply& one : nonsense) {
        FakeServer server = FakeServer::start(answering_with(one));
        Client client =
            open(server.conninfo() + " pool_max_size=1 provider=" + std::get<1>(GetParam()) + " engine=" + engine());
        int losses = 0;
        for (const int session : {1, 2, 2}) {
            const Expected<int> told = ask(client);
            if (engine() == "direct") {
                ASSERT_TRUE(told) << ::testing::PrintToString(one.bytes()) << ": " << told.error().what();
                EXPECT_EQ(*told, session) << ::testing::PrintToString(one.bytes());
            } else if (!told) {  // libpq may see it while it reads the answer, or the next one
                EXPECT_FALSE(told.error().connection_usable()) << told.error().what();
                EXPECT_EQ(told.error().outcome(), Outcome::unknown) << told.error().what();
                ++losses;
            }
        }
        EXPECT_LE(losses, 1) << ::testing::PrintToString(one.bytes());
        client.close();
        EXPECT_EQ(server.failures(), std::vector<std::string>());
    }
}

class DismissalByAServer : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Providers, DismissalByAServer, ::testing::Values("libpq", "async"));

TEST_P(DismissalByAServer, OfWhomeverItLetInIsAFailureToConnect) {
    ErrorFields farewell{.message = "nobody stays here"};
    farewell.severity = "FATAL";
    farewell.sqlstate = "57P01";
    std::atomic<int> clients{0};
    const FakeServer server = FakeServer::start([&](Conversation& client) {
        ++clients;
        if (!client.let_in()) return;
        client.expect(MessageKind::sync);  // of the take-over
        client.send(Reply().ready().error(farewell));
    });
    Client client =
        open(server.conninfo() + " engine=direct pool_max_size=1 pool_acquire_timeout=20s provider=" + GetParam());
    const auto told = client.try_query_one<int>("select n from t");
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().kind(), ErrorKind::connect) << told.error().what();
    EXPECT_EQ(told.error().outcome(), Outcome::not_sent) << told.error().what();
    EXPECT_NE(told.error().message().find("as soon as it was open"), std::string_view::npos) << told.error().what();
    EXPECT_LT(clients, 30) << "one after the other without a pause";
}

}  // namespace
}  // namespace pg
