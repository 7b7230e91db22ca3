// The watchdog: what it ends and removes, and when.
#include "src/testing/watchdog.hpp"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/testing/scratch_folder.hpp"

namespace pg::testing {
namespace {

const Account own{.name = "", .uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .differs = false};

Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

TEST(Watchdog, RemovesItsFoldersInTheEnd) {
    const ScratchFolder scratch;
    const std::string first = scratch.path() + "/first one";
    const std::string second = scratch.path() + "/second";
    std::filesystem::create_directories(first + "/deep");
    std::filesystem::create_directories(second);
    {
        auto watchdog = Watchdog::start(own, {first, second});
        ASSERT_TRUE(watchdog);
        EXPECT_TRUE(std::filesystem::exists(first));
    }
    EXPECT_FALSE(std::filesystem::exists(first));
    EXPECT_FALSE(std::filesystem::exists(second));
}

TEST(Watchdog, EndsTheAnnouncedProcessEvenWhenItIsFrozen) {
    auto watchdog = Watchdog::start(own, {});
    ASSERT_TRUE(watchdog);
    auto process = spawn({.program = "sleep", .arguments = {"1000"}, .account = &own, .announce = watchdog->socket()});
    ASSERT_TRUE(process);
    process->signal(SIGSTOP);
    {
        const Watchdog last = *std::move(watchdog);
    }
    const auto end = process->wait(soon());
    ASSERT_TRUE(end);
    EXPECT_EQ(end->how, "was ended by signal 3");
}

TEST(Watchdog, LeavesAProcessAloneThatItWasToldToForget) {
    auto watchdog = Watchdog::start(own, {});
    ASSERT_TRUE(watchdog);
    auto process = spawn({.program = "sleep", .arguments = {"1000"}, .account = &own, .announce = watchdog->socket()});
    ASSERT_TRUE(process);
    watchdog->forget();
    {
        const Watchdog last = *std::move(watchdog);
    }
    EXPECT_FALSE(process->wait(Deadline::after(std::chrono::nanoseconds(0))));
    process->signal(SIGKILL);
    EXPECT_TRUE(process->wait(soon()));
}

TEST(Watchdog, SaysThatThereIsNoDescriptorForIt) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto watchdog = Watchdog::start(own, {});
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_FALSE(watchdog);
    EXPECT_EQ(watchdog.error().message(), "make a socket for the watchdog: Too many open files");
}

}  // namespace
}  // namespace pg::testing
