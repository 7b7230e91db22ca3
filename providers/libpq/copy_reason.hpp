// What a server is told of why a COPY is given up.
#pragma once

#include <string>
#include <string_view>

namespace pg::libpq {

/// A reason as a server takes it: a longer message ends the session, and bytes that are not UTF-8 are another failure
/// than that which was asked for. Each of those is a question mark, and what is too long is cut between two characters.
[[nodiscard]] std::string copy_reason(std::string_view reason);

}  // namespace pg::libpq
