// Names of statements that a session is to deallocate: they are heard by the server, however late.
#include <gtest/gtest.h>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "pg/stop.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// What came up to the next Sync: names that are closed, and texts.
using Heard = std::vector<std::string>;

/// Answers whatever comes, and keeps what that is.
class Answering {
public:
    explicit Answering(Conversation& client) : client_(client) {}

    /// Takes what stands before the next Sync; false when the client has left.
    bool take(Heard& heard) {
        reply_ = Reply();
        for (;;) {
            const testing::ClientMessage message = client_.receive();
            switch (message.kind) {
                case MessageKind::close:
                    heard.push_back("close " + message.statement);
                    reply_.close_complete();
                    break;
                case MessageKind::parse:
                    heard.push_back(message.sql);
                    reply_.parse_complete();
                    break;
                case MessageKind::bind: reply_.bind_complete(); break;
                case MessageKind::describe: reply_.no_data(); break;
                case MessageKind::execute: reply_.tag("SELECT 0"); break;
                case MessageKind::sync: return true;
                default: return false;
            }
        }
    }
    void answer() { client_.send(reply_.ready()); }

private:
    Conversation& client_;
    Reply reply_;
};

testing::Script answer_all(const std::shared_ptr<Heard>& heard) {
    return [heard](Conversation& client) {
        for (Answering answers(client); answers.take(*heard);) answers.answer();
    };
}

class ForgottenNames : public ::testing::TestWithParam<const char*> {
protected:
    static std::string end_of(const std::string& name) {
        return GetParam() == std::string("direct") ? "close " + name : "DEALLOCATE \"" + name + '"';
    }
};
INSTANTIATE_TEST_SUITE_P(Engine, ForgottenNames, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(ForgottenNames, OutliveWhatWasTooLateToBeSent) {
    const auto heard = std::make_shared<Heard>();
    {
        const ScriptedSession session(GetParam(), answer_all(heard));
        session->forget("a");
        EXPECT_EQ(session->run({.sql = "select 1"}, in(0s)).error().outcome(), Outcome::not_sent);
        EXPECT_TRUE(session->run({.sql = "select 2"}, soon()));
        EXPECT_TRUE(session->run({.sql = "select 3"}, soon()));
    }
    EXPECT_EQ(*heard, (Heard{end_of("a"), "select 2", "select 3"}));
}

TEST_P(ForgottenNames, OutliveWhatIsRefusedWhileAStreamIsOpen) {
    const auto heard = std::make_shared<Heard>();
    {
        ScriptedSession session(GetParam(), [heard](Conversation& client) {
            if (!Answering(client).take(*heard)) return;
            client.send(Reply().parse_complete().bind_complete().columns({{"n", Oid{25}}}).row({"a"}));
            if (!client.wait_for_cue()) return;
            client.send(Reply().tag("SELECT 1").ready());
            answer_all(heard)(client);
        });
        const auto stream = session->stream({.sql = "select 1"}, soon()).value();
        EXPECT_EQ(stream->next(soon()).value().size(), 1U);
        session->forget("a");
        EXPECT_EQ(session->run({.sql = "select 2"}, soon()).error().kind(), ErrorKind::usage);
        session.server().cue();
        EXPECT_TRUE(stream->next(soon()).value().empty());
        EXPECT_TRUE(session->run({.sql = "select 3"}, soon()));
    }
    EXPECT_EQ(*heard, (Heard{"select 1", end_of("a"), "select 3"}));
}

// The direct engine closes them with the statement that comes next.
TEST(ForgottenNamesOfLibpq, OutliveADeallocationThatIsGivenUp) {
    for (const Deadline patience = Deadline::after(60s); !patience.passed();) {
        Heard heard;
        std::stop_source source;
        {
            const ScriptedSession session("libpq",
                                          [&](Conversation& client) {
                                              Answering answers(client);
                                              if (!answers.take(heard)) return;
                                              source.request_stop();
                                              if (!client.wait_for_cancel()) return;
                                              client.send(Reply().error("57014", "cancelled").ready());
                                              while (answers.take(heard)) answers.answer();
                                          },
                                          {.cancel_requests = CancelRequests::heard});
            session->forget("a");
            session->forget(std::string_view("zero\0byte", 9));
            const StopToken stop(source.get_token());
            EXPECT_FALSE(session->run({.sql = "select 1"}, {.deadline = Deadline::after(60s), .stop = &stop}));
            if (!session->usable()) continue;  // a busy machine took longer than a stop has
            EXPECT_TRUE(session->run({.sql = "select 2"}, soon()));
            EXPECT_TRUE(session->run({.sql = "select 3"}, soon()));
        }
        EXPECT_EQ(heard, (Heard{"DEALLOCATE \"a\"", "DEALLOCATE \"a\"", "select 2", "select 3"}));
        return;
    }
    FAIL() << "no answer came in time";
}

/// One request that nobody wants any more once it is sent.
class Unwanted final : public spi::RequestFeed {
public:
    explicit Unwanted(const StopToken& stop) : wait_{.deadline = Deadline::after(60s), .stop = &stop} {}
    std::vector<Expected<Result>> answers{};

private:
    const spi::Request* do_next() noexcept override { return std::exchange(next_, nullptr); }
    void do_answer(Expected<Result>&& outcome) noexcept override { answers.push_back(std::move(outcome)); }
    const spi::Wait* do_given_up() const noexcept override { return &wait_; }
    spi::Wait do_wait() const noexcept override { return wait_; }

    const spi::Request request_{.sql = "select 1"};
    const spi::Request* next_ = &request_;
    const spi::Wait wait_;
};

/// The server has three statements, and gives up the first; the second is done before the request to cancel it comes.
void give_up_three(Conversation& client, Heard& heard) {
    for (int statement = 0; statement < 3; ++statement)
        if (!Answering(client).take(heard)) return;
    const Reply cancelled = Reply().error("57014", "cancelled").ready();
    const Reply done = Reply().parse_complete().bind_complete().no_data().tag("DEALLOCATE").ready();
    for (const Reply& reply : {cancelled, done, cancelled}) {
        if (!client.wait_for_cancel()) return;
        client.send(reply);
    }
}

TEST(ForgottenNamesOfLibpq, OutliveADeallocationThatIsGivenUpInAPipeline) {
    std::stop_source source;
    source.request_stop();
    const StopToken stop(source.get_token());
    for (const Deadline patience = Deadline::after(60s); !patience.passed();) {
        const auto heard = std::make_shared<Heard>();
        {
            const ScriptedSession session("libpq",
                                          [heard](Conversation& client) {
                                              give_up_three(client, *heard);
                                              answer_all(heard)(client);
                                          },
                                          {.cancel_requests = CancelRequests::heard});
            session->forget("a");
            session->forget("b");
            Unwanted requests(stop);
            session->run_pipeline(requests);
            ASSERT_EQ(requests.answers.size(), 1U);
            EXPECT_EQ(requests.answers.front().error().kind(), ErrorKind::cancelled);
            if (!session->usable()) continue;  // a busy machine took longer than a moment
            EXPECT_TRUE(session->run({.sql = "select 2"}, soon()));
            EXPECT_TRUE(session->run({.sql = "select 3"}, soon()));
        }
        EXPECT_EQ(*heard, (Heard{"DEALLOCATE \"a\"", "DEALLOCATE \"b\"", "select 1", "DEALLOCATE \"a\"", "select 2",
                                 "select 3"}));
        return;
    }
    FAIL() << "no answer came in time";
}

}  // namespace
}  // namespace pg::libpq
