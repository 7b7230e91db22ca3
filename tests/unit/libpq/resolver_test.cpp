// Resolver: names on bounded threads, and nobody waits longer than he said.
#include "providers/libpq/resolver.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <stop_token>

#include "pg/stop.hpp"

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;

spi::Wait in(std::chrono::nanoseconds time) { return {.deadline = Deadline::after(time), .stop = nullptr}; }

/// A look-up that hangs until it is let go.
struct Gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
    int entered = 0;

    void pass() {
        std::unique_lock lock(mutex);
        ++entered;
        opened.notify_all();
        opened.wait(lock, [this] { return open; });
    }
    void let_go() {
        const std::lock_guard lock(mutex);
        open = true;
        opened.notify_all();
    }
} gate;

Addresses hang(const std::string&) {
    gate.pass();
    return {.numeric = {"192.0.2.1"}, .problem = {}};
}
Addresses find_two(const std::string& name) { return {.numeric = {name + "-a", name + "-b"}, .problem = {}}; }
Addresses find_none(const std::string&) { return {.numeric = {}, .problem = "nobody knows it"}; }

TEST(Resolver, GivesAllAddressesOfAName) {
    Resolver resolver(&find_two);
    EXPECT_EQ(resolver.resolve("db", in(10s)).value(), (std::vector<std::string>{"db-a", "db-b"}));
    EXPECT_EQ(resolver.resolve("other", in(10s)).value().size(), 2u);
}

TEST(Resolver, LooksNoAddressUp) {
    Resolver resolver(&find_none);
    EXPECT_EQ(resolver.resolve("192.0.2.7", in(0s)).value(), std::vector<std::string>{"192.0.2.7"});
    EXPECT_EQ(resolver.resolve("fe80::1%lo", in(0s)).value(), std::vector<std::string>{"fe80::1%lo"});
}

TEST(Resolver, SaysWhyANameHasNone) {
    Resolver resolver(&find_none);
    const auto resolved = resolver.resolve("db", in(10s));
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind(), ErrorKind::connect);
    EXPECT_EQ(resolved.error().message(), "nobody knows it");
    EXPECT_EQ(resolved.error().retry_scope(), RetryScope::connect);
}

TEST(Resolver, AbandonsALookUpThatTakesTooLongAndCountsIt) {
    Resolver resolver(&hang);
    const auto late = resolver.resolve("slow", in(1ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
    EXPECT_EQ(resolver.abandoned(), 1u);

    std::stop_source source;
    source.request_stop();
    const StopToken token(source.get_token());
    const auto stopped = resolver.resolve("slow", {.deadline = Deadline::after(10s), .stop = &token});
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind(), ErrorKind::cancelled);
    EXPECT_EQ(resolver.abandoned(), 2u);

    // Both threads are stuck by now: what comes next waits in the queue, and only so many may.
    {
        std::unique_lock lock(gate.mutex);
        gate.opened.wait(lock, [] { return gate.entered == 2; });
    }
    Expected<std::vector<std::string>> refused = resolver.resolve("slow", in(0s));
    for (int i = 0; i < 100 && refused.error().kind() == ErrorKind::timeout; ++i)
        refused = resolver.resolve("slow", in(0s));
    EXPECT_EQ(refused.error().kind(), ErrorKind::connect);
    EXPECT_EQ(gate.entered, 2);
    gate.let_go();
}

TEST(LookUp, KnowsThisMachine) {
    const Addresses found = look_up("localhost");
    ASSERT_FALSE(found.numeric.empty()) << found.problem;
    EXPECT_TRUE(found.numeric[0] == "127.0.0.1" || found.numeric[0] == "::1");
}

TEST(LookUp, SaysWhyItFails) { EXPECT_FALSE(look_up("no-such-host.invalid").problem.empty()); }

}  // namespace
}  // namespace pg::libpq
