// Connections that are lost behind a command tag: nobody knows what became of the statement.
#include <gtest/gtest.h>
#include <vector>

#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

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

}  // namespace
}  // namespace pg::libpq
