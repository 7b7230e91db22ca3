// What every loop that a thread of ours runs does: instantiated for each of them.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <sys/socket.h>

#include "src/fibers/run_loop.hpp"
#include "tests/unit/fibers/hand_loop.hpp"

namespace pg::fibers {

template <class Loop>
std::unique_ptr<RunLoop> make_loop() {
    return std::make_unique<Loop>();
}

using namespace std::chrono_literals;

class RunLoops : public ::testing::TestWithParam<std::unique_ptr<RunLoop> (*)()> {
protected:
    ~RunLoops() override { stop(); }
    void stop() {
        if (!runner_.joinable()) return;
        loop.stop();
        runner_.join();
    }
    /// Runs `function` on the loop's thread, and returns when it has ended.
    void on_loop(std::function<void()> function) {
        Event done;
        FunctionJob job([&] {
            function();
            done.happen();
        });
        loop.post(job);
        done.wait();
    }
    /// The loop has gone through everything that it had to do, several times.
    void settle() {
        for (int round = 0; round < 5; ++round) on_loop([] {});
    }

    const std::unique_ptr<RunLoop> owned_ = GetParam()();
    RunLoop& loop = *owned_;
    std::thread runner_{[this] { loop.run(); }};
};

/// A job that can be waited for.
class Awaited {
public:
    spi::Job& job() { return job_; }
    /// For a run that was not waited for yet.
    void wait() {
        std::unique_lock lock(mutex_);
        ++waited_;
        changed_.wait(lock, [this] { return runs_ >= waited_; });
    }
    [[nodiscard]] int runs() {
        const std::lock_guard lock(mutex_);
        return runs_;
    }

private:
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    int runs_ = 0;
    int waited_ = 0;
    FunctionJob job_{[this] {
        const std::lock_guard lock(mutex_);
        ++runs_;
        changed_.notify_one();
    }};
};

TEST_P(RunLoops, RunWhatIsPostedInOrderOnTheirThread) {
    EXPECT_FALSE(loop.here());
    std::vector<int> order;
    const auto note = [&](int number) {
        return [&, number] {
            EXPECT_TRUE(loop.here());
            order.push_back(number);
        };
    };
    FunctionJob one(note(1)), two(note(2)), inner(note(4));
    loop.post(one);
    loop.post(two);
    on_loop([&] {
        loop.post(inner);
        EXPECT_EQ(inner.runs, 0) << "never inside of the call";
        note(3)();
    });
    settle();
    EXPECT_EQ(order, (std::vector{1, 2, 3, 4}));
}

TEST_P(RunLoops, WatchADescriptorUntilItCanBeRead) {
    Pipe pipe;
    Awaited readable;
    on_loop([&] { EXPECT_TRUE(loop.watch(pipe.reader(), POLLIN, readable.job())); });
    settle();
    EXPECT_EQ(readable.runs(), 0);
    pipe.write();
    readable.wait();
    settle();
    EXPECT_EQ(readable.runs(), 1) << "once, though it can be read still";
    on_loop([&] { EXPECT_TRUE(loop.watch(pipe.reader(), POLLIN, readable.job())); });
    readable.wait();
    EXPECT_EQ(readable.runs(), 2);
}

TEST_P(RunLoops, WatchADescriptorUntilItCanBeWritten) {
    Pipe pipe;
    pipe.fill();
    Awaited writable;
    on_loop([&] { EXPECT_TRUE(loop.watch(pipe.writer(), POLLOUT, writable.job())); });
    settle();
    EXPECT_EQ(writable.runs(), 0);
    pipe.drain();
    writable.wait();
    EXPECT_EQ(writable.runs(), 1);
}

TEST_P(RunLoops, WatchADescriptorForBothAndRunOnce) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    Awaited either;
    on_loop([&] { EXPECT_TRUE(loop.watch(ends[0], POLLIN | POLLOUT, either.job())); });
    either.wait();  // it can be written at once
    settle();
    EXPECT_EQ(either.runs(), 1);

    const std::vector<char> block(4096);
    while (::write(ends[0], block.data(), block.size()) > 0) {
    }
    on_loop([&] { EXPECT_TRUE(loop.watch(ends[0], POLLIN | POLLOUT, either.job())); });
    settle();
    EXPECT_EQ(either.runs(), 1) << "neither";
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    either.wait();
    settle();
    EXPECT_EQ(either.runs(), 2);

    // Both at once, watched again from within the job: the other half of the first watch is not an answer to it.
    char one = 0;
    EXPECT_EQ(::read(ends[0], &one, 1), 1);
    Awaited second;
    FunctionJob first([&] {
        EXPECT_EQ(::read(ends[0], &one, 1), 1);
        EXPECT_TRUE(loop.watch(ends[0], POLLIN, second.job()));
    });
    on_loop([&] {
        std::vector<char> drained(4096);
        while (::read(ends[1], drained.data(), drained.size()) > 0) {
        }
        EXPECT_EQ(::write(ends[1], "x", 1), 1);
        EXPECT_TRUE(loop.watch(ends[0], POLLIN | POLLOUT, first));
    });
    settle();
    EXPECT_EQ(second.runs(), 0);
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    second.wait();
    on_loop([&] { EXPECT_EQ(first.runs, 1); });
    for (const int end : ends) ::close(end);
}

TEST_P(RunLoops, TakeABrokenDescriptorForReady) {
    Pipe pipe;
    Awaited broken;
    on_loop([&] { EXPECT_TRUE(loop.watch(pipe.reader(), POLLIN, broken.job())); });
    pipe.close_writer();
    broken.wait();
    EXPECT_EQ(broken.runs(), 1);
}

TEST_P(RunLoops, SayWhenADescriptorCannotBeWatched) {
    Pipe pipe;
    const int closed = ::dup(pipe.reader());
    ::close(closed);
    Awaited never;
    on_loop([&] { EXPECT_FALSE(loop.watch(closed, POLLIN, never.job())); });
    settle();
    EXPECT_EQ(never.runs(), 0);
}

TEST_P(RunLoops, RunNothingOfWhatTheyForgot) {
    Pipe pipe;
    Awaited forgotten;
    on_loop([&] {
        EXPECT_TRUE(loop.watch(pipe.reader(), POLLIN, forgotten.job()));
        loop.forget(pipe.reader());
    });
    pipe.write();
    settle();
    EXPECT_EQ(forgotten.runs(), 0);

    Awaited other;
    on_loop([&] {
        EXPECT_TRUE(loop.watch(pipe.reader(), POLLIN, forgotten.job()));  // it is ready already
        loop.forget(pipe.reader());
        EXPECT_TRUE(loop.watch(pipe.reader(), POLLIN, other.job()));
    });
    other.wait();
    settle();
    EXPECT_EQ(forgotten.runs(), 0);
    EXPECT_EQ(other.runs(), 1);
}

TEST_P(RunLoops, WatchAnotherFileUnderTheNumberOfOneThatIsClosed) {
    auto before = std::make_unique<Pipe>();
    const int number = before->reader();
    Awaited first, second;
    on_loop([&] {
        EXPECT_TRUE(loop.watch(number, POLLIN, first.job()));
        loop.forget(number);
        before.reset();
    });
    Pipe after;
    ASSERT_EQ(::dup2(after.reader(), number), number);
    on_loop([&] { EXPECT_TRUE(loop.watch(number, POLLIN, second.job())); });
    settle();
    EXPECT_EQ(second.runs(), 0);
    after.write();
    second.wait();
    EXPECT_EQ(first.runs(), 0);
    if (number != after.reader()) ::close(number);
}

TEST_P(RunLoops, HaveOneAlarmWhichIsSetAnew) {
    Awaited late, soon;
    on_loop([&] {
        loop.set_alarm(RunLoop::Clock::now() + 1h, late.job());
        loop.set_alarm(RunLoop::Clock::now(), soon.job());
        EXPECT_EQ(soon.runs(), 0) << "never inside of the call";
    });
    soon.wait();
    settle();
    EXPECT_EQ(soon.runs(), 1);
    EXPECT_EQ(late.runs(), 0);
}

TEST_P(RunLoops, DoNotRunTheAlarmBeforeItsTime) {
    Awaited alarm;
    const auto when = RunLoop::Clock::now() + 3ms;
    on_loop([&] { loop.set_alarm(when, alarm.job()); });
    alarm.wait();
    EXPECT_GE(RunLoop::Clock::now(), when);
}

TEST_P(RunLoops, GoOnByHandAfterTheyWereStopped) {
    FunctionJob one, two, three([&] { loop.stop(); });
    stop();
    loop.post(one);
    loop.post(two);
    EXPECT_EQ(one.runs, 0);
    loop.run_one();
    EXPECT_EQ(one.runs, 1);
    loop.post(three);
    while (three.runs == 0) loop.run_one();
    EXPECT_EQ(two.runs, 1);
    EXPECT_EQ(three.runs, 1) << "it stops only what runs";
    loop.post(one);
    while (one.runs == 1) loop.run_one();
    EXPECT_EQ(one.runs, 2);
}

TEST_P(RunLoops, ForgetWhatWaitsAtTheirEnd) {
    Pipe pipe;
    FunctionJob posted, watched, alarm;
    on_loop([&] {
        EXPECT_TRUE(loop.watch(pipe.reader(), POLLIN, watched));
        loop.set_alarm(RunLoop::Clock::now() + 1h, alarm);
    });
    stop();
    {
        const std::unique_ptr<RunLoop> other = GetParam()();
        other->post(posted);
    }
    pipe.write();
    EXPECT_EQ(posted.runs + watched.runs + alarm.runs, 0);
}

}  // namespace pg::fibers
