// What many awaiting clients cost, hold and get, beside libpq by hand.
#pragma once

#include <string>

#include "bench/targets.hpp"

/// By threads that block, and by a pipeline: the medians of several rounds, for some twenty seconds.
void measure_awaiting(const std::string& conninfo, bench::Targets& targets);
