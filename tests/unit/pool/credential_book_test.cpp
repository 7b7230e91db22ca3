// CredentialBook: one question at a time, early ones, and one more after a refusal.
#include "src/pool/credential_book.hpp"

#include <gtest/gtest.h>

namespace pg::pool {
namespace {

using namespace std::chrono_literals;

class TheCredentialBook : public ::testing::Test {
protected:
    void answer(std::string_view password, std::chrono::nanoseconds lifetime = no_timeout) {
        book.answered(Credential{Secret(password), lifetime}, now);
    }
    /// What is advised to be used, without a question.
    std::string used() {
        const auto advice = book.advise(now);
        EXPECT_FALSE(advice.ask);
        return advice.password ? std::string(advice.password->text.reveal()) : "none";
    }
    void expect_question() {
        const auto advice = book.advise(now);
        EXPECT_TRUE(advice.ask);
        EXPECT_FALSE(advice.password);
    }

    CredentialBook book;
    CredentialBook::Time now = CredentialBook::Time() + 1h;
};

TEST_F(TheCredentialBook, AsksOnceHoweverManyWantToConnect) {
    expect_question();
    EXPECT_EQ(used(), "none") << "(C1)";
    answer("secret");
    EXPECT_EQ(used(), "secret");
    now += 10000h;
    EXPECT_EQ(used(), "secret");
}

TEST_F(TheCredentialBook, AsksAgainAfterAnErrorIfThereIsNoPassword) {
    expect_question();
    book.answered(Error({.message = "away"}), now);
    expect_question();
}

TEST_F(TheCredentialBook, AsksEarlyAndUsesThePasswordMeanwhile) {
    expect_question();
    answer("first", 100s);
    now += 80s - 1ns;
    EXPECT_EQ(used(), "first");
    now += 1ns;
    auto advice = book.advise(now);
    EXPECT_TRUE(advice.ask);
    ASSERT_TRUE(advice.password);
    EXPECT_EQ(advice.password->text.reveal(), "first");
    EXPECT_EQ(used(), "first");
    book.answered(Error({.message = "away"}), now);
    EXPECT_EQ(used(), "first") << "it pauses before it asks again";
    now += CredentialBook::pause;
    EXPECT_TRUE(book.advise(now).ask);
    answer("second", 100s);
    EXPECT_EQ(used(), "second");
}

TEST_F(TheCredentialBook, UsesNoneThatHasExpired) {
    expect_question();
    answer("first", 100s);
    now += 100s;
    expect_question();
}

TEST_F(TheCredentialBook, AsksOnceMoreWhenAPasswordIsRefused) {
    expect_question();
    answer("old");
    const std::uint64_t old = book.advise(now).password->number;
    EXPECT_TRUE(book.refused(old));
    EXPECT_TRUE(book.refused(old)) << "whoever tried it at the same time takes the next one too";
    expect_question();
    answer("new");
    EXPECT_TRUE(book.refused(old)) << "it has been replaced";
    EXPECT_EQ(used(), "new");
    const std::uint64_t next = book.advise(now).password->number;
    EXPECT_FALSE(book.refused(next)) << "(C3)";
    EXPECT_FALSE(book.refused(next));
    expect_question();
    answer("right");
    book.accepted();
    EXPECT_TRUE(book.refused(book.advise(now).password->number)) << "an accepted one forgets the refusals";
}

}  // namespace
}  // namespace pg::pool
