// What a server is told of why a COPY is given up: text that it takes, whatever was given.
#include "providers/libpq/copy_reason.hpp"

#include <gtest/gtest.h>

namespace pg::libpq {
namespace {

using namespace std::string_view_literals;

TEST(CopyReason, IsKeptAsItIs) {
    for (const std::string_view text : {""sv, "no more"sv, "\x7f"sv, "\xc2\x80 \xdf\xbf"sv,
                                        "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"sv, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"sv})
        EXPECT_EQ(copy_reason(text), text);
}

TEST(CopyReason, HasAMarkForEachByteThatIsNoText) {
    EXPECT_EQ(copy_reason("a\xff"
                          "b"),
              "a?b");
    EXPECT_EQ(copy_reason("\x80\xc3"), "??");
    EXPECT_EQ(copy_reason("\xc3(\xe2\x82"), "?(??");
    EXPECT_EQ(copy_reason("\xc1\xbf\xe0\x9f\xbf\xf0\x8f\xbf\xbf"), "?????????") << "longer than need be";
    EXPECT_EQ(copy_reason("\xed\xa0\x80"), "???") << "half of a character of UTF-16";
    EXPECT_EQ(copy_reason("\xf4\x90\x80\x80\xf5\x80\x80\x80"), "????????") << "beyond the last character";
}

TEST(CopyReason, EndsAtAZeroByte) { EXPECT_EQ(copy_reason("a\0b"sv), "a"); }

TEST(CopyReason, IsCutBetweenTwoCharacters) {
    EXPECT_EQ(copy_reason(std::string(8000, 'x')).size(), 8000U);
    EXPECT_EQ(copy_reason(std::string(8001, 'x')).size(), 8000U);
    EXPECT_EQ(copy_reason(std::string(7999, 'x') + "\xc3\xa9"), std::string(7999, 'x'));
    EXPECT_EQ(copy_reason(std::string(7998, 'x') + "\xc3\xa9"
                                                   "y"),
              std::string(7998, 'x') + "\xc3\xa9");
}

}  // namespace
}  // namespace pg::libpq
