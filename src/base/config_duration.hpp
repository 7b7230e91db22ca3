// Durations as they are written in a connection string: 200ms, 30s, 5min.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace pg::config {

enum class DurationProblem : std::uint8_t { none, no_unit, malformed, too_long };

struct Duration {
    std::chrono::nanoseconds value{0};
    DurationProblem problem = DurationProblem::none;
};

/// Reads a whole number and a unit (ns us ms s min h) with nothing between or around.
Duration read_duration(std::string_view text);

}  // namespace pg::config
