// An event loop over poll() on the calling thread, so that awaited calls are measured without another one.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <poll.h>
#include <utility>
#include <vector>

#include "pg/spi/event_loop.hpp"
#include "pg/task.hpp"

namespace bench {

/// A coroutine that runs at once, and that nobody waits for.
struct Detached {
    struct promise_type {
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

/// Jobs come from its own thread only. Pinned.
class PollLoop final : public pg::spi::EventLoop {
public:
    /// Runs `task` to its end.
    template <class T>
    T run(pg::Task<T> task) {
        std::optional<T> value;
        std::exception_ptr failure;
        bool is_over = false;
        drive(std::move(task), value, failure, is_over);
        while (!is_over) turn();
        if (failure) std::rethrow_exception(failure);
        return *std::move(value);
    }

private:
    template <class T>
    static Detached drive(pg::Task<T> task, std::optional<T>& value, std::exception_ptr& failure, bool& is_over) {
        try {
            value.emplace(co_await std::move(task));
        } catch (...) {
            failure = std::current_exception();
        }
        is_over = true;
    }

    void turn() {
        for (std::size_t count = posted_.size(); count > 0; --count) {
            pg::spi::Job& job = *posted_.front();
            posted_.pop_front();
            job.run();
        }
        ::poll(watched_.data(), watched_.size(), posted_.empty() ? 1000 : 0);
        for (std::size_t at = 0; at < watched_.size();) {
            if (watched_[at].revents == 0) {
                ++at;
                continue;
            }
            pg::spi::Job& job = *jobs_[at];
            remove(at);
            job.run();
        }
        if (alarm_ && Clock::now() >= when_) std::exchange(alarm_, nullptr)->run();
    }
    void remove(std::size_t at) {
        watched_.erase(watched_.begin() + static_cast<std::ptrdiff_t>(at));
        jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    void do_post(pg::spi::Job& job) noexcept override { posted_.push_back(&job); }
    bool do_watch(int descriptor, short events, pg::spi::Job& job) noexcept override {
        watched_.push_back({.fd = descriptor, .events = events, .revents = 0});
        jobs_.push_back(&job);
        return true;
    }
    void do_forget(int descriptor) noexcept override {
        const auto is_it = [&](const pollfd& one) { return one.fd == descriptor; };
        const auto found = std::find_if(watched_.begin(), watched_.end(), is_it);
        if (found != watched_.end()) remove(static_cast<std::size_t>(found - watched_.begin()));
    }
    void do_set_alarm(Clock::time_point when, pg::spi::Job& job) noexcept override {
        when_ = when;
        alarm_ = &job;
    }
    bool do_here() const noexcept override { return true; }

    std::deque<pg::spi::Job*> posted_;
    std::vector<pollfd> watched_;
    std::vector<pg::spi::Job*> jobs_;  // of the same places
    pg::spi::Job* alarm_ = nullptr;
    Clock::time_point when_{};
};

}  // namespace bench
