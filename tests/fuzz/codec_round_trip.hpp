// What the fuzzer and a unit test ask of every built-in type that is one value.
#pragma once

#include <string>
#include <string_view>

namespace pg {

/// Reads a value from bytes, of which the first names its type and the second its format. What is read must be written,
/// in both formats, as bytes that are read as a value of the same text; returns how it is not, or nothing.
std::string codec_differs_after_round_trip(std::string_view input);

}  // namespace pg
