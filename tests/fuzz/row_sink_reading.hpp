// What the fuzzer and a unit test ask of the direct engine where it gives rows to a sink as they lie.
#pragma once

#include <string>
#include <string_view>

namespace pg::libpq::direct {

/// The first byte of the input says how many columns there are, up to seven; the rest is the body of a row, and lies in
/// memory that ends with it. A result and every sink must agree whether it is whole, and what is in it, in any order.
/// Returns how they do not, or nothing.
std::string row_sink_reading_goes_wrong(std::string_view input);

}  // namespace pg::libpq::direct
