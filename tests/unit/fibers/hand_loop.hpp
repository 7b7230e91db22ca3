// HandLoop: an event loop that does only what its test tells it to; and what the tests put on loops.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "pg/spi/event_loop.hpp"

namespace pg::fibers {

/// A job that calls a function.
class FunctionJob final : public spi::Job {
public:
    explicit FunctionJob(std::function<void()> function = [] {}) : function_(std::move(function)) {}
    int runs = 0;

private:
    void do_run() noexcept override {
        ++runs;
        function_();
    }
    std::function<void()> function_;
};

/// Something that happens once, which one thread waits for and then forgets.
class Event {
public:
    void happen() {
        const std::lock_guard lock(mutex_);  // held beyond the notification: whoever waits may destroy this then
        happened_ = true;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return happened_; });
    }
    [[nodiscard]] bool has_happened() {
        const std::lock_guard lock(mutex_);
        return happened_;
    }

private:
    std::mutex mutex_;  // guards happened_
    std::condition_variable changed_;
    bool happened_ = false;
};

/// Both ends of a pipe, which do not block.
class Pipe {
public:
    Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC | O_NONBLOCK), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_writer();
        ::close(ends_[0]);
    }

    [[nodiscard]] int reader() const { return ends_[0]; }
    [[nodiscard]] int writer() const { return ends_[1]; }
    void write() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
    void read() const {
        char one = 0;
        EXPECT_EQ(::read(ends_[0], &one, 1), 1);
    }
    /// No more fits in afterwards.
    void fill() const {
        const std::vector<char> block(4096);
        while (::write(ends_[1], block.data(), block.size()) > 0) {
        }
    }
    void drain() const {
        std::vector<char> block(4096);
        while (::read(ends_[0], block.data(), block.size()) > 0) {
        }
    }
    void close_writer() {
        if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
    }

private:
    int ends_[2] = {-1, -1};
};

/// Lives on the thread that makes it.
class HandLoop final : public spi::EventLoop {
public:
    struct Watched {
        short events;
        spi::Job* job;
    };

    /// How many jobs are posted and have not run.
    [[nodiscard]] std::size_t posted() {
        const std::lock_guard lock(mutex_);
        return posted_.size();
    }
    /// Runs what is posted by now; how many those were.
    std::size_t run_posted() {
        std::deque<spi::Job*> now;
        {
            const std::lock_guard lock(mutex_);
            now.swap(posted_);
        }
        for (spi::Job* job : now) job->run();
        return now.size();
    }
    /// Until nothing is posted.
    void run() {
        for (int rounds = 0; run_posted() != 0; ++rounds) {
            if (rounds > 10'000) return ADD_FAILURE() << "there is no end of what is posted";
        }
    }
    /// Runs the jobs of the descriptors that are ready, and what follows from that.
    void look() {
        std::vector<int> ready;
        for (const auto& [descriptor, one] : watched) {
            pollfd entry{descriptor, one.events, 0};
            if (::poll(&entry, 1, 0) == 1) ready.push_back(descriptor);
        }
        for (const int descriptor : ready) {
            const auto found = watched.find(descriptor);
            if (found == watched.end()) continue;  // forgotten by the job of another one
            spi::Job* const job = found->second.job;
            watched.erase(found);
            job->run();
        }
        run();
    }
    /// Runs the job of the alarm now, whatever its time, and what follows from that.
    void fire_alarm() {
        ASSERT_TRUE(alarm);
        alarm.reset();
        alarm_job_->run();
        run();
    }

    std::map<int, Watched> watched;
    std::optional<Clock::time_point> alarm;
    int alarms = 0;                            // how often it was set
    int holds = 0;                             // that have not ended
    int times_held = 0;                        // so far
    bool watches = true;                       // false: there is nothing that it can watch
    std::function<void()> posted_elsewhere{};  // called by another thread that has posted, before it goes on

private:
    void do_post(spi::Job& job) noexcept override {
        {
            const std::lock_guard lock(mutex_);
            posted_.push_back(&job);
        }
        if (posted_elsewhere && !do_here()) posted_elsewhere();
    }
    bool do_watch(int descriptor, short events, spi::Job& job) noexcept override {
        EXPECT_TRUE(do_here());
        if (!watches) return false;
        EXPECT_TRUE(watched.try_emplace(descriptor, Watched{events, &job}).second) << "watched twice: " << descriptor;
        return true;
    }
    void do_forget(int descriptor) noexcept override {
        EXPECT_TRUE(do_here());
        EXPECT_EQ(watched.erase(descriptor), 1u) << "forgotten, but not watched: " << descriptor;
    }
    void do_set_alarm(Clock::time_point when, spi::Job& job) noexcept override {
        EXPECT_TRUE(do_here());
        alarm = when;
        alarm_job_ = &job;
        ++alarms;
    }
    void do_hold(bool begins) noexcept override {
        EXPECT_TRUE(do_here());
        holds += begins ? 1 : -1;
        times_held += begins ? 1 : 0;
    }
    bool do_here() const noexcept override { return std::this_thread::get_id() == thread_; }

    const std::thread::id thread_ = std::this_thread::get_id();
    spi::Job* alarm_job_ = nullptr;
    std::mutex mutex_;  // guards posted_
    std::deque<spi::Job*> posted_;
};

}  // namespace pg::fibers
