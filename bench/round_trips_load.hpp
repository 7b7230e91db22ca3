// How often a pool waits for its server, how much it sends unasked, and how often it knocks.
#pragma once

#include "bench/targets.hpp"

namespace pg::testing {
class TestServer;
}

/// One line for each figure, counted behind a line of 20 ms each way.
void measure_round_trips(const pg::testing::TestServer& server, bench::Targets& targets);
