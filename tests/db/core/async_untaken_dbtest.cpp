// Answers that nobody took, since their call was given up as it ended: nothing is lost without a word.
#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>

#include "async_database.hpp"
#include "pg/async_copy.hpp"
#include "pg/async_listener.hpp"

namespace {

using namespace std::chrono_literals;

/// Runs what it is given when the test says so.
class Steps final : public pg::spi::Scheduler {
public:
    /// Until there is something to run.
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !jobs_.empty(); });
    }
    void step() {
        wait();
        std::unique_lock lock(mutex_);
        pg::spi::Job* const job = jobs_.front();
        jobs_.pop_front();
        lock.unlock();
        job->run();
    }

private:
    void do_post(pg::spi::Job& job) noexcept override {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(&job);
        changed_.notify_one();
    }
    std::mutex mutex_;  // guards jobs_
    std::condition_variable changed_;
    std::deque<pg::spi::Job*> jobs_;
};

/// A coroutine that starts at once and that nobody waits for.
struct Program {
    struct promise_type {
        Program get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const { throw; }
    };
};

class UntakenAnswers : public AsyncDatabase {
protected:
    /// The answer to what `make` begins, once all steps to it are done.
    template <class Make>
    auto answer_of(Make make) {
        std::optional<decltype(make().await_resume())> answer;
        const auto ask = [&]() -> Program {
            auto call = make();
            answer.emplace(co_await call);
        };
        ask();
        while (!answer) steps.step();
        return *std::move(answer);
    }
    /// Begins what `make` makes, and gives it up when its answer is there.
    template <class Make, class Meanwhile>
    void give_up(Make make, Meanwhile meanwhile) {
        {
            auto call = make();
            call.await_suspend(std::noop_coroutine());
            meanwhile();
            steps.wait();
        }
        steps.step();
    }
    static void notify(const char* payload) { onlooker().exec("select pg_notify('untaken', $1)", payload); }

    Steps steps;
    pg::AsyncClient here = db.async(steps);
};
INSTANTIATE_TEST_SUITE_P(Engine, UntakenAnswers, testing::Values("direct", "libpq"), name_of_engine);

TEST_P(UntakenAnswers, OfAListenerAreHeardByTheNext) {
    pg::AsyncListener listener(here);
    ASSERT_TRUE(answer_of([&] { return listener.try_listen("untaken"); }));
    give_up([&] { return listener.next(60s); }, [] { notify("1"); });
    notify("2");
    for (const char* payload : {"1", "2"}) {
        const pg::Heard heard = answer_of([&] { return listener.next(60s); });
        ASSERT_TRUE(heard.message);
        EXPECT_EQ(heard.message->payload, payload);
    }
}

TEST_P(UntakenAnswers, OfAStreamEndIt) {
    auto stream = answer_of([&] { return here.try_stream<int>("select generate_series(1, 100000)"); }).value();
    int last = 0;
    for (bool is_at_border = false; !is_at_border;) {
        auto next = stream.next();
        is_at_border = !next.await_ready();
        if (!is_at_border) last = *next.await_resume();
    }
    ASSERT_LT(last, 100000);
    give_up([&] { return stream.next(); }, [] {});
    const auto after = answer_of([&] { return stream.try_next(); });
    ASSERT_FALSE(after) << **after << " follows " << last;
    EXPECT_EQ(after.error().kind(), pg::ErrorKind::cancelled);
}

TEST_P(UntakenAnswers, OfACopyEndIt) {
    auto reader = answer_of([&] {
                      return pg::AsyncCopyReader::try_open(here, "copy (select generate_series(1, 100000)) to stdout");
                  }).value();
    give_up([&] { return reader.read(); }, [] {});
    EXPECT_EQ(answer_of([&] { return reader.try_read(); }).error().kind(), pg::ErrorKind::cancelled);
    auto rows = answer_of([&] { return pg::AsyncCopyOut<int>::try_open(here, "(select generate_series(1, 10))"); });
    give_up([&] { return rows->read(1); }, [] {});
    EXPECT_EQ(answer_of([&] { return rows->try_read(1); }).error().kind(), pg::ErrorKind::cancelled);
}

}  // namespace
