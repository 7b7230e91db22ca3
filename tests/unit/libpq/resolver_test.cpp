// Resolver: names on bounded threads, and nobody waits longer than he said.
#include "providers/libpq/resolver.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "pg/stop.hpp"
#include "tests/unit/libpq/no_descriptors.hpp"

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
    void wait_until_entered() {
        std::unique_lock lock(mutex);
        opened.wait(lock, [this] { return entered != 0; });
    }
    void let_go() {
        const std::lock_guard lock(mutex);
        open = true;
        opened.notify_all();
    }
};
Gate* gate = nullptr;
/// Whatever a test has found, nothing hangs behind it.
struct LetGo {
    ~LetGo() { gate->let_go(); }
};

Addresses hang_on_slow(const std::string& name) {
    if (name == "slow") gate->pass();
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

/// Asks for a name that hangs, and is stopped when it does: what it was told.
Error get_stuck(Resolver& resolver) {
    std::stop_source source;
    const StopToken token(source.get_token());
    std::optional<Error> told;
    std::thread caller(
        [&] { told = resolver.resolve("slow", {.deadline = Deadline::after(60s), .stop = &token}).error(); });
    gate->wait_until_entered();
    source.request_stop();
    caller.join();
    return *told;
}

TEST(Resolver, AbandonsALookUpThatTakesTooLongAndCountsIt) {
    Gate own;
    gate = &own;
    Resolver resolver(&hang_on_slow);
    const LetGo at_its_end;
    EXPECT_EQ(get_stuck(resolver).kind(), ErrorKind::cancelled);
    EXPECT_EQ(resolver.abandoned(), 1u);
    const auto late = resolver.resolve("slow", in(1ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
    EXPECT_EQ(resolver.abandoned(), 2u);
    // What waits for that thread is not kept when nobody waits for it.
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(resolver.resolve("slow", in(0s)).error().kind(), ErrorKind::timeout) << "it is refused";
    EXPECT_EQ(own.entered, 1);
}

TEST(Resolver, DoesNotWaitForALookUpThatHangsBeyondItsTimeWhenItEnds) {
    Gate own;
    gate = &own;
    Resolver resolver(&hang_on_slow);
    const LetGo at_its_end;
    EXPECT_EQ(get_stuck(resolver).kind(), ErrorKind::cancelled);
    resolver.end(Deadline::after(1ms));
    EXPECT_EQ(resolver.resolve("db", in(5s)).error().kind(), ErrorKind::connect) << "no look-up is begun";
}

TEST(Resolver, TakesAllWhoAskForOneNameAtOnce) {
    Gate own;
    gate = &own;
    Resolver resolver(&hang_on_slow);
    std::vector<std::thread> callers;
    {
        const LetGo at_its_end;
        EXPECT_EQ(get_stuck(resolver).kind(), ErrorKind::cancelled);
        for (int i = 0; i < 100; ++i)
            callers.emplace_back([&] { EXPECT_TRUE(resolver.resolve("slow", in(60s))) << "one of many"; });
    }
    for (std::thread& caller : callers) caller.join();
}

TEST(Resolver, HoldsUpNoNameByAnother) {
    Gate own;
    gate = &own;
    Resolver resolver(&hang_on_slow);
    const LetGo at_its_end;
    EXPECT_EQ(get_stuck(resolver).kind(), ErrorKind::cancelled);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(resolver.resolve("slow", in(1ms)).error().kind(), ErrorKind::timeout);
    EXPECT_EQ(resolver.resolve("db", in(5s)).value(), std::vector<std::string>{"192.0.2.1"});
    EXPECT_EQ(own.entered, 1);
}

/// Opens the gate as soon as the thread of its maker waits for something.
class OpensTheGate final : public spi::Waiter {
public:
    OpensTheGate() { enter(this); }
    ~OpensTheGate() override { enter(nullptr); }

private:
    Woken do_wait(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept override {
        gate->let_go();
        enter(nullptr);
        return wait_for(descriptors, wait);
    }
    void do_nudge() noexcept override {}
};

TEST(Resolver, AnswersAllWhoAskForANameMeanwhileByOneLookUp) {
    Gate own;
    gate = &own;
    Resolver resolver(&hang_on_slow);
    const LetGo at_its_end;
    EXPECT_EQ(get_stuck(resolver).kind(), ErrorKind::cancelled);
    const OpensTheGate when_it_waits;
    EXPECT_EQ(resolver.resolve("slow", in(10s)).value(), std::vector<std::string>{"192.0.2.1"});
    EXPECT_EQ(own.entered, 1);
}

TEST(Resolver, SaysThatNoDescriptorIsLeftToWaitWith) {
    Resolver resolver(&find_two);
    const auto resolved = [&] {
        const NoDescriptors none;
        return resolver.resolve("db", in(10s));
    }();
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().kind(), ErrorKind::connect);
    EXPECT_EQ(resolved.error().retry_scope(), RetryScope::connect);
    EXPECT_NE(resolved.error().message().find("no file descriptor left"), std::string_view::npos);
    EXPECT_EQ(resolver.resolve("db", in(10s)).value().size(), 2u) << "nothing of that is left";
}

TEST(LookUp, KnowsThisMachine) {
    const Addresses found = look_up("localhost");
    ASSERT_FALSE(found.numeric.empty()) << found.problem;
    EXPECT_TRUE(found.numeric[0] == "127.0.0.1" || found.numeric[0] == "::1");
}

TEST(LookUp, SaysWhyItFails) { EXPECT_FALSE(look_up("no-such-host.invalid").problem.empty()); }

}  // namespace
}  // namespace pg::libpq
