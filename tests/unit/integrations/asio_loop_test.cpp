// AsioEventLoop by itself: jobs, descriptors, the alarm, and how it ends.
#include <array>
#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <optional>
#include <pg/integrations/asio.hpp>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace std::chrono_literals;
using pg::integrations::AsioEventLoop;
using Clock = pg::spi::EventLoop::Clock;

struct Counted final : pg::spi::Job {
    int runs = 0;
    void do_run() noexcept override { ++runs; }
};

/// A pipe; its ends are closed by whoever has it.
struct Pipe {
    std::array<int, 2> ends{};
    Pipe() { EXPECT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        for (const int end : ends) EXPECT_EQ(::close(end), 0) << "somebody else closed it";
    }
    void write() const { EXPECT_EQ(::write(ends[1], "x", 1), 1); }
};

TEST(AsioEventLoop, RunsAJobOnceItsDescriptorIsReady) {
    asio::io_context io;
    const Pipe pipe;
    Counted job;
    AsioEventLoop loop(io);
    pg::spi::EventLoop& face = loop;
    for (int round = 1; round <= 3; ++round) {
        EXPECT_TRUE(face.watch(pipe.ends[0], POLLIN, job));
        io.restart();
        io.poll();
        EXPECT_EQ(job.runs, round - (round == 1 ? 1 : 0));
        if (round == 1) {
            pipe.write();
            io.run();
        }
        EXPECT_EQ(job.runs, round);
    }
    EXPECT_TRUE(face.watch(pipe.ends[1], POLLIN | POLLOUT, job));
    io.restart();
    io.run();
    EXPECT_EQ(job.runs, 4);
    EXPECT_FALSE(face.watch(1000000, POLLIN, job));
}

TEST(AsioEventLoop, DoesNotGiveALateAnswerToALaterWatch) {
    asio::io_context io;
    const Pipe pipe;
    Counted forgotten, waiting;
    AsioEventLoop loop(io);
    pg::spi::EventLoop& face = loop;
    pipe.write();
    EXPECT_TRUE(face.watch(pipe.ends[0], POLLIN, forgotten));
    face.forget(pipe.ends[0]);  // the answer to it is in the queue of the io_context
    char byte = 0;
    EXPECT_EQ(::read(pipe.ends[0], &byte, 1), 1);
    EXPECT_TRUE(face.watch(pipe.ends[0], POLLIN, waiting));
    io.poll();
    EXPECT_EQ(forgotten.runs + waiting.runs, 0);
    pipe.write();
    io.run();
    EXPECT_EQ(forgotten.runs, 0);
    EXPECT_EQ(waiting.runs, 1);
}

TEST(AsioEventLoop, HasOneAlarm) {
    asio::io_context io;
    Counted replaced, last;
    AsioEventLoop loop(io);
    pg::spi::EventLoop& face = loop;
    face.set_alarm(Clock::now(), replaced);
    face.set_alarm(Clock::now() + 10ms, last);
    const auto work = asio::make_work_guard(io);
    while (last.runs == 0) io.run_one();
    EXPECT_EQ(replaced.runs, 0);
    EXPECT_EQ(last.runs, 1);
}

/// Sets the alarm of a loop on its thread.
struct SetsAlarm final : pg::spi::Job {
    SetsAlarm(pg::spi::EventLoop& of, Clock::time_point at, pg::spi::Job& what) : loop(of), when(at), job(what) {}
    void do_run() noexcept override { loop.set_alarm(when, job); }
    pg::spi::EventLoop& loop;
    Clock::time_point when;
    pg::spi::Job& job;
};

TEST(AsioEventLoop, DoesNotLetAnAlarmKeepTheContextRunning) {
    asio::io_context io;
    Counted never, soon;
    AsioEventLoop loop(io);
    pg::spi::EventLoop& face = loop;
    SetsAlarm late(face, Clock::now() + 1h, never), early(face, Clock::now() + 10ms, soon),
        none(face, Clock::time_point::max(), never);
    face.post(late);
    io.run();
    // While something else does, it rings.
    auto work = asio::make_work_guard(io);
    face.post(early);
    io.restart();
    while (soon.runs == 0) io.run_one();
    work.reset();
    face.post(late);
    face.post(none);
    io.restart();
    io.run();
    EXPECT_EQ(soon.runs, 1);
    EXPECT_EQ(never.runs, 0);
}

TEST(AsioEventLoop, DoesNotLetAnAlarmThatWasSetBetweenTwoRunsKeepTheContextRunning) {
    asio::io_context io;
    Counted posted, late;
    AsioEventLoop loop(io);
    pg::spi::EventLoop& face = loop;
    face.post(posted);
    io.run();
    EXPECT_TRUE(face.here());
    face.set_alarm(Clock::now() + 3s, late);
    face.post(posted);
    io.restart();
    io.run();
    EXPECT_EQ(posted.runs, 2);
    EXPECT_EQ(late.runs, 0);
    face.set_alarm(Clock::time_point::max(), late);  // which the end of the loop would wait for
}

/// Lets a loop go that was held.
struct LetsGo final : pg::spi::Job {
    explicit LetsGo(pg::spi::EventLoop& of) : loop(of) {}
    void do_run() noexcept override {
        ++runs;
        loop.hold(false);
    }
    pg::spi::EventLoop& loop;
    int runs = 0;
};

TEST(AsioEventLoop, KeepsTheContextRunningWhileItIsHeld) {
    asio::io_context io;
    AsioEventLoop loop(io);
    pg::spi::EventLoop& face = loop;
    LetsGo lets_go(face);
    SetsAlarm soon(face, Clock::now() + 20ms, lets_go);
    face.hold(true);
    face.post(soon);
    io.run();
    EXPECT_EQ(lets_go.runs, 1);
    face.hold(true);
    face.set_alarm(Clock::now() + 20ms, lets_go);
    io.restart();
    io.run();
    EXPECT_EQ(lets_go.runs, 2) << "the alarm that is set outside of run rings, too";
    io.restart();
    face.hold(true);
    face.hold(false);
    EXPECT_FALSE(io.stopped());
}

TEST(AsioEventLoop, IsHeldAtItsEndToo) {
    asio::io_context io;
    std::optional<AsioEventLoop> loop(io);
    LetsGo lets_go(*loop);
    lets_go.loop.hold(true);
    lets_go.loop.set_alarm(Clock::now() + 10ms, lets_go);
    loop.reset();
    EXPECT_EQ(lets_go.runs, 1);
    io.run();  // which nothing holds any more
}

TEST(AsioEventLoop, RunsWhatWasPostedAndWatchedAtItsEnd) {
    asio::io_context io;
    const Pipe pipe;
    Counted posted, watched;
    pipe.write();
    {
        AsioEventLoop loop(io);
        pg::spi::EventLoop& face = loop;
        face.post(posted);
        EXPECT_TRUE(face.watch(pipe.ends[0], POLLIN, watched));
    }
    EXPECT_EQ(posted.runs, 1);
    EXPECT_EQ(watched.runs, 1);
    io.run();
    EXPECT_EQ(posted.runs, 1);
    EXPECT_EQ(watched.runs, 1);
}

/// An io_context whose services shut down before it goes.
struct Ending : asio::io_context {
    using asio::io_context::shutdown;
};

TEST(AsioEventLoop, RunsWhatAnotherThreadPostsWhileItEnds) {
    std::vector<Counted> jobs(20'000);
    {
        Ending io;
        pg::spi::EventLoop& face = asio::use_service<AsioEventLoop>(io);
        std::atomic<bool> begun = false;
        std::thread elsewhere([&] {
            for (Counted& job : jobs) {
                face.post(job);
                begun = true;
            }
        });
        while (!begun) std::this_thread::yield();
        io.shutdown();
        elsewhere.join();
    }
    for (const Counted& job : jobs) ASSERT_EQ(job.runs, 1);
}

}  // namespace
