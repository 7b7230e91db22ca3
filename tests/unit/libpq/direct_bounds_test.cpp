// The direct engine and a server that has always more to say: what that may take, of time and of memory, is bounded.
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// Takes a notice in only when the next one is there.
class AlwaysOneMore final : public spi::NoticeHandler {
public:
    static constexpr int most = 1000;

    void send_all(Conversation& client) {
        for (int i = 0; i < most; ++i) {
            asked_.acquire();
            client.send(Reply().notice("and another thing"));
            sent_.release();
        }
        is_over_ = true;
        sent_.release();
    }
    void ask() {
        asked_.release();
        sent_.acquire();
    }
    void let_go() { asked_.release(most); }

private:
    void on_notice(const Error&) noexcept override {
        if (!is_over_) ask();
    }

    std::counting_semaphore<> asked_{0}, sent_{0};
    std::atomic<bool> is_over_{false};
};

TEST(DirectBounds, LeaveAServerThatTalksUnaskedWithoutAnEnd) {
    const auto talk = std::make_shared<AlwaysOneMore>();
    const ScriptedSession session("direct",
                                  [talk](Conversation& client) {
                                      talk->send_all(client);
                                      client.ignore();
                                  },
                                  {.unix_socket = true, .notices = talk});
    talk->ask();
    EXPECT_FALSE(session->alive());
    talk->let_go();
}

TEST(DirectBounds, KeepTheSettingsThatWereReportedFirst) {
    const ScriptedSession session("direct",
                                  [](Conversation& client) {
                                      client.receive_until(MessageKind::execute);
                                      Reply reply = Reply().parse_complete().bind_complete().no_data();
                                      for (int i = 0; i < 600; ++i) reply.parameter("p" + std::to_string(i), "old");
                                      reply.parameter("p0", "new").parameter("p599", "new");
                                      client.send(reply.tag("SET").ready());
                                      client.ignore();
                                  },
                                  {.unix_socket = true});
    ASSERT_TRUE(session->run({.sql = "set"}, soon()));
    EXPECT_EQ(session->parameter("p0"), "new");
    EXPECT_EQ(session->parameter("p499"), "old");
    EXPECT_EQ(session->parameter("p500"), "");
    EXPECT_EQ(session->parameter("p599"), "");
}

// Rows of one statement would be read by the columns of the next.
TEST(DirectBatch, LeavesAServerThatSuspendsAStatement) {
    const ScriptedSession session("direct", [](Conversation& client) {
        client.receive_until(MessageKind::sync);
        client.send(Reply()
                        .parse_complete()
                        .bind_complete()
                        .columns({{"n", Oid{25}}})
                        .row({"x"})
                        .portal_suspended()
                        .parse_complete()
                        .bind_complete()
                        .columns({{"a", Oid{25}}, {"b", Oid{25}}, {"c", Oid{25}}})
                        .tag("SELECT 1")
                        .ready());
        client.ignore();
    });
    const std::vector<spi::Request> requests{{.sql = "select 1"}, {.sql = "select 2"}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::once, soon());
    ASSERT_EQ(outcomes.size(), 2u);
    for (const auto& outcome : outcomes) {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().outcome(), Outcome::unknown) << outcome.error().what();
    }
    EXPECT_FALSE(session->usable());
}

}  // namespace
}  // namespace pg::libpq
