// AsioLoop: an event loop of our own.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "src/fibers/run_loop.hpp"

namespace pg::async {

/// An asio::io_context. Thread-safe as an `EventLoop` is.
class AsioLoop final : public fibers::RunLoop {
public:
    AsioLoop();
    AsioLoop(const AsioLoop&) = delete;
    AsioLoop& operator=(const AsioLoop&) = delete;
    /// When nobody runs it any more; jobs that wait are forgotten.
    ~AsioLoop() override;

private:
    struct Impl;

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

    std::unique_ptr<Impl> impl_;
    std::atomic<std::thread::id> runner_{};
};

}  // namespace pg::async
