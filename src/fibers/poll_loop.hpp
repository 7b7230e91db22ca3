// PollLoop: an event loop over poll(), for few descriptors.
#pragma once

#include <atomic>
#include <poll.h>
#include <thread>
#include <vector>

#include "src/fibers/job_queue.hpp"
#include "src/fibers/run_loop.hpp"

namespace pg::fibers {

/// Thread-safe as an `EventLoop` is.
class PGCLIENT_API PollLoop final : public RunLoop {
public:
    /// Throws std::system_error when the process has no descriptor left.
    PollLoop();
    PollLoop(const PollLoop&) = delete;
    PollLoop& operator=(const PollLoop&) = delete;
    ~PollLoop() override;

private:
    void do_run_until_stopped() override;
    void do_run_one() override;
    void do_stop() noexcept override;
    void do_post(spi::Job& job) noexcept override;
    bool do_watch(int descriptor, short events, spi::Job& job) noexcept override;
    void do_forget(int descriptor) noexcept override;
    void do_set_alarm(Clock::time_point when, spi::Job& job) noexcept override;
    bool do_here() const noexcept override {
        return std::this_thread::get_id() == runner_.load(std::memory_order_relaxed);
    }

    void wake() noexcept;
    void wait();
    void run_ready();
    [[nodiscard]] int milliseconds_left() const;

    JobInbox posted_;
    int wake_up_;  // an eventfd, readable after `wake`
    // By place: what is watched, and what runs then; the first is wake_up_ itself. @{
    std::vector<pollfd> watched_;
    std::vector<spi::Job*> jobs_;  /// @}
    spi::Job* alarm_ = nullptr;    // null: none is set
    Clock::time_point alarm_at_{};
    std::atomic<bool> stopped_{false};
    std::atomic<std::thread::id> runner_{};
};

}  // namespace pg::fibers
