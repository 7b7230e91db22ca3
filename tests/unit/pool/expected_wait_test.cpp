// Requests that would not be served in time are refused at once, by a pool that is to do so.
#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

TEST(TheExpectedWait, IsTheMeanHoldTimesTheTurnsBefore) {
    ExpectedWait wait;
    for (int i = 1; i < ExpectedWait::fewest; ++i) wait.came_back(100ms);
    EXPECT_EQ(wait.behind(9, 2), 0ns) << "too little is known";
    wait.came_back(100ms);
    EXPECT_EQ(wait.behind(0, 1), 100ms);
    EXPECT_EQ(wait.behind(9, 2), 500ms);
    for (int i = 0; i < 200; ++i) wait.came_back(10ms);
    EXPECT_LE(wait.behind(0, 1), 11ms) << "the latest count for most";
}

class TheBooksThatRefuseEarly : public BooksTest {
protected:
    TheBooksThatRefuseEarly() { learn({.max_size = 2, .refuse_early = true}); }
    ~TheBooksThatRefuseEarly() override {
        for (Somebody* one : {&first, &second}) static_cast<void>(books->withdraw(*one));
    }
    /// Both sessions are in use, and were held for 100 ms each time before.
    void learn(const Limits& limits) {
        make(limits);
        Member& one = open_and_lend();
        for (int i = 0; i < ExpectedWait::fewest; ++i) {
            now += 100ms;
            books->give_back(one, now);
            EXPECT_EQ(books->take(now), &one);
        }
        static_cast<void>(open_and_lend());
    }
    std::optional<Error> refusal(std::chrono::nanoseconds time) {
        return books->refusal(now, Deadline::after(time, now));
    }

    Somebody first, second;
};

TEST_F(TheBooksThatRefuseEarly, SayHowLongItWouldTake) {
    EXPECT_FALSE(refusal(50ms));
    EXPECT_TRUE(refusal(50ms - 1ns));
    books->enqueue(first, now);
    books->enqueue(second, now);
    EXPECT_FALSE(refusal(150ms));
    const auto why = refusal(149ms);
    ASSERT_TRUE(why);
    EXPECT_EQ(why->kind(), ErrorKind::pool_timeout);
    EXPECT_EQ(why->message(),
              "no session would come free in time: 2 requests wait already, and by how long sessions are held it would "
              "take 150 ms [2 of 2 open (2 lent, 0 idle, 0 being opened, 0 being checked, 0 closing), 2 requests "
              "waiting]");
    EXPECT_EQ(PoolTimeout(*why).details()->obstacle, PoolObstacle::crowded);
    EXPECT_FALSE(books->refusal(now, Deadline::never()));
}

TEST_F(TheBooksThatRefuseEarly, RefuseNobodyWhileMoreMayBeOpened) {
    books->resize(3, 0, 0);
    EXPECT_FALSE(refusal(1ns));
}

TEST_F(TheBooksThatRefuseEarly, AreNotThoseOfEveryPool) {
    learn({.max_size = 2});
    EXPECT_FALSE(refusal(1ns));
}

}  // namespace
}  // namespace pg::pool
