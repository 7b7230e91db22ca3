// Where jobs are run: a Scheduler runs them, an EventLoop also says when a descriptor or a moment is there.
#pragma once

#include <chrono>

#include "pg/fwd.hpp"

namespace pg::spi {

/// Something that a loop runs once. Pinned from the time that it is handed over until it runs; must not throw.
class PGCLIENT_API Job {
public:
    virtual ~Job();
    void run() noexcept { do_run(); }  ///< by the loop

    Job* next = nullptr;  ///< of whichever queue it is in

private:
    virtual void do_run() noexcept = 0;
};

/// Where an application runs things: a loop, a pool of threads, a strand, the main thread of a user interface. Outlives
/// whatever was made on it, and runs what it was given.
class PGCLIENT_API Scheduler {
public:
    virtual ~Scheduler();
    /// Runs `job` soon, never inside of this call. What one job did is seen by those that are posted after it.
    /// Thread-safe.
    void post(Job& job) noexcept { do_post(job); }

private:
    virtual void do_post(Job& job) noexcept = 0;
};

/// The loop of one thread, its own or the application's, on which sessions can live. Jobs run on that thread, never
/// inside of the call that hands them over. Is run until whatever was made on it is gone: what is left open there, such
/// as a stream that was destroyed before its end, is closed by jobs of the loop. `post` is thread-safe; everything else
/// is for the loop's own thread.
class PGCLIENT_API EventLoop : public Scheduler {
public:
    using Clock = std::chrono::steady_clock;  ///< monotonic, as that of a `Deadline`

    ~EventLoop() override;
    /// Runs `job` once when `descriptor` has one of `events` (POLLIN, POLLOUT, as poll() has them) or is broken. One at
    /// a time for a descriptor. False when that cannot be watched for.
    [[nodiscard]] bool watch(int descriptor, short events, Job& job) noexcept {
        return do_watch(descriptor, events, job);
    }
    /// Forgets what `watch` was told, before the descriptor is closed; its job runs no more.
    void forget(int descriptor) noexcept { do_forget(descriptor); }
    /// Runs `job` once at `when`. There is one alarm: a call takes the place of the one before. The clock's last
    /// moment: none is set any more.
    void set_alarm(Clock::time_point when, Job& job) noexcept { do_set_alarm(when, job); }
    /// Something begins that may have nothing to wait for but the alarm (true), or has ended (false). A loop that ends
    /// when nothing is left to do goes on until each has ended; other loops need not care.
    void hold(bool begins) noexcept { do_hold(begins); }
    /// True on the thread that runs the loop.
    [[nodiscard]] bool here() const noexcept { return do_here(); }

private:
    virtual bool do_watch(int descriptor, short events, Job& job) noexcept = 0;
    virtual void do_forget(int descriptor) noexcept = 0;
    virtual void do_set_alarm(Clock::time_point when, Job& job) noexcept = 0;
    virtual bool do_here() const noexcept = 0;
    virtual void do_hold(bool /*begins*/) noexcept {}
};

}  // namespace pg::spi
