// ExpectedWait: how long a request is going to wait for a session. Internal to pool.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace pg::pool {

/// The mean of how long sessions were held, the latest counting for most. One thread at a time.
class ExpectedWait {
public:
    /// Before so many came back nothing is said.
    static constexpr int fewest = 16;

    void came_back(std::chrono::nanoseconds held) {
        seen_ = std::min(seen_ + 1, fewest);
        mean_ += (static_cast<double>(held.count()) - mean_) / seen_;
    }
    /// Behind so many requests for so many sessions, all of which are in use; no time when too little is known.
    [[nodiscard]] std::chrono::nanoseconds behind(std::size_t waiting, std::size_t sessions) const {
        if (seen_ < fewest) return {};
        const double turns = static_cast<double>(waiting + 1) / static_cast<double>(sessions);
        return std::chrono::nanoseconds(static_cast<std::int64_t>(mean_ * turns));
    }

private:
    int seen_ = 0;     // at most `fewest`
    double mean_ = 0;  // ns
};

}  // namespace pg::pool
