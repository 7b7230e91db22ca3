// Queues of jobs: their order, and an inbox that several threads fill.
#include "src/fibers/job_queue.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace pg::fibers {
namespace {

struct Numbered final : spi::Job {
    explicit Numbered(int the_number = 0, int the_thread = 0) : number(the_number), thread(the_thread) {}
    int number, thread;

private:
    void do_run() noexcept override {}
};

std::vector<int> emptied(JobQueue& queue) {
    std::vector<int> numbers;
    while (spi::Job* job = queue.pop()) {
        EXPECT_EQ(job->next, nullptr);
        numbers.push_back(static_cast<Numbered*>(job)->number);
    }
    return numbers;
}
using Numbers = std::vector<int>;

TEST(JobQueue, IsFirstInFirstOut) {
    JobQueue queue;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.pop(), nullptr);
    Numbered one(1), two(2), three(3);
    queue.push(one);
    EXPECT_FALSE(queue.empty());
    queue.push(two);
    EXPECT_EQ(queue.pop(), &one);
    queue.push(three);
    queue.push(one);
    EXPECT_EQ(emptied(queue), (Numbers{2, 3, 1}));
    EXPECT_TRUE(queue.empty());
    queue.push(two);
    EXPECT_EQ(emptied(queue), (Numbers{2})) << "it can be filled anew";
}

TEST(JobQueue, ForgetsWhatAJobWasLinkedToBefore) {
    JobQueue queue;
    Numbered one(1), two(2);
    one.next = &two;
    queue.push(one);
    EXPECT_EQ(emptied(queue), (Numbers{1}));
}

TEST(JobQueue, TakesAnotherOneBehindItself) {
    JobQueue queue, other;
    Numbered one(1), two(2), three(3), four(4), five(5);
    queue.append(other);
    EXPECT_TRUE(queue.empty());
    other.push(one);
    other.push(two);
    queue.append(other);
    EXPECT_TRUE(other.empty());
    other.push(three);
    other.push(four);
    queue.append(other);
    queue.append(other);
    queue.push(five);
    EXPECT_EQ(emptied(queue), (Numbers{1, 2, 3, 4, 5}));
    EXPECT_TRUE(other.empty());
}

TEST(JobInbox, GivesJobsInTheOrderInWhichTheyCame) {
    JobInbox inbox;
    JobQueue queue;
    Numbered zero(0), one(1), two(2), three(3);
    inbox.take(queue);
    EXPECT_TRUE(queue.empty());
    queue.push(zero);
    for (Numbered* job : {&one, &two, &three}) inbox.push(*job);
    inbox.take(queue);
    inbox.take(queue);
    EXPECT_EQ(emptied(queue), (Numbers{0, 1, 2, 3})) << "behind what was there";
}

TEST(JobInbox, LosesNothingThatSeveralThreadsPushAndKeepsTheOrderOfEach) {
    constexpr int threads = 4, each = 500;
    JobInbox inbox;
    std::vector<std::vector<Numbered>> jobs(threads);
    std::vector<std::jthread> pushers;
    for (int thread = 0; thread < threads; ++thread) {
        auto& mine = jobs[static_cast<std::size_t>(thread)];
        for (int number = 0; number < each; ++number) mine.emplace_back(number, thread);
        pushers.emplace_back([&] {
            for (Numbered& job : mine) inbox.push(job);
        });
    }
    std::vector<int> next(threads);
    JobQueue queue;
    for (int taken = 0; taken < threads * each;) {
        inbox.take(queue);
        while (spi::Job* job = queue.pop()) {
            const auto& one = static_cast<const Numbered&>(*job);
            ASSERT_EQ(one.number, next[static_cast<std::size_t>(one.thread)]++);
            ++taken;
        }
    }
    for (std::jthread& pusher : pushers) pusher.join();
    inbox.take(queue);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace pg::fibers
