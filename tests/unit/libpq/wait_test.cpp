// Waiting: what ends a wait, and what comes first.
#include "providers/libpq/wait.hpp"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <pthread.h>
#include <set>
#include <stop_token>
#include <thread>
#include <unistd.h>

#include "pg/stop.hpp"
#include "providers/libpq/session.hpp"
#include "providers/libpq/workers.hpp"
#include "tests/unit/libpq/no_descriptors.hpp"

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;

TEST(Wait, EndsWhenADescriptorIsReady) {
    Signal signal;
    signal.raise();
    EXPECT_EQ(wait_for(signal.descriptor(), POLLIN, {}), Woken::ready);
    const Signal silent;
    EXPECT_EQ(wait_for(silent.descriptor(), POLLIN, {.deadline = Deadline::after(0ns), .stop = nullptr}),
              Woken::deadline);
}

TEST(Wait, EndsAtItsDeadlineAndNotBefore) {
    Signal signal;
    const Deadline deadline = Deadline::after(5ms);
    EXPECT_EQ(wait_for(signal.descriptor(), POLLIN, {.deadline = deadline, .stop = nullptr}), Woken::deadline);
    EXPECT_TRUE(deadline.passed());
}

TEST(Wait, GoesOnAfterASignal) {
    struct sigaction counting{}, before{};
    static std::atomic<int> signals;
    counting.sa_handler = [](int) { ++signals; };
    ASSERT_EQ(::sigaction(SIGUSR1, &counting, &before), 0);
    Signal signal;
    std::atomic<bool> over{false};
    std::thread disturber([&, waiter = ::pthread_self()] {
        while (!over) ::pthread_kill(waiter, SIGUSR1);
    });
    int before_it = 0;
    do {  // until one came while it waited
        before_it = signals;
        const Deadline deadline = Deadline::after(20ms);
        EXPECT_EQ(wait_for(signal.descriptor(), POLLIN, {.deadline = deadline, .stop = nullptr}), Woken::deadline);
        EXPECT_TRUE(deadline.passed());
    } while (signals == before_it);
    over = true;
    disturber.join();
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Wait, EndsWhenAStopIsAskedFor) {
    Signal signal;
    std::stop_source source;
    const StopToken token(source.get_token());
    std::thread stopper([&] { source.request_stop(); });
    EXPECT_EQ(wait_for(signal.descriptor(), POLLIN, {.deadline = Deadline::after(60s), .stop = &token}),
              Woken::stopped);
    stopper.join();
    EXPECT_EQ(look({.deadline = Deadline::after(60s), .stop = &token}), Woken::stopped);
}

TEST(Wait, EndsWhenAStopIsAskedForThoughNoDescriptorIsLeftToTellOfIt) {
    Signal signal;
    std::stop_source source;
    const StopToken token(source.get_token());
    const NoDescriptors none;
    std::atomic<bool> begins{false};
    std::thread stopper([&] {
        begins.wait(false);
        source.request_stop();
    });
    const spi::Wait wait{.deadline = Deadline::after(10s), .stop = &token};
    begins = true;
    begins.notify_one();
    EXPECT_EQ(wait_for(signal.descriptor(), POLLIN, wait), Woken::stopped);
    stopper.join();
    signal.raise();
    std::stop_source another;
    const StopToken open(another.get_token());
    EXPECT_EQ(wait_for(signal.descriptor(), POLLIN, {.deadline = Deadline::after(10s), .stop = &open}), Woken::ready);
    EXPECT_EQ(wait_for(signal.descriptor(), 0, {.deadline = Deadline::after(1ms), .stop = &open}), Woken::deadline);
}

TEST(Wait, IgnoresATokenThatCanNeverStop) {
    Signal signal;
    signal.raise();
    const StopToken token{std::stop_token()};
    EXPECT_EQ(wait_for(signal.descriptor(), POLLIN, {.deadline = Deadline::never(), .stop = &token}), Woken::ready);
    EXPECT_EQ(look({.deadline = Deadline::never(), .stop = &token}), Woken::ready);
    EXPECT_EQ(look({.deadline = Deadline::at({}), .stop = &token}), Woken::deadline);
}

TEST(Descriptor, ClosesWhatItLosesByAssignment) {
    Signal signal;
    Descriptor one(::dup(signal.descriptor()));
    const int closed = one.get();
    one = Descriptor();
    EXPECT_EQ(one.get(), -1);
    EXPECT_EQ(::fcntl(closed, F_GETFD), -1);
}

class CountingJob final : public Job {
public:
    std::atomic<int> runs{0};

private:
    void run() noexcept override { ++runs; }
};

TEST(Workers, RunAJobAndRaiseItsSignal) {
    Workers workers(1, 4);
    for (int i = 0; i < 10; ++i) {
        const auto job = std::make_shared<CountingJob>();
        ASSERT_TRUE(workers.submit(job));
        EXPECT_EQ(wait_for(job->descriptor(), POLLIN, {.deadline = Deadline::after(60s), .stop = nullptr}),
                  Woken::ready);
        EXPECT_TRUE(job->done());
        EXPECT_EQ(job->runs, 1);
    }
}

TEST(Workers, OfTheProcessTakeNothingMoreAfterTheirEnd) {
    ProcessWorkers workers(1, 4);
    const auto job = std::make_shared<CountingJob>();
    ASSERT_TRUE(workers.submit(job));
    workers.end(Deadline::never());
    EXPECT_FALSE(workers.submit(std::make_shared<CountingJob>()));
    workers.end(Deadline::never());
    ProcessWorkers unused(1, 4);
    unused.end(Deadline::never());
    EXPECT_FALSE(unused.submit(std::make_shared<CountingJob>()));
}

/// Runs until it is let go.
class HangingJob final : public Job {
public:
    using Job::Job;
    void let_go() { let_go_.raise(); }
    [[nodiscard]] int begun() const { return begun_.descriptor(); }

private:
    void run() noexcept override {
        begun_.raise();
        static_cast<void>(wait_for(let_go_.descriptor(), POLLIN, {.deadline = Deadline::after(60s), .stop = nullptr}));
    }

    Signal begun_, let_go_;
};

bool is_raised(int descriptor, std::chrono::seconds patience = 60s) {
    return wait_for(descriptor, POLLIN, {.deadline = Deadline::after(patience), .stop = nullptr}) == Woken::ready;
}

TEST(Workers, RunTheJobsOfALaneOneAfterTheOther) {
    Workers workers(2, 2);
    const auto first = std::make_shared<HangingJob>("a");
    ASSERT_TRUE(workers.submit(first));
    ASSERT_TRUE(is_raised(first->begun()));
    const auto second = std::make_shared<HangingJob>("a");
    ASSERT_TRUE(workers.submit(second));
    const auto other = std::make_shared<HangingJob>("b");
    ASSERT_TRUE(workers.submit(other));
    EXPECT_TRUE(is_raised(other->begun())) << "the lane before it is not in its way";
    EXPECT_FALSE(is_raised(second->begun(), 0s));

    const auto last = std::make_shared<HangingJob>("a");
    ASSERT_TRUE(workers.submit(last));
    EXPECT_FALSE(workers.submit(std::make_shared<HangingJob>("a"))) << "a lane is bounded";
    const auto free = std::make_shared<HangingJob>();
    ASSERT_TRUE(workers.submit(free)) << "the others have room";

    first->let_go();
    EXPECT_TRUE(is_raised(second->begun()));
    other->let_go();
    EXPECT_TRUE(is_raised(free->begun()));
    for (const auto& job : {free, second, last}) job->let_go();
}

std::set<std::filesystem::path> threads_of_process() {
    std::set<std::filesystem::path> all;
    for (const auto& one : std::filesystem::directory_iterator("/proc/self/task")) all.insert(one.path());
    return all;
}

TEST(Workers, StartNoThreadForAJobBehindAnother) {
    Workers workers(4, 4);
    std::vector<std::shared_ptr<HangingJob>> jobs;
    for (const char* lane : {"a", "a", "a", "a", "b"}) jobs.push_back(std::make_shared<HangingJob>(lane));
    std::thread([] {}).join();  // with the first one a sanitizer starts its own
    // One that has ended may be seen for a while yet.
    const auto begun = [before = threads_of_process()] {
        auto now = threads_of_process();
        std::erase_if(now, [&](const auto& one) { return before.contains(one); });
        return now.size();
    };
    for (std::size_t at = 0; at < 4; ++at) ASSERT_TRUE(workers.submit(jobs[at]));
    EXPECT_EQ(begun(), 1U);
    ASSERT_TRUE(workers.submit(jobs.back()));
    EXPECT_TRUE(is_raised(jobs.back()->begun())) << "another lane has a thread of its own";
    EXPECT_EQ(begun(), 2U);
    for (const auto& job : jobs) job->let_go();
    for (const auto& job : jobs) EXPECT_TRUE(is_raised(job->descriptor()));
}

TEST(RememberedTexts, ForgetAllRatherThanGrow) {
    RememberedTexts texts;
    EXPECT_FALSE(texts.contains("a"));
    texts.add("a");
    EXPECT_TRUE(texts.contains("a"));
    for (int i = 0; i < 255; ++i) texts.add(std::to_string(i));
    EXPECT_TRUE(texts.contains("a"));
    texts.add("one too many");
    EXPECT_FALSE(texts.contains("a"));
    EXPECT_TRUE(texts.contains("one too many"));
}

}  // namespace
}  // namespace pg::libpq
