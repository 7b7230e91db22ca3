// The one use of time in a test: an upper bound on a hang.
#pragma once

#include <chrono>
#include <cstdlib>

namespace testing_support {

/// `deadline` and the 250 ms that every call has beyond it, times PGCLIENT_TEST_SLOWNESS (20 when unset: machines are
/// shared, and may stand still for seconds).
inline std::chrono::milliseconds bound_on_hang(std::chrono::milliseconds deadline) {
    const char* factor = std::getenv("PGCLIENT_TEST_SLOWNESS");
    const double slowness = factor != nullptr ? std::atof(factor) : 20.0;
    return deadline + std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::milliseconds(250) * slowness);
}

}  // namespace testing_support
