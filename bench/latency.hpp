// How long one query takes, beside libpq by hand.
#pragma once

#include <string>

#include "bench/targets.hpp"

/// One line for each peer: the mean and the median of a point query, prepared and asked for again and again, and what
/// the slowest take.
void measure_latency(const std::string& conninfo, bench::Targets& targets);
