// HandReactor: a reactor on a loop that the test drives by hand, and work on it.
#pragma once

#include <stop_token>

#include "pg/stop.hpp"
#include "src/fibers/reactor.hpp"
#include "tests/unit/fibers/hand_loop.hpp"

namespace pg::fibers {

using namespace std::chrono_literals;
using spi::Woken;

inline Deadline past() { return Deadline::at(Deadline::Clock::now() - 1s); }
inline Deadline far_away() { return Deadline::after(1h); }

/// Waits, on a fiber, until `descriptor` can be read.
inline Woken wait_for(int descriptor, const spi::Wait& wait = {}) {
    pollfd entry{descriptor, POLLIN, 0};
    return spi::Waiter::here()->wait({&entry, 1}, wait);
}

class HandReactor : public ::testing::Test {
protected:
    ~HandReactor() override { EXPECT_TRUE(reactor.is_idle()) << "a fiber is still at work"; }

    FunctionJob& job(std::function<void()> function) { return jobs_.emplace_back(std::move(function)); }
    /// Runs `function` on a fiber, up to its first wait.
    void on_fiber(std::function<void()> function) {
        reactor.spawn(job(std::move(function)));
        loop.run();
    }
    static void on_other_thread(std::function<void()> function) { std::thread(std::move(function)).join(); }

    HandLoop loop;
    LoopReactor reactor{loop};

private:
    std::deque<FunctionJob> jobs_;
};

}  // namespace pg::fibers
