// make_own_reactor: work on a thread of its own, and how that thread ends.
#include "src/fibers/own_reactor.hpp"

#include <csignal>
#include <cstdlib>

#include "src/fibers/poll_loop.hpp"
#include "tests/in_a_copy.hpp"
#include "tests/unit/fibers/hand_reactor.hpp"

namespace pg::fibers {
namespace {

/// Runs `function` on a fiber of `reactor`, and returns when it has ended.
void on_fiber(spi::Reactor& reactor, std::function<void()> function) {
    Event done;
    FunctionJob job([&] {
        function();
        done.happen();
    });
    reactor.spawn(job);
    done.wait();
}

/// The process is a copy that ends. What the library does then is registered later, and so is done before; a search for
/// leaks comes behind, and would find what belongs to threads that a copy has not.
bool is_copy = false;
[[maybe_unused]] const int registered = std::atexit([] {
    if (is_copy) ::_exit(0);
});

/// Tells when the thread that made it has ended.
class Farewell {
public:
    explicit Farewell(Event& gone) : gone_(gone) {}
    ~Farewell() { gone_.happen(); }

private:
    Event& gone_;
};
void tell_of_end(Event& gone) { static thread_local const Farewell farewell(gone); }

/// A job that is made for one run.
class Once final : public spi::Job {
public:
    static Once& make(std::function<void()> function) { return *new Once(std::move(function)); }

private:
    explicit Once(std::function<void()> function) : function_(std::move(function)) {}
    void do_run() noexcept override {
        function_();
        delete this;
    }
    std::function<void()> function_;
};

TEST(OwnReactor, WorksOnAThreadOfItsOwn) {
    const std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    EXPECT_FALSE(reactor->here());
    EXPECT_TRUE(reactor->has_thread());
    std::thread::id first, second;
    on_fiber(*reactor, [&] {
        EXPECT_TRUE(reactor->here());
        EXPECT_NE(spi::Waiter::here(), nullptr);
        first = std::this_thread::get_id();
    });
    on_fiber(*reactor, [&] { second = std::this_thread::get_id(); });
    EXPECT_NE(first, std::this_thread::get_id());
    EXPECT_EQ(first, second);
}

TEST(OwnReactor, LeavesTheProgramsSignalsToItsOtherThreads) {
    const std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    sigset_t inside, before, after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    on_fiber(*reactor, [&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (const int signal : {SIGPIPE, SIGTERM, SIGUSR1, SIGCHLD}) {
        EXPECT_EQ(::sigismember(&inside, signal), 1) << signal;
        EXPECT_EQ(::sigismember(&before, signal), ::sigismember(&after, signal)) << signal;
    }
}

TEST(OwnReactor, WaitsForDescriptorsDeadlinesAndStops) {
    const std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    Pipe pipe, silent;
    std::stop_source source;
    const StopToken stop(source.get_token());
    Event begun;
    std::thread other([&] {
        begun.wait();
        source.request_stop();
    });
    std::vector<Woken> ends;
    on_fiber(*reactor, [&] {
        pipe.write();
        ends.push_back(wait_for(pipe.reader(), {.deadline = far_away(), .stop = nullptr}));
        ends.push_back(wait_for(silent.reader(), {.deadline = Deadline::after(1ms), .stop = nullptr}));
        begun.happen();
        ends.push_back(wait_for(silent.reader(), {.deadline = far_away(), .stop = &stop}));
    });
    other.join();
    EXPECT_EQ(ends, (std::vector{Woken::ready, Woken::deadline, Woken::stopped}));
}

TEST(OwnReactor, TakesAStopOfAnyMoment) {
    const std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    Pipe silent;
    for (int round = 0; round < 100; ++round) {
        std::stop_source source;
        const StopToken stop(source.get_token());
        Pipe pipe;
        std::thread other([&] {
            if (round % 2 == 0) pipe.write();
            source.request_stop();
        });
        Woken first{}, second{};
        on_fiber(*reactor, [&] {
            first = wait_for(pipe.reader(), {.deadline = Deadline::never(), .stop = &stop});
            second = wait_for(silent.reader(), {.deadline = Deadline::after(10us), .stop = nullptr});
        });
        other.join();
        EXPECT_NE(first, Woken::deadline);
        EXPECT_TRUE(round % 2 == 0 || first == Woken::stopped);
        EXPECT_EQ(second, Woken::deadline) << "nothing of the first wait was for this one";
    }
}

TEST(OwnReactor, EndsItsThreadBeforeTheLastShareIsLetGoElsewhere) {
    Event gone;
    std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    on_fiber(*reactor, [&] { tell_of_end(gone); });
    std::shared_ptr<LoopReactor> share = reactor;
    reactor.reset();
    EXPECT_FALSE(gone.has_happened());
    share.reset();
    EXPECT_TRUE(gone.has_happened());
}

TEST(OwnReactor, EndsWhatIsAtWorkBeforeItsThread) {
    std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    Pipe pipe;
    Event begun;
    std::atomic<bool> ended{false};
    reactor->spawn(Once::make([&] {
        begun.happen();
        EXPECT_EQ(wait_for(pipe.reader()), Woken::ready);
        ended = true;
    }));
    begun.wait();
    std::thread writer([&] { pipe.write(); });
    reactor.reset();
    EXPECT_TRUE(ended);
    writer.join();
}

TEST(OwnReactor, EndsWhenItsLastShareIsLetGoByAJobOfItsOwn) {
    Event gone;
    std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    LoopReactor& plain = *reactor;
    plain.post(Once::make([&gone, share = std::exchange(reactor, nullptr)]() mutable {
        tell_of_end(gone);
        share.reset();
    }));
    gone.wait();
}

TEST(OwnReactor, EndsWhenItsLastShareIsLetGoByAFiberThatHasMoreToWaitFor) {
    Event gone, begun;
    std::shared_ptr<LoopReactor> reactor = make_own_reactor(std::make_unique<PollLoop>());
    LoopReactor& plain = *reactor;
    Pipe pipe;
    std::atomic<bool> waited{false};
    plain.spawn(Once::make([&, share = std::exchange(reactor, nullptr)]() mutable {
        tell_of_end(gone);
        share.reset();
        begun.happen();
        EXPECT_EQ(wait_for(pipe.reader(), {.deadline = far_away(), .stop = nullptr}), Woken::ready);
        waited = true;
    }));
    begun.wait();
    EXPECT_FALSE(gone.has_happened());
    EXPECT_TRUE(testing_support::in_a_copy([]() -> bool {
        is_copy = true;
        std::exit(0);
    })) << "its thread is not there";
    pipe.write();
    gone.wait();
    EXPECT_TRUE(waited);
}

}  // namespace
}  // namespace pg::fibers
