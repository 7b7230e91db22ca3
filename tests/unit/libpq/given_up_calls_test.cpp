// Awaited calls in flight together that are given up one after the other, each with its own answer still to come.
#include <future>
#include <gtest/gtest.h>
#include <stop_token>

#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/testing/fake_server.hpp"

namespace pg {
namespace {

using testing::ClientMessage;
using testing::Conversation;
using testing::FakeServer;
using testing::MessageKind;
using testing::Reply;

Reply answer_to(const ClientMessage& execute) {
    return Reply()
        .parse_complete()
        .bind_complete()
        .columns({{.name = "n", .type = Oid{23}, .format = Format::binary}})
        .row({std::string("\0\0\0", 3) + execute.sql.back()})
        .tag("SELECT 1")
        .ready();
}

/// Answers the first two of three statements at once when the test says so, and the third when it is cancelled; then
/// every one.
void script(Conversation& client) {
    if (!client.let_in()) return;
    std::vector<ClientMessage> held;
    bool has_statement = false;
    bool answers = client.number() != 1;  // another session: on a busy machine the first was given up for good
    for (;;) {
        const ClientMessage message = client.receive();
        if (message.kind == MessageKind::left || message.kind == MessageKind::terminate) return;
        if (message.kind == MessageKind::execute) {
            held.push_back(message);
            has_statement = true;
        }
        if (message.kind != MessageKind::sync) continue;
        if (!std::exchange(has_statement, false)) {
            client.send(Reply().ready());
        } else if (answers) {
            client.send(answer_to(held.back()));
        } else if (held.size() == 3) {
            if (!client.wait_for_cue()) return;
            client.send(answer_to(held[0]).bytes() + answer_to(held[1]).bytes());
            if (!client.wait_for_cancel()) return;
            client.send(Reply().parse_complete().bind_complete().error("57014", "cancelled").ready());
            answers = true;
        }
    }
}

using Answer = std::future<Expected<int>>;
Answer begin(Async<Expected<int>> call) {
    auto told = std::make_shared<std::promise<Expected<int>>>();
    std::move(call).start([told](Expected<int>&& answer) { told->set_value(std::move(answer)); });
    return told->get_future();
}

class GivenUpCalls : public ::testing::TestWithParam<const char*> {};

TEST_P(GivenUpCalls, OneThatHasLeftDoesNotSayHowLongTheNextMayTake) {
    FakeServer server = FakeServer::start(script);
    Client client = open(server.conninfo() + " provider=async pool_max_size=1 engine=" + GetParam());
    std::stop_source sources[2];
    const StopToken second(sources[0].get_token()), third(sources[1].get_token());
    Answer wanted = begin(client.async().try_query_one<int>("select 1"));
    Answer stopped[] = {begin(client.async().with({.stop = &second}).try_query_one<int>("select 2")),
                        begin(client.async().with({.stop = &third}).try_query_one<int>("select 3"))};
    ASSERT_TRUE(server.wait_for_statements(3, Deadline::after(std::chrono::seconds(10))));
    for (const int at : {0, 1}) {
        sources[at].request_stop();
        EXPECT_EQ(stopped[at].get().error().outcome(), Outcome::unknown) << "it was in flight";
    }
    server.cue();
    const Expected<int> first = wanted.get();
    EXPECT_TRUE(first && *first == '1') << (first ? "" : first.error().what());
    EXPECT_EQ(client.async().query_one<int>("select 4").get(), '4');
    client.close();
    EXPECT_EQ(server.failures(), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Engine, GivenUpCalls, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
}  // namespace pg
