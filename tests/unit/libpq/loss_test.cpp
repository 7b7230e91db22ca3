// Connections that are lost behind a command tag, and batches that fail behind what may have committed: nothing is told
// that nobody knows.
#include <gtest/gtest.h>
#include <memory>
#include <stop_token>
#include <vector>

#include "pg/stop.hpp"
#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using namespace std::string_view_literals;

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

Reply inserted() { return Reply().parse_complete().bind_complete().no_data().tag("INSERT 0 1"); }
Reply farewell() {
    ErrorFields fields{.message = "terminating connection due to administrator command"};
    fields.severity = "FATAL";
    fields.sqlstate = "57P01";
    return Reply().error(fields);
}

class Loss : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Engine, Loss, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

// As with a deferred trigger that takes its time: the command tag is sent, and its transaction not committed yet.
TEST_P(Loss, OfABatchBetweenACommandTagAndItsReadyLeavesTheOutcomeUnknown) {
    for (const Reply& end : {farewell(), Reply().notice("about to go"), Reply()}) {
        ScriptedSession session(GetParam(),
                                [&end](Conversation& client) {
                                    for (int statement = 0; statement < 3; ++statement)
                                        client.receive_until(MessageKind::sync);
                                    client.send(inserted().ready().raw(inserted().bytes()).raw(end.bytes()));
                                },
                                {.unix_socket = true});
        const std::vector<spi::Request> requests(3, {.sql = "insert"});
        const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, soon());
        EXPECT_TRUE(outcomes[0]) << "its transaction was over";
        for (const std::size_t at : {1U, 2U}) {
            ASSERT_FALSE(outcomes[at]) << at;
            const Error& error = outcomes[at].error();
            EXPECT_EQ(error.kind(), ErrorKind::connection_lost) << error.what();
            EXPECT_EQ(error.outcome(), Outcome::unknown) << error.what();
            EXPECT_EQ(error.sqlstate(), end.bytes() == farewell().bytes() ? "57P01" : "") << error.what();
        }
        EXPECT_FALSE(session->usable());
    }
}

TEST_P(Loss, BehindACommandTagOfASingleStatementLeavesTheOutcomeUnknown) {
    for (const Reply& end : {farewell(), farewell().raw(farewell().bytes()), Reply()}) {
        ScriptedSession session(GetParam(),
                                [&end](Conversation& client) {
                                    client.receive_until(MessageKind::sync);
                                    client.send(inserted().raw(end.bytes()));
                                },
                                {.unix_socket = true});
        const Expected<Result> result = session->run({.sql = "insert"}, soon());
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost) << result.error().what();
        EXPECT_EQ(result.error().outcome(), Outcome::unknown);
        EXPECT_EQ(result.error().sqlstate(), end.bytes().empty() ? "" : "57P01") << result.error().what();
        EXPECT_FALSE(session->usable());
    }
}

// It says that it failed, and not how far it came.
TEST_P(Loss, IsNotWhatAReportWithoutACodeTells) {
    ScriptedSession session(GetParam(), [](Conversation& client) {
        client.receive_until(MessageKind::sync);
        client.send(Reply().message('E', "SERROR\0VERROR\0Mno code at all\0\0"sv).ready());
        client.ignore();
    });
    const Expected<Result> result = session->run({.sql = "insert"}, soon());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::server) << result.error().what();
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    EXPECT_EQ(result.error().message(), "no code at all");
    EXPECT_TRUE(session->usable());
}

class BehindAProcedure : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Engine, BehindAProcedure, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

// A procedure may commit inside: what fails behind it may not be run again together with it.
TEST_P(BehindAProcedure, WhatCannotBePreparedIsNotToldAsNotApplied) {
    ScriptedSession session(GetParam(), [](Conversation& client) {
        client.receive_until(MessageKind::sync);
        client.send(Reply().parse_complete().bind_complete().no_data().tag("CALL"));
        client.send(Reply().error("42883", "function f(integer) does not exist").ready());
        client.ignore();
    });
    std::shared_ptr<const ResultStorage> description;
    const spi::Request requests[] = {{.sql = "call p()"},
                                     {.sql = "select f($1)", .statement = "s", .prepare = &description}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::once, soon());
    ASSERT_FALSE(outcomes[1]);
    EXPECT_EQ(outcomes[1].error().sqlstate(), "42883");
    EXPECT_EQ(outcomes[1].error().outcome(), Outcome::unknown) << outcomes[1].error().what();
    EXPECT_TRUE(session->usable());
}

// More than is sent ahead of the answers: what fails is sent in the place of the rest, and the procedure has run.
TEST_P(BehindAProcedure, WhatIsGivenUpIsNotToldAsNotApplied) {
    std::stop_source source;
    ScriptedSession session(
        GetParam(),
        [&source](Conversation& client) {
            const auto answer = [&](int count) {
                Reply reply;
                for (int i = 0; i < count; ++i)
                    reply.parse_complete().bind_complete().no_data().tag(i == 0 ? "CALL" : "SELECT 0");
                client.send(reply);
            };
            client.receive_until(MessageKind::execute);
            source.request_stop();
            int sent = 1;
            for (;;) {
                const testing::ClientMessage message = client.receive();
                if (message.kind == MessageKind::left) return;
                if (message.kind == MessageKind::sync) break;
                if (message.kind == MessageKind::execute && !message.sql.empty()) ++sent;
            }
            answer(sent);
            client.send(Reply().error("26000", "no such statement").ready());
            client.ignore();
        },
        {.unix_socket = true});
    const StopToken stop(source.get_token());
    const std::string text = "select 1" + std::string(256 << 10, ' ');
    std::vector<spi::Request> requests(200, {.sql = text});
    requests.front().sql = "call p()";
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::once,
                                                   {.deadline = Deadline::after(60s), .stop = &stop});
    for (const auto& outcome : outcomes) {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind(), ErrorKind::cancelled) << outcome.error().what();
        // On a busy machine the two seconds of a stop are over before the answer: what was not sent is told as that.
        EXPECT_TRUE(outcome.error().outcome() == Outcome::unknown ||
                    (!session->usable() && outcome.error().outcome() == Outcome::not_sent))
            << outcome.error().what();
    }
    EXPECT_EQ(outcomes.front().error().outcome(), Outcome::unknown) << "that of the procedure";
    EXPECT_EQ(session.server().failures(), std::vector<std::string>());
}

}  // namespace
}  // namespace pg::libpq
