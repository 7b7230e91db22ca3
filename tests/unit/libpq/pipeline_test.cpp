// Pipelines on servers that misbehave: each request that was taken is answered, once, in order.
#include <deque>
#include <gtest/gtest.h>
#include <optional>
#include <stop_token>
#include <vector>

#include "pg/stop.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using namespace std::string_view_literals;
using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// A number of requests, and what was said of each.
class Requests final : public spi::RequestFeed {
public:
    explicit Requests(std::vector<std::string_view> texts) {
        for (const std::string_view text : texts) requests_.push_back({.sql = text});
    }
    std::vector<Expected<Result>> answers{};
    const spi::Wait* given_up = nullptr;  // by all of them, as soon as they are sent

private:
    const spi::Request* do_next() noexcept override {
        return next_ == requests_.size() ? nullptr : &requests_[next_++];
    }
    void do_answer(Expected<Result>&& outcome) noexcept override { answers.push_back(std::move(outcome)); }
    const spi::Wait* do_given_up() const noexcept override { return given_up; }
    spi::Wait do_wait() const noexcept override { return soon(); }

    std::deque<spi::Request> requests_;
    std::size_t next_ = 0;
};

Reply bound() { return Reply().parse_complete().bind_complete(); }

/// What a server says of two statements that are sent to it at once, and then ends.
std::vector<Expected<Result>> run(const char* engine, const Reply& reply) {
    ScriptedSession session(engine, [&](Conversation& client) {
        client.receive_until(MessageKind::sync);
        client.send(reply);
    });
    Requests requests({"select 1", "select 2"});
    session->run_pipeline(requests);
    return std::move(requests.answers);
}

class Pipeline : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Engine, Pipeline, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST(DirectPipeline, AnswersAllWhenTheServerBreaksTheProtocol) {
    const struct {
        Reply reply;
        std::string_view words;
    } cases[] = {
        {bound().message('T', "\xff\xff"sv), "a malformed description of columns"},
        {bound().no_data().message('C', "INSERT 0 1"), "a malformed command tag"},
        {bound().no_data().ready(), "ready, where a statement is to be answered"},
        {bound().columns({{"n", Oid{23}}}).message('D', "\0\2"sv), "a row that is not as its columns were described"},
        {bound().no_data().copy_in(1), "copy_in"},
        {bound().no_data().copy_out(1), "copy_out"},
    };
    for (const auto& [reply, words] : cases) {
        const std::vector<Expected<Result>> answers = run("direct", reply);
        ASSERT_EQ(answers.size(), 2u) << words;
        for (const Expected<Result>& answer : answers) {
            ASSERT_FALSE(answer) << words;
            EXPECT_NE(answer.error().message().find(words), std::string_view::npos) << answer.error().what();
            EXPECT_FALSE(answer.error().connection_usable());
            EXPECT_EQ(answer.error().outcome(), Outcome::unknown);
        }
    }
}

TEST_P(Pipeline, AnswersAllWhenTheServerSaysFarewell) {
    ErrorFields farewell;
    farewell.severity = "FATAL";
    farewell.sqlstate = "57P01";
    farewell.message = "going down";
    Reply reply = bound().no_data().tag("SELECT 0").ready();
    for (int farewells = 1; farewells <= 3; ++farewells) {  // it may say it more than once
        const std::vector<Expected<Result>> answers = run(GetParam(), reply.error(farewell));
        ASSERT_EQ(answers.size(), 2u);
        EXPECT_TRUE(answers.front());
        ASSERT_FALSE(answers.back());
        EXPECT_EQ(answers.back().error().kind(), ErrorKind::connection_lost);
        EXPECT_EQ(answers.back().error().sqlstate(), "57P01") << answers.back().error().what();
        EXPECT_EQ(answers.back().error().outcome(), Outcome::unknown);
    }
}

// Nobody knows what became of those behind the first either, and no word of it is theirs.
TEST_P(Pipeline, TellsEachOfALossByItsText) {
    for (const std::string_view first : {"select 1", "commit"}) {
        ScriptedSession session(GetParam(), [](Conversation& client) { client.receive_until(MessageKind::sync); });
        Requests requests({first, "select 2", "commit"});
        session->run_pipeline(requests);
        ASSERT_EQ(requests.answers.size(), 3u);
        const std::string_view texts[] = {first, "select 2", "commit"};
        for (std::size_t at = 0; at < 3; ++at) {
            ASSERT_FALSE(requests.answers[at]);
            const Error& error = requests.answers[at].error();
            EXPECT_EQ(error.sql(), texts[at]);
            EXPECT_EQ(error.outcome(), Outcome::unknown) << error.what();
            EXPECT_EQ(error.kind(), texts[at] == "commit" ? ErrorKind::commit_unknown : ErrorKind::connection_lost);
        }
    }
}

// What it said of the first stays said, whatever becomes of the connection.
TEST_P(Pipeline, KnowsTheFirstByTheReportBeforeALoss) {
    const std::vector<Expected<Result>> answers = run(GetParam(), bound().error("40001", "run it again"));
    ASSERT_EQ(answers.size(), 2u);
    ASSERT_FALSE(answers.front() || answers.back());
    const Error& known = answers.front().error();
    EXPECT_EQ(known.sqlstate(), "40001") << known.what();
    EXPECT_EQ(known.outcome(), Outcome::not_applied);
    EXPECT_FALSE(known.connection_usable());
    EXPECT_EQ(answers.back().error().kind(), ErrorKind::connection_lost) << answers.back().error().what();
    EXPECT_EQ(answers.back().error().outcome(), Outcome::unknown);
}

TEST_P(Pipeline, IsLeftWithAServerThatIsReadyTooOften) {
    const Reply done = bound().no_data().tag("SELECT 0").ready();
    const std::vector<Expected<Result>> answers = run(GetParam(), Reply(done).ready().raw(done.bytes()));
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_TRUE(answers.front());
    ASSERT_FALSE(answers.back());
    EXPECT_EQ(answers.back().error().kind(), ErrorKind::protocol) << answers.back().error().what();
    EXPECT_FALSE(answers.back().error().connection_usable());
}

TEST_P(Pipeline, TakesAnEmptyAnswerAndOneThatFailsBehindItsTag) {
    const std::vector<Expected<Result>> answers = run(GetParam(), bound()
                                                                      .no_data()
                                                                      .empty_query()
                                                                      .ready()
                                                                      .parse_complete()
                                                                      .bind_complete()
                                                                      .no_data()
                                                                      .tag("INSERT 0 1")
                                                                      .error("23503", "deferred")
                                                                      .ready());
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_TRUE(answers.front());
    ASSERT_FALSE(answers.back()) << "its own Sync failed";
    EXPECT_EQ(answers.back().error().sqlstate(), "23503");
    EXPECT_EQ(answers.back().error().outcome(), Outcome::not_applied);
}

TEST_P(Pipeline, AnswersInOrderWhatIsRefusedBeforeItIsSent) {
    ScriptedSession session(GetParam(), [&](Conversation& client) {
        for (int statement = 0; statement < 2; ++statement) client.receive_until(MessageKind::sync);
        for (int statement = 0; statement < 2; ++statement) client.send(bound().no_data().tag("SELECT 0").ready());
        client.ignore();
    });
    Requests requests({"select\0 0"sv, "select 1", "select\0 2"sv, "select 3"});
    session->run_pipeline(requests);
    ASSERT_EQ(requests.answers.size(), 4u);
    for (std::size_t at = 0; at < 4; ++at) EXPECT_EQ(requests.answers[at].has_value(), at % 2 == 1) << at;
    for (const std::size_t refused : {0U, 2U})
        EXPECT_EQ(requests.answers[refused].error().outcome(), Outcome::not_sent);
    EXPECT_EQ(requests.answers[2].error().sql(), "select\0 2"sv);
    EXPECT_TRUE(session->usable());
}

/// Gives up a statement, behind which is one that is not sent. The server answers when it was asked to cancel it.
class GivenUpBeforeARefused : public Pipeline {
protected:
    void give_up(const spi::Wait& wait) {
        requests.given_up = &wait;
        session.emplace(
            GetParam(),
            [](Conversation& client) {
                client.receive_until(MessageKind::sync);
                if (!client.wait_for_cancel()) return;
                client.send(Reply().parse_complete().bind_complete().error("57014", "cancelled").ready());
                client.ignore();
            },
            ScriptedSessionOptions{.cancel_requests = cancel_requests});
        (*session)->run_pipeline(requests);
        ASSERT_EQ(requests.answers.size(), 2u);
        EXPECT_FALSE(requests.answers[0]);
        EXPECT_EQ(requests.answers[1].error().outcome(), Outcome::not_sent);
    }

    CancelRequests cancel_requests = CancelRequests::heard;
    Requests requests{{"select 1", "select\0 2"sv}};
    std::optional<ScriptedSession> session;
};
INSTANTIATE_TEST_SUITE_P(Engine, GivenUpBeforeARefused, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(GivenUpBeforeARefused, LeavesTheSessionWhenTheServerHasDealtWithTheCancel) {
    std::stop_source source;
    source.request_stop();
    const StopToken stop(source.get_token());
    give_up({.deadline = Deadline::after(10s), .stop = &stop});
    const bool came_late =
        requests.answers[0].error().outcome() == Outcome::unknown;  // behind the two seconds of a stop
    EXPECT_TRUE((*session)->usable() || came_late);
}

TEST_P(GivenUpBeforeARefused, LeavesNoSessionThatACancelMayYetHit) {
    cancel_requests = CancelRequests::kept;
    give_up(in(-1s));
    EXPECT_FALSE((*session)->usable());
}

// A server that was asked to give up the first is at the second when its client is gone: it would run that to its end.
TEST_P(Pipeline, EndsOnTheServerWhatIsBehindAStatementThatWasGivenUp) {
    ScriptedSession session(
        GetParam(),
        [](Conversation& client) {
            client.receive_until(MessageKind::sync);
            if (!client.wait_for_cancel()) return;
            client.send(Reply().parse_complete().bind_complete().error("57014", "cancelled").ready());
            client.ignore();
            client.wait_for_cancel();
        },
        {.cancel_requests = CancelRequests::cued});
    Requests requests({"select 1", "select 2"});
    std::stop_source source;
    source.request_stop();
    const StopToken stop(source.get_token());
    const spi::Wait over{.deadline = soon().deadline, .stop = &stop};  // which has two seconds for that
    requests.given_up = &over;
    session->run_pipeline(requests);
    EXPECT_FALSE(session->usable());
    constexpr std::size_t requests_to_cancel = 3;  // and two of them when the connection is closed
    for (std::size_t request = 0; request < requests_to_cancel; ++request) session.server().cue();
    EXPECT_TRUE(session.server().wait_for_clients(1 + requests_to_cancel, soon().deadline));
    const std::vector<int> asked = session.server().cancel_requests();
    EXPECT_GE(asked.size(), requests_to_cancel);  // one more where the two seconds of a stop are over before the answer
    EXPECT_EQ(asked, std::vector<int>(asked.size(), 1));
}

TEST_P(Pipeline, OfASessionThatIsClosedAnswersEach) {
    ScriptedSession session(GetParam(), [](Conversation&) {});
    EXPECT_FALSE(session->run({.sql = "select 1"}, soon()));
    Requests requests({"select 1", "select 2"});
    session->run_pipeline(requests);
    ASSERT_EQ(requests.answers.size(), 2u);
    for (const auto& answer : requests.answers) EXPECT_EQ(answer.error().outcome(), Outcome::not_sent);
}

}  // namespace
}  // namespace pg::libpq
