// The gate of the functions of the application: who is inside is waited for, and nobody comes after.
#include "src/pool/hook_gate.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <optional>
#include <thread>

namespace pg::pool {
namespace {

using namespace std::chrono_literals;

TEST(HookGate, IsOpenUntilItIsClosed) {
    HookGate gate;
    EXPECT_TRUE(HookCall(gate).is_allowed());
    EXPECT_FALSE(gate.close()) << "nobody is inside any more";
    EXPECT_FALSE(HookCall(gate).is_allowed());
    gate.wait(Deadline::never());
}

TEST(HookGate, IsWaitedAtForAsLongAsSaid) {
    HookGate gate;
    const HookCall inside(gate);
    EXPECT_TRUE(gate.close());
    gate.wait(Deadline::after(1ms));
}

TEST(HookGate, IsWaitedAtUntilTheLastHasLeft) {
    HookGate gate;
    std::optional<HookCall> first(std::in_place, gate), second(std::in_place, gate);
    EXPECT_TRUE(gate.close());
    std::atomic<int> left{0};
    std::thread inside([&] {
        ++left;
        first.reset();
        ++left;
        second.reset();
    });
    gate.wait(Deadline::never());
    EXPECT_EQ(left, 2);
    inside.join();
}

}  // namespace
}  // namespace pg::pool
