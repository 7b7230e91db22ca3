// A statement without what it says of its data.
#pragma once

#include <string>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg {

/// The text without comments, each literal replaced by `?`, a list of literals by one, rows of them too, and blanks
/// folded: never longer than it was. Names, quoted or not, and `$1` stay. It is read as with
/// standard_conforming_strings on, to its end where something has none; so one that was cut gives away no more.
[[nodiscard]] PGCLIENT_API std::string fingerprint(std::string_view sql);

}  // namespace pg
