// A TCP port that nobody uses.
#pragma once

#include <cstdint>

#include "pg/expected.hpp"

namespace pg::testing {

/// A port of 127.0.0.1 that could be bound a moment ago. It lies below the range from which the kernel takes the local
/// ports of outgoing connections, so that only another server can come in between.
Expected<std::uint16_t> free_port();

}  // namespace pg::testing
