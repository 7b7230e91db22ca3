// One direction of a proxied connection, with a clock of the test's own.
#include "src/testing/faulty_line.hpp"

#include <gtest/gtest.h>

namespace pg::testing {
namespace {

using namespace std::chrono_literals;

const FaultyLine::Time start = FaultyLine::Time() + 1h;

/// Takes what is due, as a socket with room for everything does.
std::string drain(FaultyLine& line, FaultyLine::Time now) {
    std::string all;
    for (std::string_view piece = line.due(now); !piece.empty(); piece = line.due(now)) {
        all += piece;
        line.sent(piece.size(), now);
    }
    return all;
}

TEST(FaultyLine, PassesOnAtOnceWhatItTakesIn) {
    FaultyLine line({});
    line.take("abc", start);
    EXPECT_EQ(line.due(start), "abc");
    line.sent(1, start);
    EXPECT_EQ(drain(line, start), "bc");
    EXPECT_EQ(line.traffic().bytes_in, 3u);
    EXPECT_EQ(line.traffic().bytes_out, 3u);
    EXPECT_TRUE(line.passes_an_end());
    EXPECT_TRUE(line.next_due().is_never());
}

TEST(FaultyLine, DelaysEachByteByTheSameTime) {
    FaultyLine line({.delay = 10ms});
    line.take("ab", start);
    line.take("c", start + 4ms);
    EXPECT_EQ(line.due(start + 9ms), "");
    EXPECT_EQ(line.next_due().when(), start + 10ms);
    EXPECT_EQ(line.due(start + 10ms), "ab");
    EXPECT_EQ(line.due(start + 14ms), "abc");
    line.sent(2, start + 10ms);
    EXPECT_EQ(line.next_due().when(), start + 14ms);
    EXPECT_FALSE(line.passes_an_end()) << "something is held before it";
    line.set({});
    EXPECT_EQ(line.due(start + 11ms), "c") << "what was held goes on once there is no delay";
}

TEST(FaultyLine, LimitsTheBytesOfASecond) {
    FaultyLine line({.bytes_per_second = 1000});
    line.take(std::string(100, 'x'), start);
    EXPECT_EQ(line.due(start).size(), 20u);
    line.sent(20, start);
    EXPECT_EQ(line.due(start + 19ms), "");
    EXPECT_EQ(line.next_due().when(), start + 20ms);
    EXPECT_EQ(line.due(start + 20ms).size(), 20u);
    line.set({.bytes_per_second = 3});
    EXPECT_EQ(line.due(start).size(), 1u) << "never less than a byte";
}

TEST(FaultyLine, LetsOneByteOnAtATime) {
    FaultyLine line({.one_byte_at_a_time = true});
    line.take("ab", start);
    EXPECT_EQ(line.due(start), "a");
    line.sent(1, start);
    EXPECT_EQ(line.due(start), "b");
}

TEST(FaultyLine, TurnsRoundTheBitsOfOneByte) {
    FaultyLine line({});
    line.take("ab", start);
    line.set({.corrupt_at = 2});
    line.take("cd", start);
    line.take("efgh", start);
    std::string expected = "abcdefgh";
    expected[4] = static_cast<char>(~'e');
    EXPECT_EQ(drain(line, start), expected) << "counted from where it was set";
}

TEST(FaultyLine, IsToBeCutAfterSoManyBytes) {
    FaultyLine line({});
    line.take("ab", start);
    drain(line, start);
    line.set({.cut_after = 3, .cut_ending = Ending::reset});
    line.take("cdefgh", start);
    EXPECT_FALSE(line.must_cut());
    EXPECT_EQ(drain(line, start), "cde");
    EXPECT_TRUE(line.must_cut());
    EXPECT_EQ(line.cut_ending(), Ending::reset);
    EXPECT_TRUE(FaultyLine({.cut_after = 0}).must_cut());
}

TEST(FaultyLine, FreezesAndThaws) {
    FaultyLine line({});
    line.take("ab", start);
    line.set({.frozen = true});
    EXPECT_EQ(line.room(), 0u);
    EXPECT_EQ(line.due(start), "");
    EXPECT_TRUE(line.next_due().is_never());
    EXPECT_FALSE(line.passes_an_end());
    line.set({});
    EXPECT_EQ(line.due(start), "ab");
}

TEST(FaultyLine, SwallowsWhatItHoldsAndWhatComes) {
    FaultyLine line({});
    line.take("ab", start);
    line.set({.swallow_after = 0});
    line.take("cd", start);
    EXPECT_TRUE(line.swallows());
    EXPECT_FALSE(line.passes_an_end());
    line.set({});
    line.take("ef", start);
    EXPECT_EQ(drain(line, start), "ef");
    EXPECT_EQ(line.traffic().bytes_in, 6u);
    EXPECT_EQ(line.traffic().bytes_out, 2u);
}

TEST(FaultyLine, SwallowsWhatComesBehindSoManyBytes) {
    FaultyLine line({});
    line.take("ab", start);
    drain(line, start);
    line.take("c", start);
    line.take("de", start);
    line.set({.delay = 5ms, .swallow_after = 2});
    EXPECT_TRUE(line.swallows()) << "what it holds counts";
    line.take("f", start + 3ms);
    EXPECT_EQ(line.due(start + 5ms), "cd");
    line.sent(1, start + 5ms);
    line.set({.swallow_after = 3});
    EXPECT_FALSE(line.swallows());
    line.take("ghi", start + 6ms);
    EXPECT_EQ(drain(line, start + 6ms), "dgh");
    EXPECT_TRUE(line.swallows());
    line.set({});
    line.take("j", start + 7ms);
    EXPECT_EQ(drain(line, start + 7ms), "j");
}

TEST(FaultyLine, LosesWhatComesBehindAClosedOutlet) {
    FaultyLine line({});
    line.take("ab", start);
    line.close_outlet();
    line.take("cd", start);
    EXPECT_EQ(line.due(start), "");
    EXPECT_EQ(line.traffic().bytes_in, 4u);
}

TEST(FaultyLine, HoldsABoundedNumberOfBytes) {
    FaultyLine line({.one_byte_at_a_time = true});
    const std::string block(16384, 'x');
    std::size_t taken = 0;
    while (line.room() > 0) {
        const auto count = std::min(block.size(), line.room());
        line.take(block.substr(0, count), start);
        taken += count;
    }
    EXPECT_EQ(taken, FaultyLine::most_held);
    line.sent(5, start);
    EXPECT_EQ(line.room(), 5u);
    // Long streams with something always held leave no more behind than that.
    line.set({});
    for (int i = 0; i < 40; ++i) {
        line.sent(block.size(), start);
        line.take(block, start);
    }
    EXPECT_EQ(line.room(), 5u);
    EXPECT_EQ(drain(line, start), std::string(FaultyLine::most_held - 5, 'x'));
}

}  // namespace
}  // namespace pg::testing
