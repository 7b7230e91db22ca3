// How many sessions are opened at the same time for a crowd.
#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

class TheBooksOfACrowd : public BooksTest {
protected:
    TheBooksOfACrowd() { make({.max_size = 9, .max_connecting = 3}); }
};

TEST_F(TheBooksOfACrowd, OpenOneWhileThoseInUseMayServeItAndMoreOnceThatWasNotEnough) {
    Member& busy = open_and_lend();
    std::deque<Somebody> crowd(5);
    for (Somebody& one : crowd) books->enqueue(one, now);
    const Duty first = duty();
    EXPECT_EQ(first.kind, Kind::open);
    books->give_back(busy, now);
    EXPECT_EQ(duty().kind, Kind::lend);
    books->opened(*first.member, now);
    const auto next = duties();
    ASSERT_EQ(next.size(), 4u) << "three wait still";
    EXPECT_EQ(next[0].kind, Kind::lend);
    for (std::size_t at = 1; at < 4; ++at) EXPECT_EQ(next[at].kind, Kind::open);
    for (std::size_t at = 2; at < 5; ++at) EXPECT_TRUE(books->withdraw(crowd[at]));
}

TEST_F(TheBooksOfACrowd, FillTheLeastSizesAsFastOnceOneWasNotEnough) {
    static_cast<void>(open_and_lend());
    books->resize(9, 6, 0);
    const Duty first = duty();
    EXPECT_EQ(first.kind, Kind::open);
    books->opened(*first.member, now);
    EXPECT_EQ(duties().size(), 3u);
}

TEST_F(TheBooksOfACrowd, BeginWithOneForTheNext) {
    Member& busy = open_and_lend();
    std::deque<Somebody> crowd(5);
    for (std::size_t at = 0; at < 2; ++at) books->enqueue(crowd[at], now);
    books->opened(*duty().member, now);
    const auto next = duties();
    ASSERT_EQ(next.size(), 2u);
    EXPECT_EQ(next[1].kind, Kind::open) << "the first was not enough";
    books->give_back(busy, now);
    EXPECT_EQ(duty().kind, Kind::lend);
    for (std::size_t at = 2; at < 5; ++at) books->enqueue(crowd[at], now);
    expect_nothing();
    for (std::size_t at = 2; at < 5; ++at) EXPECT_TRUE(books->withdraw(crowd[at]));
}

}  // namespace
}  // namespace pg::pool
