// AsioLoop: an event loop over asio, on a thread of its own.
#include "providers/async/asio_loop.hpp"

#include "tests/unit/fibers/run_loop_suite.hpp"

namespace pg::fibers {

INSTANTIATE_TEST_SUITE_P(Asio, RunLoops, ::testing::Values(&make_loop<async::AsioLoop>),
                         [](const auto&) { return "AsioLoop"; });

}  // namespace pg::fibers
