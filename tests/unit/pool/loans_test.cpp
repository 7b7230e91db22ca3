// Loans: who holds a session, and when that is said to last too long.
#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

class TheLoans : public BooksTest {
protected:
    TheLoans() { make({.max_size = 3, .leak_threshold = 10s}); }
    std::vector<Loan> leaks_at(Time time) {
        now = time;
        books->look(now);
        return books->take_leaks();
    }
};

TEST_F(TheLoans, AreThereFromTheOldestOn) {
    const Time begin = now;
    Member& first = open_and_lend();
    first.process = 17;
    first.holder.keep_statements();
    first.holder.is_at({"orders.cpp", 5});
    first.holder.runs("select secret from t where a = 'word' -- of mine");
    now += 2s;
    Member& second = open_and_lend();
    now += 1s;
    const std::vector<Loan> loans = books->loans(now, {});
    ASSERT_EQ(loans.size(), 2u);
    EXPECT_EQ(loans[0].age, now - begin);
    EXPECT_STREQ(loans[0].site.file, "orders.cpp");
    EXPECT_EQ(loans[0].site.line, 5u);
    EXPECT_EQ(loans[0].statement, "select secret from t where a = ?");
    EXPECT_EQ(loans[0].process, 17);
    EXPECT_EQ(loans[1].age, 1s);
    EXPECT_STREQ(loans[1].site.file, "");
    EXPECT_EQ(books->loans(now, 2s).size(), 1u) << "only those that are old enough";
    EXPECT_EQ(books->loans(now, 3s).size(), 1u);
    EXPECT_EQ(books->loans(now, {}, {&first}).size(), 1u) << "one of them stands in front of the books";
    books->give_back(second, now);
    EXPECT_EQ(books->loans(now, {}).size(), 1u);
}

TEST_F(TheLoans, AreForgottenWithTheirHolder) {
    Member& member = open_and_lend();
    member.holder.keep_statements();
    member.holder.is_at({"orders.cpp", 5});
    member.holder.runs("select 1");
    books->give_back(member, now);
    EXPECT_EQ(books->take(now), &member);
    const std::vector<Loan> loans = books->loans(now, {});
    ASSERT_EQ(loans.size(), 1u);
    EXPECT_STREQ(loans[0].site.file, "");
    EXPECT_EQ(loans[0].statement, "");
}

TEST_F(TheLoans, AreReportedWheneverTheThresholdHasPassed) {
    const Time begin = now;
    Member& member = open_and_lend();
    member.holder.is_at({"orders.cpp", 5});
    EXPECT_TRUE(leaks_at(begin + 10s - 1ns).empty());
    const std::vector<Loan> first = leaks_at(begin + 10s);
    ASSERT_EQ(first.size(), 1u);
    EXPECT_EQ(first[0].age, 10s);
    EXPECT_EQ(first[0].site.line, 5u);
    EXPECT_TRUE(leaks_at(begin + 20s - 1ns).empty());
    EXPECT_EQ(leaks_at(begin + 20s).size(), 1u);
    EXPECT_EQ(books->stats(now).leaked, 1u) << "it is one loan";
    books->give_back(member, now);
    EXPECT_EQ(books->take(now), &member);
    EXPECT_TRUE(leaks_at(begin + 30s - 1ns).empty()) << "this is another loan";
    EXPECT_EQ(leaks_at(begin + 30s).size(), 1u);
    EXPECT_EQ(books->stats(now).leaked, 2u);
}

TEST_F(TheLoans, AreNotReportedUnlessThatIsAskedFor) {
    make({.max_size = 3});
    static_cast<void>(open_and_lend());
    EXPECT_TRUE(leaks_at(now + 1000h).empty());
    EXPECT_EQ(books->stats(now).leaked, 0u);
}

/// Two ends of one connection.
class Ends {
public:
    Ends() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0); }
    ~Ends() {
        for (const int end : ends_) ::close(end);
    }
    [[nodiscard]] int near() const { return ends_[0]; }
    [[nodiscard]] bool has_ended() const {
        char byte;
        return ::recv(ends_[1], &byte, 1, MSG_DONTWAIT) == 0;
    }

private:
    int ends_[2] = {};
};

class OverdueLoans : public TheLoans {
protected:
    OverdueLoans() { make({.max_size = 2, .max_lifetime = no_timeout, .reclaim_threshold = 10s}); }
    Member& lend_cuttable() {
        Member& member = open_and_lend();
        member.cutter = std::make_shared<const Cutter>(ends.near());
        return member;
    }

    Ends ends;
};

TEST_F(OverdueLoans, AreTakenBackAndMakeRoom) {
    Member& overdue = lend_cuttable();
    now += 1s;
    Member& later_one = lend_cuttable();
    const std::vector<Loan> leaks = leaks_at(now + 9s);
    ASSERT_EQ(leaks.size(), 1u);
    EXPECT_TRUE(leaks[0].reclaimed);
    EXPECT_EQ(leaks[0].age, 10s);
    EXPECT_FALSE(ends.has_ended()) << "the books do nothing themselves";
    const auto cutters = books->take_cutters();
    ASSERT_EQ(cutters.size(), 1u);
    cutters[0]->cut();
    EXPECT_TRUE(ends.has_ended());
    EXPECT_EQ(books->stats(now).lent, 1u);
    EXPECT_EQ(books->stats(now).reclaimed, 1u);
    EXPECT_EQ(books->loans(now, {}).size(), 1u);
    Member& another = open_and_lend();
    expect_nothing();

    books->give_back(overdue, now);
    const Duty close = duty();
    EXPECT_EQ(close.kind, Kind::close);
    EXPECT_EQ(close.member, &overdue);
    books->closed(overdue);
    EXPECT_EQ(books->stats(now).size(), 2u);
    EXPECT_EQ(books->stats(now).acquired, 3u);
    EXPECT_EQ(books->stats(now).lost, 1u);
    books->give_back(later_one, now);
    books->give_back(another, now);
    EXPECT_EQ(books->stats(now).idle, 2u);
}

TEST_F(OverdueLoans, OfOldSessionsAreNotCountedTwice) {
    Member& overdue = lend_cuttable();
    books->refresh();
    EXPECT_EQ(leaks_at(now + 10s).size(), 1u);
    books->lose(overdue, Verdict::doubt, now);
    EXPECT_EQ(duty().kind, Kind::close);
    books->closed(overdue);
    EXPECT_FALSE(books->any_member());
    idle_ones(2);
    EXPECT_EQ(books->stats(now).idle, 2u);
}

TEST_F(OverdueLoans, StayWhereTheyCannotBeTakenBack) {
    open_and_lend();
    EXPECT_TRUE(leaks_at(now + 1h).empty());
    EXPECT_TRUE(books->take_cutters().empty());
}

TEST(ACutter, OfNoSocketIsNotReady) {
    EXPECT_FALSE(Cutter(-1).is_ready());
    const Ends ends;
    EXPECT_TRUE(Cutter(ends.near()).is_ready());
}

TEST(ACutter, CutsWhatWasClosedMeanwhileAndNothingElse) {
    auto ends = std::make_unique<Ends>();
    const Cutter cutter(ends->near());
    ends.reset();
    const Ends others;  // whose descriptors are those of before
    cutter.cut();
    EXPECT_FALSE(others.has_ended());
}

}  // namespace
}  // namespace pg::pool
