// AdaptiveLimit: how many sessions are best used at the same time, learned from how long they are held. Internal to
// pool.
//
// A server that has more to do than it can do at once makes everybody slower. Of `limit` sessions in use then, those
// that wait within the server are limit * (1 - shortest hold / hold now): the measure of TCP Vegas, with sessions for
// packets. The limit goes half of the way, window by window, to where `spare` of them wait; decision record 12.
#pragma once

#include <algorithm>
#include <cstddef>

#include "src/pool/governor.hpp"

namespace pg::pool {

/// Told the time. One thread at a time.
class AdaptiveLimit {
public:
    using Time = Governor::Time;
    /// A window lasts as long, and for as many loans.
    static constexpr std::chrono::milliseconds window{100};
    static constexpr int fewest = 10;
    /// So many windows, and the shortest hold is measured anew, with a quarter fewer sessions in use.
    static constexpr int windows_between_probes = 100;
    /// After a probe that found a much shorter one.
    static constexpr int windows_before_next_probe = 10;
    /// Sessions that are to wait within the server, so that it never waits for one.
    static constexpr double spare = 3;

    AdaptiveLimit(std::size_t least, std::size_t most) { bound(least, most); }

    /// Between which it moves.
    void bound(std::size_t least, std::size_t most) {
        least_ = static_cast<double>(std::max<std::size_t>(least, 1));
        most_ = static_cast<double>(std::max<std::size_t>(most, 1));
        limit_ = std::clamp(limit_, least_, std::max(least_, most_));
    }
    [[nodiscard]] std::size_t limit() const {
        const double now = is_probing_ ? std::max(least_, limit_ * 3 / 4) : limit_;
        return static_cast<std::size_t>(now);
    }
    /// A session came back that was held for that long; `in_demand`: somebody waits for it.
    void came_back(std::chrono::nanoseconds held, bool in_demand, Time now) {
        if (loans_ == 0) began_ = now;
        ++loans_;
        sum_ += static_cast<double>(held.count());
        in_demand_ |= in_demand;
        if (loans_ >= fewest && now - began_ >= window) close_window();
    }

private:
    void close_window() {
        const double hold = std::max(1.0, sum_ / loans_);
        if (is_probing_) {
            // Much shorter than was known: even now there may be too many in use.
            next_probe_ = hold < 0.9 * shortest_ ? windows_before_next_probe : windows_between_probes;
            shortest_ = hold;
            is_probing_ = false;
        } else {
            shortest_ = shortest_ == 0 ? hold : std::min(shortest_, hold);
            if (in_demand_) {
                move_to(limit_ * shortest_ / hold + spare);
                is_probing_ = --next_probe_ == 0;
            }
        }
        loans_ = 0;
        sum_ = 0;
        in_demand_ = false;
    }
    void move_to(double better) { limit_ = std::clamp((limit_ + better) / 2, least_, std::max(least_, most_)); }

    double least_ = 1, most_ = 1;
    double limit_ = 10;    // where it begins, if that is within its bounds
    double shortest_ = 0;  // mean hold of a window, of the shortest since the last probe; 0 before the first window
    bool is_probing_ = false;
    int next_probe_ = windows_before_next_probe;  // in so many windows
    // The window that is open. @{
    Time began_{};
    int loans_ = 0;
    double sum_ = 0;
    bool in_demand_ = false;  /// @}
};

}  // namespace pg::pool
