// The tour: every verb on the atlas, printed.
#pragma once

#include <pg/client.hpp>

namespace demo {

/// Runs on the tables of the atlas in the current schema.
void tour(pg::Client& db);

}  // namespace demo
