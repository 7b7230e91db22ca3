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

/// So many bytes of text, and these behind them.
std::string long_text(std::size_t bytes, std::string_view end = "") {
    std::string text(bytes, 'x');
    text.append(end);
    return text;
}

TEST(CopyReason, IsCutBetweenTwoCharacters) {
    EXPECT_EQ(copy_reason(long_text(8000)).size(), 8000U);
    EXPECT_EQ(copy_reason(long_text(8001)).size(), 8000U);
    EXPECT_EQ(copy_reason(long_text(7999, "\xc3\xa9")), long_text(7999));
    EXPECT_EQ(copy_reason(long_text(7998, "\xc3\xa9z")), long_text(7998, "\xc3\xa9"));
}

}  // namespace
}  // namespace pg::libpq
