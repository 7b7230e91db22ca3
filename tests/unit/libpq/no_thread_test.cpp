// Workers where the system gives no more threads: a job is refused, or waits for a thread that is there already.
#include <atomic>
#include <gtest/gtest.h>
#include <memory>

#include "providers/libpq/workers.hpp"
#include "tests/unit/refused_threads.hpp"

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;

/// Runs until it is let go.
class HangingJob final : public Job {
public:
    void let_go() { let_go_.raise(); }
    [[nodiscard]] bool begins() const { return is_raised(begun_); }
    [[nodiscard]] bool has_begun() const { return is_readable(begun_.descriptor()); }

private:
    static bool is_raised(const Signal& signal) {
        return wait_for(signal.descriptor(), POLLIN, {.deadline = Deadline::after(60s), .stop = nullptr}) ==
               Woken::ready;
    }
    void run() noexcept override {
        begun_.raise();
        static_cast<void>(is_raised(let_go_));
    }

    Signal begun_, let_go_;
};

class WithoutThreads : public ::testing::Test {
protected:
    ~WithoutThreads() override { refuses = false; }
};

TEST_F(WithoutThreads, AJobIsRefused) {
    Workers workers(2, 2);
    refuses = true;
    const auto job = std::make_shared<HangingJob>();
    EXPECT_FALSE(workers.submit(job));
    refuses = false;
    EXPECT_TRUE(workers.submit(job)) << "nothing of the refusal is left";
    EXPECT_TRUE(job->begins());
    job->let_go();
}

TEST_F(WithoutThreads, AJobWaitsForTheThreadThatThereIs) {
    Workers workers(2, 2);
    const auto first = std::make_shared<HangingJob>();
    ASSERT_TRUE(workers.submit(first));
    ASSERT_TRUE(first->begins());
    refuses = true;
    const auto second = std::make_shared<HangingJob>();
    EXPECT_TRUE(workers.submit(second));
    EXPECT_FALSE(second->has_begun()) << "there is one thread, and it is busy";
    first->let_go();
    EXPECT_TRUE(second->begins());
    second->let_go();
}

}  // namespace
}  // namespace pg::libpq
