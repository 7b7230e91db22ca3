// Books: every limit is kept, every waiter told, every session accounted for.
#include <set>

#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

class TheBooks : public BooksTest {};

TEST_F(TheBooks, LendTheSessionThatWasUsedLast) {
    const auto members = idle_ones(3);
    EXPECT_EQ(books->take(now), members[2]);
    EXPECT_EQ(books->take(now), members[1]);
    books->give_back(*members[2], now);
    EXPECT_EQ(books->take(now), members[2]);
}

TEST_F(TheBooks, ServeWhoeverCameFirst) {
    make({.max_size = 1});
    Member& only = open_and_lend();
    Somebody first, second;
    books->enqueue(first, now);
    books->enqueue(second, now);
    expect_nothing();
    books->give_back(only, now);
    EXPECT_EQ(books->take(now), nullptr) << "nobody overtakes";
    Duty lend = duty();
    EXPECT_EQ(lend.waiter, &first);
    books->give_back(*lend.member, now);
    EXPECT_EQ(duty().waiter, &second);
}

TEST_F(TheBooks, ForgetWhoWithdraws) {
    make({.max_size = 1});
    Member& only = open_and_lend();
    Somebody first, second;
    books->enqueue(first, now);
    books->enqueue(second, now);
    EXPECT_TRUE(books->withdraw(first));
    EXPECT_FALSE(books->withdraw(first));
    EXPECT_EQ(books->stats(now).given_up, 1u);
    books->give_back(only, now);
    EXPECT_EQ(duty().waiter, &second);
    EXPECT_FALSE(books->withdraw(second)) << "it is about to be told";
}

TEST_F(TheBooks, OpenNoMoreThanSomebodyWaitsForAndAtMostTwoAtATime) {
    make({.max_size = 10});
    std::vector<std::unique_ptr<Somebody>> crowd;
    for (int i = 0; i < 5; ++i) books->enqueue(*crowd.emplace_back(std::make_unique<Somebody>()), now);
    const auto opening = duties();
    ASSERT_EQ(opening.size(), 2u);
    for (const Duty& open : opening) EXPECT_EQ(open.kind, Kind::open);
    for (int i = 0; i < 4; ++i) books->withdraw(*crowd[static_cast<std::size_t>(i)]);
    books->opened(*opening[0].member, now);
    EXPECT_EQ(duty().waiter, crowd[4].get());
    books->opened(*opening[1].member, now);
    expect_nothing();
    EXPECT_EQ(books->stats(now).idle, 1u);
}

TEST_F(TheBooks, DoNotCountOnASessionThatHasBeenOpeningForLong) {
    make({.max_size = 3, .max_connecting = 1});
    Somebody waiting;
    books->enqueue(waiting, now);
    const Duty lost = duty();
    EXPECT_EQ(lost.kind, Kind::open);
    now += Books::slow - 1ns;
    expect_nothing();
    EXPECT_LE(books->look_by(now), now + Books::every_look);
    now += 1ns;
    const Duty other = duty();
    EXPECT_EQ(other.kind, Kind::open);
    books->opened(*other.member, now);
    EXPECT_EQ(duty().waiter, &waiting);
    books->opened(*lost.member, now);
    EXPECT_EQ(books->stats(now).idle, 1u) << "it was not lost";
}

TEST_F(TheBooks, TryOneMoreThanThereMayBeBesideOneThatMayBeLost) {
    make({.max_size = 1});
    Somebody waiting, other;
    books->enqueue(waiting, now);
    books->enqueue(other, now);
    const Duty lost = duty();
    now += Books::slow - 1ns;
    expect_nothing();
    now += 1ns;
    const Duty second = duty();
    EXPECT_EQ(second.kind, Kind::open);
    now += 10 * Books::slow;
    expect_nothing();
    books->opened(*second.member, now);
    EXPECT_EQ(duty().waiter, &waiting);
    expect_nothing();
    books->give_back(*second.member, now);
    EXPECT_EQ(duty().waiter, &other) << "it stays while the first one may be lost";
    books->failed(*lost.member, nobody_there(), now);
    books->give_back(*second.member, now);
    expect_nothing();
    EXPECT_EQ(books->stats(now).idle, 1u);
}

TEST_F(TheBooks, CloseTheSecondThatIsOpenWhereThereMayBeOne) {
    make({.max_size = 1});
    Somebody waiting;
    books->enqueue(waiting, now);
    const Duty first = duty();
    now += Books::slow;
    const Duty second = duty();
    books->opened(*second.member, now);
    EXPECT_EQ(duty().waiter, &waiting);
    books->opened(*first.member, now);
    const Duty close = duty();
    EXPECT_EQ(close.kind, Kind::close);
    EXPECT_EQ(close.member, first.member) << "it was not lost, but late";
    books->closed(*close.member);
    EXPECT_EQ(books->stats(now).size(), 1u);
}

TEST_F(TheBooks, TakeWhatComesBackBeforeWhatIsOpened) {
    Member& lent = open_and_lend();
    Somebody waiting;
    books->enqueue(waiting, now);
    const Duty open = duty();
    books->give_back(lent, now);
    EXPECT_EQ(duty().member, &lent);
    books->opened(*open.member, now);
    expect_nothing();
    EXPECT_EQ(books->take(now), open.member);
}

// Fault 55: fifty callers, five sessions, and connecting takes long.
TEST_F(TheBooks, OpenFewInASpike) {
    make({.max_size = 50, .min_idle = 5});
    for (int i = 0; i < 5; i += 2)
        for (const Duty& duty : duties()) books->opened(*duty.member, now);
    std::vector<Member*> members;
    for (const auto& member : books->members()) members.push_back(member.get());
    for (std::size_t i = 0; i < 5; ++i) EXPECT_NE(books->take(now), nullptr);
    std::vector<std::unique_ptr<Somebody>> crowd;
    for (int i = 0; i < 45; ++i) books->enqueue(*crowd.emplace_back(std::make_unique<Somebody>()), now);
    std::size_t opened = 0, served = 0;
    for (const Duty& duty : duties()) opened += duty.kind == Kind::open;
    while (served < crowd.size()) {  // the five come back again and again before one is open
        now += 2ms;
        for (Member* member : members) books->give_back(*member, now);
        members.clear();
        for (const Duty& duty : duties()) {
            opened += duty.kind == Kind::open;
            if (duty.kind != Kind::lend) continue;
            ++served;
            members.push_back(duty.member);
        }
    }
    EXPECT_EQ(opened, 1u) << "it was not needed either";
}

TEST_F(TheBooks, RefuseWhenTooManyWait) {
    make({.max_size = 1, .max_waiting = 1});
    static_cast<void>(open_and_lend());
    Somebody first;
    EXPECT_FALSE(books->refusal(now, Deadline::never()));
    books->enqueue(first, now);
    const auto why = books->refusal(now, Deadline::never());
    ASSERT_TRUE(why);
    EXPECT_EQ(why->kind(), ErrorKind::pool_timeout);
    EXPECT_EQ(books->stats(now).refused, 1u);
}

TEST_F(TheBooks, KeepWhoWaitsWhileASessionMayComeBack) {
    Member& lent = open_and_lend();
    Somebody waiting;
    books->enqueue(waiting, now);
    books->failed(*duty().member, nobody_there(), now);
    expect_nothing();
    EXPECT_FALSE(books->refusal(now, Deadline::never()));
    books->give_back(lent, now);
    EXPECT_EQ(duty().waiter, &waiting);
}

TEST_F(TheBooks, AskBeforeTheyLendWhatWasIdleForLong) {
    const auto members = idle_ones(1);
    now += 1s;
    EXPECT_EQ(books->take(now), nullptr);
    Somebody waiting;
    books->enqueue(waiting, now);
    const Duty check = duty();
    EXPECT_EQ(check.kind, Kind::check);
    EXPECT_EQ(check.member, members[0]);
    books->checked(*check.member, now);
    const Duty lend = duty();
    EXPECT_EQ(lend.member, members[0]);
    EXPECT_EQ(lend.waiter, &waiting);
}

TEST_F(TheBooks, CloseWhatIsTooOldAndReplaceItFirst) {
    make({.max_size = 3, .min_size = 1, .max_lifetime = 10min, .keepalive = no_timeout});
    const Duty first = duty();
    EXPECT_EQ(first.kind, Kind::open);
    books->opened(*first.member, now);
    const Time opened_at = now;
    EXPECT_LE(first.member->expires, opened_at + 10min);
    EXPECT_GE(first.member->expires, opened_at + 9min);
    now = first.member->expires - 1ns;
    books->look(now);
    expect_nothing();
    EXPECT_EQ(books->next_look(now), first.member->expires);
    now += 1ns;
    books->look(now);
    const Duty second = duty();
    EXPECT_EQ(second.kind, Kind::open) << "before the old one goes";
    EXPECT_EQ(books->stats(now).idle, 1u);
    books->opened(*second.member, now);
    books->look(now);
    const Duty close = duty();
    EXPECT_EQ(close.kind, Kind::close);
    EXPECT_EQ(close.member, first.member);
    EXPECT_EQ(books->stats(now).expired, 1u);
}

TEST_F(TheBooks, LetEachSessionGrowAsOldAsChanceWillHaveIt) {
    make({.max_size = 20, .min_size = 20, .max_connecting = 20, .max_lifetime = 10min});
    std::set<Time> ends;
    for (const Duty& open : duties()) {
        books->opened(*open.member, now);
        ends.insert(open.member->expires);
    }
    EXPECT_GT(ends.size(), 10u);
    EXPECT_GE(*ends.begin(), now + 9min);
    EXPECT_LE(*ends.rbegin(), now + 10min);
}

TEST_F(TheBooks, CloseWhatIsTooOldFirstWhenThereIsNoRoomForAnother) {
    make({.max_size = 1, .min_size = 1, .max_lifetime = 10min, .keepalive = no_timeout});
    Member& first = *duty().member;
    books->opened(first, now);
    now = first.expires;
    books->look(now);
    const Duty close = duty();
    EXPECT_EQ(close.kind, Kind::close);
    EXPECT_EQ(close.member, &first);
    books->closed(first);
    EXPECT_EQ(duty().kind, Kind::open);
}

TEST_F(TheBooks, CountNoneThatIsTooOldAmongTheIdleOnesThatAreKept) {
    make({.max_size = 3, .min_idle = 1, .max_lifetime = 10min, .keepalive = no_timeout});
    Member& first = *duty().member;
    books->opened(first, now);
    now = first.expires;
    books->look(now);
    const Duty second = duty();
    EXPECT_EQ(second.kind, Kind::open);
    EXPECT_EQ(first.state, Member::State::idle) << "until another has taken its place";
    books->opened(*second.member, now);
    books->look(now);
    EXPECT_EQ(duty().member, &first);
    books->closed(first);
    now = second.member->expires;
    books->look(now);
    EXPECT_EQ(duty().kind, Kind::open) << "the first one counts no more";
}

TEST_F(TheBooks, CloseWhatBecameTooOldWhileItWasLent) {
    Member& lent = open_and_lend();
    now = lent.expires;
    books->look(now);
    EXPECT_TRUE(lent.unwanted);
    books->give_back(lent, now);
    EXPECT_EQ(duty().kind, Kind::close);
}

TEST_F(TheBooks, CloseWhatWasUsedOftenEnough) {
    make({.max_size = 1, .max_uses = 2});
    Member& member = open_and_lend();
    books->give_back(member, now);
    EXPECT_EQ(books->take(now), &member);
    books->give_back(member, now);
    EXPECT_EQ(duty().kind, Kind::close);
}

TEST_F(TheBooks, CloseWhatIsIdleForLongDownToTheLeastSize) {
    make({.max_size = 4,
          .min_size = 1,
          .max_lifetime = no_timeout,  // so that nothing but its place among the least keeps the last one
          .idle_timeout = 1min,
          .keepalive = no_timeout});
    books->opened(*duty().member, now);
    EXPECT_NE(books->take(now), nullptr);
    Member* const kept = books->members().front().get();
    const auto members = idle_ones(2);
    books->give_back(*kept, now + 1s);
    now += 1min;
    books->look(now);
    EXPECT_EQ(duties().size(), 2u) << "those that were used before";
    EXPECT_EQ(books->stats(now).spare, 2u);
    EXPECT_EQ(kept->state, Member::State::idle);
    now += 1h;
    books->look(now);
    expect_nothing();
    EXPECT_EQ(kept->state, Member::State::idle);
}

TEST_F(TheBooks, KeepSoManyIdle) {
    make({.max_size = 3, .min_idle = 1});
    books->opened(*duty().member, now);
    expect_nothing();
    EXPECT_NE(books->take(now), nullptr);
    const Duty second = duty();
    EXPECT_EQ(second.kind, Kind::open);
    books->opened(*second.member, now);
    EXPECT_NE(books->take(now), nullptr);
    const Duty third = duty();
    books->opened(*third.member, now);
    EXPECT_NE(books->take(now), nullptr);
    expect_nothing();  // there is no room
}

TEST_F(TheBooks, KeepIdleSessionsAliveTwoAtATime) {
    make({.max_size = 3, .keepalive = 2min});
    static_cast<void>(idle_ones(3));
    EXPECT_EQ(books->next_look(now), now + 2min);
    now += 2min;
    books->look(now);
    const auto checks = duties();
    ASSERT_EQ(checks.size(), 2u);
    for (const Duty& check : checks) books->checked(*check.member, now);
    books->look(now);
    books->checked(*duty().member, now);
    books->look(now);
    expect_nothing();
    EXPECT_EQ(books->stats(now).idle, 3u);
}

TEST_F(TheBooks, ReplaceEverythingThatIsOpenAtARefresh) {
    const auto members = idle_ones(2);
    EXPECT_EQ(books->take(now), members[1]);
    Somebody waiting;
    EXPECT_EQ(books->take(now), members[0]);
    books->give_back(*members[0], now);
    books->refresh();
    EXPECT_EQ(duty().member, members[0]);
    books->closed(*members[0]);
    books->give_back(*members[1], now);
    EXPECT_EQ(duty().member, members[1]);
    books->closed(*members[1]);
    books->enqueue(waiting, now);
    const Duty open = duty();
    books->refresh();
    books->opened(*open.member, now);
    const auto next = duties();
    ASSERT_EQ(next.size(), 2u) << "what was being opened then is replaced, too";
    EXPECT_EQ(next[0].kind, Kind::close);
    EXPECT_EQ(next[1].kind, Kind::open);
}

TEST_F(TheBooks, ShrinkAsSessionsComeBack) {
    const auto members = idle_ones(3);
    EXPECT_EQ(books->take(now), members[2]);
    EXPECT_EQ(books->take(now), members[1]);
    books->resize(1, 0, 0);
    EXPECT_EQ(duty().member, members[0]);
    books->closed(*members[0]);
    books->give_back(*members[1], now);
    EXPECT_EQ(duty().member, members[1]);
    books->closed(*members[1]);
    books->give_back(*members[2], now);
    expect_nothing();
    Somebody waiting;
    EXPECT_EQ(books->take(now), members[2]);
    books->enqueue(waiting, now);
    expect_nothing();
    books->resize(2, 0, 0);
    EXPECT_EQ(duty().kind, Kind::open);
}

TEST_F(TheBooks, LendNothingWhileTheyAreSuspended) {
    const auto members = idle_ones(1);
    books->suspend(true);
    EXPECT_EQ(books->take(now), nullptr);
    Somebody waiting;
    EXPECT_FALSE(books->refusal(now, Deadline::never()));
    books->enqueue(waiting, now);
    expect_nothing();
    books->suspend(false);
    EXPECT_EQ(duty().member, members[0]);
}

TEST_F(TheBooks, OpenOneMoreForWhoeverComesNext) {
    books->widen(now);
    const Duty open = duty();
    EXPECT_EQ(open.kind, Kind::open);
    books->widen(now);
    expect_nothing();  // one is opening
    books->opened(*open.member, now);
    expect_nothing();
    EXPECT_EQ(books->take(now), open.member);
}

TEST_F(TheBooks, AskAnIdleOneBeforeTheyOpenOneMore) {
    make({.max_size = 4});
    const auto members = idle_ones(2);
    EXPECT_FALSE(books->any_resting(now));
    books->widen(now);
    expect_nothing();  // there is one to be had
    now += 1h;
    EXPECT_TRUE(books->any_resting(now));
    books->widen(now);
    const Duty check = duty();
    EXPECT_EQ(check.kind, Kind::check);
    EXPECT_EQ(check.member, members[1]);
    books->widen(now);
    expect_nothing();  // one is on its way
    books->checked(*members[1], now);
    EXPECT_EQ(books->take(now), members[1]);
    books->suspend(true);
    EXPECT_FALSE(books->any_resting(now));
}

TEST_F(TheBooks, TellWhoIsTurnedAwayWhenTheyAreClosed) {
    Member& only = open_and_lend();
    Somebody waiting;
    books->enqueue(waiting, now);
    books->give_back(only, now);
    EXPECT_EQ(duty().waiter, &waiting);
    books->close(now);
    EXPECT_TRUE(books->enqueue_again(waiting));
    Duty told = duty();
    while (told.kind == Kind::close) told = duty();
    EXPECT_EQ(told.kind, Kind::refuse);
    EXPECT_EQ(told.waiter, &waiting);
}

TEST_F(TheBooks, OpenWhatIsWishedFor) {
    make({.max_size = 3, .max_connecting = 9});
    books->wish(2);
    const auto opening = duties();
    ASSERT_EQ(opening.size(), 2u);
    for (const Duty& open : opening) books->opened(*open.member, now);
    books->wish(0);
    expect_nothing();
    EXPECT_EQ(books->open_ones(), 2u);
}

TEST_F(TheBooks, CloseAllAtTheEnd) {
    make({.max_size = 2, .min_size = 2});
    const auto opening = duties();
    books->opened(*opening[0].member, now);
    EXPECT_NE(books->take(now), nullptr);
    Somebody waiting;
    books->enqueue(waiting, now);
    books->close(now);
    EXPECT_EQ(duty().kind, Kind::refuse);
    EXPECT_EQ(books->refused_with()->kind(), ErrorKind::usage);
    EXPECT_EQ(books->refusal(now, Deadline::never())->kind(), ErrorKind::usage);
    books->opened(*opening[1].member, now);
    EXPECT_EQ(duty().member, opening[1].member);
    books->closed(*opening[1].member);
    books->give_back(*opening[0].member, now);
    EXPECT_EQ(duty().member, opening[0].member);
    books->closed(*opening[0].member);
    expect_nothing();
    EXPECT_FALSE(books->any_member());
    EXPECT_EQ(books->next_look(now), Time::max());
}

TEST_F(TheBooks, CountWhatTheyLent) {
    Member& member = open_and_lend();
    books->give_back(member, now);
    EXPECT_EQ(books->take(now), &member);
    member.lend(now);  // in front of the books
    EXPECT_EQ(books->stats(now).acquired, 3u);
    EXPECT_EQ(books->loans(now, {}).size(), 1u);
    books->lose(member, Verdict::doubt, now);
    EXPECT_EQ(duty().kind, Kind::close);
    books->closed(member);
    EXPECT_EQ(books->stats(now).acquired, 3u) << "also of sessions that are gone";
    EXPECT_TRUE(books->loans(now, {}).empty());
}

}  // namespace
}  // namespace pg::pool
