// What the fuzzer and a unit test ask of those who listen to a server.
#pragma once

#include <string>
#include <string_view>

namespace pg::wire {

/// Lets a FrameReader and a Machine hear a server. The first byte of the input says in what pieces its bytes arrive;
/// its highest bit, that they begin where a chunk ends. The second counts the bytes that follow it and are what the
/// machine is told to be sent, before the next message comes if their highest bit is set: a `Sent`, or an execution in
/// one step, whose answer is then looked for in one. All others are what the server says.
///
/// No byte may be lost, no frame may lie outside its chunk or be written over, nothing may be read after a violation,
/// and what a reader accepts must be written again as it was. Returns how it is not so, or nothing.
std::string server_exchange_goes_wrong(std::string_view input);

}  // namespace pg::wire
