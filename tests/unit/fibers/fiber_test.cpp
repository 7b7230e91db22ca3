// Fibers: what ends a wait, and what it leaves behind.
#include "tests/unit/fibers/hand_reactor.hpp"

namespace pg::fibers {
namespace {

class Fibers : public HandReactor {
protected:
    /// Begins to wait for `entries` on a fiber; `woken` has a value when the wait has ended.
    void begin_wait(std::span<pollfd> entries, const spi::Wait& wait = {}) {
        woken.reset();
        on_fiber([this, entries, wait] {
            waiter = spi::Waiter::here();
            woken = waiter->wait(entries, wait);
        });
    }
    /// Has the loop say of what is watched that it is ready, though it is not.
    void mislead() {
        const auto watched = loop.watched.begin();
        spi::Job* const job = watched->second.job;
        loop.watched.erase(watched);
        job->run();
        loop.run();
    }
    std::optional<Woken> woken;
    spi::Waiter* waiter = nullptr;
    Pipe pipe, other;
};

TEST_F(Fibers, WaitUntilADescriptorIsReadyAndSayWhatItHas) {
    pollfd entry{pipe.reader(), POLLIN, 0};
    begin_wait({&entry, 1});
    loop.look();
    EXPECT_FALSE(woken);
    ASSERT_EQ(loop.watched.count(pipe.reader()), 1u);
    EXPECT_EQ(loop.watched.at(pipe.reader()).events, POLLIN);
    EXPECT_FALSE(loop.alarm) << "no deadline, no alarm";
    pipe.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entry.revents, POLLIN);
    EXPECT_TRUE(loop.watched.empty());
}

TEST_F(Fibers, WaitForRoomToWrite) {
    pipe.fill();
    pollfd entry{pipe.writer(), POLLOUT, 0};
    begin_wait({&entry, 1});
    loop.look();
    EXPECT_FALSE(woken);
    EXPECT_EQ(loop.watched.at(pipe.writer()).events, POLLOUT);
    pipe.drain();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entry.revents, POLLOUT);
}

TEST_F(Fibers, SayThatADescriptorIsBroken) {
    pollfd entry{pipe.reader(), POLLIN | POLLRDHUP, 0};
    begin_wait({&entry, 1});
    pipe.close_writer();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entry.revents, POLLHUP);
}

TEST_F(Fibers, ForgetTheOtherDescriptorWhenOneIsReady) {
    pollfd entries[] = {{pipe.reader(), POLLIN, POLLERR}, {other.reader(), POLLIN, 0}};
    begin_wait(entries);
    EXPECT_EQ(loop.watched.size(), 2u);
    other.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entries[0].revents, 0);
    EXPECT_EQ(entries[1].revents, POLLIN);
    EXPECT_TRUE(loop.watched.empty());
}

TEST_F(Fibers, SayOfAllDescriptorsWhatTheyHave) {
    pollfd entries[] = {{pipe.reader(), POLLIN, 0}, {other.reader(), POLLIN, 0}};
    begin_wait(entries);
    pipe.write();
    other.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entries[0].revents, POLLIN);
    EXPECT_EQ(entries[1].revents, POLLIN);
}

TEST_F(Fibers, WatchNoMoreThanThreeDescriptorsAndSayOfAllWhatTheyHave) {
    Pipe third, fourth;
    pollfd entries[] = {{pipe.reader(), POLLIN, 0},
                        {other.reader(), POLLIN, 0},
                        {third.reader(), POLLIN, 0},
                        {fourth.reader(), POLLIN, 0}};
    begin_wait(entries);
    EXPECT_EQ(loop.watched.size(), 3u);
    fourth.write();
    third.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entries[2].revents, POLLIN);
    EXPECT_EQ(entries[3].revents, POLLIN);
}

TEST_F(Fibers, PassOverANegativeDescriptor) {
    pollfd entries[] = {{-1, POLLIN, POLLIN}, {pipe.reader(), POLLIN, 0}};
    begin_wait(entries);
    EXPECT_EQ(loop.watched.size(), 1u);
    EXPECT_FALSE(woken);
    pipe.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entries[0].revents, 0);
    EXPECT_EQ(entries[1].revents, POLLIN);
}

TEST_F(Fibers, TakeWhatCannotBeWatchedForReady) {
    loop.watches = false;
    pollfd entries[] = {{pipe.reader(), POLLIN, 0}, {other.reader(), POLLIN, 0}};
    begin_wait(entries);
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entries[0].revents, 0);

    const int closed = ::dup(pipe.reader());
    ::close(closed);
    pollfd entry{closed, POLLIN, 0};
    begin_wait({&entry, 1});
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entry.revents, POLLNVAL) << "whoever asks learns what is wrong";
}

TEST_F(Fibers, GoOnWaitingWhenTheLoopWasMistaken) {
    pollfd entry{pipe.reader(), POLLIN | POLLRDHUP, 0};
    begin_wait({&entry, 1});
    mislead();
    EXPECT_FALSE(woken);
    pipe.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entry.revents, POLLIN);
}

TEST_F(Fibers, LeaveItToWhoOnlyReadsThatTheLoopWasMistaken) {
    pollfd entry{pipe.reader(), POLLIN, 0};
    begin_wait({&entry, 1});
    mislead();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entry.revents, POLLIN);
}

TEST_F(Fibers, WaitAgainAfterAWait) {
    int reads = 0;
    on_fiber([&] {
        for (; reads < 3; ++reads) {
            EXPECT_EQ(wait_for(pipe.reader()), Woken::ready);
            pipe.read();
        }
    });
    for (int round = 1; round <= 3; ++round) {
        pipe.write();
        loop.look();
        EXPECT_EQ(reads, round);
    }
}

TEST_F(Fibers, EndAWaitAtItsDeadline) {
    pollfd entry{pipe.reader(), POLLIN, 0};
    const Deadline deadline = past();
    begin_wait({&entry, 1}, {.deadline = deadline, .stop = nullptr});
    EXPECT_FALSE(woken);
    EXPECT_EQ(loop.alarm, deadline.when());
    loop.fire_alarm();
    EXPECT_EQ(woken, Woken::deadline);
    EXPECT_TRUE(loop.watched.empty());
    EXPECT_FALSE(loop.alarm);
}

TEST_F(Fibers, WaitForNothingButADeadline) {
    begin_wait({}, {.deadline = past(), .stop = nullptr});
    EXPECT_FALSE(woken);
    loop.fire_alarm();
    EXPECT_EQ(woken, Woken::deadline);
}

TEST_F(Fibers, DoNotEndAWaitBeforeItsDeadline) {
    pollfd entry{pipe.reader(), POLLIN, 0};
    const Deadline deadline = far_away();
    begin_wait({&entry, 1}, {.deadline = deadline, .stop = nullptr});
    loop.fire_alarm();
    EXPECT_FALSE(woken);
    EXPECT_EQ(loop.alarm, deadline.when()) << "the alarm is set anew";
    pipe.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
    loop.fire_alarm();
    EXPECT_FALSE(loop.alarm) << "the deadline is gone with its wait";
}

TEST_F(Fibers, WakeForTheFirstThingOnly) {
    pollfd entry{pipe.reader(), POLLIN, 0};
    std::stop_source source;
    const StopToken stop(source.get_token());
    begin_wait({&entry, 1}, {.deadline = past(), .stop = &stop});
    source.request_stop();
    pipe.write();
    loop.fire_alarm();
    EXPECT_EQ(woken, Woken::deadline) << "what was first";
    loop.look();
    EXPECT_EQ(woken, Woken::deadline);
    EXPECT_TRUE(loop.watched.empty());
}

TEST_F(Fibers, EndAWaitWhoseStopWasAskedForBefore) {
    std::stop_source source;
    source.request_stop();
    const StopToken stop(source.get_token());
    pollfd entry{pipe.reader(), POLLIN, 0};
    begin_wait({&entry, 1}, {.deadline = far_away(), .stop = &stop});
    EXPECT_EQ(woken, Woken::stopped);
    EXPECT_TRUE(loop.watched.empty());
}

TEST_F(Fibers, EndAWaitWhenAStopIsAskedForOnAnotherThread) {
    std::stop_source source;
    const StopToken stop(source.get_token());
    pollfd entry{pipe.reader(), POLLIN, 0};
    begin_wait({&entry, 1}, {.deadline = Deadline::never(), .stop = &stop});
    EXPECT_FALSE(woken);
    on_other_thread([&] { source.request_stop(); });
    EXPECT_FALSE(woken) << "it goes on where it is at home";
    loop.run();
    EXPECT_EQ(woken, Woken::stopped);
    EXPECT_TRUE(loop.watched.empty());
}

TEST_F(Fibers, EndAWaitWhenAStopIsAskedForByAnotherFiber) {
    std::stop_source source;
    const StopToken stop(source.get_token());
    begin_wait({}, {.deadline = Deadline::never(), .stop = &stop});
    on_fiber([&] {
        source.request_stop();
        EXPECT_FALSE(woken) << "not inside of the call";
    });
    EXPECT_EQ(woken, Woken::stopped);
}

TEST_F(Fibers, DoNotEndALaterWaitByAStopThatComesLate) {
    std::stop_source source;
    const StopToken stop(source.get_token());
    std::vector<Woken> ends;
    on_fiber([&] {
        ends.push_back(wait_for(pipe.reader(), {.deadline = Deadline::never(), .stop = &stop}));
        ends.push_back(wait_for(other.reader()));
    });
    pipe.write();
    on_other_thread([&] { source.request_stop(); });  // on its way, and not there yet
    loop.look();                                      // the descriptor is first; then the stop arrives
    EXPECT_EQ(ends, std::vector{Woken::ready});
    EXPECT_EQ(loop.watched.count(other.reader()), 1u);
    other.write();
    loop.look();
    EXPECT_EQ(ends, (std::vector{Woken::ready, Woken::ready}));
}

TEST_F(Fibers, EndALaterWaitByAStopOfItsOwnWhileALateOneIsOnItsWay) {
    std::stop_source first, second;
    const StopToken first_stop(first.get_token()), second_stop(second.get_token());
    std::vector<Woken> ends;
    on_fiber([&] {
        ends.push_back(wait_for(pipe.reader(), {.deadline = Deadline::never(), .stop = &first_stop}));
        second.request_stop();
        ends.push_back(wait_for(other.reader(), {.deadline = Deadline::never(), .stop = &second_stop}));
    });
    pipe.write();
    FunctionJob& posted = job([] {});
    on_other_thread([&] {
        reactor.post(posted);
        first.request_stop();
    });
    loop.look();
    EXPECT_EQ(ends, (std::vector{Woken::ready, Woken::stopped}));
    EXPECT_EQ(posted.runs, 1) << "what is in the inbox beside the late stop is not lost";
}

TEST_F(Fibers, EndOnlyAWaitThatMayBeNudged) {
    pollfd entry{pipe.reader(), POLLIN, POLLERR};
    begin_wait({&entry, 1}, {.deadline = Deadline::never(), .stop = nullptr, .nudged = true});
    waiter->nudge();
    EXPECT_FALSE(woken) << "not inside of the call";
    loop.run();
    EXPECT_EQ(woken, Woken::ready);
    EXPECT_EQ(entry.revents, 0);
    EXPECT_TRUE(loop.watched.empty());
    waiter->nudge();  // it is at no wait
    loop.run();

    begin_wait({&entry, 1});
    waiter->nudge();
    loop.run();
    EXPECT_FALSE(woken);
    pipe.write();
    loop.look();
    EXPECT_EQ(woken, Woken::ready);
}

TEST_F(Fibers, AreTheWaiterOfTheirOwnWorkOnly) {
    EXPECT_EQ(spi::Waiter::here(), nullptr);
    spi::Waiter *first = nullptr, *second = nullptr;
    on_fiber([&] {
        first = spi::Waiter::here();
        static_cast<void>(wait_for(pipe.reader()));
        EXPECT_EQ(spi::Waiter::here(), first);
    });
    EXPECT_EQ(spi::Waiter::here(), nullptr);
    on_fiber([&] {
        second = spi::Waiter::here();
        reactor.post(job([] { EXPECT_EQ(spi::Waiter::here(), nullptr) << "a job is on no fiber"; }));
        pipe.write();
    });
    loop.look();
    EXPECT_NE(first, nullptr);
    EXPECT_NE(second, nullptr);
    EXPECT_NE(first, second);
    EXPECT_EQ(spi::Waiter::here(), nullptr);
}

}  // namespace
}  // namespace pg::fibers
