// How long the machine has been asleep. Internal to pool.
#pragma once

#include <chrono>
#include <ctime>

namespace pg::pool {

/// Since it was started; the clock of deadlines stands still meanwhile. It may be said to have been a little longer.
[[nodiscard]] inline std::chrono::nanoseconds time_asleep() noexcept {
    const auto reading = [](clockid_t clock) {
        std::timespec time{};
        ::clock_gettime(clock, &time);
        return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    };
    const std::chrono::nanoseconds awake = reading(CLOCK_MONOTONIC);
    return reading(CLOCK_BOOTTIME) - awake;
}

}  // namespace pg::pool
