// Governor: when the next attempt to open a session may be made. Internal to pool.
#pragma once

#include <algorithm>
#include <optional>
#include <random>

#include "pg/deadline.hpp"
#include "pg/error.hpp"

namespace pg::pool {

/// Full jitter: after the n-th failure in a row the pause is anything up to `shortest` doubled n - 1 times, but no more
/// than `longest`. A success forgets them. Told the time; one thread at a time.
class Governor {
public:
    using Time = Deadline::Clock::time_point;
    static constexpr std::chrono::nanoseconds shortest = std::chrono::milliseconds(50);
    static constexpr std::chrono::nanoseconds longest = std::chrono::seconds(10);

    explicit Governor(std::uint64_t seed) : random_(seed) {}

    /// No attempt before this.
    [[nodiscard]] Time next() const { return next_; }
    [[nodiscard]] bool allows(Time now) const { return now >= next_; }
    [[nodiscard]] int failures() const { return failures_; }  ///< since the last success
    /// Of the last failure; nothing when the last attempt succeeded.
    [[nodiscard]] const std::optional<Error>& last_error() const { return last_error_; }
    [[nodiscard]] Time failed_at() const { return failed_at_; }

    void fail(Error error, Time now) {
        const std::chrono::nanoseconds doubled = shortest * (1L << std::min(failures_++, 20));
        const std::chrono::nanoseconds most = std::min(longest, doubled);
        next_ = now + std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(0, most.count())(random_));
        last_error_ = std::move(error);
        failed_at_ = now;
    }
    void succeed() {
        failures_ = 0;
        next_ = {};
        last_error_.reset();
    }

private:
    std::minstd_rand random_;
    int failures_ = 0;
    Time next_{};
    Time failed_at_{};
    std::optional<Error> last_error_;
};

}  // namespace pg::pool
