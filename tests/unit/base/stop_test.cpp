// StopToken and StopCallback: a stop is seen, wakes whoever waits, and never calls after the wait.
#include "pg/stop.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace pg {
namespace {

void count(void* context) noexcept { ++*static_cast<int*>(context); }

TEST(StopToken, SeesTheStopOfItsSource) {
    std::stop_source source;
    const StopToken token(source.get_token());
    EXPECT_TRUE(token.stop_possible());
    EXPECT_FALSE(token.stop_requested());
    source.request_stop();
    EXPECT_TRUE(token.stop_requested());
}

TEST(StopToken, CannotBeStoppedWithoutASource) {
    const StopToken token{std::stop_token()};
    EXPECT_FALSE(token.stop_possible());
    EXPECT_FALSE(token.stop_requested());
}

TEST(StopCallback, IsCalledOnceByAStop) {
    std::stop_source source;
    const StopToken token(source.get_token());
    int calls = 0;
    const StopCallback callback(&token, count, &calls);
    EXPECT_EQ(calls, 0);
    source.request_stop();
    source.request_stop();
    EXPECT_EQ(calls, 1);
}

TEST(StopCallback, IsCalledAtOnceWhenTheStopCameBefore) {
    std::stop_source source;
    source.request_stop();
    const StopToken token(source.get_token());
    int calls = 0;
    const StopCallback callback(&token, count, &calls);
    EXPECT_EQ(calls, 1);
}

TEST(StopCallback, IsNotCalledAfterItsEnd) {
    std::stop_source source;
    const StopToken token(source.get_token());
    int calls = 0;
    {
        const StopCallback callback(&token, count, &calls);
    }
    source.request_stop();
    EXPECT_EQ(calls, 0);
}

TEST(StopCallback, TakesNoTokenForAnswer) {
    int calls = 0;
    {
        const StopCallback callback(nullptr, count, &calls);
    }
    EXPECT_EQ(calls, 0);
}

TEST(StopCallback, IsCalledByTheThreadThatStops) {
    std::stop_source source;
    const StopToken token(source.get_token());
    std::thread::id caller;
    const StopCallback callback(
        &token, [](void* context) noexcept { *static_cast<std::thread::id*>(context) = std::this_thread::get_id(); },
        &caller);
    std::thread stopper([&] { source.request_stop(); });
    const std::thread::id expected = stopper.get_id();
    stopper.join();
    EXPECT_EQ(caller, expected);
}

}  // namespace
}  // namespace pg
