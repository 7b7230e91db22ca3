// Books: what follows from sessions that are lost, and from attempts to open one that fail.
#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

class TheBooksOfABadDay : public BooksTest {};

TEST_F(TheBooksOfABadDay, ReplaceWhatDoesNotAnswer) {
    const auto members = idle_ones(1);
    now += 1s;
    Somebody waiting;
    books->enqueue(waiting, now);
    books->lose(*duty().member, Verdict::doubt, now);
    const auto next = duties();
    ASSERT_EQ(next.size(), 2u);
    EXPECT_EQ(next[0].kind, Kind::close);
    EXPECT_EQ(next[0].member, members[0]);
    EXPECT_EQ(next[1].kind, Kind::open);
    books->closed(*members[0]);
    books->opened(*next[1].member, now);
    EXPECT_EQ(duty().waiter, &waiting);
    EXPECT_EQ(books->stats(now).lost, 1u);
}

TEST_F(TheBooksOfABadDay, AskAllThatAreIdleOnceOneWasAskedInVain) {
    make({.max_size = 4});
    const auto members = idle_ones(3);
    now += 1s;
    Somebody waiting;
    books->enqueue(waiting, now);
    EXPECT_EQ(duty().member, members[2]);
    now += 1s;
    books->lose(*members[2], Verdict::doubt, now);
    auto next = duties();
    ASSERT_EQ(next.size(), 3u);
    EXPECT_EQ(next[0].kind, Kind::close);
    for (const Duty& check : {next[1], next[2]}) EXPECT_EQ(check.kind, Kind::check) << "nobody waits for each in turn";
    for (Member* const member : {members[0], members[1]}) books->lose(*member, Verdict::doubt, now);
    next = duties();
    ASSERT_EQ(next.size(), 3u);
    EXPECT_EQ(next[2].kind, Kind::open);
}

TEST_F(TheBooksOfABadDay, TakeBackWhatIsLentWhenTheyAreClosed) {
    make({.max_size = 1, .reclaim_threshold = 2s});
    Member& member = open_and_lend();
    member.cutter = std::make_shared<const Cutter>(-1);
    books->close(now);
    for (const Time end = now + 5s; now < end; books->look(now)) {
        if (!books->any_member()) break;
        ASSERT_LE(books->next_look(now), now + Books::every_look) << "it is still lent";
        now = books->next_look(now);
    }
    EXPECT_EQ(books->stats(now).reclaimed, 1u);
    EXPECT_EQ(books->next_look(now), Time::max());
    books->give_back(member, now);
    EXPECT_EQ(duty().kind, Kind::close);
    books->closed(member);
}

TEST_F(TheBooksOfABadDay, SuspectTheOthersWhenOneIsLost) {
    const auto members = idle_ones(3);
    now += 1ms;
    EXPECT_EQ(books->take(now), members[2]);
    now += 1ms;
    books->lose(*members[2], Verdict::doubt, now);
    EXPECT_EQ(duty().kind, Kind::close);
    EXPECT_EQ(books->take(now), nullptr) << "the others are asked first";
    books->look(now);
    const auto checks = duties();
    ASSERT_EQ(checks.size(), 2u);
    for (const Duty& check : checks) {
        EXPECT_EQ(check.kind, Kind::check);
        books->checked(*check.member, now);
    }
    EXPECT_NE(books->take(now), nullptr);
}

TEST_F(TheBooksOfABadDay, KeepInPeaceWhatIsTooOldUntilItCanBeReplaced) {
    make({.max_size = 2, .min_size = 1, .max_lifetime = 10min, .keepalive = 1min});
    idle_ones(1);
    now += 10min;
    for (int round = 0; round < 5; ++round) {
        books->look(now);
        for (const Duty& attempt : duties()) {
            ASSERT_EQ(attempt.kind, Kind::open) << "it is not closed before another one has taken its place";
            books->failed(*attempt.member, nobody_there(), now);
        }
        EXPECT_GT(books->next_look(now), now);
        now = books->next_look(now);
    }
    EXPECT_EQ(books->stats(now).idle, 1u);
}

TEST_F(TheBooksOfABadDay, LendWhatIsTooOldUntilItCanBeReplaced) {
    make({.max_size = 2, .min_idle = 1, .max_lifetime = 10min, .keepalive = no_timeout});
    Member* const old = duty().member;
    books->opened(*old, now);
    now = old->expires;
    books->look(now);
    books->failed(*duty().member, nobody_there(), now);
    Somebody somebody;
    books->enqueue(somebody, now);
    const Duty check = duty();
    ASSERT_EQ(check.kind, Kind::check) << "it has been idle for long";
    books->checked(*old, now);
    const Duty lend = duty();
    ASSERT_EQ(lend.kind, Kind::lend);
    EXPECT_EQ(lend.member, old);
    books->give_back(*old, now);
    EXPECT_EQ(books->take(now), old);
    books->give_back(*old, now);
    EXPECT_EQ(books->stats(now).idle, 1u);
    now += 500ms;
    const Duty open = duty();
    ASSERT_EQ(open.kind, Kind::open);
    EXPECT_EQ(books->take(now), old);
    books->opened(*open.member, now);
    books->give_back(*old, now);
    EXPECT_EQ(duty().member, old) << "it is closed";
    EXPECT_EQ(books->stats(now).expired, 1u);
}

TEST_F(TheBooksOfABadDay, KeepWhatIsTooOldWhileItsReplacementOpens) {
    for (const bool idle_ones_are_kept : {false, true}) {
        make({.max_size = 2,
              .min_size = idle_ones_are_kept ? 0u : 1u,
              .min_idle = idle_ones_are_kept ? 1u : 0u,
              .max_lifetime = 10min,
              .ping_after = 1h,
              .keepalive = no_timeout});
        Member* const old = duty().member;
        books->opened(*old, now);
        now = old->expires;
        books->look(now);
        const Duty open = duty();
        ASSERT_EQ(open.kind, Kind::open);
        for (int round = 0; round < 3; ++round) {
            now += 500ms;
            books->look(now);
            ASSERT_EQ(books->take(now), old);
            books->give_back(*old, now);
            expect_nothing();
            EXPECT_GT(books->next_look(now), now);
        }
        books->failed(*open.member, nobody_there(), now);
        EXPECT_EQ(books->take(now), old);
    }
}

TEST_F(TheBooksOfABadDay, MakeRoomInAFullPoolOfWhatIsTooOldOneByOne) {
    make({.max_size = 3,
          .min_size = 3,
          .max_connecting = 3,
          .max_lifetime = 10min,
          .ping_after = 1h,
          .keepalive = no_timeout});
    for (const Duty& open : duties()) books->opened(*open.member, now);
    now += 10min;
    for (std::size_t young = 0; young < 3; ++young) {
        books->look(now);
        const Duty close = duty();
        ASSERT_EQ(close.kind, Kind::close);
        books->look(now);
        expect_nothing();
        books->closed(*close.member);
        Duty open = duty();
        ASSERT_EQ(open.kind, Kind::open);
        books->failed(*open.member, nobody_there(), now);
        books->look(now);
        expect_nothing();
        EXPECT_EQ(books->stats(now).idle, 2u) << "the others serve on";
        now += 10s;
        open = duty();
        ASSERT_EQ(open.kind, Kind::open);
        books->opened(*open.member, now);
    }
    books->look(now);
    expect_nothing();
}

TEST_F(TheBooksOfABadDay, LendTheLastSessionHoweverOldWhileAnotherCannotBeOpened) {
    make({.max_size = 2, .max_lifetime = 10min, .ping_after = 1h, .keepalive = no_timeout});
    Member& old = open_and_lend();
    now = old.expires;
    Somebody first;
    books->enqueue(first, now);
    books->failed(*duty().member, nobody_there(), now);
    books->look(now);
    books->give_back(old, now);
    const Duty lend = duty();
    ASSERT_EQ(lend.kind, Kind::lend);
    EXPECT_EQ(lend.member, &old);
    books->give_back(old, now);
    EXPECT_EQ(duty().kind, Kind::close) << "nobody asks for it";
}

TEST_F(TheBooksOfABadDay, CloseWhatIsTooOldOneByOneWhenOthersHaveUsedUpTheBudget) {
    SomePermits permits;
    permits.most = 2;
    books = std::make_unique<Books>(
        Limits{.max_size = 9, .min_size = 2, .max_connecting = 2, .max_lifetime = 10min, .keepalive = no_timeout}, 1,
        &permits);
    for (const Duty& open : duties()) books->opened(*open.member, now);
    ASSERT_EQ(books->stats(now).idle, 2u);
    now += 10min;
    books->look(now);
    expect_nothing();
    EXPECT_TRUE(permits.is_waiting) << "to replace one first";
    for (int round = 0; round < 2; ++round) {
        books->look(now);
        const Duty close = duty();
        ASSERT_EQ(close.kind, Kind::close);
        EXPECT_EQ(books->stats(now).idle, 1u) << "one at a time";
        books->closed(*close.member);
        const Duty open = duty();
        ASSERT_EQ(open.kind, Kind::open);
        books->opened(*open.member, now);
    }
    EXPECT_EQ(books->stats(now).expired, 2u);
}

TEST_F(TheBooksOfABadDay, SuspectNobodyWhenASessionEndedForItself) {
    const auto members = idle_ones(2);
    EXPECT_EQ(books->take(now), members[1]);
    now += 1ms;
    books->lose(*members[1], Verdict::replace, now);
    EXPECT_EQ(duty().kind, Kind::close);
    EXPECT_EQ(books->take(now), members[0]);
    EXPECT_EQ(books->stats(now).lost, 1u);
}

TEST_F(TheBooksOfABadDay, CloseAllWhenTheyDieTogether) {
    make({.max_size = 4});
    const auto members = idle_ones(3);
    Somebody waiting;
    EXPECT_EQ(books->take(now), members[2]);
    EXPECT_EQ(books->take(now), members[1]);
    books->suspend(true);
    books->widen(now);
    Duty open = duty();
    EXPECT_EQ(open.kind, Kind::open);
    books->suspend(false);
    books->lose(*members[2], Verdict::clear, now);
    auto closes = duties();
    ASSERT_EQ(closes.size(), 2u) << "the one that was lost, and the one that was idle";
    for (const Duty& close : closes) EXPECT_EQ(close.kind, Kind::close);
    EXPECT_EQ(books->stats(now).lost, 2u);
    books->give_back(*members[1], now);
    EXPECT_EQ(duty().kind, Kind::close) << "when it comes back";
    books->opened(*open.member, now);
    EXPECT_EQ(books->take(now), open.member) << "it was opened since";
}

// Fault 19.
TEST_F(TheBooksOfABadDay, OpenNoMoreThanTheServerHasRoomFor) {
    make({.max_size = 5});
    Member& first = open_and_lend();
    Member& second = open_and_lend();
    Somebody waiting;
    books->enqueue(waiting, now);
    books->failed(*duty().member, no_room(), now);
    EXPECT_EQ(books->stats(now).limit, 2u);
    EXPECT_EQ(books->stats(now).max_size, 5u);
    now += Capacity::pause - 1ns;
    expect_nothing();
    books->give_back(first, now);
    EXPECT_EQ(duty().waiter, &waiting) << "it waits for what comes back";
    books->enqueue(waiting, now);
    now += 1ns;
    const Duty again = duty();
    EXPECT_EQ(again.kind, Kind::open) << "one more, to see";
    EXPECT_EQ(books->stats(now).limit, 3u);
    books->failed(*again.member, no_room(), now);
    EXPECT_EQ(books->stats(now).limit, 2u);
    books->give_back(second, now);
    EXPECT_EQ(duty().waiter, &waiting);
    now += 100 * Capacity::pause;
    EXPECT_EQ(books->stats(now).limit, 5u);
}

TEST_F(TheBooksOfABadDay, TryAgainWhenTheServerHasRoomForNone) {
    Somebody waiting;
    books->enqueue(waiting, now);
    books->failed(*duty().member, no_room(), now);
    EXPECT_EQ(duty().kind, Kind::refuse);
    EXPECT_EQ(books->stats(now).limit, 1u);
    now += 1s;
    static_cast<void>(open_and_lend());
}

TEST_F(TheBooksOfABadDay, DoNotTellANewcomerOfAnAttemptThatBeganLongAgo) {
    make({.max_size = 1});
    Somebody early, late;
    books->enqueue(early, now);
    const Duty old = duty();
    now += Books::slow;
    books->enqueue(late, now);
    books->failed(*old.member, nobody_there(), now);
    const Duty refused = duty();
    EXPECT_EQ(refused.kind, Kind::refuse);
    EXPECT_EQ(refused.waiter, &early);
    now = std::max(now, books->governor().next());
    const Duty open = duty();
    EXPECT_EQ(open.kind, Kind::open) << "for whoever came later";
    books->failed(*open.member, nobody_there(), now);
    EXPECT_EQ(duty().waiter, &late);
}

TEST_F(TheBooksOfABadDay, PauseAfterAFailureAndTryAgainWhenItIsTime) {
    Somebody waiting;
    books->enqueue(waiting, now);
    books->failed(*duty().member, nobody_there(), now);
    EXPECT_EQ(duty().kind, Kind::refuse);
    for (int failures = 2; failures < 12; ++failures) {
        const Time next = books->governor().next();
        EXPECT_LE(next, now + std::min<std::chrono::nanoseconds>(10s, 50ms * (1 << (failures - 2))));
        if (next > now) {
            const auto why = books->refusal(now, Deadline::at(now));
            ASSERT_TRUE(why) << "there is no time to wait for the next attempt";
            EXPECT_EQ(why->message(), "nobody there");
        }
        EXPECT_EQ(books->refusal(now, Deadline::never()).has_value(), next > now + 1s);
        books->enqueue(waiting, now);
        if (next > now) expect_nothing();
        EXPECT_LE(books->look_by(now), std::max(next, now + 500ms));
        now = next;
        const Duty open = duty();
        ASSERT_EQ(open.kind, Kind::open);
        books->failed(*open.member, nobody_there(), now);
        EXPECT_EQ(duty().kind, Kind::refuse);
    }
    now += 10s;
    static_cast<void>(open_and_lend());
    EXPECT_EQ(books->governor().failures(), 0) << "a success forgets them";
}

TEST_F(TheBooksOfABadDay, SayHowLongItHasBeenSoAndWhenTheNextAttemptMayBe) {
    Somebody waiting;
    for (int failures = 1; failures < 12; ++failures) {
        books->enqueue(waiting, now);
        books->failed(*duty().member, nobody_there(), now);
        EXPECT_EQ(duty().kind, Kind::refuse);
        const PoolStats stats = books->stats(now);
        EXPECT_EQ(stats.failed_attempts, failures);
        EXPECT_EQ(now + stats.next_attempt, std::max(now, books->governor().next()));
        EXPECT_EQ(stats.connect_error.value().message(), "nobody there");
        now = std::max(now, books->governor().next());
        EXPECT_EQ(books->stats(now).next_attempt, 0ns) << "now, or when somebody asks";
        now += 1ns;
        EXPECT_EQ(books->stats(now).next_attempt, 0ns);
        EXPECT_EQ(books->stats(now).failed_attempts, failures) << "nobody has tried again";
    }
    static_cast<void>(open_and_lend());
    EXPECT_EQ(books->stats(now).failed_attempts, 0);
    EXPECT_FALSE(books->stats(now).connect_error) << "one is open";
    EXPECT_EQ(books->stats(now).failed_to_open, 11u);
}

/// When attempts are made within a minute in which all fail at once, and everybody in the crowd asks again at once.
std::vector<Time> knocks(std::size_t crowd, std::size_t max_connecting) {
    Books books({.max_size = 50, .max_connecting = max_connecting}, 1);
    std::deque<Somebody> all(crowd);
    std::vector<Time> knocks;
    for (Time now = Time() + 1h; now < Time() + 1h + 1min; now += 10ms) {
        for (Somebody& one : all)
            if (!one.is_queued && !books.refusal(now, Deadline::after(20s, now))) books.enqueue(one, now);
        std::vector<Member*> opening;
        for (Duty duty = books.next(now); duty.kind != Kind::none; duty = books.next(now)) {
            EXPECT_EQ(duty.kind, Kind::open);
            EXPECT_GE(now, books.governor().next());
            opening.push_back(duty.member);
            knocks.push_back(now);
        }
        for (Member* member : opening) books.failed(*member, nobody_there(), now);
        while (books.next(now).kind == Kind::refuse) {
        }
    }
    for (Somebody& one : all) static_cast<void>(books.withdraw(one));
    return knocks;
}

// Fault 54.
TEST_F(TheBooksOfABadDay, KnockAsOftenForAHerdAsForOne) {
    const std::vector<Time> of_one = knocks(1, 1);
    EXPECT_GT(of_one.size(), 9u);
    EXPECT_LT(of_one.size(), 40u);
    EXPECT_EQ(knocks(40, 1), of_one);
    const std::vector<Time> two_at_once = knocks(40, 2);
    EXPECT_LE(two_at_once.size(), 2 * of_one.size());
    for (std::size_t at = 2; at < two_at_once.size(); ++at) EXPECT_GT(two_at_once[at], two_at_once[at - 2]);
}

TEST_F(TheBooksOfABadDay, TellEverybodyWhoWaitsThatNoneCanBeOpened) {
    Somebody first, second;
    books->enqueue(first, now);
    books->enqueue(second, now);
    const auto opening = duties();
    ASSERT_EQ(opening.size(), 2u);
    books->failed(*opening[0].member, nobody_there(), now);
    expect_nothing();  // the other one may come
    books->failed(*opening[1].member, nobody_there(), now);
    EXPECT_FALSE(books->withdraw(first)) << "it is about to be told";
    const auto refused = duties();
    ASSERT_EQ(refused.size(), 2u);
    EXPECT_EQ(refused[0].kind, Kind::refuse);
    EXPECT_EQ(refused[0].waiter, &first);
    EXPECT_EQ(refused[1].waiter, &second);
    EXPECT_EQ(books->refused_with()->message(), "nobody there");
    EXPECT_EQ(books->stats(now).size(), 0u);
}

// Fault 64: while the machine sleeps, the clock of deadlines stands still.
TEST_F(TheBooksOfABadDay, AskWhatIsIdleAfterTheMachineWasAsleep) {
    const auto members = idle_ones(2);
    books->notice_sleep(5h, now);
    EXPECT_EQ(books->take(now), members[1]) << "it slept before";
    books->give_back(*members[1], now);
    books->notice_sleep(5h + Books::least_sleep - 1ns, now);
    EXPECT_EQ(books->take(now), members[1]) << "the clocks are not read at the same time";
    books->give_back(*members[1], now);
    books->notice_sleep(6h, now);
    EXPECT_EQ(books->take(now), nullptr);
    Somebody waiting;
    books->enqueue(waiting, now);
    const Duty check = duty();
    EXPECT_EQ(check.kind, Kind::check);
    now += 1ms;
    books->notice_sleep(6h, now);
    books->checked(*check.member, now);
    EXPECT_EQ(duty().waiter, &waiting) << "it is asked once";
}

TEST_F(TheBooksOfABadDay, TellWhoWaitsOfASlowFailureAndDoNotKnockAllTheTime) {
    make({.max_size = 10});
    Somebody waiting, other;
    books->enqueue(waiting, now);
    const Duty first = duty();
    int knocks = 1;
    for (int second = 0; second < 5; ++second) {
        now += Books::slow;
        for (const Duty& next : duties()) knocks += next.kind == Kind::open;
    }
    EXPECT_EQ(knocks, 3) << "max_connecting, and one more beside those that may be lost";
    books->enqueue(other, now);
    books->failed(*first.member, nobody_there(), now);
    const Duty told = duty();
    EXPECT_EQ(told.kind, Kind::refuse);
    EXPECT_EQ(told.waiter, &waiting) << "the others stand in the place of the one that failed";
    expect_nothing();  // who came when it was slow waits for one of those
}

}  // namespace
}  // namespace pg::pool
