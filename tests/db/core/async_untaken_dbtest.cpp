// Answers that nobody took, since their call was given up as it ended: nothing is lost without a word.
#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>
#include <stop_token>

#include "async_database.hpp"
#include "pg/async_copy.hpp"
#include "pg/async_listener.hpp"
#include "pg/connection.hpp"
#include "pg/stop.hpp"

namespace {

/// An int that its codec throws at when it is negative.
struct Natural {
    int number = 0;
};

}  // namespace

template <>
struct pg::Codec<Natural> : pg::detail::IntegerCodec<int> {
    static constexpr TypeId type = Codec<int>::type;
    static Fault encode(Writer& out, const Natural& value) {
        if (value.number < 0) Error({.kind = ErrorKind::usage}).raise();
        return IntegerCodec::encode(out, value.number);
    }
};

namespace {

using namespace std::chrono_literals;

/// Runs what it is given when the test says so.
class Steps final : public pg::spi::Scheduler {
public:
    /// Until there is so much to run.
    void wait(std::size_t jobs = 1) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return jobs_.size() >= jobs; });
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
    /// Begins what `make` makes, and gives it up when its answer is there: before the step that would tell of it.
    template <class Make, class Meanwhile>
    void give_up(Make make, Meanwhile meanwhile) {
        auto call = make();
        call.await_suspend(std::noop_coroutine());
        meanwhile();
        steps.wait();
    }
    /// The answer to what `make` begins, which is there before any step that is still to be done.
    template <class Make>
    auto answer_behind_steps(std::size_t undone, Make make) {
        auto call = make();
        call.await_suspend(std::noop_coroutine());
        steps.wait(undone + 1);
        for (std::size_t step = 0; step <= undone; ++step) steps.step();
        return call.await_resume();
    }
    /// Begins what `make` makes, and gives it up while it waits for a lock.
    template <class Make>
    void give_up_at_a_lock(Make make) {
        auto call = make();
        call.await_suspend(std::noop_coroutine());
        await_wait("relation");
    }
    static void notify(const char* payload) { onlooker().exec("select pg_notify('untaken', $1)", payload); }

    static void empty_the_table() {
        onlooker().run_script("create table if not exists untaken (n int); truncate untaken");
    }

    Steps steps;
    pg::AsyncClient here = db.async(steps);
};
INSTANTIATE_TEST_SUITE_P(Engine, UntakenAnswers, testing::Values("direct", "libpq"), name_of_engine);

TEST_P(UntakenAnswers, OfAListenerAreHeardByTheNext) {
    pg::AsyncListener listener(here);
    ASSERT_TRUE(answer_of([&] { return listener.try_listen("untaken"); }));
    give_up([&] { return listener.next(60s); }, [] { notify("1"); });
    notify("2");
    std::size_t undone = 1;  // the step of the one that was given up
    for (const char* payload : {"1", "2"}) {
        const pg::Heard heard = answer_behind_steps(std::exchange(undone, 0), [&] { return listener.next(60s); });
        ASSERT_TRUE(heard.message);
        EXPECT_EQ(heard.message->payload, payload);
    }
}

TEST_P(UntakenAnswers, OfAListenerAreHeardByACallThatWaitsAlready) {
    pg::AsyncListener listener(here);
    ASSERT_TRUE(answer_of([&] { return listener.try_listen("untaken"); }));
    auto first = std::make_unique<pg::Async<pg::Heard>>(listener.next(60s));
    pg::Async<pg::Heard> second = listener.next(60s);
    first->await_suspend(std::noop_coroutine());
    second.await_suspend(std::noop_coroutine());
    notify("1");
    steps.wait();
    first.reset();
    steps.wait(2);
    steps.step();
    steps.step();
    const pg::Heard heard = second.await_resume();
    ASSERT_TRUE(heard.message);
    EXPECT_EQ(heard.message->payload, "1");
}

TEST_P(UntakenAnswers, OfAListenerAreHeardInTheirOrder) {
    pg::AsyncListener listener(here);
    ASSERT_TRUE(answer_of([&] { return listener.try_listen("untaken"); }));
    {
        pg::Async<pg::Heard> first = listener.next(60s), second = listener.next(60s);  // the second goes first
        first.await_suspend(std::noop_coroutine());
        second.await_suspend(std::noop_coroutine());
        notify("1");
        notify("2");
        steps.wait(2);
    }
    steps.step();
    steps.step();
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
    const auto after = answer_behind_steps(1, [&] { return stream.try_next(); });
    ASSERT_FALSE(after) << **after << " follows " << last;
    EXPECT_EQ(after.error().kind(), pg::ErrorKind::cancelled);
}

TEST_P(UntakenAnswers, OfAStreamDoNotHoldUpItsTransaction) {
    auto transaction = answer_of([&] { return here.try_begin(); }).value();
    auto stream = answer_of([&] { return transaction.try_stream<int>("select generate_series(1, 100000)"); }).value();
    while (stream.next().await_ready()) ASSERT_TRUE(stream.next().await_resume());
    give_up([&] { return stream.next(); }, [] {});
    ASSERT_FALSE(answer_behind_steps(1, [&] { return stream.try_next(); }));
    const auto committed = answer_of([&] { return transaction.try_commit(); });
    EXPECT_TRUE(committed || committed.error().kind() == pg::ErrorKind::commit_rolled_back)
        << "the stream has ended, perhaps by a cancel: " << committed.error().what();
}

TEST_P(UntakenAnswers, OfACopyEndIt) {
    auto reader = answer_of([&] {
                      return pg::AsyncCopyReader::try_open(here, "copy (select generate_series(1, 100000)) to stdout");
                  }).value();
    give_up([&] { return reader.read(); }, [] {});
    EXPECT_EQ(answer_behind_steps(1, [&] { return reader.try_read(); }).error().kind(), pg::ErrorKind::cancelled);
    auto rows = answer_of([&] { return pg::AsyncCopyOut<int>::try_open(here, "(select generate_series(1, 10))"); });
    give_up([&] { return rows->read(1); }, [] {});
    EXPECT_EQ(answer_behind_steps(1, [&] { return rows->try_read(1); }).error().kind(), pg::ErrorKind::cancelled);
    auto misfits = answer_of(
        [&] { return pg::AsyncCopyOut<int>::try_open(here, "(select nullif(n, 1) from generate_series(1, 9) n)"); });
    give_up([&] { return misfits->read(1); }, [] {});
    EXPECT_EQ(answer_behind_steps(1, [&] { return misfits->try_read(1); }).error().kind(), pg::ErrorKind::cancelled)
        << "a row that cannot be read is one, too";
}

TEST_P(UntakenAnswers, OfAWriteEndItsCopy) {
    empty_the_table();
    auto writer = answer_of([&] { return pg::AsyncCopyWriter::try_open(here, "copy untaken from stdin"); }).value();
    give_up([&] { return writer.write("1\n"); }, [] {});
    EXPECT_EQ(answer_behind_steps(1, [&] { return writer.try_finish(); }).error().kind(), pg::ErrorKind::cancelled);
    auto rows = answer_of([&] { return pg::AsyncCopyIn<int>::try_open(here, "untaken (n)"); }).value();
    give_up([&] { return rows.write({1}); }, [] {});
    EXPECT_EQ(answer_behind_steps(1, [&] { return rows.try_finish(); }).error().kind(), pg::ErrorKind::cancelled);
    EXPECT_EQ(onlooker().query_one<int>("select count(*)::int from untaken"), 0);
}

TEST_P(UntakenAnswers, OfAWriteThatThrewEndItsCopyToo) {
    empty_the_table();
    auto rows = answer_of([&] { return pg::AsyncCopyIn<Natural>::try_open(here, "untaken (n)"); }).value();
    give_up([&] { return rows.write({{1}, {-1}}); }, [] {});
    const auto finished = answer_behind_steps(1, [&] { return rows.try_finish(); });
    EXPECT_EQ(finished ? pg::ErrorKind{} : finished.error().kind(), pg::ErrorKind::cancelled);
    EXPECT_EQ(onlooker().query_one<int>("select count(*)::int from untaken"), 0);
}

TEST_P(UntakenAnswers, AreNoneWhenTheyWereThrownAtWhoeverWaits) {
    empty_the_table();
    auto rows = answer_of([&] { return pg::AsyncCopyIn<Natural>::try_open(here, "untaken (n)"); }).value();
    {
        auto write = rows.write({{1}, {-1}});
        write.await_suspend(std::noop_coroutine());
        steps.step();
        EXPECT_THROW(write.await_resume(), pg::UsageError);
    }
    EXPECT_EQ(answer_of([&] { return rows.try_finish(); }).value(), 1u);
}

TEST_P(UntakenAnswers, OfABeginAreRolledBackBeforeTheNextCall) {
    empty_the_table();
    const auto connection = answer_of([&] { return here.try_connection(); }).value();
    give_up([&] { return connection.begin(); }, [] {});
    const auto told = answer_behind_steps(1, [&] { return connection.try_exec("insert into untaken values (1)"); });
    ASSERT_TRUE(told) << told.error().what();
    EXPECT_EQ(answer_of([&] { return connection.query_one<int>("select count(*)::int from untaken"); }), 1)
        << "it was told as done";
}

TEST_P(UntakenAnswers, OfWhatOpensAStreamOrACopyDoNotHoldUpTheNextCall) {
    const auto connection = answer_of([&] { return here.try_connection(); }).value();
    const auto next = [&] { return connection.try_exec("select 1"); };
    give_up([&] { return connection.stream<int>("select generate_series(1, 100000)"); }, [] {});
    EXPECT_TRUE(answer_behind_steps(1, next));
    give_up([&] { return pg::AsyncCopyReader::open(connection, "copy (select generate_series(1, 100000)) to stdout"); },
            [] {});
    EXPECT_TRUE(answer_behind_steps(1, next));
    give_up([&] { return pg::AsyncCopyOut<int>::open(connection, "(select 1)"); }, [] {});
    EXPECT_TRUE(answer_behind_steps(1, next));
}

TEST_P(UntakenAnswers, OfATransactionThatIsLeftDoNotKeepItOpen) {
    empty_the_table();
    std::stop_source stopped;
    stopped.request_stop();
    const pg::StopToken stop(stopped.get_token());
    const auto connection = answer_of([&] { return here.try_connection(); }).value();
    int rows = 0;
    for (const pg::StopToken* token : {static_cast<const pg::StopToken*>(nullptr), &stop}) {
        {
            const auto transaction = answer_of([&] { return connection.try_begin(); }).value();
            give_up([&] { return transaction.with({.stop = token}).exec("select 1"); }, [] {});
        }
        const auto told = answer_behind_steps(1, [&] { return connection.try_exec("insert into untaken values (1)"); });
        ASSERT_TRUE(told) << told.error().what();
        EXPECT_EQ(answer_of([&] { return connection.query_one<int>("select count(*)::int from untaken"); }), ++rows);
    }
}

TEST_P(UntakenAnswers, AreLostByThemselvesWhenWhatTheyAreOfIsGone) {
    std::optional<pg::AsyncCopyReader> reader(
        answer_of([&] { return pg::AsyncCopyReader::try_open(here, "copy (values (1), (2)) to stdout"); }).value());
    std::optional<pg::AsyncListener> listener(here);
    ASSERT_TRUE(answer_of([&] { return listener->try_listen("untaken"); }));
    give_up([&] { return reader->read(); },
            [&] {
                steps.wait();
                reader.reset();
                expect_nothing_left_busy();
            });
    give_up([&] { return listener->next(60s); },
            [&] {
                notify("1");
                steps.wait(2);
                listener.reset();
                while (
                    onlooker().query_one<bool>("select exists (select from pg_stat_activity where query like "
                                               "'listen %untaken%')"))
                    std::this_thread::yield();
            });
    steps.step();
    steps.step();
}

TEST_P(UntakenAnswers, AreNotWaitedForByWhatFollowsTheirTransaction) {
    empty_the_table();
    onlooker().run_script("create table if not exists locked ()");
    pg::Transaction holder = onlooker().begin();
    holder.exec("lock table locked in access exclusive mode");
    const auto connection = answer_of([&] { return here.try_connection(); }).value();
    {
        const auto transaction = answer_of([&] { return connection.try_begin(); }).value();
        give_up_at_a_lock([&] { return transaction.exec("lock table locked"); });
    }
    const auto told = answer_of([&] { return connection.try_exec("insert into untaken values (1)"); });
    ASSERT_TRUE(told) << "it is behind the transaction, not in it: " << told.error().what();
    EXPECT_EQ(answer_of([&] { return connection.query_one<int>("select count(*)::int from untaken"); }), 1);
}

}  // namespace
