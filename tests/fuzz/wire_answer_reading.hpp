// What the fuzzer and a unit test ask of those who read answers and rows where they lie.
#pragma once

#include <string>
#include <string_view>

namespace pg::wire {

/// Reads an answer and a row out of memory that ends where they end. The first byte of the input says how many columns
/// the row is meant to have, and its highest bit that the answer is to have a ReadyForQuery. All others are what the
/// server says, and the body of the row if there is none in it.
///
/// What `find_answer` finds must be those frames that a FrameReader cuts and a Machine accepts, and those who walk
/// through the values of a row must agree which rows are whole and what is in them. Returns how it is not so, or
/// nothing.
std::string answer_reading_goes_wrong(std::string_view input);

}  // namespace pg::wire
