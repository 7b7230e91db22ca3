// Reactor: a thread's loop on which work may wait without holding up the thread.
#pragma once

#include "pg/deadline.hpp"
#include "pg/spi/event_loop.hpp"

namespace pg::spi {

/// A moment on a reactor at which a job runs. Pinned while it is set.
struct Timer {
    Deadline::Clock::time_point when{};  ///< as it was set
    Job* job = nullptr;                  ///< what runs then
    std::size_t place = 0;               ///< among the reactor's timers; zero: it is not set
    Timer* before = nullptr;             ///< and those beside it there. @{
    Timer* behind = nullptr;             ///< @}
};

/// A loop and the work on it. Sessions of an awaitable provider have one for life, where they are used: by fibers of
/// its own, or by one of another loop that has borrowed it, and then by nobody else.
class PGCLIENT_API Reactor {
public:
    virtual ~Reactor();
    /// Runs `job` soon on the loop's thread, where it must not wait. Thread-safe.
    void post(Job& job) noexcept { do_post(job); }
    /// Runs `job` soon on the loop's thread and on a stack of its own, where everything that waits for a session's
    /// server lets the thread do other work meanwhile. Thread-safe.
    void spawn(Job& job) noexcept { do_spawn(job); }
    /// True on the loop's thread. Thread-safe.
    [[nodiscard]] bool here() const noexcept { return do_here(); }
    /// True when the library runs the loop, on a thread that does nothing else: what was begun there ends, whatever the
    /// application does. Thread-safe.
    [[nodiscard]] bool has_thread() const noexcept { return do_has_thread(); }
    /// True in whatever a reactor runs: who blocks there holds up the calls on it, whichever sessions they are for.
    [[nodiscard]] static bool any_here() noexcept;

    /// Runs `job` at `when`, unless it is set anew or cancelled before. On the loop's thread. @{
    void set(Timer& timer, Deadline::Clock::time_point when, Job& job) noexcept {
        timer.job = &job;
        if (timer.place == 0 || timer.when != when) do_set(timer, when);
    }
    void cancel(Timer& timer) noexcept {
        if (timer.place != 0) do_cancel(timer);
    }  /// @}

    /// Sessions that live on it. @{
    void add_session() noexcept { do_count(1); }
    void remove_session() noexcept { do_count(-1); }  /// @}
    /// Calls that wait there for their turn or their answer. On the loop's thread. @{
    void begin_call() noexcept {
        if (calls_++ == 0) do_have_calls(true);
    }
    void end_call() noexcept {
        if (--calls_ == 0) do_have_calls(false);
    }  /// @}

protected:
    /// Says whether a reactor runs what this thread does from now on; gives what was so before.
    static bool enter(bool is_running) noexcept;

private:
    virtual void do_post(Job& job) noexcept = 0;
    virtual void do_spawn(Job& job) noexcept = 0;
    virtual bool do_here() const noexcept = 0;
    virtual void do_set(Timer& timer, Deadline::Clock::time_point when) noexcept = 0;
    virtual void do_cancel(Timer& timer) noexcept = 0;
    virtual void do_count(int sessions) noexcept = 0;
    virtual void do_have_calls(bool /*any*/) noexcept {}
    virtual bool do_has_thread() const noexcept { return false; }

    std::size_t calls_ = 0;
};

}  // namespace pg::spi
