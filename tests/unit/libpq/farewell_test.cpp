// Servers that end the session between the tag of a statement and ReadyForQuery, on either engine: its transaction may
// have been committed by then, whatever the code says of a statement that is under way.
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

Reply farewell(std::string_view sqlstate) {
    ErrorFields fields{.message = "terminating connection"};
    fields.severity = "FATAL";
    fields.sqlstate = SqlState(sqlstate);
    return Reply().error(fields);
}

const Reply inserted = Reply().parse_complete().bind_complete().no_data().tag("INSERT 0 1");

/// By the codes that a server ends a session with: an administrator, a standby's conflict with what it replays, the end
/// of a transaction's time, that of a session's, and one that says nothing of sessions.
class Farewell : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {
protected:
    [[nodiscard]] static Reply goodbye() { return farewell(std::get<1>(GetParam())); }
    /// A session whose server answers each of `asked` messages of that kind by the reply of the same place, and leaves.
    [[nodiscard]] static ScriptedSession session_with(MessageKind kind, std::vector<Reply> replies) {
        return ScriptedSession(std::get<0>(GetParam()),
                               [kind, replies = std::move(replies)](Conversation& client) {
                                   for (const Reply& reply : replies) {
                                       client.receive_until(kind);
                                       client.send(reply);
                                   }
                               },
                               {.unix_socket = true});
    }
    /// Nobody knows what became of it, so nothing is run again by itself.
    static void expect_unknown(const Error& error, ErrorKind kind = ErrorKind::connection_lost) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        EXPECT_EQ(error.outcome(), Outcome::unknown) << error.what();
        EXPECT_EQ(error.retry_scope(), RetryScope::none) << error.what();
        EXPECT_EQ(error.sqlstate(), std::get<1>(GetParam())) << error.what();
        EXPECT_FALSE(error.connection_usable());
    }
};
INSTANTIATE_TEST_SUITE_P(By, Farewell,
                         ::testing::Combine(::testing::Values("direct", "libpq"),
                                            ::testing::Values("57P01", "40001", "25P04", "57P05", "55P03")),
                         [](const auto& by) {
                             return std::string(std::get<0>(by.param)) + "_" + std::get<1>(by.param);
                         });

TEST_P(Farewell, BehindTheTagOfAStatement) {
    for (const std::size_t most_bytes : {0, 1000}) {
        const ScriptedSession session =
            session_with(MessageKind::sync, {Reply().raw(inserted.bytes()).raw(goodbye().bytes())});
        const auto result = session->run({.sql = "insert", .max_result_bytes = most_bytes}, soon());
        ASSERT_FALSE(result);
        expect_unknown(result.error());
        EXPECT_FALSE(session->usable());
    }
}

TEST_P(Farewell, BehindTheTagOfAStream) {
    const ScriptedSession session =
        session_with(MessageKind::sync, {Reply().raw(inserted.bytes()).raw(goodbye().bytes())});
    auto stream = session->stream({.sql = "insert"}, soon());
    const auto told = stream ? (*stream)->next(soon()) : Expected<Result>(stream.error());
    ASSERT_FALSE(told);
    expect_unknown(told.error());
}

TEST_P(Farewell, BehindTheTagsOfABatchOfOneTransaction) {
    const ScriptedSession session =
        session_with(MessageKind::sync, {Reply().raw(inserted.bytes()).raw(inserted.bytes()).raw(goodbye().bytes())});
    const std::vector<spi::Request> requests(2, {.sql = "insert"});
    for (const auto& told : pg::testing::outcomes_of(*session, requests, spi::BatchSync::once, soon())) {
        ASSERT_FALSE(told);
        expect_unknown(told.error());
    }
}

TEST_P(Farewell, BehindATagOfABatchOfTransactions) {
    const ScriptedSession session =
        session_with(MessageKind::sync,
                     {Reply().raw(inserted.bytes()).ready(), Reply().raw(inserted.bytes()).raw(goodbye().bytes())});
    const std::vector<spi::Request> requests(3, {.sql = "insert"});
    const auto told = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, soon());
    EXPECT_TRUE(told[0]) << "its transaction was over";
    for (const std::size_t at : {1U, 2U}) {
        ASSERT_FALSE(told[at]);
        expect_unknown(told[at].error());
    }
}

// The one that it stood in at first is over.
TEST_P(Farewell, BehindATagOfABatchThatEndsItsBlock) {
    const ScriptedSession session = session_with(
        MessageKind::sync, {Reply().parse_complete().bind_complete().no_data().tag("BEGIN").message('Z', "T"),
                            Reply().parse_complete().bind_complete().no_data().tag("COMMIT").ready(),
                            Reply().raw(inserted.bytes()).raw(goodbye().bytes())});
    ASSERT_TRUE(session->run({.sql = "begin"}, soon()));
    const std::vector<spi::Request> requests{{.sql = "commit"}, {.sql = "insert"}};
    const auto told = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, soon());
    EXPECT_TRUE(told[0]);
    ASSERT_FALSE(told[1]);
    expect_unknown(told[1].error());
}

TEST_P(Farewell, BehindATagOfABatchWithinABlockSaysWhatItsCodeSays) {
    const ScriptedSession session = session_with(
        MessageKind::sync, {Reply().parse_complete().bind_complete().no_data().tag("BEGIN").message('Z', "T"),
                            Reply(inserted).message('Z', "T"), Reply().raw(inserted.bytes()).raw(goodbye().bytes())});
    ASSERT_TRUE(session->run({.sql = "begin"}, soon()));
    const std::vector<spi::Request> requests(2, {.sql = "insert"});
    const auto told = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, soon());
    EXPECT_TRUE(told[0]);
    ASSERT_FALSE(told[1]);
    const bool says_nothing = std::get<1>(GetParam()) == std::string_view("57P01");
    EXPECT_EQ(told[1].error().outcome(), says_nothing ? Outcome::unknown : Outcome::not_applied);
}

TEST_P(Farewell, BehindTheTagOfWhatIsNoCopy) {
    const std::string sql = "insert into t values (1)";
    const ScriptedSession in = session_with(MessageKind::query, {Reply().tag("INSERT 0 1").raw(goodbye().bytes())});
    const auto told_in = in->copy_in(sql, soon());
    ASSERT_FALSE(told_in);
    expect_unknown(told_in.error());
    const bool is_direct = std::get<0>(GetParam()) == std::string_view("direct");
    const ScriptedSession out =
        session_with(is_direct ? MessageKind::query : MessageKind::sync,
                     {Reply(is_direct ? Reply().tag("INSERT 0 1") : inserted).raw(goodbye().bytes())});
    const auto told_out = out->copy_out(sql, soon());
    ASSERT_FALSE(told_out);
    expect_unknown(told_out.error());
}

class Requests final : public spi::RequestFeed {
public:
    std::vector<Expected<Result>> answers{};

private:
    const spi::Request* do_next() noexcept override { return sent_++ == 0 ? &request_ : nullptr; }
    void do_answer(Expected<Result>&& outcome) noexcept override { answers.push_back(std::move(outcome)); }
    const spi::Wait* do_given_up() const noexcept override { return nullptr; }
    spi::Wait do_wait() const noexcept override { return soon(); }

    spi::Request request_{.sql = "insert"};
    int sent_ = 0;
};

TEST_P(Farewell, BehindATagOfAPipeline) {
    const ScriptedSession session =
        session_with(MessageKind::sync, {Reply().raw(inserted.bytes()).raw(goodbye().bytes())});
    Requests requests;
    session->run_pipeline(requests);
    ASSERT_EQ(requests.answers.size(), 1U);
    ASSERT_FALSE(requests.answers.front());
    expect_unknown(requests.answers.front().error());
}

TEST_P(Farewell, BehindTheTagOfACommand) {
    const ScriptedSession session = session_with(MessageKind::query, {Reply().tag("DELETE 1").raw(goodbye().bytes())});
    const auto told = session->run_command("delete from t", soon());
    ASSERT_FALSE(told);
    expect_unknown(told.error());
}

TEST_P(Farewell, BehindTheTagOfACommit) {
    const ScriptedSession session = session_with(
        MessageKind::query, {Reply().tag("BEGIN").message('Z', "T"), Reply().tag("COMMIT").raw(goodbye().bytes())});
    ASSERT_TRUE(session->run_command("begin", soon()));
    const auto told = session->run_command("commit", soon());
    ASSERT_FALSE(told);
    expect_unknown(told.error(), ErrorKind::commit_unknown);
}

TEST_P(Farewell, BehindTheTagOfACopyIn) {
    for (const bool fails : {false, true}) {
        const ScriptedSession session =
            ScriptedSession(std::get<0>(GetParam()),
                            [fails](Conversation& client) {
                                client.expect(MessageKind::query);
                                client.send(Reply().copy_in(1));
                                client.receive_until(fails ? MessageKind::copy_fail : MessageKind::copy_done);
                                client.send(Reply().tag("COPY 1").raw(goodbye().bytes()));
                            },
                            {.unix_socket = true});
        const auto copy = session->copy_in("copy t from stdin", soon()).value();
        EXPECT_TRUE(copy->write("1\n", soon()));
        const auto told = fails ? copy->fail("no", soon()) : [&]() -> Expected<void> {
            auto done = copy->finish(soon());
            if (done) return {};
            return done.error();
        }();
        ASSERT_FALSE(told);
        expect_unknown(told.error());
    }
}

TEST_P(Farewell, BehindTheTagOfACopyOut) {
    const ScriptedSession session(std::get<0>(GetParam()),
                                  [end = goodbye()](Conversation& client) {
                                      Reply begun = take_copy_out(client, std::get<0>(GetParam()));
                                      client.send(begun.copy_data("1\n").copy_done().tag("COPY 1").raw(end.bytes()));
                                  },
                                  {.unix_socket = true});
    const auto copy = session->copy_out("copy (delete from t returning n) to stdout", soon()).value();
    EXPECT_EQ(copy->read(soon()).value(), "1\n");
    const auto told = copy->read(soon());
    ASSERT_FALSE(told);
    expect_unknown(told.error());
}

TEST_P(Farewell, WhileAStatementIsGivenUp) {
    for (const bool tagged : {false, true}) {
        const ScriptedSession session =
            ScriptedSession(std::get<0>(GetParam()),
                            [tagged](Conversation& client) {
                                client.receive_until(MessageKind::sync);
                                if (!client.wait_for_cancel()) return;
                                client.send((tagged ? inserted : Reply().parse_complete()).bytes() + goodbye().bytes());
                            },
                            {.unix_socket = true, .cancel_requests = CancelRequests::heard});
        const auto told = session->run({.sql = "insert"}, in(200ms));
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().kind(), ErrorKind::timeout) << told.error().what();
        EXPECT_EQ(told.error().outcome(), Outcome::unknown) << told.error().what();
        EXPECT_FALSE(session->usable());
    }
}

// Nothing of it can have been committed: the code says so, or the block that it stood in was never ended.
TEST_P(Farewell, BeforeTheTagOrInABlockSaysWhatItsCodeSays) {
    const bool says_nothing = std::get<1>(GetParam()) == std::string_view("57P01");
    const ScriptedSession untagged = session_with(MessageKind::sync, {Reply().parse_complete().raw(goodbye().bytes())});
    const ScriptedSession in_block = session_with(
        MessageKind::sync, {Reply().parse_complete().bind_complete().no_data().tag("BEGIN").message('Z', "T"),
                            Reply().raw(inserted.bytes()).raw(goodbye().bytes())});
    ASSERT_TRUE(in_block->run({.sql = "begin"}, soon()));
    for (const ScriptedSession* session : {&untagged, &in_block}) {
        const auto told = (*session)->run({.sql = "insert"}, soon());
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().outcome(), says_nothing ? Outcome::unknown : Outcome::not_applied)
            << told.error().what();
        EXPECT_EQ(told.error().retry_scope() == RetryScope::none, says_nothing && session == &untagged)
            << told.error().what();
        EXPECT_FALSE(told.error().connection_usable());
    }
}

}  // namespace
}  // namespace pg::libpq
