// A port that nobody uses, and that outgoing connections do not take.
#include "src/testing/free_port.hpp"

#include <gtest/gtest.h>
#include <set>

namespace pg::testing {
namespace {

TEST(FreePort, LiesBelowThePortsOfOutgoingConnections) {
    std::set<int> ports;
    for (int i = 0; i < 20; ++i) ports.insert(free_port().value());
    EXPECT_GE(*ports.begin(), 10240);
    EXPECT_LT(*ports.rbegin(), 32768);
    EXPECT_GT(ports.size(), 1U) << "drawn, so that two programs hardly meet";
}

}  // namespace
}  // namespace pg::testing
