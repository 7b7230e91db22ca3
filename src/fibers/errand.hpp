// Errand: a call that one thread has done on a reactor, and waits for.
#pragma once

#include <condition_variable>
#include <mutex>

#include "pg/spi/reactor.hpp"

namespace pg::fibers {

/// Runs `function` on a fiber of `reactor`, and blocks the calling thread until it has returned. Not on the reactor's
/// own thread.
template <class Function>
void run_errand(spi::Reactor& reactor, Function& function) noexcept {
    class Errand final : public spi::Job {
    public:
        explicit Errand(Function& function) noexcept : function_(function) {}
        void wait() {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return done_; });
        }

    private:
        void do_run() noexcept override {
            function_();
            const std::lock_guard lock(mutex_);  // held beyond the notification: the errand goes when it is let go
            done_ = true;
            changed_.notify_one();
        }
        Function& function_;
        std::mutex mutex_;  // guards done_
        std::condition_variable changed_;
        bool done_ = false;
    };
    Errand errand(function);
    reactor.spawn(errand);
    errand.wait();
}

}  // namespace pg::fibers
