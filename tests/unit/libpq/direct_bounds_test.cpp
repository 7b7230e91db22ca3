// The direct engine and a server that has always more to say: what that may take, of time and of memory, is bounded.
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <semaphore>
#include <string>

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

}  // namespace
}  // namespace pg::libpq
