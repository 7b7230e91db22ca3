// Expected: holds a value or an error, never both, and throws the error when the value is asked for.
#include "pg/expected.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace pg {
namespace {

Error failure(std::string message = "no") {
    ErrorFields fields;
    fields.kind = ErrorKind::no_rows;
    fields.message = std::move(message);
    return Error(std::move(fields));
}

TEST(Expected, HoldsAValue) {
    Expected<std::string> answer = std::string("yes");
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer.has_value());
    EXPECT_EQ(answer.value(), "yes");
    EXPECT_EQ(*answer, "yes");
    EXPECT_EQ(answer->size(), 3u);
    EXPECT_EQ(std::as_const(answer).value(), "yes");
    EXPECT_EQ(*std::as_const(answer), "yes");
    EXPECT_EQ(std::as_const(answer)->size(), 3u);
}

TEST(Expected, IsMadeOfWhatItsValueIsMadeOf) {
    const auto nothing = []() -> Expected<std::optional<std::string>> { return std::nullopt; };
    const auto text = []() -> Expected<std::optional<std::string>> { return "text"; };
    EXPECT_EQ(nothing().value(), std::nullopt);
    EXPECT_EQ(text().value(), "text");
}

/// What can be copied, and not without a failure.
struct Copied {
    Copied() = default;
    Copied(const Copied&) noexcept(false) {}
    Copied& operator=(const Copied&) = default;
};
static_assert(std::is_copy_constructible_v<Expected<Copied>> && !std::is_copy_assignable_v<Expected<Copied>>);
static_assert(std::is_copy_assignable_v<Expected<std::string>>);

TEST(Expected, HoldsAnError) {
    const Expected<std::string> answer = failure();
    EXPECT_FALSE(answer);
    EXPECT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind(), ErrorKind::no_rows);
}

TEST(Expected, ThrowsItsErrorAsTheClassOfTheKind) {
    Expected<int> answer = failure();
    EXPECT_THROW((void)answer.value(), NoRows);
    EXPECT_THROW((void)std::as_const(answer).value(), NoRows);
    EXPECT_THROW((void)std::move(answer).value(), NoRows);
}

TEST(Expected, MovesItsValueAndErrorOut) {
    Expected<std::unique_ptr<int>> answer = std::make_unique<int>(7);
    EXPECT_EQ(*std::move(answer).value(), 7);
    Expected<std::unique_ptr<int>> other = std::make_unique<int>(8);
    const std::unique_ptr<int> taken = *std::move(other);
    EXPECT_EQ(*taken, 8);
    Expected<int> failed = failure("gone");
    const Error error = std::move(failed).error();
    EXPECT_EQ(error.message(), "gone");
}

TEST(Expected, GivesATemporarysValueALifeOfItsOwn) {
    const auto answer = [] { return Expected<std::string>(std::string("abc")); };
    std::string seen;
    for (const char c : answer().value()) seen += c;
    for (const char c : *answer()) seen += c;
    EXPECT_EQ(seen, "abcabc");
}

TEST(Expected, FallsBackToAnotherValue) {
    EXPECT_EQ(Expected<int>(1).value_or(2), 1);
    EXPECT_EQ(Expected<int>(failure()).value_or(2), 2);
    const Expected<std::string> kept = std::string("kept"), none = failure();
    EXPECT_EQ(kept.value_or("other"), "kept");
    EXPECT_EQ(none.value_or("other"), "other");
}

TEST(Expected, CopiesAndMovesWhatItHolds) {
    const Expected<std::string> value = std::string("a text too long for the small buffer");
    const Expected<std::string> error = failure("broken");
    Expected<std::string> copy = value;
    EXPECT_EQ(*copy, *value);
    copy = error;
    ASSERT_FALSE(copy);
    EXPECT_EQ(copy.error().message(), "broken");
    const Expected<std::string> moved = std::move(copy);
    EXPECT_EQ(moved.error().message(), "broken");
    copy = value;
    ASSERT_TRUE(copy);
    const Expected<std::string> moved_value = std::move(copy);
    EXPECT_EQ(*moved_value, *value);
    const Expected<std::string> copied_error = error;  // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(copied_error.error().message(), "broken");
}

TEST(Expected, AssignsToItself) {
    Expected<std::string> answer = std::string("same");
    const Expected<std::string>& alias = answer;
    answer = alias;
    EXPECT_EQ(*answer, "same");
}

TEST(ExpectedVoid, HoldsNothingOrAnError) {
    const Expected<void> done;
    EXPECT_TRUE(done);
    EXPECT_TRUE(done.has_value());
    EXPECT_NO_THROW(done.value());
    Expected<void> failed = failure("not done");
    EXPECT_FALSE(failed);
    EXPECT_THROW(failed.value(), NoRows);
    EXPECT_EQ(failed.error().message(), "not done");
    EXPECT_EQ(std::move(failed).error().message(), "not done");
}

}  // namespace
}  // namespace pg
