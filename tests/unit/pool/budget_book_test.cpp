// BudgetBook: several pools take from one budget, none more than there is, each in its turn.
#include "src/pool/budget_book.hpp"

#include <gtest/gtest.h>
#include <random>

namespace pg::pool {
namespace {

using Claim = BudgetBook::Claim;

class TheBudgetBook : public ::testing::Test {
protected:
    void take(Claim& claim, int times) {
        for (int i = 0; i < times; ++i) EXPECT_TRUE(book.take(claim, true));
    }

    BudgetBook book{4};
    Claim one, other;
};

TEST_F(TheBudgetBook, GivesNoMoreThanThereIs) {
    book.join(one, 0);
    book.join(other, 0);
    take(one, 4);
    EXPECT_FALSE(book.take(other, true)) << "(D1)";
    EXPECT_EQ(book.used(), 4u);
    EXPECT_EQ(book.next(), nullptr);
    book.give(one);
    EXPECT_EQ(book.next(), &other);
    EXPECT_FALSE(book.take(one, true)) << "(D3): it is the other one's turn";
    take(other, 1);
    EXPECT_FALSE(book.take(other, true));
}

TEST_F(TheBudgetBook, KeepsWhatIsReserved) {
    book.join(one, 0);
    book.join(other, 2);
    take(one, 2);
    EXPECT_FALSE(book.take(one, true)) << "(D2)";
    take(other, 2);
    EXPECT_EQ(book.used(), 4u);
    book.give(other);
    EXPECT_EQ(book.next(), nullptr) << "it is still reserved";
    take(other, 1);
}

TEST_F(TheBudgetBook, ReservesNoMoreThanThereIs) {
    book.join(one, 3);
    book.join(other, 3);
    EXPECT_EQ(one.reserved, 3u);
    EXPECT_EQ(other.reserved, 1u);
}

TEST_F(TheBudgetBook, ForgetsWhoWaitsNoMore) {
    book.join(one, 0);
    book.join(other, 0);
    take(one, 4);
    EXPECT_FALSE(book.take(other, true));
    EXPECT_TRUE(book.has_too_many(one, 3));
    EXPECT_FALSE(book.has_too_many(one, 2)) << "its even part";
    EXPECT_FALSE(book.has_too_many(other, 3)) << "nobody but itself waits";
    book.cease(other);
    EXPECT_FALSE(book.has_too_many(one, 4));
    book.give(one);
    EXPECT_EQ(book.next(), nullptr);
    take(one, 1);
    EXPECT_FALSE(book.take(other, true));
    book.leave(other);
    EXPECT_EQ(book.claims().size(), 1u);
    book.give(one);
    EXPECT_EQ(book.next(), nullptr);
}

TEST_F(TheBudgetBook, LeavesReservedOnesAlone) {
    book.join(one, 3);
    book.join(other, 0);
    take(one, 3);
    take(other, 1);
    EXPECT_FALSE(book.take(other, true));
    EXPECT_FALSE(book.has_too_many(one, 3));
}

TEST_F(TheBudgetBook, LeavesWhoWantsItsLeastSizesAlone) {
    book.join(one, 0);
    book.join(other, 0);
    take(one, 3);
    take(other, 1);
    EXPECT_FALSE(book.take(other, false));
    EXPECT_FALSE(book.has_too_many(one, 3)) << "that one would be short in turn, and take it back";
    EXPECT_FALSE(book.take(other, true));
    EXPECT_TRUE(book.has_too_many(one, 3)) << "somebody waits now";
    EXPECT_FALSE(book.take(other, false));
    EXPECT_FALSE(book.has_too_many(one, 3)) << "and nobody any more";
}

TEST_F(TheBudgetBook, GivesUpWhatIsReservedForAnother) {
    book.join(one, 0);
    take(one, 2);
    book.join(other, 3);
    take(other, 2);
    EXPECT_FALSE(book.take(other, false));
    EXPECT_TRUE(book.has_too_many(one, 2)) << "its even part, one of which is reserved";
    EXPECT_FALSE(book.has_too_many(one, 0));
}

TEST(BudgetBooks, KeepTheirInvariantsInRandomHistories) {
    std::minstd_rand random(1);
    for (int history = 0; history < 200; ++history) {
        BudgetBook book(1 + random() % 8);
        std::vector<Claim> claims(1 + random() % 4);
        for (Claim& claim : claims) book.join(claim, random() % 3);
        for (int step = 0; step < 300; ++step) {
            Claim& claim = claims[random() % claims.size()];
            switch (random() % 4) {
                case 0:
                case 1: static_cast<void>(book.take(claim, random() % 2 == 0)); break;
                case 2:
                    if (claim.held != 0) book.give(claim);
                    break;
                default: book.cease(claim); break;
            }
            std::size_t held = 0, kept = 0;
            for (const Claim& one : claims) {
                held += one.held;
                kept += std::max(one.held, one.reserved);
            }
            ASSERT_EQ(held, book.used());
            ASSERT_LE(kept, book.most()) << "(D1) (D2)";
        }
        for (Claim& claim : claims) {
            for (; claim.held != 0;) book.give(claim);
            book.cease(claim);
        }
        for (Claim& claim : claims)
            for (std::size_t i = 0; i < claim.reserved; ++i) ASSERT_TRUE(book.take(claim, true)) << "(D2)";
    }
}

}  // namespace
}  // namespace pg::pool
