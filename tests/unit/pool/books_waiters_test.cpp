// Who waits at the books: turns, and what those are told who are served elsewhere or by nobody.
#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

using WaitersAtTheBooks = BooksTest;

TEST_F(WaitersAtTheBooks, KeepTheTurnOfWhoWasLentNothingAfterAll) {
    make({.max_size = 1});
    Member& only = open_and_lend();
    Somebody first, second;
    books->enqueue(first, now);
    books->enqueue(second, now);
    books->give_back(only, now);
    EXPECT_EQ(duty().waiter, &first);
    EXPECT_TRUE(books->enqueue_again(first));
    EXPECT_EQ(books->waiters(), 2u);
    EXPECT_EQ(books->first_waiter(), &first);
    books->give_back(only, now);
    EXPECT_EQ(duty().waiter, &first);
    EXPECT_FALSE(books->withdraw(first)) << "it is about to be lent one";
    EXPECT_FALSE(books->enqueue_again(first)) << "nobody would take it out of the queue any more";
    EXPECT_EQ(books->first_waiter(), &second);
    EXPECT_EQ(books->stats(now).given_up, 1u);
    EXPECT_TRUE(books->withdraw(second));
    EXPECT_TRUE(books->enqueue_again(second)) << "as the only one";
    EXPECT_TRUE(books->withdraw(second));
}

TEST_F(WaitersAtTheBooks, DoNotGiveUpWhenTheyFindSomethingBetter) {
    make({.max_size = 1});
    Member& only = open_and_lend();
    Somebody first, second;
    books->enqueue(first, now);
    books->enqueue(second, now);
    EXPECT_FALSE(books->withdraw_first(second)) << "another one is the next";
    EXPECT_TRUE(books->withdraw_first(first));
    EXPECT_EQ(books->first_waiter(), &second);
    books->give_back(only, now);
    EXPECT_EQ(duty().waiter, &second);
    EXPECT_FALSE(books->withdraw_first(second)) << "it is about to be lent one";
    EXPECT_EQ(books->stats(now).given_up, 0u);
}

TEST_F(WaitersAtTheBooks, WaitOnWhileTheBooksAreSuspendedWhateverFails) {
    make({.max_size = 2, .min_size = 1});
    Member& opening = *duty().member;
    books->suspend(true);
    Somebody waiting;
    books->enqueue(waiting, now);
    books->failed(opening, nobody_there(), now);
    expect_nothing();
    EXPECT_EQ(books->first_waiter(), &waiting);
    books->suspend(false);
    expect_nothing();  // until the next attempt
    now = books->governor().next();
    const Duty again = duty();
    ASSERT_EQ(again.kind, Kind::open);
    books->opened(*again.member, now);
    EXPECT_EQ(duty().waiter, &waiting);
}

TEST_F(WaitersAtTheBooks, AreToldWhyTheyWereRefusedWhateverFailsAfterwards) {
    make({.max_size = 2});
    open_and_lend();
    Somebody waiting;
    books->enqueue(waiting, now);
    const Duty open = duty();
    ASSERT_EQ(open.kind, Kind::open);
    books->close(now);
    books->failed(*open.member, nobody_there(), now);
    EXPECT_EQ(duty().waiter, &waiting);
    EXPECT_EQ(books->refused_with()->kind(), ErrorKind::usage) << "the pool was closed";
}

}  // namespace
}  // namespace pg::pool
