// Servers that say what they may not say where nothing was asked, or in the middle of a COPY: behind the end of an
// answer, to who listens, and between the pieces.
#include <optional>
#include <utility>

#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/nonsense.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

Reply done() { return Reply().parse_complete().bind_complete().no_data().tag("UPDATE 1").ready(); }

template <class T>
std::optional<Error> outcome_of(const Expected<T>& answer) {
    return answer ? std::nullopt : std::optional(answer.error());
}

class UnaskedNonsense : public ::testing::TestWithParam<const char*> {
protected:
    [[nodiscard]] static bool is_direct() { return std::string_view(GetParam()) == "direct"; }

    /// Its server answers a statement and says `reply` in one breath, so that all of it arrives at once; and answers
    /// another one, if it gets there.
    [[nodiscard]] static ScriptedSession answered_and(const Reply& reply) {
        return {GetParam(),
                [&reply](Conversation& client) {
                    client.receive_until(MessageKind::sync);
                    client.send(done().raw(reply.bytes()));
                    client.receive_until(MessageKind::sync);
                    client.send(done());
                    client.ignore();
                },
                {.unix_socket = true}};
    }
    /// libpq looks at the length of what comes behind an answer before it gives that.
    [[nodiscard]] static bool runs_first(const ScriptedSession& session, std::string_view reason) {
        const Expected<Result> first = session->run({.sql = "update"}, soon());
        if (first) return true;
        EXPECT_FALSE(is_direct()) << reason << ": " << first.error().what();
        EXPECT_EQ(first.error().outcome(), Outcome::unknown) << reason << ": " << first.error().what();
        EXPECT_FALSE(session->usable()) << reason;
        return false;
    }
    /// libpq passes over a message that it does not know while nothing is asked, and says so in a notice.
    static void expect_end(const std::optional<Error>& error, const ScriptedSession& session, std::string_view reason) {
        if (is_direct()) {
            ASSERT_TRUE(error) << reason;
            expect_violation(*error, session, reason);
        } else if (error) {
            EXPECT_FALSE(error->connection_usable()) << reason << ": " << error->what();
            EXPECT_FALSE(session->usable()) << reason << ": " << error->what();
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Engine, UnaskedNonsense, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(UnaskedNonsense, BehindAnAnswerLeavesItAndEndsTheSession) {
    for (const auto& [reply, reason] : nonsense_at_any_time()) {
        const ScriptedSession session = answered_and(reply);
        if (!runs_first(session, reason)) continue;
        const bool alive = session->alive();
        EXPECT_EQ(alive, session->usable()) << reason;
        if (is_direct()) {
            EXPECT_FALSE(alive) << reason;
            const Expected<Result> next = session->run({.sql = "update"}, soon());
            ASSERT_FALSE(next) << reason;
            EXPECT_EQ(next.error().kind(), ErrorKind::connection_lost) << next.error().what();
            EXPECT_EQ(next.error().outcome(), Outcome::not_sent) << next.error().what();
        }
    }
}

TEST_P(UnaskedNonsense, BehindAnAnswerEndsTheNextStatement) {
    for (const auto& [reply, reason] : nonsense_at_any_time()) {
        const ScriptedSession session = answered_and(reply);
        if (!runs_first(session, reason)) continue;
        const Expected<Result> next = session->run({.sql = "update"}, soon());
        expect_end(next ? std::nullopt : std::optional(next.error()), session, reason);
        if (!next) {
            EXPECT_EQ(next.error().outcome(), Outcome::unknown) << next.error().what();
        }
    }
}

TEST_P(UnaskedNonsense, BehindAnAnswerEndsTheNextBatch) {
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        for (const auto& [reply, reason] : nonsense_at_any_time()) {
            const ScriptedSession session = answered_and(reply);
            if (!runs_first(session, reason)) continue;
            const spi::Request request{.sql = "update"};
            const auto next = pg::testing::outcomes_of(*session, std::span(&request, 1), sync, soon());
            expect_end(next[0] ? std::nullopt : std::optional(next[0].error()), session, reason);
        }
    }
}

TEST_P(UnaskedNonsense, EndsWhoListens) {
    for (const auto& [reply, reason] : nonsense_at_any_time()) {
        const ScriptedSession session(GetParam(),
                                      [&reply](Conversation& client) {
                                          client.receive_until(MessageKind::sync);
                                          client.send(done().notification(7, "channel", "first").raw(reply.bytes()));
                                          client.ignore();
                                      },
                                      {.unix_socket = true});
        if (!runs_first(session, reason)) continue;
        const auto first = session->wait_notification(soon());
        ASSERT_TRUE(first && *first) << reason << ": it came before";
        EXPECT_EQ((*first)->payload, "first");
        const auto heard = session->wait_notification(is_direct() ? soon() : in(100ms));
        expect_end(heard ? std::nullopt : std::optional(heard.error()), session, reason);
        if (heard) {
            EXPECT_FALSE(*heard) << reason;
        }
    }
}

/// Without a CopyDone.
const Reply ended = Reply().tag("COPY 1").ready();

/// What comes in the middle of a COPY, of which a row and the end of a statement are no part either.
std::vector<Nonsense> nonsense_in_a_copy() {
    std::vector<Nonsense> all = nonsense_at_any_time();
    all.push_back({ended, ""});
    all.push_back({Reply().copy_out(1), ""});
    all.push_back({Reply().copy_done().row({"x"}), ""});
    all.push_back({Reply().copy_done().message('C', "COPY 1"), "a malformed command tag"});  // whose end is missing
    return all;
}

TEST_P(UnaskedNonsense, EndsACopyOut) {
    for (const auto& [reply, reason] : nonsense_in_a_copy()) {
        const ScriptedSession session(GetParam(),
                                      [&reply](Conversation& client) {
                                          Reply begun = take_copy_out(client, GetParam());
                                          client.send(begun.copy_data("first\n").raw(reply.bytes()));
                                          client.ignore();
                                      },
                                      {.unix_socket = true});
        const std::chrono::milliseconds time = is_direct() ? 10s : 200ms;  // libpq waits for the end of any message
        const auto copy = session->copy_out("copy t to stdout", in(time));
        const auto first = copy ? (*copy)->read(in(time)) : copy.error();
        if (!first) {
            EXPECT_FALSE(is_direct()) << reason << ": " << first.error().what();
            const bool came_late = first.error().kind() == ErrorKind::timeout;  // and was drained, as far as libpq sees
            EXPECT_TRUE(!session->usable() || came_late) << reason << ": " << first.error().what();
            continue;
        }
        EXPECT_EQ(*first, "first\n") << reason;
        const auto next = (*copy)->read(in(time));
        if (!is_direct() && reply.bytes() == ended.bytes()) {  // which is enough for libpq
            EXPECT_EQ(next.value(), std::nullopt);
            continue;
        }
        ASSERT_FALSE(next) << reason << ": " << ::testing::PrintToString(*next);
        EXPECT_EQ(next.error().outcome(), Outcome::unknown) << next.error().what();
        if (is_direct()) {
            EXPECT_EQ(next.error().kind(), ErrorKind::protocol) << reason << ": " << next.error().what();
            EXPECT_NE(next.error().message().find(reason), std::string_view::npos) << next.error().what();
        }
        EXPECT_FALSE(session->usable()) << reason;
        EXPECT_EQ((*copy)->read(soon()).value(), std::nullopt) << "it is over";
    }
}

TEST_P(UnaskedNonsense, EndsTheSessionAsACopyBehindTheEndOfRows) {
    const ErrorFields in_text{.sqlstate = "42883", .routine = "getTypeBinaryOutputInfo"};  // it is asked for again so
    for (const Reply& end : {Reply().row({"x"}).tag("SELECT 1"), Reply().row({"x"}).error("22012", "no"),
                             Reply().error("22012", "no"), Reply().error(in_text)}) {
        for (const std::size_t limit : {std::size_t{0}, std::size_t{1000}}) {
            const ScriptedSession session(
                GetParam(),
                [&end](Conversation& client) {
                    client.receive_until(MessageKind::sync);
                    Reply rows = Reply().parse_complete().bind_complete().columns({{"n", Oid{25}, Format::binary}});
                    client.send(rows.raw(end.bytes()).copy_out(1).copy_data("first\n").ready());
                    client.ignore();
                },
                {.unix_socket = true});
            const spi::Request request{.sql = "select n from t", .max_result_bytes = limit};
            if (limit != 0) {
                EXPECT_FALSE(session->run(request, soon()));
            } else if (auto stream = session->stream(request, soon())) {
                while (const auto rows = (*stream)->next(soon()))
                    if (rows->empty()) break;
            }
            EXPECT_FALSE(session->usable()) << ::testing::PrintToString(end.bytes()) << ", at most " << limit;
        }
    }
}

// Libpq takes what comes behind it for the rest of the tag.
TEST(CommandTag, HasAnEndToo) {
    for (const bool in : {true, false}) {
        const ScriptedSession session("direct", [](Conversation& client) {
            client.receive_until(MessageKind::query);
            client.send(Reply().message('C', "SELECT 1").ready());
            client.ignore();
        });
        const auto copied =
            in ? outcome_of(session->copy_in("select 1", soon())) : outcome_of(session->copy_out("select 1", soon()));
        ASSERT_TRUE(copied);
        expect_violation(*copied, session, "a malformed command tag");
    }
}

}  // namespace
}  // namespace pg::libpq
