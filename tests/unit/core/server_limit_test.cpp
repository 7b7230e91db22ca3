// How much of its time a statement is given on the server, and which errors are the end of that.
#include "src/core/server_limit.hpp"

#include <gtest/gtest.h>
#include <stop_token>

#include "pg/sqlstate.hpp"
#include "pg/stop.hpp"

namespace {

using namespace std::chrono_literals;
using pg::detail::ServerLimit;
using std::chrono::milliseconds;

TEST(ServerLimit, IsWhatIsLeftWithoutTheMargin) {
    EXPECT_EQ(ServerLimit::share_of(1s, 50ms), 950ms);
    EXPECT_EQ(ServerLimit::share_of(1s, 0ms), 1s);
    EXPECT_EQ(ServerLimit::share_of(1'999'999ns, 0ms), 1ms) << "it never ends later";
}

TEST(ServerLimit, IsHalfOfWhatIsLeftWhenTheMarginIsMore) {
    EXPECT_EQ(ServerLimit::share_of(100ms, 50ms), 50ms);
    EXPECT_EQ(ServerLimit::share_of(100ms, 90ms), 50ms);
    EXPECT_EQ(ServerLimit::share_of(100ms, 1h), 50ms);
}

TEST(ServerLimit, IsNoneWithoutADeadlineAndAtItsEnd) {
    EXPECT_EQ(ServerLimit::share_of(pg::no_timeout, 50ms), std::nullopt);
    EXPECT_EQ(ServerLimit::share_of(0ms, 0ms), std::nullopt);
    EXPECT_EQ(ServerLimit::share_of(999us, 0ms), std::nullopt) << "zero would mean none to the server";
}

TEST(ServerLimit, IsNoMoreThanTheServerTakes) {
    EXPECT_EQ(ServerLimit::share_of(1000h * 24, 0ms), milliseconds(2147483647));
}

pg::Error ended() {
    return pg::Error({.kind = pg::ErrorKind::cancelled,
                      .outcome = pg::Outcome::not_applied,
                      .sqlstate = pg::sqlstate::query_canceled,
                      .message = "canceling statement due to statement timeout"});
}

TEST(ServerLimit, IsWhyAStatementEndedThatNobodyElseCanHaveEnded) {
    const ServerLimit over(0ms), open(1h);
    std::stop_source stop;
    const pg::StopToken token(stop.get_token());
    EXPECT_TRUE(over.is_why(ended(), nullptr));
    EXPECT_TRUE(over.is_why(ended(), &token));
    EXPECT_FALSE(open.is_why(ended(), nullptr)) << "its time is not over";
    EXPECT_FALSE(over.is_why(pg::Error({.kind = pg::ErrorKind::timeout, .message = "late"}), nullptr));
    stop.request_stop();
    EXPECT_FALSE(over.is_why(ended(), &token)) << "somebody asked for a stop";
}

TEST(ServerLimit, EndsWithTheErrorOfADeadline) {
    const pg::Error late = ServerLimit::late(ended());
    EXPECT_EQ(late.kind(), pg::ErrorKind::timeout);
    EXPECT_EQ(late.outcome(), pg::Outcome::not_applied);
    EXPECT_EQ(late.sqlstate(), pg::sqlstate::query_canceled);
    EXPECT_EQ(
        late.message(),
        "the deadline came near, and the server ended the statement: canceling statement due to statement timeout");
}

}  // namespace
