// What the fuzzer and a unit test ask of those who listen to a client.
#pragma once

#include <string>
#include <string_view>

namespace pg::wire {

/// Reads a client's messages; the first byte of the input says whether a packet without a type comes before them. What
/// a reader accepts must be written again as it was, and no byte may be lost; returns how it is not so, or nothing.
std::string client_messages_differ_after_round_trip(std::string_view input);

}  // namespace pg::wire
