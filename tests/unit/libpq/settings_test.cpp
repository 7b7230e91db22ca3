// What a server reports of its settings: which of it a session takes for its borrower's doing.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

class Settings : public ::testing::TestWithParam<const char*> {
protected:
    /// A session at rest that runs one statement for each reply, which comes before the answer.
    [[nodiscard]] static ScriptedSession reporting(std::vector<Reply> replies) {
        return ScriptedSession(GetParam(), [replies = std::move(replies)](Conversation& client) {
            for (const Reply& reply : replies) {
                client.receive_until(MessageKind::sync);
                client.send(
                    Reply().parse_complete().bind_complete().no_data().tag("SELECT 0").raw(reply.bytes()).ready());
            }
            client.ignore();
        });
    }
    static bool changes(const ScriptedSession& session) {
        EXPECT_TRUE(session->run({.sql = "select f()"}, soon()));
        return !session->at_rest();
    }
};

TEST_P(Settings, AreChangedUntilTheyAreAsTheyWere) {
    const ScriptedSession session = reporting(
        {Reply(), Reply().parameter("TimeZone", "Asia/Tokyo"), Reply(), Reply().parameter("TimeZone", "Europe/Rome")});
    EXPECT_TRUE(session->alive());
    EXPECT_FALSE(changes(session));
    EXPECT_TRUE(changes(session));
    EXPECT_TRUE(changes(session)) << "and still are";
    EXPECT_TRUE(changes(session)) << "in another way";
    EXPECT_TRUE(session->alive());
    EXPECT_TRUE(session->at_rest()) << "so they are at rest from now on";
}

TEST_P(Settings, AreNotChangedByWhatIsSetBack) {
    const ScriptedSession session =
        reporting({Reply().parameter("DateStyle", "German, DMY"), Reply().parameter("DateStyle", "ISO, MDY")});
    EXPECT_TRUE(session->alive());
    ASSERT_EQ(session->parameter("DateStyle"), "ISO, MDY");
    EXPECT_TRUE(changes(session));
    EXPECT_FALSE(changes(session));
}

TEST_P(Settings, AreNotChangedByAPromotion) {
    const ScriptedSession session = reporting({Reply().parameter("in_hot_standby", "off")});
    EXPECT_TRUE(session->alive());
    EXPECT_FALSE(changes(session));
    EXPECT_EQ(session->parameter("in_hot_standby"), "off");
}

INSTANTIATE_TEST_SUITE_P(Engines, Settings, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
}  // namespace pg::libpq
