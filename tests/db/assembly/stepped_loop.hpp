// SteppedLoop: an event loop over poll() that runs one job at a time, when its test says so.
#pragma once

#include <chrono>
#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "pg/spi/event_loop.hpp"

namespace frozen {

/// Lives on the thread that makes it. Pinned.
class SteppedLoop final : public pg::spi::EventLoop {
public:
    SteppedLoop() { EXPECT_GE(wake_, 0); }
    SteppedLoop(const SteppedLoop&) = delete;
    SteppedLoop& operator=(const SteppedLoop&) = delete;
    ~SteppedLoop() override { ::close(wake_); }

    /// Runs one job: the first that is posted, else that of a descriptor, else the alarm's. Waits for one; false when
    /// none came in that time.
    bool turn(std::chrono::milliseconds patience) {
        const Clock::time_point end = Clock::now() + patience;
        for (;;) {
            if (pg::spi::Job* const job = take_posted()) return job->run(), true;
            const Clock::time_point now = Clock::now();
            if (pg::spi::Job* const job = take_ready(std::min(end, alarm_) - now)) return job->run(), true;
            if (alarm_ <= Clock::now()) {
                alarm_ = Clock::time_point::max();
                return std::exchange(alarm_job_, nullptr)->run(), true;
            }
            if (Clock::now() >= end && !has_posted()) return false;
        }
    }
    /// Waits until there is something to run, and does not run it.
    void wait(std::chrono::milliseconds patience) {
        if (has_posted()) return;
        std::vector<pollfd> polled = descriptors();
        ::poll(polled.data(), polled.size(), static_cast<int>(patience.count()));
    }
    /// Nothing is posted or watched; an alarm may be set.
    [[nodiscard]] bool is_at_rest() { return !has_posted() && watched_.empty(); }
    /// Nothing is posted, watched or timed.
    [[nodiscard]] bool is_empty() { return is_at_rest() && alarm_ == Clock::time_point::max(); }

private:
    struct Watched {
        short events;
        pg::spi::Job* job;
    };

    [[nodiscard]] bool has_posted() {
        const std::lock_guard lock(mutex_);
        return !posted_.empty();
    }
    pg::spi::Job* take_posted() {
        const std::lock_guard lock(mutex_);
        if (posted_.empty()) return nullptr;
        pg::spi::Job* const job = posted_.front();
        posted_.pop_front();
        return job;
    }
    [[nodiscard]] std::vector<pollfd> descriptors() const {
        std::vector<pollfd> all{{.fd = wake_, .events = POLLIN, .revents = 0}};
        for (const auto& [descriptor, one] : watched_)
            all.push_back({.fd = descriptor, .events = one.events, .revents = 0});
        return all;
    }
    /// Null when no descriptor is ready, or something was posted meanwhile.
    pg::spi::Job* take_ready(Clock::duration time) {
        std::vector<pollfd> polled = descriptors();
        const auto patience = std::chrono::ceil<std::chrono::milliseconds>(std::max(time, Clock::duration::zero()));
        ::poll(polled.data(), polled.size(), static_cast<int>(std::min<std::int64_t>(patience.count(), 60'000)));
        if (polled.front().revents != 0) {
            eventfd_t count = 0;
            ::eventfd_read(wake_, &count);
        }
        for (const pollfd& one : polled) {
            if (one.revents == 0 || one.fd == wake_) continue;
            const auto found = watched_.find(one.fd);
            pg::spi::Job* const job = found->second.job;
            watched_.erase(found);
            return job;
        }
        return nullptr;
    }

    void do_post(pg::spi::Job& job) noexcept override {
        {
            const std::lock_guard lock(mutex_);
            posted_.push_back(&job);
        }
        if (!do_here()) ::eventfd_write(wake_, 1);
    }
    bool do_watch(int descriptor, short events, pg::spi::Job& job) noexcept override {
        EXPECT_TRUE(watched_.try_emplace(descriptor, Watched{events, &job}).second) << "watched twice: " << descriptor;
        return true;
    }
    void do_forget(int descriptor) noexcept override {
        EXPECT_EQ(watched_.erase(descriptor), 1U) << "forgotten, but not watched: " << descriptor;
    }
    void do_set_alarm(Clock::time_point when, pg::spi::Job& job) noexcept override {
        alarm_ = when;
        alarm_job_ = &job;
    }
    bool do_here() const noexcept override { return std::this_thread::get_id() == thread_; }

    const std::thread::id thread_ = std::this_thread::get_id();
    const int wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    std::map<int, Watched> watched_;
    Clock::time_point alarm_ = Clock::time_point::max();
    pg::spi::Job* alarm_job_ = nullptr;
    std::mutex mutex_;  // guards posted_
    std::deque<pg::spi::Job*> posted_;
};

}  // namespace frozen
