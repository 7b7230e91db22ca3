// Ticker: the timer of a pool, on a reactor. Internal to pool.
#pragma once

#include <atomic>
#include <memory>

#include "pg/spi/reactor.hpp"
#include "src/pool/governor.hpp"

namespace pg::pool {

/// Calls `look()` of its pool, while there is one, at the time that was wanted last. Deletes itself after `end`. The
/// reactor is kept by the pool, and goes only after what was spawned on it has ended.
template <class Pool>
class Ticker final {
public:
    Ticker(std::weak_ptr<Pool> pool, spi::Reactor& reactor) : pool_(std::move(pool)), reactor_(reactor) {}
    Ticker(const Ticker&) = delete;
    Ticker& operator=(const Ticker&) = delete;

    /// In place of what was wanted before. Thread-safe.
    void want(Governor::Time when) noexcept {
        wanted_.store(when.time_since_epoch().count(), std::memory_order_release);
        if (!is_posted_.exchange(true, std::memory_order_acq_rel)) reactor_.post(set_);
    }
    /// The last call, when nobody calls `want` any more.
    void end() noexcept { reactor_.spawn(end_); }

private:
    /// A job that calls a function of the ticker.
    template <void (Ticker::*function)()>
    class Call final : public spi::Job {
    public:
        explicit Call(Ticker& ticker) : ticker_(ticker) {}

    private:
        void do_run() noexcept override { (ticker_.*function)(); }
        Ticker& ticker_;
    };
    void set() {
        // Before it reads: who comes later posts again, and who came before has written what is read.
        is_posted_.exchange(false, std::memory_order_acq_rel);
        const Governor::Time when(Governor::Time::duration(wanted_.load(std::memory_order_acquire)));
        when == Governor::Time::max() ? reactor_.cancel(timer_) : reactor_.set(timer_, when, look_);
    }
    void look() {
        if (const std::shared_ptr<Pool> pool = pool_.lock()) pool->look();
    }
    void finish() {
        // What was posted before may come behind what was spawned.
        if (is_posted_.load(std::memory_order_acquire)) return reactor_.spawn(end_);
        reactor_.cancel(timer_);
        delete this;
    }

    const std::weak_ptr<Pool> pool_;
    spi::Reactor& reactor_;
    std::atomic<Governor::Time::rep> wanted_{0};
    std::atomic<bool> is_posted_{false};
    spi::Timer timer_;
    Call<&Ticker::set> set_{*this};
    Call<&Ticker::look> look_{*this};
    Call<&Ticker::finish> end_{*this};
};

}  // namespace pg::pool
