// Fibers: what each keeps for itself while others run. Exceptions, rounding, and a deep stack.
#include <cfenv>
#include <cstring>
#include <exception>

#include "tests/unit/fibers/hand_reactor.hpp"

namespace pg::fibers {
namespace {

class FiberKeeps : public HandReactor {
protected:
    /// Waits, on a fiber, until everything that waits here is let go.
    void rest() { static_cast<void>(wait_for(gates_.emplace_back(::dup(gate_.reader())))); }
    void let_all_go() {
        gate_.write();
        loop.look();
    }
    ~FiberKeeps() override {
        for (const int gate : gates_) ::close(gate);
    }

private:
    Pipe gate_;
    std::deque<int> gates_;  // each fiber has a descriptor of its own
};

TEST_F(FiberKeeps, TheExceptionsThatItHandles) {
    constexpr int fibers = 5;
    std::vector<std::string> rethrown;
    for (int number = 0; number < fibers; ++number)
        on_fiber([this, number, &rethrown] {
            try {
                throw std::to_string(number);
            } catch (const std::string&) {
                try {
                    throw number;
                } catch (int) {
                    rest();
                    try {
                        throw;
                    } catch (int inner) {
                        rethrown.push_back(std::to_string(inner) + " inside");
                    }
                }
                try {
                    throw;
                } catch (const std::string& outer) {
                    rethrown.push_back(outer);
                }
            }
            EXPECT_EQ(std::current_exception(), nullptr);
        });
    EXPECT_EQ(std::current_exception(), nullptr);
    let_all_go();
    std::sort(rethrown.begin(), rethrown.end());
    EXPECT_EQ(rethrown, (std::vector<std::string>{"0", "0 inside", "1", "1 inside", "2", "2 inside", "3", "3 inside",
                                                  "4", "4 inside"}));
}

/// Runs something while an exception passes by.
template <class Function>
struct InPassing {
    Function function;
    ~InPassing() { function(); }
};
template <class Function>
InPassing(Function) -> InPassing<Function>;

TEST_F(FiberKeeps, HowManyExceptionsAreUnderWay) {
    std::vector<int> counts;
    on_fiber([&] {
        try {
            const InPassing waits{[&] {
                counts.push_back(std::uncaught_exceptions());
                rest();
                counts.push_back(std::uncaught_exceptions());
            }};
            throw 1;
        } catch (int) {
            counts.push_back(std::uncaught_exceptions());
        }
    });
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    on_fiber([&] {
        EXPECT_EQ(std::uncaught_exceptions(), 0);
        try {
            const InPassing looks{[] { EXPECT_EQ(std::uncaught_exceptions(), 1); }};
            throw 2;
        } catch (int number) {
            EXPECT_EQ(number, 2);
        }
    });
    let_all_go();
    EXPECT_EQ(counts, (std::vector{1, 1, 0}));
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST_F(FiberKeeps, NothingOfWhatAnotherOneCaughtInTheMeantime) {
    on_fiber([&] {
        try {
            throw 1;
        } catch (int) {
            rest();
        }
    });
    on_fiber([&] {
        rest();
        EXPECT_EQ(std::current_exception(), nullptr);
    });
    let_all_go();
}

/// Rounded as the thread is told to, by both of the units that calculate.
struct Quotient {
    double sse;
    long double x87;
    friend bool operator==(const Quotient&, const Quotient&) = default;
};
__attribute__((noinline)) Quotient seventh() {
    volatile double one = 1, seven = 7;
    volatile long double long_one = 1, long_seven = 7;
    return {one / seven, long_one / long_seven};
}

TEST_F(FiberKeeps, HowItRounds) {
    const Quotient nearest = seventh();
    std::fesetround(FE_UPWARD);
    const Quotient upward = seventh();
    std::fesetround(FE_TONEAREST);
    ASSERT_NE(nearest.sse, upward.sse);
    ASSERT_NE(nearest.x87, upward.x87);

    Quotient before{}, after{}, other{};
    on_fiber([&] {
        std::fesetround(FE_UPWARD);
        before = seventh();
        rest();
        after = seventh();
        std::fesetround(FE_TONEAREST);
    });
    EXPECT_EQ(seventh(), nearest) << "the thread rounds as before";
    on_fiber([&] { other = seventh(); });
    let_all_go();
    EXPECT_EQ(before, upward);
    EXPECT_EQ(after, upward);
    EXPECT_EQ(other, nearest);
    EXPECT_EQ(seventh(), nearest);
}

#if defined(__x86_64__)  // elsewhere as when its stack was made
TEST_F(FiberKeeps, NothingOfHowTheThreadRoundsWhenItBegins) {
    const Quotient nearest = seventh();
    std::fesetround(FE_UPWARD);
    Quotient inside{};
    on_fiber([&] { inside = seventh(); });
    const Quotient outside = seventh();
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(inside, nearest);
    EXPECT_NE(outside, nearest);
}
#endif

__attribute__((noinline)) int fill(unsigned char* bytes, std::size_t size, int seed) {
    for (std::size_t at = 0; at < size; ++at)
        bytes[at] = static_cast<unsigned char>((at + static_cast<unsigned>(seed)) * 7);
    return seed;
}
__attribute__((noinline)) bool holds(const unsigned char* bytes, std::size_t size, int seed) {
    for (std::size_t at = 0; at < size; ++at)
        if (bytes[at] != static_cast<unsigned char>((at + static_cast<unsigned>(seed)) * 7)) return false;
    return true;
}

TEST_F(FiberKeeps, ADeepStack) {
    constexpr std::size_t deep = 200 * 1024;
    int right = 0;
    for (int seed = 1; seed <= 3; ++seed)
        on_fiber([&, seed] {
            unsigned char bytes[deep];
            fill(bytes, deep, seed);
            rest();
            if (holds(bytes, deep, seed)) ++right;
        });
    let_all_go();
    EXPECT_EQ(right, 3);
}

/// One page for each call.
__attribute__((noinline)) int descend(int depth) {
    volatile unsigned char page[4'000];
    page[0] = static_cast<unsigned char>(depth);
    page[sizeof page - 1] = 1;
    return depth == 0 ? 0 : descend(depth - 1) + page[sizeof page - 1];
}

TEST_F(FiberKeeps, ADeepStackFromJobToJob) {
    for (int round = 0; round < 3; ++round) {
        int depth = 0;
        on_fiber([&] { depth = descend(40); });
        EXPECT_EQ(depth, 40);
    }
}

}  // namespace
}  // namespace pg::fibers
