// A statement whose plan no longer fits is known by its SQLSTATE and the routine that said so, in any language;
// by words only where the server has no other.
#include <atomic>
#include <gtest/gtest.h>

#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/connection.hpp"
#include "pg/task.hpp"
#include "pg/testing/fake_server.hpp"

namespace pg {
namespace {

using namespace std::string_view_literals;
using testing::ClientMessage;
using testing::Conversation;
using testing::FakeServer;
using testing::MessageKind;
using testing::Reply;

constexpr const char* text = "select n from t";

/// How a test counts what was said about its statement.
struct Heard {
    std::atomic<int> parses{0}, executions{0}, closes{0};
    bool names_are_taken = false;  // each of them, by somebody else
    bool stays_stale = false;      // what failed, under its name
};

/// Answers every statement, and reports `report` at the execution of that number.
testing::Script script(Heard& heard, int fails_at, const Reply& report) {
    return [&heard, fails_at, report](Conversation& client) {
        if (!client.let_in()) return;
        Reply reply;
        bool failed = false, ours = false;
        std::string name, stale;
        for (;;) {
            const ClientMessage message = client.receive();
            if (message.kind == MessageKind::left || message.kind == MessageKind::terminate) return;
            if (message.kind == MessageKind::sync) {
                client.send(reply.ready());
                reply = Reply();
                failed = false;
                continue;
            }
            if (failed) continue;
            ours = message.sql == text;
            switch (message.kind) {
                case MessageKind::parse:
                    heard.parses += ours ? 1 : 0;
                    heard.closes += message.sql.starts_with("DEALLOCATE") ? 1 : 0;
                    failed = heard.names_are_taken && !message.statement.empty();
                    if (failed)
                        reply.error({.sqlstate = "42P05",
                                     .message = "prepared statement \"" + message.statement + "\" already exists",
                                     .severity = "ERROR"});
                    else
                        reply.parse_complete();
                    break;
                case MessageKind::close:
                    ++heard.closes;
                    reply.close_complete();
                    break;
                case MessageKind::bind:
                    name = message.statement;
                    reply.bind_complete();
                    break;
                case MessageKind::describe:
                    reply.columns({{.name = "n", .type = Oid{23}, .format = Format::binary}});
                    break;
                case MessageKind::execute:
                    if (ours && ++heard.executions == fails_at && heard.stays_stale) stale = name;
                    if (ours && (heard.executions == fails_at || (!stale.empty() && name == stale))) {
                        reply.raw(report.bytes());
                        failed = true;
                    } else {
                        reply.row({std::string("\0\0\0\7", 4)}).tag(ours ? "SELECT 1" : "DEALLOCATE");
                    }
                    break;
                default:
                    client.report("nobody expected " + std::string(to_string(message.kind)) + " " + message.sql);
                    return;
            }
        }
    };
}

/// What five runs of the statement come to when an execution of it is answered like that.
std::vector<std::string> run(std::string_view engine, Heard& heard, const Reply& report, int fails_at = 4) {
    FakeServer server = FakeServer::start(script(heard, fails_at, report));
    Client client = open(server.conninfo() + " pool_max_size=1 engine=" + std::string(engine));
    std::vector<std::string> outcomes;
    for (int i = 0; i < 5; ++i) {
        const Expected<int> n = client.try_query_one<int>(runtime(text));
        outcomes.push_back(n ? std::to_string(*n) : std::string(n.error().sqlstate().code()));
    }
    client.close();
    EXPECT_EQ(server.failures(), std::vector<std::string>());
    return outcomes;
}

class Healing : public ::testing::TestWithParam<const char*> {};

TEST_P(Healing, KnowsAStalePlanInAnyLanguage) {
    Heard heard;
    const auto outcomes = run(GetParam(), heard,
                              Reply().error({.sqlstate = "0A000",
                                             .message = "gecachter Plan darf den Ergebnistyp nicht \xc3\xa4ndern",
                                             .severity = "FEHLER",
                                             .routine = "RevalidateCachedQuery"}));
    EXPECT_EQ(outcomes, (std::vector<std::string>{"7", "7", "7", "7", "7"}));
    EXPECT_EQ(heard.parses, 3) << "without a name, with one, and once more with another";
    EXPECT_EQ(heard.executions, 6);
}

TEST_P(Healing, DoesNotTakeOtherErrorsForOneByTheirWords) {
    Heard heard;
    const auto outcomes = run(GetParam(), heard,
                              Reply().error({.sqlstate = "0A000",
                                             .message = "cached plan must not change result type",
                                             .severity = "ERROR",
                                             .routine = "somewhere_else"}));
    EXPECT_EQ(outcomes, (std::vector<std::string>{"7", "7", "7", "0A000", "7"}));
    EXPECT_EQ(heard.parses, 2);
}

// CockroachDB says it from whichever function found it, of a source in Go, and translates nothing.
TEST_P(Healing, KnowsAStalePlanOfAServerInGoByItsWords) {
    Heard heard;
    heard.stays_stale = true;
    constexpr std::string_view report =
        "SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0Fconn_executor_prepare.go\0L507\0RexecBind\0\0"sv;
    const auto outcomes = run(GetParam(), heard, Reply().message('E', report));
    EXPECT_EQ(outcomes, (std::vector<std::string>{"7", "7", "7", "7", "7"}));
    EXPECT_EQ(heard.executions, 6);
}

TEST_P(Healing, TakesNothingElseOfAServerInGoForOne) {
    Heard heard;
    const auto outcomes = run(
        GetParam(), heard, Reply().message('E', "SERROR\0VERROR\0C0A000\0Munimplemented\0Fbuilder.go\0Rbuild\0\0"sv));
    EXPECT_EQ(outcomes, (std::vector<std::string>{"7", "7", "7", "0A000", "7"}));
}

TEST_P(Healing, GoesWithoutANameThatIsTaken) {
    Heard heard;
    heard.names_are_taken = true;
    const auto outcomes = run(GetParam(), heard, {}, 0);
    EXPECT_EQ(outcomes, (std::vector<std::string>{"7", "7", "7", "7", "7"}));
    EXPECT_EQ(heard.executions, 5);
    EXPECT_EQ(heard.closes, 0) << "the statement of somebody else";
}

TEST_P(Healing, GoesWithoutANameThatIsTakenWhenItIsAwaited) {
    Heard heard;
    heard.names_are_taken = true;
    FakeServer server = FakeServer::start(script(heard, 0, {}));
    Client client = open(server.conninfo() + " provider=async pool_max_size=1 engine=" + GetParam());
    for (int i = 0; i < 3; ++i) {
        const Expected<int> n = sync_wait(client.async().try_query_one<int>(runtime(text)));
        ASSERT_TRUE(n) << n.error().what();
        EXPECT_EQ(*n, 7);
    }
    client.close();
    EXPECT_EQ(heard.closes, 0);
    EXPECT_EQ(server.failures(), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Engine, Healing, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
}  // namespace pg
