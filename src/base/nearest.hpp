// The nearest of some words, for "did you mean".
#pragma once

#include <span>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg {

/// The candidate that takes the fewest slips (a letter too many, too few, wrong, or two swapped) to become `word`.
/// Empty when the nearest is so far that to name it would not help. The first of several as near.
PGCLIENT_API std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace pg
