// The direct engine between its statements: a session that rests keeps nothing of what it received.
#include <gtest/gtest.h>
#include <optional>

#include "src/wire/chunk.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

/// A megabyte of rows.
Reply rows() {
    Reply reply = Reply().parse_complete().bind_complete().columns({{"n", Oid{25}, Format::binary}});
    for (int row = 0; row < 1000; ++row) reply.row({std::string(1024, 'x')});
    return reply;
}

/// Answers the first statement in full, and fails the second one behind its rows.
void answer_and_fail(Conversation& client) {
    client.receive_until(MessageKind::sync);
    client.send(rows().tag("SELECT 1000").ready());
    client.receive_until(MessageKind::sync);
    client.send(rows().error("22012", "division by zero").ready());
    client.ignore();
}

class OneRequest final : public spi::RequestFeed {
public:
    std::optional<Expected<Result>> answer{};

private:
    const spi::Request* do_next() noexcept override { return std::exchange(next_, nullptr); }
    void do_answer(Expected<Result>&& outcome) noexcept override { answer.emplace(std::move(outcome)); }
    const spi::Wait* do_given_up() const noexcept override { return nullptr; }
    spi::Wait do_wait() const noexcept override { return soon(); }

    spi::Request request_{.sql = "select"};
    const spi::Request* next_ = &request_;
};

/// A statement that fails behind a megabyte of rows leaves the pool of chunks as one that does not. What
/// either of them has at its end beside its rows is a chunk or two.
template <class Run>
void expect_nothing_kept(Run run) {
    const ScriptedSession session("direct", answer_and_fail, {.unix_socket = true});
    ASSERT_TRUE(run(*session));
    const std::size_t before = wire::process_chunks().kept();
    EXPECT_GE(before, 10U);
    ASSERT_FALSE(run(*session));
    EXPECT_TRUE(session->usable());
    EXPECT_GE(wire::process_chunks().kept() + 4, before);
}

TEST(DirectRest, KeepsNoRowsOfAStatementThatFailed) {
    expect_nothing_kept([](spi::Session& session) { return session.run({.sql = "select"}, soon()).has_value(); });
}

TEST(DirectRest, KeepsNoRowsOfOneThatFailedInAPipeline) {
    expect_nothing_kept([](spi::Session& session) {
        OneRequest request;
        session.run_pipeline(request);
        return request.answer->has_value();
    });
}

}  // namespace
}  // namespace pg::libpq
