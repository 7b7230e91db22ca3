// RunLoop: an event loop that a thread of ours runs.
#pragma once

#include "pg/spi/event_loop.hpp"

namespace pg::fibers {

/// One thread runs it at a time. What is posted to it and not run when it goes is forgotten.
class PGCLIENT_API RunLoop : public spi::EventLoop {
public:
    /// Runs what comes, on the calling thread, until `stop`.
    void run() { do_run_until_stopped(); }
    /// Waits for what comes next and runs it, after `run`.
    void run_one() { do_run_one(); }
    /// Thread-safe.
    void stop() noexcept { do_stop(); }

private:
    virtual void do_run_until_stopped() = 0;
    virtual void do_run_one() = 0;
    virtual void do_stop() noexcept = 0;
};

}  // namespace pg::fibers
