// Capacity: how many sessions a server takes that refused one because it has no more room. Internal to pool.
#pragma once

#include <algorithm>
#include <cstddef>

#include "src/pool/governor.hpp"

namespace pg::pool {

/// After a refusal no more than there were then, and one more whenever `pause` has passed. Told the time; one thread at
/// a time.
class Capacity {
public:
    using Time = Governor::Time;
    static constexpr std::chrono::seconds pause{10};

    /// The server had room for no more than `there`.
    void refuse(std::size_t there, Time now) {
        room_ = std::max<std::size_t>(there, 1);
        since_ = now;
    }
    /// No more than that should there be; the largest number when none was refused.
    [[nodiscard]] std::size_t room(Time now) const {
        return room_ == unlimited ? unlimited : room_ + static_cast<std::size_t>((now - since_) / pause);
    }

private:
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);
    std::size_t room_ = unlimited;
    Time since_{};
};

}  // namespace pg::pool
