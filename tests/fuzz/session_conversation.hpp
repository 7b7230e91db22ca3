// What the fuzzer and a unit test ask of a session whose server says any bytes and ends.
#pragma once

#include <string>
#include <string_view>

namespace pg::libpq {

/// The first byte of the input says which engine, in how large pieces the bytes come, and whether they begin with the
/// answer by which the direct engine takes a session over; the second and third say which two calls; the rest is what
/// the server sends, behind the beginning of a session, before it ends the connection. Each call must come back soon,
/// with what can be read to its last byte or with an error, and whether the session is usable must be what that says.
/// Returns how that is not so, or nothing.
std::string session_conversation_goes_wrong(std::string_view input);

}  // namespace pg::libpq
