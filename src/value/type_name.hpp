// How an error message names a type.
#pragma once

#include <string>

#include "pg/codec.hpp"

namespace pg::detail {

/// "int4", "schema.mood" for a type the catalogue knows, otherwise "type 12345".
[[nodiscard]] std::string type_name(const WireType& type);

}  // namespace pg::detail
