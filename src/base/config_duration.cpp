// How a duration with a unit is read.
#include "src/base/config_duration.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace pg::config {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

constexpr Unit units[] = {{"ns", 1},
                          {"us", 1'000},
                          {"ms", 1'000'000},
                          {"s", 1'000'000'000},
                          {"min", 60'000'000'000},
                          {"h", 3'600'000'000'000}};

}  // namespace

Duration read_duration(std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view name = text.substr(digits);
    if (digits == 0) return {.problem = DurationProblem::malformed};
    if (name.empty()) return {.problem = DurationProblem::no_unit};
    const auto* unit = std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == name; });
    if (unit == std::end(units)) return {.problem = DurationProblem::malformed};

    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + digits, number);
    if (read.ec != std::errc() || number > std::numeric_limits<std::int64_t>::max() / unit->nanoseconds)
        return {.problem = DurationProblem::too_long};
    return {.value = std::chrono::nanoseconds(number * unit->nanoseconds)};
}

}  // namespace pg::config
