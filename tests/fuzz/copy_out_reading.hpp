// What the fuzzer and a unit test ask of a binary COPY out of a server that sends any bytes.
#pragma once

#include <string>
#include <string_view>

namespace pg {

/// The input is pieces of a COPY of two columns, a text and an int4, each behind a byte with its length, of which 255
/// stands for all that is left. The rows in front of whatever is wrong must be those that a plain reading gives, what
/// is wrong must be an error, and the session must be free behind it. Returns how that is not so, or nothing.
std::string copy_out_reading_goes_wrong(std::string_view input);

}  // namespace pg
