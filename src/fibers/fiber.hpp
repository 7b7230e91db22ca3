// Fiber: a stack of its own on which jobs run that may wait, one after the other.
#pragma once

#include <array>
#include <atomic>

#include "pg/spi/reactor.hpp"
#include "pg/spi/waiter.hpp"
#include "src/fibers/context_switch.hpp"
#include "src/fibers/sanitizers.hpp"
#include "src/fibers/stack.hpp"

namespace pg::fibers {

class LoopReactor;

/// Belongs to one reactor, and runs on its thread only. Pinned.
///
///   idle --run--> running --do_wait--> waiting --wake--> due --go_on--> running --the job returns--> idle
///
///   (F1) A job leaves the fiber only by returning: a fiber that is not idle is never destroyed.
///   (F2) What may wake a waiting fiber (descriptors, timer, stop) is set up before it leaves its stack and taken down
///        when it is back on it. Only the first that comes makes it due.
///   (F3) A stop is asked for on any thread, and reaches the fiber through its reactor; one that comes late finds the
///        fiber at another wait, or none, and is told apart by its number.
class Fiber final : public spi::Waiter {
public:
    explicit Fiber(LoopReactor& reactor);
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber() override;

    /// Runs `job` up to its end or its first wait; true at its end. On the reactor's own stack.
    [[nodiscard]] bool run(spi::Job& job) noexcept;
    /// Goes on with the job after a wait; true at its end. On the reactor's own stack.
    [[nodiscard]] bool go_on() noexcept;

    /// Nothing is on its way to it, so that it may be destroyed while it is idle.
    [[nodiscard]] bool is_quiet() const noexcept { return stop_.wait.load(std::memory_order_acquire) == 0; }

    Fiber* next = nullptr;  ///< of the fibers that are due, or idle

private:
    enum class State : std::uint8_t { idle, running, waiting, due };
    /// What wakes the fiber when a descriptor is ready, or its time has come.
    class Wake final : public spi::Job {
    public:
        void bind(Fiber& fiber, spi::Woken woken) noexcept {
            fiber_ = &fiber;
            woken_ = woken;
        }
        bool ran = false;

    private:
        void do_run() noexcept override;
        Fiber* fiber_ = nullptr;
        spi::Woken woken_{};
    };
    /// The same when a stop is asked for, from any thread.
    class Stop final : public spi::Job {
    public:
        explicit Stop(Fiber& fiber) noexcept : fiber_(fiber) {}

        std::atomic<std::uint64_t> wait{0};  ///< the number of the one that is to end; zero: it is in no queue

    private:
        void do_run() noexcept override;
        Fiber& fiber_;
    };

    spi::Woken do_wait(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept override;
    void do_nudge() noexcept override;
    /// What made it ready.
    enum class Wakes : std::uint8_t { by_descriptor, by_nudge, blindly };
    Wakes wait_once(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept;
    void wake(spi::Woken woken) noexcept;
    static void ask(void* fiber) noexcept;
    void suspend() noexcept;
    [[nodiscard]] bool enter() noexcept;
    static void main(void* fiber) noexcept;

    static constexpr std::size_t most_descriptors = 3;

    LoopReactor& reactor_;
    Stack stack_;
    StackPointer inside_ = nullptr;   // where the fiber was left
    StackPointer outside_ = nullptr;  // where the reactor was, that runs it
    spi::Job* job_ = nullptr;
    State state_ = State::idle;
    spi::Woken woken_{};
    Wakes wakes_{};
    std::uint64_t waits_ = 0;  // so far
    bool nudged_ = false;      // this wait may be
    std::array<Wake, most_descriptors> ready_;
    Wake deadline_;
    Stop stop_{*this};
    spi::Timer timer_;
    KnownStack known_;          // the fiber's own
    KnownStack known_outside_;  // the reactor's
};

}  // namespace pg::fibers
