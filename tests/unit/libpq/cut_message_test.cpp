// Connections to the direct engine that end in the middle of a message: lost like any other, and the error says of
// what.
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// A session whose server says this once it is asked, and leaves.
ScriptedSession told(std::string said, MessageKind asked) {
    return ScriptedSession("direct",
                           [said = std::move(said), asked](Conversation& client) {
                               client.receive_until(asked);
                               client.send(said);
                           },
                           {.unix_socket = true});
}

/// What is said of a message of which so many bytes came.
std::string words_of(const std::string& message, std::size_t came) {
    if (came == 0) return "connection lost: the server closed the connection";
    std::string words = "connection lost: the server closed the connection, in the middle of a message ('";
    words.append(1, message.front()).append("', ").append(std::to_string(came));
    if (came >= 5) words.append(" of ").append(std::to_string(message.size()));
    return words.append(came == 1 ? " byte)" : " bytes)");
}

/// Cuts `message`, which comes behind `before`, at every place, and has `ask(session)` tell how it failed.
template <class Ask>
void expect_named(const Reply& before, const Reply& cut, MessageKind asked, Ask ask) {
    const std::string& message = cut.bytes();
    for (std::size_t came = 0; came < message.size(); ++came) {
        const ScriptedSession session = told(before.bytes() + message.substr(0, came), asked);
        const std::optional<Error> error = ask(*session);
        ASSERT_TRUE(error) << came;
        EXPECT_EQ(error->kind(), ErrorKind::connection_lost) << error->what();
        EXPECT_EQ(error->outcome(), Outcome::unknown) << error->what();
        EXPECT_EQ(error->retry_scope(), RetryScope::none) << error->what();
        EXPECT_EQ(error->message(), words_of(message, came));
        EXPECT_FALSE(session->usable());
    }
}

template <class T>
std::optional<Error> failure_of(const Expected<T>& outcome) {
    return outcome ? std::nullopt : std::optional(outcome.error());
}

const Reply described = Reply().parse_complete().bind_complete().columns({{"n", Oid{25}, Format::binary}});
const Reply row = Reply().row({"0123456789"});

TEST(CutMessage, IsNamedByTheErrorOfAStatement) {
    expect_named(described, row, MessageKind::sync,
                 [](spi::Session& session) { return failure_of(session.run({.sql = "select"}, soon())); });
}

TEST(CutMessage, IsNamedByTheErrorOfABatch) {
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each})
        expect_named(described, row, MessageKind::sync, [sync](spi::Session& session) {
            const spi::Request requests[] = {{.sql = "select"}};
            return failure_of(pg::testing::outcomes_of(session, requests, sync, soon()).front());
        });
}

TEST(CutMessage, IsNamedByTheErrorOfAStream) {
    expect_named(described, row, MessageKind::sync, [](spi::Session& session) {
        const auto stream = session.stream({.sql = "select"}, soon());
        return stream ? failure_of((*stream)->next(soon())) : failure_of(stream);
    });
}

TEST(CutMessage, IsNamedByTheErrorOfACopyOut) {
    expect_named(Reply().copy_out(1).copy_data("whole"), Reply().copy_data("0123456789"), MessageKind::query,
                 [](spi::Session& session) {
                     const auto copy = session.copy_out("copy t to stdout", soon()).value();
                     EXPECT_EQ(copy->read(soon()).value(), "whole");
                     return failure_of(copy->read(soon()));
                 });
}

TEST(CutMessage, IsNamedByTheErrorOfACopyIn) {
    expect_named(Reply().copy_in(1).notice("whole"), Reply().error("22P02", "no number"), MessageKind::query,
                 [](spi::Session& session) {
                     const auto copy = session.copy_in("copy t from stdin", soon()).value();
                     return failure_of(copy->finish(soon()));
                 });
}

TEST(CutMessage, LeavesItOpenWhetherACommitWasMade) {
    const ScriptedSession session = told(Reply().tag("COMMIT").bytes() + "Z", MessageKind::query);
    const auto committed = session->run_command("commit", soon());
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind(), ErrorKind::commit_unknown);
    EXPECT_NE(committed.error().message().find("in the middle of a message ('Z', 1 byte)"), std::string_view::npos)
        << committed.error().what();
}

}  // namespace
}  // namespace pg::libpq
