// What is refused before a byte of it is sent, by both engines alike: the session goes on, and the server heard
// nothing.
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <utility>
#include <vector>

#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using namespace std::string_view_literals;

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

class Refusal : public ::testing::TestWithParam<const char*> {
protected:
    /// The server answers one statement, and the statement that it sees must be the one that the test runs at its end.
    ScriptedSession session_{
        GetParam(), [](Conversation& client) {
            const testing::ClientMessage first = client.receive();
            if (first.kind != MessageKind::parse || first.sql != "good") {
                client.report("something else came: " + first.sql);
                return;
            }
            client.receive_until(MessageKind::sync);
            client.send(Reply().parse_complete().bind_complete().no_data().tag("INSERT 0 1").ready());
            client.ignore();
        }};

    void expect_refusal(const Error& error, std::string_view reason) const {
        EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
        EXPECT_EQ(error.outcome(), Outcome::not_sent);
        EXPECT_TRUE(error.connection_usable());
        EXPECT_NE(error.message().find(reason), std::string_view::npos) << error.what();
        EXPECT_TRUE(session_->usable());
    }
    void expect_that_nothing_was_sent() {
        const Expected<Result> result = session_->run({.sql = "good"}, soon());
        EXPECT_TRUE(result) << result.error().what();
        EXPECT_TRUE(session_.server().failures().empty()) << session_.server().failures().front();
    }
};
INSTANTIATE_TEST_SUITE_P(Engines, Refusal, ::testing::Values("libpq", "direct"));

TEST_P(Refusal, OfATextWithAZeroByteInEveryVerb) {
    constexpr std::string_view text = "select 1\0; drop table t"sv;
    const auto error_of = [](const auto& outcome) -> std::optional<Error> {
        if (outcome) return std::nullopt;
        return outcome.error();
    };
    const std::pair<const char*, std::function<std::optional<Error>()>> verbs[] = {
        {"run", [&] { return error_of(session_->run({.sql = text}, soon())); }},
        {"run and prepare",
         [&] {
             std::shared_ptr<const ResultStorage> description;
             return error_of(session_->run({.sql = text, .statement = "p", .prepare = &description}, soon()));
         }},
        {"limited run", [&] { return error_of(session_->run({.sql = text, .max_result_bytes = 10}, soon())); }},
        {"script", [&] { return error_of(session_->run_script(text, soon())); }},
        {"stream", [&] { return error_of(session_->stream({.sql = text}, soon())); }},
        {"prepare", [&] { return error_of(session_->prepare("p", text, {}, soon())); }},
        {"prepare under a name", [&] { return error_of(session_->prepare("p\0q"sv, "select", {}, soon())); }},
        {"copy in", [&] { return error_of(session_->copy_in(text, soon())); }},
        {"copy out", [&] { return error_of(session_->copy_out(text, soon())); }},
        {"batch",
         [&] {
             return error_of(pg::testing::outcomes_of(*session_, std::vector<spi::Request>{{.sql = text}},
                                                      spi::BatchSync::once, soon())[0]);
         }},
    };
    for (const auto& [name, verb] : verbs) {
        SCOPED_TRACE(name);
        const std::optional<Error> refused = verb();
        ASSERT_TRUE(refused);
        expect_refusal(*refused, "zero byte");
    }
    expect_that_nothing_was_sent();
}

TEST_P(Refusal, OfMoreArgumentsThanTheProtocolCounts) {
    Params params;
    for (int i = 0; i < 65536; ++i) ASSERT_FALSE(params.add(std::int32_t{i}));
    const spi::Request request{.sql = "select", .params = &params};
    expect_refusal(session_->run(request, soon()).error(), "65535");
    expect_refusal(session_->stream(request, soon()).error(), "65535");
    expect_refusal(pg::testing::outcomes_of(*session_, std::vector{request}, spi::BatchSync::each, soon())[0].error(),
                   "65535");
    expect_that_nothing_was_sent();
}

TEST_P(Refusal, OfMoreTypesThanTheProtocolCounts) {
    const std::vector<Oid> types(65536, Oid{23});
    const auto described = session_->prepare("p", "select", types, soon());
    ASSERT_FALSE(described);
    expect_refusal(described.error(), "65535");
    expect_that_nothing_was_sent();
}

TEST_P(Refusal, InABatchIsThatOfOneWhereTheyFailAlone) {
    const auto answers = [](Conversation& client) {
        for (int i = 0; i < 2; ++i) {
            client.receive_until(MessageKind::sync);
            client.send(Reply().parse_complete().bind_complete().no_data().tag("INSERT 0 1").ready());
        }
        client.ignore();
    };
    ScriptedSession session(GetParam(), answers);
    const spi::Request requests[] = {
        {.sql = "bad\0"sv}, {.sql = "good"}, {.sql = "bad\0"sv}, {.sql = "also good"}, {.sql = "bad\0"sv}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, soon());
    ASSERT_EQ(outcomes.size(), 5u);
    for (const std::size_t good : {1, 3}) EXPECT_TRUE(outcomes[good]) << outcomes[good].error().what();
    for (const std::size_t refused : {0, 2, 4}) {
        ASSERT_FALSE(outcomes[refused]);
        expect_refusal(outcomes[refused].error(), "zero byte");
    }
    EXPECT_EQ(session.server().statements().size(), 2u);
}

}  // namespace
}  // namespace pg::libpq
