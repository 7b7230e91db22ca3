// The nearest word: what counts as a slip, and when no word is near enough.
#include "src/base/nearest.hpp"

#include <gtest/gtest.h>
#include <string>

namespace pg {
namespace {

constexpr std::string_view words[] = {"sslmode", "sslcert", "host", "hostaddr", "user", "0"};

TEST(Nearest, FindsALetterTooFewTooManyOrWrong) {
    EXPECT_EQ(nearest("sslmod", words), "sslmode");
    EXPECT_EQ(nearest("sslmodee", words), "sslmode");
    EXPECT_EQ(nearest("sslmide", words), "sslmode");
}

TEST(Nearest, CountsTwoSwappedLettersAsOneSlip) {
    EXPECT_EQ(nearest("hots", words), "host");
    EXPECT_EQ(nearest("suer", words), "user");
}

TEST(Nearest, PrefersTheFewestSlips) {
    EXPECT_EQ(nearest("hostadr", words), "hostaddr");
    EXPECT_EQ(nearest("hosta", words), "host");
}

TEST(Nearest, NamesNothingThatIsFar) {
    EXPECT_EQ(nearest("banana", words), "");
    EXPECT_EQ(nearest("", words), "");
    EXPECT_EQ(nearest("1", words), "");
    EXPECT_EQ(nearest(std::string(5000, 'x'), words), "");
}

}  // namespace
}  // namespace pg
