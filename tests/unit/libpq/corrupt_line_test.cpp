// A line without TLS on which one byte of an answer changes, whichever it is: nobody waits for longer than they have,
// and what does not fit the protocol any more is told as that.
#include <gtest/gtest.h>
#include <string>

#include "pg/testing/fault_proxy.hpp"
#include "tests/slowness.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using testing::Conversation;
using testing::Direction;
using testing::MessageKind;
using testing::Reply;

const std::string answer = Reply()
                               .parse_complete()
                               .bind_complete()
                               .columns({{"n", Oid{25}, Format::text}})
                               .row({"0123456789"})
                               .tag("SELECT 1")
                               .ready()
                               .bytes();

/// Of the kind and the length of a message, of which nothing can be believed where they are wrong.
bool is_of_a_head(std::size_t position) {
    constexpr std::size_t head = 5;
    for (std::size_t at = 0; at <= position;) {
        if (position - at < head) return true;
        at += 1 + (static_cast<unsigned char>(answer[at + 3]) << 8) + static_cast<unsigned char>(answer[at + 4]);
    }
    return false;
}

class CorruptLine : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Engine, CorruptLine, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(CorruptLine, IsTold) {
    constexpr auto time = 20ms;
    const auto server = testing::FakeServer::start([](Conversation& client) {
        if (!client.let_in()) return;
        for (;;) {  // the first one is that of the take-over, on the direct engine
            bool asks = false;
            testing::ClientMessage message;
            while ((message = client.receive()).kind != MessageKind::sync) {
                if (message.kind == MessageKind::left || message.kind == MessageKind::terminate) return;
                asks = true;
            }
            client.send(asks ? answer : Reply().ready().bytes());
        }
    });
    auto proxy = testing::FaultProxy::start(server);
    const Config config = Config::parse(proxy.conninfo(server) + " engine=" + GetParam()).value();
    for (std::size_t position = 0; position < answer.size(); ++position) {
        const auto session = make_libpq_provider()->open(config, {}, soon()).value();
        proxy.set(Direction::to_client, {.corrupt_at = position});
        const auto begin = std::chrono::steady_clock::now();
        const Expected<Result> told = session->run({.sql = "select n from t"}, in(time));
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(time)) << position;
        proxy.heal();
        if (told) {
            EXPECT_FALSE(is_of_a_head(position)) << position;
            continue;
        }
        const Error& error = told.error();
        EXPECT_TRUE(error.kind() == ErrorKind::protocol || error.kind() == ErrorKind::timeout ||
                    error.kind() == ErrorKind::connection_lost)
            << position << ": " << error.what();
        // The answer came behind the end of the time, and the session was drained: nobody reads rows that are not
        // wanted.
        if (error.kind() == ErrorKind::timeout && error.outcome() != Outcome::unknown) continue;
        EXPECT_EQ(error.outcome(), Outcome::unknown) << position << ": " << error.what();
        EXPECT_FALSE(session->usable()) << position;
    }
}

}  // namespace
}  // namespace pg::libpq
