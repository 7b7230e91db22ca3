// What the fuzzer and a unit test ask of arrays, ranges, composites and extension types.
#pragma once

#include <string>
#include <string_view>

namespace pg {

/// Reads a value from bytes, of which the first names its type and the second its format. What is read must have a text
/// form that is read as a value of the same text; returns how it is not, or nothing.
std::string differs_after_round_trip(std::string_view input);

}  // namespace pg
