// Deadline: arithmetic that neither overflows nor goes negative.
#include "pg/deadline.hpp"

#include <gtest/gtest.h>

namespace pg {
namespace {

using namespace std::chrono_literals;

constexpr Deadline::Clock::time_point noon{1000s};

TEST(Deadline, PassesWhenItsMomentComes) {
    const Deadline deadline = Deadline::after(5s, noon);
    EXPECT_EQ(deadline.when(), noon + 5s);
    EXPECT_FALSE(deadline.passed(noon + 5s - 1ns));
    EXPECT_TRUE(deadline.passed(noon + 5s));
}

TEST(Deadline, TellsWhatIsLeftAndNeverLess) {
    const Deadline deadline = Deadline::at(noon + 5s);
    EXPECT_EQ(deadline.remaining(noon), 5s);
    EXPECT_EQ(deadline.remaining(noon + 5s), 0s);
    EXPECT_EQ(deadline.remaining(noon + 9s), 0s);
}

TEST(Deadline, OfNoTimeoutNeverPasses) {
    for (const Deadline deadline : {Deadline::never(), Deadline::after(no_timeout, noon)}) {
        EXPECT_TRUE(deadline.is_never());
        EXPECT_FALSE(deadline.passed(noon + std::chrono::hours(1'000'000)));
        EXPECT_EQ(deadline.remaining(noon), no_timeout);
    }
}

TEST(Deadline, BeyondTheClockIsNever) {
    const auto late = Deadline::Clock::time_point::max() - 1s;
    EXPECT_TRUE(Deadline::after(2s, late).is_never());
    EXPECT_TRUE(Deadline::after(1s, late).is_never());
    EXPECT_FALSE(Deadline::after(1s - 1ns, late).is_never());
}

TEST(Deadline, ReadsTheMonotonicClockByItself) {
    EXPECT_TRUE(Deadline::after(0s).passed());
    EXPECT_FALSE(Deadline::after(1h).passed());
    EXPECT_GT(Deadline::after(1h).remaining(), 0s);
}

TEST(Deadline, ComparesByMoment) {
    const Deadline soon = Deadline::at(noon);
    const Deadline later = Deadline::at(noon + 1s);
    EXPECT_LT(soon, later);
    EXPECT_LT(later, Deadline::never());
    EXPECT_EQ(earlier(soon, later), soon);
    EXPECT_EQ(earlier(Deadline::never(), soon), soon);
}

}  // namespace
}  // namespace pg
