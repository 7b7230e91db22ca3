// A reactor without a thread: whoever posts a job runs it, and one timer goes off when the test says so.
#pragma once

#include <deque>
#include <utility>

#include "pg/spi/reactor.hpp"

namespace fake {

/// Does whatever it is given on the spot: who asks for a session sees it opened. Time passes when a test says so.
class Spot final : public pg::spi::Reactor {
public:
    /// What a job posts is run behind it, as by any loop: it may end what that job is of. One thread, then.
    bool runs_in_turn = false;

    /// When the one timer is to go off that is set.
    [[nodiscard]] pg::Deadline::Clock::time_point alarm() const { return timer_ != nullptr ? timer_->when : never; }
    /// It goes off now.
    void ring() { std::exchange(timer_, nullptr)->job->run(); }

private:
    static constexpr auto never = pg::Deadline::Clock::time_point::max();
    void do_post(pg::spi::Job& job) noexcept override {
        if (!runs_in_turn) return job.run();
        jobs_.push_back(&job);
        while (!is_running_ && !jobs_.empty()) {
            pg::spi::Job& next = *jobs_.front();
            jobs_.pop_front();
            is_running_ = true;
            next.run();
            is_running_ = false;
        }
    }
    void do_spawn(pg::spi::Job& job) noexcept override { job.run(); }
    bool do_here() const noexcept override { return false; }
    void do_set(pg::spi::Timer& timer, pg::Deadline::Clock::time_point when) noexcept override {
        timer.when = when;
        timer_ = &timer;
    }
    void do_cancel(pg::spi::Timer&) noexcept override { timer_ = nullptr; }
    void do_count(int) noexcept override {}

    pg::spi::Timer* timer_ = nullptr;
    std::deque<pg::spi::Job*> jobs_;
    bool is_running_ = false;
};

}  // namespace fake
