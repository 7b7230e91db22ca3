// A reactor with a thread of its own.
#pragma once

#include <memory>

#include "src/fibers/reactor.hpp"
#include "src/fibers/run_loop.hpp"

namespace pg::fibers {

/// One that runs `loop`. Its thread ends when the last share is gone and what runs on it has ended: before that share
/// is let go, unless that happens on the thread itself, which then ends soon, and before the process does. Throws
/// std::system_error when there is no thread to be had.
[[nodiscard]] PGCLIENT_API std::shared_ptr<LoopReactor> make_own_reactor(std::unique_ptr<RunLoop> loop);

}  // namespace pg::fibers
