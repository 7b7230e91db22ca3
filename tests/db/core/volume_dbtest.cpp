// Much at once: more awaited statements on one session than its buffers take, each with a large result; and what is
// left of received bytes when nobody reads them any more.
#include <cstdlib>
#include <gtest/gtest.h>
#include <pg/async.hpp>
#include <pg/connection.hpp>
#include <pg/testing/test_server.hpp>

#include "src/wire/chunk.hpp"

namespace {

using namespace std::chrono_literals;

/// What the environment says, or what is worth it in a debug build.
int setting(const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::atoi(text) : otherwise;
}
const int statements = setting("PGCLIENT_TEST_STATEMENTS", 200);
const int result_kib = setting("PGCLIENT_TEST_RESULT_KIB", 1024);
constexpr std::size_t argument_bytes = std::size_t{1} << 10;

pg::Task<std::size_t> wrong_bytes(pg::AsyncClient async, int number) {
    // Its own letter in the request, and the same in the answer: that of another statement is seen.
    const char letter = static_cast<char>('a' + number % 26);
    const std::string argument(argument_bytes, letter);
    const pg::Result result = co_await async.query("select repeat($1::text, $2)", argument, result_kib);
    const pg::Row row = result[0];
    const auto text = row.get<std::string_view>(0);
    if (text.size() != argument_bytes * static_cast<std::size_t>(result_kib)) co_return text.size() + 1;
    std::size_t wrong = 0;
    for (std::size_t at = 0; at < text.size(); at += 4096) wrong += text[at] != letter;
    co_return wrong + (text.back() != letter);
}

class Volume : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Engine, Volume, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(Volume, OfResultsWhileStatementsAreWritten) {
    pg::Client db = pg::connect(pg::testing::shared_server().conninfo() + " provider=async engine=" + GetParam(),
                                {.pool_max_size = 1, .timeout = 300s});
    std::vector<pg::Task<std::size_t>> all;
    for (int number = 0; number < statements; ++number) all.push_back(wrong_bytes(db.async(), number));
    const std::vector<std::size_t> wrong = pg::sync_wait(pg::when_all(std::move(all)));
    ASSERT_EQ(wrong.size(), static_cast<std::size_t>(statements));
    for (const std::size_t one : wrong) ASSERT_EQ(one, 0U);
}

// Fault 32: what passes the largest message is refused before anything is sent.
TEST_P(Volume, OfArgumentsIsBoundByTheLargestMessage) {
    constexpr std::size_t half = std::size_t{1} << 29;
    pg::Client db = pg::connect(pg::testing::shared_server().conninfo() + " engine=" + GetParam(), {.timeout = 300s});
    const std::string text(half, 'x');
    pg::Connection one = db.connection();
    // libpq moves what is left of it after each piece that the socket takes, for a minute in all.
    if (one.engine() == "direct") {
        EXPECT_EQ(one.query_one<std::int32_t>("select octet_length($1::text)", text), std::int32_t{half});
    }
    const auto refused = one.try_query_one<bool>("select $1::text = $2::text", text, text);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::encode) << refused.error().what();
    EXPECT_EQ(refused.error().outcome(), pg::Outcome::not_sent);
    EXPECT_TRUE(refused.error().connection_usable());
    EXPECT_EQ(one.query_one<int>("select 1"), 1);
}

TEST(ReceivedBytes, AreHeldByWhoReadsThemAndByNoIdleSession) {
    using pg::wire::ChunkRef;
    pg::wire::ChunkPool& chunks = pg::wire::process_chunks();
    std::vector<ChunkRef> others;  // what the tests before have left
    while (chunks.kept() != 0) others.push_back(chunks.lend(1));
    constexpr std::size_t sessions = 16;
    pg::Client db = pg::connect(pg::testing::shared_server().conninfo(), {.pool_max_size = sessions});
    std::vector<pg::Connection> idle;
    std::vector<pg::Result> results;
    for (std::size_t at = 0; at < sessions; ++at) {
        idle.push_back(db.connection());
        ASSERT_EQ(idle.back().engine(), "direct");
        results.push_back(idle.back().query("select repeat('x', 20000)"));
    }
    const std::size_t unused = chunks.kept();
    results.clear();
    EXPECT_EQ(chunks.kept() - unused, sessions) << "each was in the hands of its result alone";
    for (pg::Connection& session : idle) session.exec("select 1");
    EXPECT_EQ(chunks.kept() - unused, sessions);
}

}  // namespace
