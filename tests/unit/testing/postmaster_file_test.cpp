// postmaster.pid, whole and in the making.
#include "src/testing/postmaster_file.hpp"

#include <gtest/gtest.h>
#include <string>

namespace pg::testing {
namespace {

constexpr std::string_view whole =
    "4711\n/data\n1700000000\n15432\n/sockets\n127.0.0.1\n   1234567        42\nready   \n";

TEST(PostmasterFile, TellsPidMemoryAndReadiness) {
    const auto file = parse_postmaster_file(whole);
    EXPECT_EQ(file.pid, 4711);
    EXPECT_EQ(file.shared_memory_id, 42);
    EXPECT_TRUE(file.ready);
}

TEST(PostmasterFile, AStandbyThatCanBeReadIsReady) {
    const std::string head(whole.substr(0, whole.rfind("ready")));
    EXPECT_TRUE(parse_postmaster_file(head + "standby \n").ready);
    EXPECT_FALSE(parse_postmaster_file(head + "starting\n").ready);
    EXPECT_FALSE(parse_postmaster_file(head + "stopping\n").ready);
}

TEST(PostmasterFile, AFileInTheMakingIsNotReady) {
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(parse_postmaster_file(whole.substr(0, size)).ready) << size;
    EXPECT_EQ(parse_postmaster_file("47").pid, 0) << "the line may go on";
    EXPECT_EQ(parse_postmaster_file("").shared_memory_id, -1);
}

TEST(PostmasterFile, NonsenseIsNobody) { EXPECT_EQ(parse_postmaster_file("no number\n").pid, 0); }

}  // namespace
}  // namespace pg::testing
