// The two forms of a value: as text, and as it travels in binary.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg::testing {

/// The same value in the other form; nothing when the type is none of the usual built-in ones, or the value does not
/// fit it.
[[nodiscard]] std::optional<std::string> other_form(Oid type, Format from, std::string_view value);

}  // namespace pg::testing
