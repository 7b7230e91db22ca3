// ThreadWaiter: a thread, or work on a stack of its own, that waits for its turn in the queue. Internal to pool.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "pg/spi/session_source.hpp"
#include "pg/spi/waiter.hpp"
#include "pg/stop.hpp"

namespace pg::pool {

class ThreadWaiter final : public spi::LeaseWaiter {
public:
    /// A stop ends the wait; may be null.
    explicit ThreadWaiter(const StopToken* stop) : on_stop_(stop, &ThreadWaiter::stop, this) {}

    /// Until it is settled, or the wait is over.
    void wait(const Deadline& until) {
        std::unique_lock lock(mutex_);
        const auto is_over = [this] { return stopped_ || lease_; };
        if (spi::Waiter* waiter = spi::Waiter::here()) {
            if (is_over()) return;
            over_ = std::stop_source();
            const StopToken over(over_.get_token());
            lock.unlock();
            return static_cast<void>(waiter->wait({}, {until, &over}));
        }
        if (until.is_never())
            changed_.wait(lock, is_over);
        else
            changed_.wait_until(lock, until.when(), is_over);
    }
    /// Waits for a settlement that is under way, which may need the thread of the work that waits here: to close the
    /// session that it was to be settled with.
    [[nodiscard]] Expected<spi::Lease> take() {
        std::unique_lock lock(mutex_);
        if (spi::Waiter* waiter = spi::Waiter::here(); waiter != nullptr && !lease_) {
            settled_ = std::stop_source();
            const StopToken settled(settled_.get_token());
            lock.unlock();
            while (!settled.stop_requested()) static_cast<void>(waiter->wait({}, {Deadline::never(), &settled}));
            lock.lock();
        }
        changed_.wait(lock, [this] { return lease_.has_value(); });
        return *std::move(lease_);
    }

private:
    void do_settle(Expected<spi::Lease> lease) noexcept override {
        const std::lock_guard lock(mutex_);  // held beyond the notification: the waiter goes when it is let go
        lease_.emplace(std::move(lease));
        end_wait();
        settled_.request_stop();
    }
    static void stop(void* waiter) noexcept {
        auto& self = *static_cast<ThreadWaiter*>(waiter);
        const std::lock_guard lock(self.mutex_);
        self.stopped_ = true;
        self.end_wait();
    }
    void end_wait() {
        changed_.notify_one();
        over_.request_stop();
    }

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::optional<Expected<spi::Lease>> lease_;
    bool stopped_ = false;
    // Of work that waits: for either, and for that alone. A thread needs no memory for them. @{
    std::stop_source over_{std::nostopstate};
    std::stop_source settled_{std::nostopstate};  /// @}
    const StopCallback on_stop_;
};

}  // namespace pg::pool
