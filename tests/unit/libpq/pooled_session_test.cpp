// Sessions through a pooler: given up once a statement was to be cancelled, and not opened with dates in a foreign
// form.
#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <stop_token>
#include <utility>

#include "pg/stop.hpp"
#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using namespace std::string_literals;

using testing::Conversation;
using testing::FakeServer;
using testing::MessageKind;
using testing::Reply;

class Pooled : public ::testing::TestWithParam<const char*> {
protected:
    /// Cancels a statement, which the server gives up in time.
    Error cancel_one(const char* pooler) {
        for (const Deadline patience = Deadline::after(60s);;) {
            Error told = try_to_cancel_one(pooler);
            if (told.outcome() != Outcome::unknown || patience.passed()) return told;
        }
    }
    const ScriptedSession& session() const { return *session_; }

private:
    Error try_to_cancel_one(const char* pooler) {
        session_.reset();
        source_ = std::stop_source();
        session_.emplace(
            GetParam(),
            [this](Conversation& client) {
                client.receive_until(MessageKind::execute);
                source_.request_stop();
                if (!client.wait_for_cancel()) return;
                client.send(
                    Reply().parse_complete().bind_complete().no_data().error("57014", "canceling statement").ready());
                while (client.receive_until(MessageKind::sync).kind == MessageKind::sync)
                    client.send(Reply().parse_complete().bind_complete().no_data().tag("SELECT 0").ready());
            },
            ScriptedSessionOptions{.cancel_requests = CancelRequests::heard,
                                   .keywords = std::string("pooler=") + pooler});
        const StopToken stop(source_.get_token());
        return session()->run({.sql = "select 1"}, {.deadline = Deadline::after(10s), .stop = &stop}).error();
    }

    std::stop_source source_;
    std::optional<ScriptedSession> session_;
};
INSTANTIATE_TEST_SUITE_P(Engines, Pooled, ::testing::Values("libpq", "direct"));

TEST_P(Pooled, IsGivenUpOnceAStatementWasToBeCancelled) {
    for (const char* pooler : {"session", "transaction"}) {
        const Error told = cancel_one(pooler);
        EXPECT_EQ(told.kind(), ErrorKind::cancelled) << told.what();
        EXPECT_EQ(told.outcome(), Outcome::not_applied);
        EXPECT_FALSE(told.connection_usable());
        EXPECT_FALSE(session()->usable());
        EXPECT_FALSE(session()->alive());
    }
}

TEST_P(Pooled, RefusesUnsentWhateverItIsAskedAfterwards) {
    static_cast<void>(cancel_one("transaction"));
    const auto expect_refusal = [](const auto& answer) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().kind(), ErrorKind::connection_lost) << answer.error().what();
        EXPECT_EQ(answer.error().outcome(), Outcome::not_sent);
        EXPECT_FALSE(answer.error().connection_usable());
    };
    const std::vector<spi::Request> requests{{.sql = "select 2"}, {.sql = "select 3"}};
    expect_refusal(session()->run(requests[0], soon()));
    const auto outcomes = pg::testing::outcomes_of(*session(), requests, spi::BatchSync::once, soon());
    ASSERT_EQ(outcomes.size(), 2u);
    for (const auto& outcome : outcomes) expect_refusal(outcome);
    expect_refusal(session()->run_script("select 2; select 3", soon()));
    expect_refusal(session()->stream(requests[0], soon()));
    expect_refusal(session()->copy_in("copy t from stdin", soon()));
    expect_refusal(session()->copy_out("copy t to stdout", soon()));
    expect_refusal(session()->prepare("one", "select 2", {}, soon()));
    session()->forget("one");
    expect_refusal(session()->wait_notification(in(0ns)));
}

TEST_P(Pooled, IsGivenUpWhereAStreamOrACopyWasToBeCancelled) {
    const Reply rows =
        Reply().parse_complete().bind_complete().columns({{"n", Oid{23}, Format::binary}}).row({"\0\0\0\1"s});
    struct Case {
        bool is_stream;
        Reply begun;
        std::optional<MessageKind> last;  // that the client sends
        std::function<Error(spi::Session&, const spi::Wait&)> cancel;
    };
    const std::vector<Case> cases{
        {true, rows, std::nullopt,
         [](spi::Session& session, const spi::Wait& wait) {
             const auto stream = session.stream({.sql = "select n"}, soon()).value();
             EXPECT_TRUE(stream->next(soon()));
             return stream->next(wait).error();
         }},
        {false, Reply().copy_out(1), std::nullopt,
         [](spi::Session& session, const spi::Wait& wait) {
             const auto copy = session.copy_out("copy t to stdout", soon()).value();
             return copy->read(wait).error();
         }},
        {false, Reply().copy_in(1), MessageKind::copy_done,
         [](spi::Session& session, const spi::Wait& wait) {
             const auto copy = session.copy_in("copy t from stdin", soon()).value();
             EXPECT_EQ(copy->columns(), 1u);
             EXPECT_TRUE(copy->write("1\n", soon()));
             return copy->finish(wait).error();
         }},
    };
    for (const Case& one : cases) {
        // What libpq's engine says of a COPY passes the same shells; it begins one in another way than this script.
        if (!one.is_stream && GetParam() == std::string_view("libpq")) continue;
        std::stop_source source;
        const ScriptedSession session(GetParam(),
                                      [&](Conversation& client) {
                                          one.is_stream ? client.receive_until(MessageKind::execute) : client.receive();
                                          client.send(one.begun);
                                          if (one.last) client.receive_until(*one.last);
                                          source.request_stop();
                                          if (client.wait_for_cancel())
                                              client.send(Reply().error("57014", "canceling statement").ready());
                                          client.ignore();
                                      },
                                      {.cancel_requests = CancelRequests::heard, .keywords = "pooler=transaction"});
        const StopToken stop(source.get_token());
        const Error told = one.cancel(*session, {.deadline = Deadline::after(10s), .stop = &stop});
        EXPECT_EQ(told.kind(), ErrorKind::cancelled) << told.what();
        EXPECT_FALSE(told.connection_usable()) << told.what();
        EXPECT_FALSE(session->usable());
    }
}

TEST_P(Pooled, GoesOnWhereNoPoolerCouldMistakeTheRequest) {
    const Error told = cancel_one("none");
    EXPECT_TRUE(told.connection_usable());
    EXPECT_TRUE(session()->usable());
    EXPECT_TRUE(session()->run({.sql = "select 2"}, soon()));
}

TEST_P(Pooled, PassesOnWhatItIsAskedAndWhatItIs) {
    ScriptedSession session(GetParam(), [](Conversation& client) { client.ignore(); },
                            {.keywords = "pooler=transaction"});
    EXPECT_EQ(session->engine(), GetParam());
    EXPECT_EQ(session->backend_process(), 1);
    EXPECT_EQ(session->server_version(), 150001);
    EXPECT_EQ(session->parameter("DateStyle").substr(0, 3), "ISO");
    EXPECT_FALSE(session->node().empty());
    EXPECT_EQ(session->reactor(), nullptr);
    EXPECT_TRUE(session->alive());
    EXPECT_EQ(session->transaction_status(), spi::TransactionStatus::idle);
    EXPECT_EQ(session->wait_notification(in(0ns)).value(), std::nullopt);
}

TEST_P(Pooled, IsNotOpenedWithDatesOrIntervalsInAnotherForm) {
    for (const auto& [name, value] : {std::pair("DateStyle", "German, DMY"), std::pair("DateStyle", "ISOLATED"),
                                      std::pair("IntervalStyle", "postgres_verbose")}) {
        const testing::Welcome welcome{.parameters = {{name, value}}};
        FakeServer server = FakeServer::start([&welcome](Conversation& client) {
            if (!client.let_in(welcome)) return;
            while (client.receive_until(MessageKind::sync).kind == MessageKind::sync) client.send(Reply().ready());
        });
        const std::string where = server.conninfo() + " engine=" + GetParam();
        const auto open = [&](const char* pooler) {
            return make_libpq_provider()->open(Config::parse(where + " pooler=" + pooler).value(), {}, soon());
        };
        for (const char* pooler : {"session", "transaction"}) {
            const auto refused = open(pooler);
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().kind(), ErrorKind::connect);
            EXPECT_NE(refused.error().message().find(std::string(name) + " is `" + value), std::string_view::npos)
                << refused.error().what();
        }
        const auto refused = open("none");
        ASSERT_FALSE(refused) << "whatever asks for them";
        EXPECT_EQ(refused.error().message().find("PGDATESTYLE") != std::string_view::npos,
                  name == std::string_view("DateStyle"))
            << refused.error().what();
    }
}

TEST_P(Pooled, CallsWhateverAPoolerRefusesAnErrorOfConnecting) {
    FakeServer server = FakeServer::start([](Conversation& client) {
        client.receive_until(MessageKind::startup);
        client.send(Reply().error("08P01", "no more connections allowed"));
    });
    for (const char* pooler : {"none", "transaction"}) {
        const std::string where = server.conninfo() + " sslmode=disable gssencmode=disable engine=" + GetParam();
        const auto refused =
            make_libpq_provider()->open(Config::parse(where + " pooler=" + pooler).value(), {}, soon());
        ASSERT_FALSE(refused);
        const bool is_pooler = pooler == std::string_view("transaction");
        EXPECT_EQ(refused.error().kind(), is_pooler ? ErrorKind::connect : ErrorKind::protocol);
        if (is_pooler) {
            EXPECT_EQ(refused.error().retry_scope(), RetryScope::connect);
        }
    }
}

/// A server whose answers to a statement that gave "a" and "b" have them in the other order since.
ScriptedSession altered(std::string_view engine) {
    const auto answer = [](Conversation& client, const std::vector<testing::FakeColumn>& columns,
                           const testing::FakeValues& row) {
        Reply reply;
        for (MessageKind kind{}; kind != MessageKind::sync;) {
            kind = client.receive().kind;
            if (kind == MessageKind::left || kind == MessageKind::terminate) return;
            if (kind == MessageKind::parse) reply.parse_complete();
            if (kind == MessageKind::bind) reply.bind_complete();
            if (kind == MessageKind::describe) reply.columns(columns);
            if (kind == MessageKind::execute) reply.row(row).tag("SELECT 1");
        }
        client.send(reply.ready());
    };
    return ScriptedSession(engine,
                           [answer](Conversation& client) {
                               answer(client, {{"a", Oid{23}, Format::binary}, {"b", Oid{23}, Format::binary}},
                                      {"\0\0\0\1"s, "\0\0\0\2"s});
                               for (int i = 0; i < 3; ++i)
                                   answer(client, {{"b", Oid{23}, Format::binary}, {"a", Oid{23}, Format::binary}},
                                          {"\0\0\0\2"s, "\0\0\0\1"s});
                               client.ignore();
                           },
                           {.keywords = "pooler=transaction"});
}

TEST_P(Pooled, TakesTheColumnsOfAStatementFromEachOfItsAnswers) {
    const ScriptedSession session = altered(GetParam());
    std::shared_ptr<const ResultStorage> description;
    ASSERT_TRUE(session->run({.sql = "select * from t", .statement = "s", .prepare = &description}, soon()));
    ASSERT_TRUE(description);
    const spi::Request again{.sql = "select * from t", .statement = "s", .description = &description};
    const auto expect_new_columns = [](const Expected<Result>& result) {
        ASSERT_TRUE(result) << result.error().what();
        ASSERT_EQ(result->columns().size(), 2u);
        EXPECT_EQ(result->columns()[0].name, "b");
        EXPECT_EQ((*result)[0].get<int>("a"), 1);
        EXPECT_EQ((*result)[0].get<int>("b"), 2);
    };
    expect_new_columns(session->run(again, soon()));
    expect_new_columns(pg::testing::outcomes_of(*session, {&again, 1}, spi::BatchSync::once, soon()).front());
    auto stream = session->stream(again, soon());
    ASSERT_TRUE(stream) << stream.error().what();
    expect_new_columns((*stream)->next(soon()));
}

// And without a pooler they are not asked for again.
TEST(DirectDescription, IsAskedForOnceWithoutAPooler) {
    std::atomic<int> asked = 0;
    const ScriptedSession session("direct", [&asked](Conversation& client) {
        for (Reply reply;;) {
            const MessageKind kind = client.receive().kind;
            if (kind == MessageKind::left || kind == MessageKind::terminate) return;
            if (kind == MessageKind::parse) reply.parse_complete();
            if (kind == MessageKind::bind) reply.bind_complete();
            if (kind == MessageKind::describe && ++asked > 0) reply.columns({{"n", Oid{23}, Format::binary}});
            if (kind == MessageKind::execute) reply.row({"\0\0\0\7"s}).tag("SELECT 1");
            if (kind == MessageKind::sync) client.send(std::exchange(reply, Reply()).ready());
        }
    });
    std::shared_ptr<const ResultStorage> description;
    ASSERT_TRUE(session->run({.sql = "select n", .statement = "s", .prepare = &description}, soon()));
    EXPECT_EQ(asked, 1);
    for (int i = 0; i < 3; ++i) {
        const auto again = session->run({.sql = "select n", .statement = "s", .description = &description}, soon());
        ASSERT_TRUE(again) << again.error().what();
        EXPECT_EQ((*again)[0].get<int>("n"), 7);
    }
    EXPECT_EQ(asked, 1);
}

// Only the direct engine asks a connection anything before it is a session.
TEST(PooledTakeOver, CallsWhateverAPoolerRefusesAnErrorOfConnecting) {
    ErrorFields refusal{.message = "no more connections allowed"};
    refusal.severity = "FATAL";
    refusal.sqlstate = "08P01";
    FakeServer server = FakeServer::start([&refusal](Conversation& client) {
        if (!client.let_in()) return;
        client.expect(MessageKind::sync);
        client.send(Reply().error(refusal));
    });
    for (const char* pooler : {"none", "transaction"}) {
        const auto refused = make_libpq_provider()->open(
            Config::parse(server.conninfo() + " user=app engine=direct pooler=" + pooler).value(), {}, soon());
        ASSERT_FALSE(refused);
        const Error& error = refused.error();
        const bool is_pooler = pooler == std::string_view("transaction");
        EXPECT_EQ(error.kind(), is_pooler ? ErrorKind::connect : ErrorKind::protocol) << error.what();
        EXPECT_EQ(error.retry_scope(), is_pooler ? RetryScope::connect : RetryScope::none) << error.what();
        EXPECT_EQ(error.outcome(), Outcome::not_sent);
        EXPECT_EQ(error.message(),
                  "connect " + std::string(error.node()) + " as app: no more connections allowed (take-over)");
        EXPECT_NE(error.node(), "");
    }
}

}  // namespace
}  // namespace pg::libpq
