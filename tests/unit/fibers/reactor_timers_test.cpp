// LoopReactor's timers: one alarm of the loop for all of them.
#include "tests/unit/fibers/hand_reactor.hpp"

namespace pg::fibers {
namespace {

class ReactorTimers : public HandReactor {
protected:
    using Moment = Deadline::Clock::time_point;
    const Moment now = Deadline::Clock::now();
    std::vector<std::string> lines;
    spi::Timer one, two, three;

    FunctionJob& line(const char* text) {
        return job([this, text] { lines.emplace_back(text); });
    }
    using Lines = std::vector<std::string>;
};

TEST_F(ReactorTimers, RunTheirJobWhenTheyAreDue) {
    FunctionJob& due = line("due");
    reactor.set(one, now - 1s, due);
    EXPECT_EQ(loop.alarm, now - 1s);
    loop.run();
    EXPECT_EQ(lines, Lines{}) << "not before the alarm";
    loop.fire_alarm();
    EXPECT_EQ(lines, Lines{"due"});
    EXPECT_EQ(one.place, 0u);
    EXPECT_FALSE(loop.alarm) << "nothing is left to wait for";
    reactor.set(one, now - 2s, due);
    loop.fire_alarm();
    EXPECT_EQ(due.runs, 2);
}

TEST_F(ReactorTimers, RunInTheOrderOfTheirMoments) {
    reactor.set(three, now - 1s, line("three"));
    reactor.set(one, now - 3s, line("one"));
    reactor.set(two, now - 2s, line("two"));
    EXPECT_EQ(loop.alarm, now - 3s);
    loop.fire_alarm();
    EXPECT_EQ(lines, (Lines{"one", "two", "three"}));
}

TEST_F(ReactorTimers, StayUntilTheirMoment) {
    reactor.set(one, now - 1s, line("one"));
    reactor.set(two, now + 1h, line("two"));
    loop.fire_alarm();
    EXPECT_EQ(lines, Lines{"one"});
    EXPECT_EQ(loop.alarm, now + 1h) << "the alarm is set for the next one";
    EXPECT_NE(two.place, 0u);
}

TEST_F(ReactorTimers, RearmTheAlarmForAnEarlierOneOnly) {
    reactor.set(one, now + 2h, line("one"));
    EXPECT_EQ(loop.alarms, 1);
    reactor.set(two, now + 3h, line("two"));
    EXPECT_EQ(loop.alarms, 1);
    EXPECT_EQ(loop.alarm, now + 2h);
    reactor.set(three, now + 1h, line("three"));
    EXPECT_EQ(loop.alarms, 2);
    EXPECT_EQ(loop.alarm, now + 1h);
}

TEST_F(ReactorTimers, RunNotAtAllWhenTheyAreCancelled) {
    reactor.set(one, now - 1s, line("one"));
    reactor.set(two, now - 1s, line("two"));
    reactor.cancel(one);
    reactor.cancel(one);
    reactor.cancel(three);
    EXPECT_EQ(one.place, 0u);
    loop.fire_alarm();
    EXPECT_EQ(lines, Lines{"two"});
}

TEST_F(ReactorTimers, FindAgainTheAlarmThatACancelledOneLeft) {
    reactor.set(one, now + 1h, line("one"));
    reactor.set(two, now + 2h, line("two"));
    reactor.cancel(one);
    ASSERT_TRUE(loop.alarm);
    EXPECT_LE(*loop.alarm, now + 2h) << "never later than the first";
    loop.fire_alarm();
    EXPECT_EQ(loop.alarm, now + 2h);
    reactor.cancel(two);
    loop.fire_alarm();
    EXPECT_FALSE(loop.alarm);
    reactor.set(three, now + 4h, line("three"));
    EXPECT_EQ(loop.alarm, now + 4h) << "an alarm that has passed is not waited for";
    EXPECT_EQ(lines, Lines{});
}

TEST_F(ReactorTimers, TakeAnotherMomentAndAnotherJobWhenSetAgain) {
    reactor.set(one, now - 1s, line("before"));
    reactor.set(one, now + 1h, line("after"));
    loop.fire_alarm();
    EXPECT_EQ(lines, Lines{});
    reactor.set(one, now - 1s, line("last"));
    EXPECT_EQ(loop.alarm, now - 1s);
    loop.fire_alarm();
    EXPECT_EQ(lines, Lines{"last"});
}

TEST_F(ReactorTimers, MayBeSetAndCancelledByTheJobOfAnotherOne) {
    reactor.set(one, now - 3s, job([this] {
                    lines.emplace_back("one");
                    reactor.cancel(two);
                    reactor.set(three, now - 1s, line("three"));
                    reactor.set(one, now + 1h, line("one again"));
                }));
    reactor.set(two, now - 2s, line("two"));
    loop.fire_alarm();
    EXPECT_EQ(lines, (Lines{"one", "three"}));
    EXPECT_EQ(loop.alarm, now + 1h);
}

TEST_F(ReactorTimers, LeaveNoAlarmToALoopThatOutlivesTheReactor) {
    constexpr auto never = Deadline::Clock::time_point::max();
    const auto goes = [&](const char* what, auto use) {
        SCOPED_TRACE(what);
        {
            LoopReactor other(loop);
            use(other);
            loop.run();
        }
        EXPECT_EQ(loop.alarm.value_or(never), never);
    };
    goes("cancelled", [&](LoopReactor& other) {
        other.set(one, now + 1h, line("one"));
        other.cancel(one);
    });
    goes("cancelled by the job of another one", [&](LoopReactor& other) {
        other.set(one, now - 1s,
                  job([&] { other.set(two, now + 1h, line("two")), other.post(job([&] { other.cancel(two); })); }));
        loop.fire_alarm();
    });
    goes("cancelled before it looked", [&](LoopReactor& other) {
        other.set(one, now + 1h, line("one"));
        other.cancel(one);
        other.look_at_timers();
    });
    EXPECT_EQ(lines, Lines{});
}

TEST_F(ReactorTimers, RunInATurnWithWhatTheyMakeDue) {
    reactor.set(one, now - 2s, job([this] {
                    reactor.post(line("posted"));
                    reactor.spawn(line("spawned"));
                    lines.emplace_back("one");
                }));
    reactor.set(two, now - 1s, line("two"));
    loop.fire_alarm();
    EXPECT_EQ(lines, (Lines{"one", "two", "posted", "spawned"}));
    EXPECT_EQ(loop.posted(), 0u);
}

TEST_F(ReactorTimers, RunBeforeTheFibersThatOthersWoke) {
    on_fiber([this] {
        EXPECT_EQ(spi::Waiter::here()->wait({}, {.deadline = Deadline::at(now - 2s), .stop = nullptr}),
                  Woken::deadline);
        lines.emplace_back("fiber");
    });
    reactor.set(one, now - 1s, line("timer"));
    loop.fire_alarm();
    EXPECT_EQ(lines, (Lines{"timer", "fiber"})) << "nothing runs inside of what makes it due";
}

TEST_F(ReactorTimers, WakeFibersInTheOrderOfTheirDeadlines) {
    for (const int number : {2, 1, 3})
        on_fiber([this, number] {
            EXPECT_EQ(
                spi::Waiter::here()->wait({}, {.deadline = Deadline::at(now - 10s + number * 1s), .stop = nullptr}),
                Woken::deadline);
            lines.push_back(std::to_string(number));
        });
    loop.fire_alarm();
    EXPECT_EQ(lines, (Lines{"1", "2", "3"}));
}

}  // namespace
}  // namespace pg::fibers
