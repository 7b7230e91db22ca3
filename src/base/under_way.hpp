// UnderWay: how many are doing something elsewhere, for whoever waits until none is.
#pragma once

#include <condition_variable>
#include <mutex>

#include "pg/deadline.hpp"

namespace pg::detail {

/// Thread-safe.
class UnderWay {
public:
    void begin() noexcept {
        const std::lock_guard lock(mutex_);
        ++number_;
    }
    void end() noexcept {
        const std::lock_guard lock(mutex_);  // held beyond the notification: this may go when it is let go
        --number_;
        changed_.notify_all();
    }
    /// Until none is, or until then.
    void wait(const Deadline& until) noexcept {
        std::unique_lock lock(mutex_);
        const auto is_none = [this] { return number_ == 0; };
        until.is_never() ? changed_.wait(lock, is_none) : void(changed_.wait_until(lock, until.when(), is_none));
    }

private:
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    int number_ = 0;
};

}  // namespace pg::detail
