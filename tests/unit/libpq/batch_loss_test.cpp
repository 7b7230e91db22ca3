// Batches whose connection is lost with a COMMIT among their statements: each is told for itself, by its own text.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::FakeTransaction;
using testing::MessageKind;
using testing::Reply;

Reply bound() { return Reply().parse_complete().bind_complete().no_data(); }
Reply done(std::string_view tag, FakeTransaction transaction) { return bound().tag(tag).ready(transaction); }
Reply farewell(std::string_view sqlstate = "57P01") {
    ErrorFields fields{.message = "terminating connection due to administrator command"};
    fields.severity = "FATAL";
    fields.sqlstate = SqlState(sqlstate);
    return Reply().error(fields);
}

class BatchLoss : public ::testing::TestWithParam<const char*> {
protected:
    /// What becomes of these in a batch of `each` when the server has them all, says that, and leaves.
    [[nodiscard]] static std::vector<Expected<Result>> run(const std::vector<std::string_view>& texts,
                                                           const Reply& answers,
                                                           spi::BatchSync sync = spi::BatchSync::each) {
        const std::size_t syncs = sync == spi::BatchSync::each ? texts.size() : 1;
        const ScriptedSession session(GetParam(),
                                      [&](Conversation& client) {
                                          for (std::size_t i = 0; i < syncs; ++i)
                                              client.receive_until(MessageKind::sync);
                                          client.send(answers);
                                      },
                                      {.unix_socket = true});
        std::vector<spi::Request> requests;
        requests.reserve(texts.size());
        for (const std::string_view text : texts) requests.push_back({.sql = text});
        auto outcomes = pg::testing::outcomes_of(*session, requests, sync, soon());
        EXPECT_FALSE(session->usable());
        expect_their_texts(texts, outcomes);
        return outcomes;
    }
    static void expect_their_texts(const std::vector<std::string_view>& texts,
                                   const std::vector<Expected<Result>>& outcomes) {
        for (std::size_t at = 0; at < texts.size(); ++at) {
            if (!outcomes[at]) {
                EXPECT_EQ(outcomes[at].error().sql(), texts[at]) << at;
            }
        }
    }
    /// What becomes of two whose time is over before the server has answered the first; asked to cancel them, it says
    /// that, and its connection for the request stays open.
    [[nodiscard]] static std::vector<Expected<Result>> give_up_two(spi::BatchSync sync, const Reply& answers) {
        const std::vector<spi::Request> requests{{.sql = "insert"}, {.sql = "update"}};
        for (const Deadline patience = Deadline::after(60s);;) {
            const ScriptedSession session(GetParam(),
                                          [&](Conversation& client) {
                                              client.receive_until(MessageKind::sync);
                                              if (!client.wait_for_cancel()) return;
                                              client.send(answers);
                                              client.ignore();
                                          },
                                          {.cancel_requests = CancelRequests::kept});
            auto outcomes = pg::testing::outcomes_of(*session, requests, sync, in(50ms));
            const bool is_late = !outcomes[0] && outcomes[0].error().kind() == ErrorKind::timeout;
            if (is_late && !patience.passed()) continue;  // a busy machine took longer than a moment
            EXPECT_FALSE(session->usable());
            return outcomes;
        }
    }
    static void expect_unknown(const Expected<Result>& outcome, ErrorKind kind) {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind(), kind) << outcome.error().what();
        EXPECT_EQ(outcome.error().outcome(), Outcome::unknown) << outcome.error().what();
        EXPECT_EQ(outcome.error().retry_scope(), RetryScope::none) << outcome.error().what();
        EXPECT_FALSE(outcome.error().connection_usable());
    }
};
INSTANTIATE_TEST_SUITE_P(Engine, BatchLoss, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

const std::vector<std::string_view> in_a_block{"begin", "update", "commit", "select 1"};
Reply up_to_the_update() {
    return done("BEGIN", FakeTransaction::open).raw(done("UPDATE 1", FakeTransaction::open).bytes());
}

TEST_P(BatchLoss, IsThatOfACommitForTheCommitAlone) {
    for (const Reply& end : {Reply(), bound().tag("COMMIT")}) {
        const auto outcomes = run(in_a_block, up_to_the_update().raw(end.bytes()));
        EXPECT_TRUE(outcomes[0] && outcomes[1]);
        expect_unknown(outcomes[2], ErrorKind::commit_unknown);
        expect_unknown(outcomes[3], ErrorKind::connection_lost);
    }
}

TEST_P(BatchLoss, OfACommitThatNoneOfThemWasAtIsToldAllTheSame) {
    for (const auto sync : {spi::BatchSync::each, spi::BatchSync::once}) {
        const auto outcomes = run({"select 1", "commit"}, Reply(), sync);
        expect_unknown(outcomes[0], ErrorKind::connection_lost);
        expect_unknown(outcomes[1], ErrorKind::commit_unknown);
    }
}

// The block of the update is to be run again, and what stands behind its end is none of it.
TEST_P(BatchLoss, ByAFarewellIsToldOfEach) {
    const auto outcomes = run(in_a_block, done("BEGIN", FakeTransaction::open).raw(farewell().bytes()));
    ASSERT_FALSE(outcomes[1]);
    EXPECT_EQ(outcomes[1].error().kind(), ErrorKind::connection_lost) << outcomes[1].error().what();
    EXPECT_EQ(outcomes[1].error().retry_scope(), RetryScope::transaction) << outcomes[1].error().what();
    expect_unknown(outcomes[2], ErrorKind::commit_unknown);
    expect_unknown(outcomes[3], ErrorKind::connection_lost);
}

TEST_P(BatchLoss, ByAFarewellBehindTheTagOfACommitIsToldOfEach) {
    for (const char* sqlstate : {"57P01", "57P05"}) {
        const Reply end = bound().tag("COMMIT").raw(farewell(sqlstate).bytes());
        const auto outcomes = run(in_a_block, up_to_the_update().raw(end.bytes()));
        expect_unknown(outcomes[2], ErrorKind::commit_unknown);
        expect_unknown(outcomes[3], ErrorKind::connection_lost);
    }
}

// The commit stands before it: what it said before is no matter of those behind.
TEST_P(BatchLoss, BehindACommitThatFailedIsNoneOfACommit) {
    const Reply refused = bound().error("23503", "deferred").ready();
    const auto outcomes = run(in_a_block, up_to_the_update().raw(refused.bytes()));
    ASSERT_FALSE(outcomes[2]);
    EXPECT_EQ(outcomes[2].error().kind(), ErrorKind::foreign_key_violation);
    expect_unknown(outcomes[3], ErrorKind::connection_lost);
}

// The server has left the block: what comes then stands alone, and would be run twice.
TEST_P(BatchLoss, BehindACommitThatFailedIsThatOfAStatementAlone) {
    const Reply refused = bound().error("23503", "deferred").ready();
    const Reply late = bound().tag("COMMIT").error("23503", "deferred").ready();
    for (const Reply& end : {refused, late}) {
        const auto outcomes =
            run({"begin", "insert", "commit", "update"},
                up_to_the_update().raw(end.bytes()).raw(Reply().parse_complete().bytes()).raw(farewell().bytes()));
        ASSERT_FALSE(outcomes[2]);
        EXPECT_EQ(outcomes[2].error().kind(), ErrorKind::foreign_key_violation) << outcomes[2].error().what();
        expect_unknown(outcomes[3], ErrorKind::connection_lost);
    }
}

TEST_P(BatchLoss, BehindAChainIsThatOfATransaction) {
    for (const std::string_view chain : {"commit and chain", "ROLLBACK WORK and chain", "end and no chain"}) {
        const bool chains = chain.find(" no ") == std::string_view::npos;
        const Reply ended =
            done(chain[0] == 'R' ? "ROLLBACK" : "COMMIT", chains ? FakeTransaction::open : FakeTransaction::idle);
        const auto outcomes = run({"begin", chain, "update"},
                                  done("BEGIN", FakeTransaction::open).raw(ended.bytes()).raw(farewell().bytes()));
        ASSERT_TRUE(outcomes[1]);
        ASSERT_FALSE(outcomes[2]);
        EXPECT_EQ(outcomes[2].error().retry_scope(), chains ? RetryScope::transaction : RetryScope::none) << chain;
    }
}

TEST_P(BatchLoss, AtTheEndOfTheTimeIsThatOfACommitForTheCommitAlone) {
    const ScriptedSession session(GetParam(), [](Conversation& client) {
        client.receive_until(MessageKind::sync);
        client.ignore();
    });
    const std::vector<spi::Request> requests{{.sql = "select 1"}, {.sql = "commit"}, {.sql = "select 2"}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, in(200ms));
    expect_unknown(outcomes[0], ErrorKind::timeout);
    expect_unknown(outcomes[1], ErrorKind::commit_unknown);
    expect_unknown(outcomes[2], ErrorKind::timeout);
    expect_their_texts({"select 1", "commit", "select 2"}, outcomes);
}

TEST_P(BatchLoss, BehindAnErrorIsKnownToIt) {
    for (const auto sync : {spi::BatchSync::each, spi::BatchSync::once}) {
        const auto outcomes = run({"insert", "select 1"}, bound().error("23505", "refused"), sync);
        ASSERT_FALSE(outcomes[0]);
        EXPECT_EQ(outcomes[0].error().sqlstate(), "23505");
        EXPECT_FALSE(outcomes[0].error().connection_usable());
    }
}

TEST_P(BatchLoss, OfWhatWasNotSentIsToldByItsText) {
    const ScriptedSession session(GetParam(), [](Conversation& client) { client.ignore(); });
    const std::vector<spi::Request> requests{{.sql = "select 1"}, {.sql = "commit"}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, in(0s));
    for (const auto& outcome : outcomes) {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind(), ErrorKind::timeout) << outcome.error().what();
        EXPECT_EQ(outcome.error().outcome(), Outcome::not_sent);
    }
    expect_their_texts({"select 1", "commit"}, outcomes);
    EXPECT_TRUE(session->usable());
}

// They were answered to the end, and only the request to cancel them was not.
TEST_P(BatchLoss, WithItsCancelRequestTakesNothingBack) {
    for (const auto sync : {spi::BatchSync::each, spi::BatchSync::once}) {
        Reply answers = bound().tag("INSERT 0 1");
        if (sync == spi::BatchSync::each) answers.ready();
        const auto outcomes = give_up_two(sync, answers.raw(bound().error("23505", "refused").ready().bytes()));
        EXPECT_TRUE(outcomes[0]);
        ASSERT_FALSE(outcomes[1]);
        EXPECT_EQ(outcomes[1].error().sqlstate(), "23505") << outcomes[1].error().what();
        EXPECT_FALSE(outcomes[1].error().connection_usable());
    }
}

TEST_P(BatchLoss, WithItsCancelRequestLeavesWhatIsCommitted) {
    const Reply answers = bound().tag("INSERT 0 1").raw(done("UPDATE 1", FakeTransaction::idle).bytes());
    for (const auto& outcome : give_up_two(spi::BatchSync::once, answers)) EXPECT_TRUE(outcome);
}

TEST_P(BatchLoss, IsToldOfAServerThatIsReadyTooOften) {
    for (const auto sync : {spi::BatchSync::each, spi::BatchSync::once}) {
        const Reply first = sync == spi::BatchSync::each ? done("INSERT 0 1", FakeTransaction::idle).ready()
                                                         : Reply().ready().raw(bound().tag("INSERT 0 1").bytes());
        const auto outcomes =
            run({"insert", "update"}, Reply(first).raw(done("UPDATE 1", FakeTransaction::idle).bytes()), sync);
        EXPECT_EQ(outcomes[0].has_value(), sync == spi::BatchSync::each);
        ASSERT_FALSE(outcomes[1]);
        EXPECT_EQ(outcomes[1].error().kind(), ErrorKind::protocol) << outcomes[1].error().what();
    }
}

TEST(DirectBatchLoss, ByAServerThatMakesNoSenseIsThatOfACommitForTheCommitAlone) {
    const ScriptedSession session("direct", [](Conversation& client) {
        for (int i = 0; i < 3; ++i) client.receive_until(MessageKind::sync);
        client.send(Reply().message('q'));
    });
    const std::vector<spi::Request> requests{{.sql = "select 1"}, {.sql = "commit"}, {.sql = "select 2"}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, soon());
    for (const std::size_t at : {0U, 1U, 2U}) {
        ASSERT_FALSE(outcomes[at]);
        EXPECT_EQ(outcomes[at].error().kind(), at == 1 ? ErrorKind::commit_unknown : ErrorKind::protocol);
        EXPECT_EQ(outcomes[at].error().sql(), requests[at].sql);
    }
}

}  // namespace
}  // namespace pg::libpq
