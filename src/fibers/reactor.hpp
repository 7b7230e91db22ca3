// LoopReactor: fibers, jobs and timers on an event loop.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "pg/spi/reactor.hpp"
#include "src/fibers/fiber.hpp"
#include "src/fibers/job_queue.hpp"
#include "src/fibers/timers.hpp"

namespace pg::fibers {

class RunLoop;

/// The work on one loop. Whatever the loop calls is a turn: it ends when all that became due in it has run.
///
///   (R1) Jobs and fibers run in turns only, on the loop's own stack or on a fiber's; nothing runs inside of a call
///        that makes it due.
///   (R2) A turn runs what was due at its beginning and what it makes due itself, but no more rounds than
///        `most_rounds`: then the loop gets to look at its descriptors, and another turn comes soon.
///   (R3) Whoever fills an inbox sees to it that the job that empties both is posted; it is in the loop once at most.
///   (R4) The loop's alarm is never later than the first timer. What is set there goes before the reactor does.
///   (R5) A job that another thread hands over may be what ends the reactor, while that thread is still on its way out
///        of here: it goes only when nobody is inside.
///   (R6) The loop is held while a fiber is at work or a call is under way, as the last turn, or the call that came
///        after it, left that. What is due has a job in the loop, and other timers are not worth staying for.
class PGCLIENT_API LoopReactor final : public spi::Reactor {
public:
    /// Borrows the loop.
    explicit LoopReactor(spi::EventLoop& loop);
    /// One that a thread of ours runs.
    explicit LoopReactor(RunLoop& loop);
    LoopReactor(const LoopReactor&) = delete;
    LoopReactor& operator=(const LoopReactor&) = delete;
    /// When nothing runs on it any more, on the loop's thread or when nobody runs the loop.
    ~LoopReactor() override;

    [[nodiscard]] spi::EventLoop& loop() const noexcept { return loop_; }
    /// A waiting fiber is due. On the loop's thread.
    void go_on(Fiber& fiber) noexcept;
    /// Runs what is due after `wake()`, unless that is being done already. On the loop's thread.
    template <class Wake>
    void turn(Wake wake) {
        if (std::exchange(in_turn_, true)) return wake();
        const bool was_inside = enter(true);
        wake();
        end_turn();
        enter(was_inside);
    }
    /// All that the calling thread does is a reactor's.
    static void keep_thread() noexcept { enter(true); }
    /// Runs the timers whose time has come, and sets the loop's alarm for the next. On the loop's thread.
    void look_at_timers();
    /// Nothing is due or under way in it, so that it may be destroyed. On the loop's thread.
    [[nodiscard]] bool is_at_rest() const noexcept {
        // Whoever is inside may have handed over what has run by now, and post the inbox yet: who is out has (R5).
        return inside_.load(std::memory_order_acquire) == 0 && is_idle() && is_quiet();
    }
    /// Posts `job` to the loop when it may be at rest, which is to be looked at then. Once; on the loop's thread.
    void tell_of_rest(spi::Job& job) noexcept {
        on_rest_ = &job;
        if (is_idle() && is_quiet()) tell_rest();
    }
    /// Nothing runs on a fiber, as far as is known. Thread-safe.
    [[nodiscard]] bool is_idle() const noexcept { return at_work_.load(std::memory_order_acquire) == 0; }
    [[nodiscard]] int sessions() const noexcept { return sessions_.load(std::memory_order_relaxed); }

private:
    /// A job that calls a function of the reactor.
    class Call final : public spi::Job {
    public:
        Call(LoopReactor& reactor, void (LoopReactor::*function)()) noexcept : reactor_(reactor), function_(function) {}

    private:
        void do_run() noexcept override { (reactor_.*function_)(); }
        LoopReactor& reactor_;
        void (LoopReactor::*function_)();
    };
    void do_post(spi::Job& job) noexcept override;
    void do_spawn(spi::Job& job) noexcept override;
    bool do_here() const noexcept override { return loop_.here(); }
    void do_set(spi::Timer& timer, Deadline::Clock::time_point when) noexcept override;
    void do_cancel(spi::Timer& timer) noexcept override { timers_.cancel(timer); }
    void do_count(int sessions) noexcept override { sessions_.fetch_add(sessions, std::memory_order_relaxed); }
    void do_have_calls(bool any) noexcept override {
        has_calls_ = any;
        if (!in_turn_) hold();
    }

    bool do_has_thread() const noexcept override { return has_thread_; }

    void hand_over(JobInbox& inbox, spi::Job& job) noexcept;
    void look_into_inbox();
    void alarm_has_run();
    void end_turn();
    void want_turn() noexcept;
    void empty_inboxes_soon() noexcept;
    [[nodiscard]] bool is_anything_due() const noexcept;
    void run_what_is_due();
    void come_back();
    [[nodiscard]] Fiber& take_fiber();
    void keep(Fiber& fiber);
    void arm();
    void hold() noexcept;
    /// No turn is under way or to come.
    [[nodiscard]] bool is_quiet() const noexcept {
        return !in_turn_ && !turn_wanted_ && !inbox_is_posted_.load(std::memory_order_acquire);
    }
    void tell_rest() noexcept { loop_.post(*std::exchange(on_rest_, nullptr)); }

    static constexpr int most_rounds = 64;
    static constexpr std::size_t most_idle_fibers = 64;

    spi::EventLoop& loop_;
    const bool has_thread_;
    JobInbox posted_, spawned_;  // by any thread
    JobQueue jobs_, to_spawn_;
    Fiber* first_due_ = nullptr;
    Fiber* last_due_ = nullptr;
    Timers timers_;
    Deadline::Clock::time_point armed_ = Deadline::Clock::time_point::max();  // the loop's alarm; the last: it is not
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Fiber*> idle_;  // of them
    bool in_turn_ = false;
    bool turn_wanted_ = false;
    bool has_calls_ = false;       // under way
    bool holds_ = false;           // the loop
    spi::Job* on_rest_ = nullptr;  // who is to be told of it
    std::atomic<bool> inbox_is_posted_{false};
    std::atomic<int> inside_{0};  // threads that hand over a job (R5)
    std::atomic<int> sessions_{0};
    std::atomic<int> at_work_{0};  // jobs that were spawned and have not ended
    Call inbox_{*this, &LoopReactor::look_into_inbox};
    Call alarm_{*this, &LoopReactor::alarm_has_run};
    Call turn_{*this, &LoopReactor::come_back};
};

}  // namespace pg::fibers
