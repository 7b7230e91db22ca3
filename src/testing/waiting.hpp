// How a deadline is told to poll().
#pragma once

#include <chrono>
#include <limits>

#include "pg/deadline.hpp"

namespace pg::testing {

/// Milliseconds for poll(), rounded up so that the deadline has passed when it returns; -1 for never.
inline int poll_timeout(Deadline deadline) {
    if (deadline.is_never()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()).count();
    constexpr auto longest = std::numeric_limits<int>::max();
    return left < longest ? static_cast<int>(left) : longest;
}

}  // namespace pg::testing
