// HookGate: until when the functions of the application are called. Internal to pool.
#pragma once

#include <condition_variable>
#include <mutex>

#include "pg/deadline.hpp"

namespace pg::pool {

/// Thread-safe.
class HookGate {
public:
    /// From now on nobody enters. True when somebody is inside.
    [[nodiscard]] bool close() noexcept {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        return inside_ != 0;
    }
    /// Until those have left who are inside, until then at most.
    void wait(const Deadline& until) noexcept {
        std::unique_lock lock(mutex_);
        const auto is_empty = [this] { return inside_ == 0; };
        until.is_never() ? changed_.wait(lock, is_empty) : void(changed_.wait_until(lock, until.when(), is_empty));
    }

private:
    friend class HookCall;
    [[nodiscard]] bool enter() noexcept {
        const std::lock_guard lock(mutex_);
        inside_ += is_closed_ ? 0 : 1;
        return !is_closed_;
    }
    void leave() noexcept {
        const std::lock_guard lock(mutex_);  // held beyond the notification: the gate may go when it is let go
        --inside_;
        changed_.notify_all();
    }

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    int inside_ = 0;
    bool is_closed_ = false;
};

/// A function of the application that is being called, if it may be.
class HookCall {
public:
    explicit HookCall(HookGate& gate) noexcept : gate_(gate), is_allowed_(gate.enter()) {}
    HookCall(const HookCall&) = delete;
    HookCall& operator=(const HookCall&) = delete;
    ~HookCall() {
        if (is_allowed_) gate_.leave();
    }

    [[nodiscard]] bool is_allowed() const noexcept { return is_allowed_; }

private:
    HookGate& gate_;
    const bool is_allowed_;
};

}  // namespace pg::pool
