// Books that lend no more sessions than serve best.
#include "src/pool/refusals.hpp"
#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

class TheBooksOfAnAdaptivePool : public BooksTest {
protected:
    TheBooksOfAnAdaptivePool() { make({.max_size = 20, .max_connecting = 20, .adaptive = true}); }
    /// As many sessions as may be, in use, while somebody waits who is never served.
    void fill() {
        for (std::size_t limit = books->stats(now).limit; members.size() < limit;) members.push_back(&open_and_lend());
        books->enqueue(somebody, now);
        expect_nothing();
    }
    /// All come back after that time, and are lent again.
    void pass(std::chrono::nanoseconds held) {
        now += held;
        for (Member* member : members) {
            books->give_back(*member, now);
            for (const Duty& duty : duties())
                if (duty.kind == Kind::lend) books->enqueue(somebody, now);
        }
        members.clear();
        for (const auto& member : books->members())
            if (member->state == Member::State::lent) members.push_back(member.get());
    }
    ~TheBooksOfAnAdaptivePool() override { books->withdraw(somebody); }

    std::vector<Member*> members;
    Somebody somebody;
};

TEST_F(TheBooksOfAnAdaptivePool, LendNoMoreThanTheLimit) {
    EXPECT_EQ(books->stats(now).limit, 10u);
    EXPECT_EQ(books->stats(now).max_size, 20u);
    fill();
    EXPECT_EQ(books->stats(now).lent, 10u);
    const Error late = none_in_time(*books, now, now);
    EXPECT_NE(late.message().find("all 10 are busy that may be in use now of 20"), std::string_view::npos)
        << late.message();
}

TEST_F(TheBooksOfAnAdaptivePool, LendFewerWhenTheServerBecomesSlower) {
    fill();
    for (int i = 0; i < 5; ++i) pass(100ms);
    const std::size_t before = books->stats(now).limit;
    EXPECT_GT(before, 10u) << "nobody waits within the server";
    for (int i = 0; i < 6; ++i) pass(1s);
    const PoolStats stats = books->stats(now);
    EXPECT_LT(stats.limit, 8u);
    EXPECT_LE(stats.lent, stats.limit);
    EXPECT_GT(stats.idle, 0u) << "what is too many stays idle, for when the server is well again";
    Somebody other;
    EXPECT_EQ(books->take(now), nullptr);
}

TEST_F(TheBooksOfAnAdaptivePool, OpenMoreThanAreLentForAWish) {
    books->wish(15);
    EXPECT_EQ(duties().size(), 15u);
    books->wish(0);
}

TEST_F(TheBooksOfAnAdaptivePool, KeepToWhatTheyAreResizedTo) {
    books->resize(4, 2, 0);
    EXPECT_EQ(books->stats(now).limit, 4u);
    books->resize(30, 0, 0);
    EXPECT_EQ(books->stats(now).limit, 4u) << "it learns from there";
}

}  // namespace
}  // namespace pg::pool
