// PollLoop: an event loop over poll(), on a thread of its own.
#include "src/fibers/poll_loop.hpp"

#include "tests/unit/fibers/run_loop_suite.hpp"

namespace pg::fibers {

INSTANTIATE_TEST_SUITE_P(Poll, RunLoops, ::testing::Values(&make_loop<PollLoop>),
                         [](const auto&) { return "PollLoop"; });

}  // namespace pg::fibers
