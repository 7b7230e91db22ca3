// doubt_type: a type that did not fit its target is asked for again. Internal to value.
#pragma once

#include "pg/column_matches.hpp"

namespace pg::detail {

/// What does not fit may fit what the type is now: it is looked at again for the next result. `known` may be null.
void doubt_type(const WireType& type, ColumnMatches* known);

}  // namespace pg::detail
