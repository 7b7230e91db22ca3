// A point in time after which waiting ends: made once at the edge of the library and passed down.
#pragma once

#include <chrono>

#include "pg/options.hpp"

namespace pg {

/// A moment on the monotonic clock, or never. Value.
class Deadline {
public:
    using Clock = std::chrono::steady_clock;  ///< monotonic: no change of the wall clock moves it

    /// `timeout` from `now`; `no_timeout`, or one too large for the clock, gives never.
    static Deadline after(std::chrono::nanoseconds timeout, Clock::time_point now = Clock::now()) {
        return timeout >= Clock::time_point::max() - now ? never() : Deadline(now + timeout);
    }
    /// The clock's last moment is never.
    static constexpr Deadline at(Clock::time_point when) { return Deadline(when); }
    static constexpr Deadline never() { return Deadline(Clock::time_point::max()); }  ///< what `no_timeout` asks for

    [[nodiscard]] constexpr Clock::time_point when() const { return when_; }  ///< the clock's last moment for never
    /// Whether it does not end.
    [[nodiscard]] constexpr bool is_never() const { return when_ == Clock::time_point::max(); }
    /// Whether it is over: at the moment itself it is.
    [[nodiscard]] bool passed(Clock::time_point now = Clock::now()) const { return now >= when_; }
    /// What is left, never negative; `no_timeout` when it never ends.
    [[nodiscard]] std::chrono::nanoseconds remaining(Clock::time_point now = Clock::now()) const {
        if (is_never()) return no_timeout;
        return when_ <= now ? std::chrono::nanoseconds(0) : std::chrono::nanoseconds(when_ - now);
    }

    friend constexpr auto operator<=>(const Deadline&, const Deadline&) = default;

private:
    explicit constexpr Deadline(Clock::time_point when) : when_(when) {}
    Clock::time_point when_;
};

/// The sooner of two deadlines.
[[nodiscard]] constexpr Deadline earlier(Deadline a, Deadline b) { return a < b ? a : b; }

}  // namespace pg
