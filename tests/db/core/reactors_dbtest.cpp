// Several reactors, as a machine with many processors has them: coroutines at home on one loop and their sessions on
// another; and how many threads there are while very much is under way.
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <pg/async.hpp>
#include <pg/async_copy.hpp>
#include <pg/async_listener.hpp>
#include <pg/connection.hpp>
#include <pg/pool/pool.hpp>
#include <pg/spi/registry.hpp>
#include <pg/testing/test_server.hpp>
#include <set>
#include <stop_token>
#include <thread>

#include "providers/async/provider.hpp"
#include "providers/libpq/provider.hpp"
#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t reactors = 3;

std::size_t threads_of_process() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/task")) ++count;
    return count;
}

class Reactors : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() {
        static_cast<void>(conninfo());
        std::thread([] {}).join();  // with the first one a sanitizer starts its own
        if (threads_at_first() == 0) threads_at_first() = threads_of_process();
    }
    /// Before there was any client of the provider.
    static std::size_t& threads_at_first() {
        static std::size_t count = 0;
        return count;
    }
    static const std::string& conninfo() {
        static const std::string text = [] {
            std::string made = pg::testing::shared_server().create_database("reactors");
            pg::connect(made).run_script("create table kept (home int, n int); create table held ()");
            return made;
        }();
        return text;
    }
    /// With reactors of its own: those of a client that was before may still have something to end.
    pg::Client open(std::size_t sessions) {
        pg::spi::Registry registry;
        if (!registry.add(pg::async::make_async_provider(pg::libpq::make_libpq_provider(), reactors)))
            ADD_FAILURE() << "an empty registry takes it";
        return pg::open(conninfo() + " engine=" + GetParam(),
                        {.provider = "async", .pool_max_size = sessions, .registry = &registry});
    }

    pg::Client onlooker = pg::connect(conninfo());
};
INSTANTIATE_TEST_SUITE_P(Engine, Reactors, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

/// The thread that a home has, as the coroutines there see it.
class Home {
public:
    Home(int number, pg::AsyncClient async) : number_(number), async_(std::move(async)) {}
    [[nodiscard]] const pg::AsyncClient& async() const { return async_; }
    [[nodiscard]] int number() const { return number_; }
    void expect_to_be_here() {
        const std::lock_guard lock(mutex_);
        if (thread_ == std::thread::id()) thread_ = std::this_thread::get_id();
        EXPECT_EQ(std::this_thread::get_id(), thread_) << "home " << number_;
    }
    [[nodiscard]] std::thread::id thread() {
        const std::lock_guard lock(mutex_);
        return thread_;
    }

private:
    const int number_;
    const pg::AsyncClient async_;
    std::mutex mutex_;  // guards thread_
    std::thread::id thread_;
};

pg::Task<void> ask(Home& home, int round) {
    const pg::AsyncClient& async = home.async();
    EXPECT_EQ(co_await async.query_one<int>("select $1::int", round), round);
    home.expect_to_be_here();
    const pg::Expected<std::uint64_t> failed = co_await async.try_exec("select 1 / 0");
    home.expect_to_be_here();
    EXPECT_FALSE(failed);
    pg::Batch batch = async.batch();
    const auto one = batch.query_one<int>("select $1::int", round);
    co_await async.run(batch, pg::BatchMode::each);
    home.expect_to_be_here();
    EXPECT_EQ(one.get(), round);
}

pg::Task<void> stream(Home& home) {
    auto rows = co_await home.async().stream<int>("select generate_series(1, 20000)");
    std::int64_t sum = 0;
    while (const int* row = co_await rows.next()) {
        sum += *row;
        home.expect_to_be_here();
    }
    EXPECT_EQ(sum, 200010000);
}

pg::Task<void> leave_a_stream(Home& home) {
    auto rows = co_await home.async().stream<int>("select generate_series(1, 200000)");
    EXPECT_NE(co_await rows.next(), nullptr);
    home.expect_to_be_here();
}

pg::Task<void> commit(Home& home, int round) {
    auto transaction = co_await home.async().begin();
    home.expect_to_be_here();
    co_await transaction.exec("insert into kept values ($1, $2)", home.number(), round);
    home.expect_to_be_here();
    co_await transaction.commit();
    home.expect_to_be_here();
}

pg::Task<void> leave_a_transaction(Home& home) {
    auto transaction = co_await home.async().begin();
    co_await transaction.exec("insert into kept values (-1, -1)");
    home.expect_to_be_here();
}

pg::Task<void> hold(Home& home, int round) {
    auto connection = co_await home.async().connection();
    home.expect_to_be_here();
    auto transaction = co_await connection.begin();
    EXPECT_EQ(co_await transaction.query_one<int>("select $1::int", round), round);
    co_await transaction.rollback();
    home.expect_to_be_here();
}

pg::Task<void> copy(Home& home, int round) {
    auto in = co_await pg::AsyncCopyIn<int, int>::open(home.async(), "kept");
    std::vector<std::tuple<int, int>> rows(100, {home.number(), round});
    co_await in.write(std::move(rows));
    home.expect_to_be_here();
    EXPECT_EQ(co_await in.finish(), 100U);
    home.expect_to_be_here();
}

pg::Task<void> copy_out(Home& home) {
    auto out = co_await pg::AsyncCopyOut<int>::open(home.async(), "(select generate_series(1, 3000))");
    std::size_t count = 0;
    for (std::size_t more = 1; more != 0; count += more) {
        more = (co_await out.read(500)).size();
        home.expect_to_be_here();
    }
    EXPECT_EQ(count, 3000U);
}

pg::Task<void> listen(Home& home, const pg::Client& db) {
    pg::AsyncListener listener(db);
    co_await listener.listen("reactors");
    home.expect_to_be_here();
    const pg::Heard heard = co_await listener.next(1ms);
    home.expect_to_be_here();
    EXPECT_TRUE(heard.nothing());
}

pg::Task<void> be_late(Home& home) {
    // Where others share the session, what is given up sleeps on.
    auto sleeping = home.async().exec("select pg_sleep(1.5)");
    auto waking = home.async().with({.timeout = 10ms}).try_exec("select pg_sleep(0.5)");
    const auto first = co_await pg::when_any(std::move(sleeping), std::move(waking));
    home.expect_to_be_here();
    EXPECT_EQ(first.index(), 1U);
}

/// Everything, one after the other. A listener goes on on the loop that it is made on.
pg::Task<void> visit(Home& home, pg::Client db, int rounds, bool is_late) {
    for (int round = 0; round < rounds; ++round) {
        co_await ask(home, round);
        co_await stream(home);
        co_await leave_a_stream(home);
        co_await commit(home, round);
        co_await leave_a_transaction(home);
        co_await hold(home, round);
        co_await copy(home, round);
        co_await copy_out(home);
        co_await listen(home, db);
        if (is_late && round == 0) co_await be_late(home);
    }
}

TEST_P(Reactors, LetCoroutinesAtHomeOnOneUseSessionsOnAnother) {
    constexpr int visitors = 2, rounds = 3;
    for (const std::size_t sessions : {1U, 2U, 6U}) {
        SCOPED_TRACE(std::to_string(sessions) + " sessions");
        onlooker.exec("truncate kept");
        pg::Client db = open(sessions);
        std::vector<std::unique_ptr<Home>> homes;
        for (int number = 0; number < static_cast<int>(reactors); ++number)
            homes.push_back(std::make_unique<Home>(number, db.async()));
        std::vector<pg::Task<void>> all;
        for (const auto& home : homes)
            for (int visitor = 0; visitor < visitors; ++visitor)
                all.push_back(visit(*home, db, rounds, visitor == 0));  // for whom the others wait
        std::jthread blocking([&](const std::stop_token& stop) {
            while (!stop.stop_requested()) EXPECT_EQ(db.query_one<int>("select 7"), 7);
        });
        pg::sync_wait(pg::when_all(std::move(all)));
        blocking = {};
        // With fewer sessions than homes, some home has none on its own loop.
        std::set<std::thread::id> threads;
        for (const auto& home : homes) threads.insert(home->thread());
        EXPECT_EQ(threads.size(), reactors);
        for (const auto& home : homes)
            EXPECT_EQ(onlooker.query_one<std::int64_t>("select count(*) from kept where home = $1", home->number()),
                      visitors * rounds * (1 + 100));
        EXPECT_EQ(onlooker.query_one<std::int64_t>("select count(*) from kept where home < 0"), 0);
    }
}

/// A coroutine that nobody waits for: it runs from the call on, and ends by itself.
struct Detached {
    struct promise_type {
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const { throw; }
    };
};

/// Whether each is refused who would block the thread of a home, by its own calls or by those of another home.
Detached block(pg::AsyncClient home, std::vector<pg::AsyncClient> homes, pg::Client db,
               std::shared_ptr<std::promise<bool>> told) {
    const auto is_refused = [](const auto& outcome) {
        return !outcome && outcome.error().kind() == pg::ErrorKind::usage;
    };
    bool are_refused = co_await home.query_one<int>("select 1") == 1;
    are_refused &= is_refused(db.try_exec("select 1"));
    are_refused &= is_refused(db.try_stream<int>("select 1"));
    are_refused &= is_refused(db.pool().wait_ready(1, 1h));
    for (const pg::AsyncClient& other : homes) {
        are_refused &= is_refused(other.try_exec("select 1").get());
        are_refused &= is_refused(other.try_begin().get());
        are_refused &= co_await other.query_one<int>("select 2") == 2;
    }
    told->set_value(are_refused);
}

TEST_P(Reactors, RefuseToBeBlockedForThemselvesAndForEachOther) {
    for (const std::size_t sessions : {1U, 3U}) {
        pg::Client db = open(sessions);
        std::vector<pg::AsyncClient> homes;
        while (homes.size() < reactors) homes.push_back(db.async());
        for (const pg::AsyncClient& home : homes) {
            const auto told = std::make_shared<std::promise<bool>>();
            auto are_refused = told->get_future();
            block(home, homes, db, told);
            ASSERT_EQ(are_refused.wait_for(testing_support::bound_on_hang(10s)), std::future_status::ready)
                << "a reactor waits for itself";
            EXPECT_TRUE(are_refused.get());
        }
        EXPECT_EQ(db.query_one<int>("select 3"), 3) << "from here it is no harm";
    }
}

/// Until somebody waits for a lock, who is not that process.
void wait_for_a_locked_one_but(pg::Client& onlooker, int process) {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (
        !onlooker.query_one<bool>("select count(*) > 0 from pg_stat_activity where datname = 'reactors' and "
                                  "wait_event_type = 'Lock' and pid <> $1",
                                  process))
        ASSERT_LT(std::chrono::steady_clock::now(), until);
}

TEST_P(Reactors, WhatAFirstAttemptMayHaveDoneIsNotForgottenByASecondOnAnotherLoop) {
    pg::Client db = open(2), lockers = pg::connect(conninfo());
    std::vector<pg::AsyncClient> homes;
    while (homes.size() < reactors) homes.push_back(db.async());
    for (const pg::AsyncClient& async : homes) {  // to one of them the first session is that of its own loop
        onlooker.run_script("drop table if exists doomed; create table doomed (n int)");
        std::optional<pg::Connection> first = db.connection(), second = db.connection();
        const int victim = first->query_one<int>("select pg_backend_pid()");
        pg::Transaction holder = lockers.begin();
        holder.exec("lock table doomed in access exclusive mode");
        first.reset();
        std::promise<pg::Expected<std::uint64_t>> promise;
        async.with({.idempotent = true})
            .try_exec("insert into doomed values (1)")
            .start([&](pg::Expected<std::uint64_t> told) { promise.set_value(std::move(told)); });
        wait_for_a_locked_one_but(onlooker, 0);
        second.reset();
        onlooker.exec("select pg_terminate_backend($1)", victim);
        wait_for_a_locked_one_but(onlooker, victim);
        holder.exec("drop table doomed");
        holder.commit();
        const auto told = promise.get_future().get();
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().sqlstate(), "42P01");
        EXPECT_EQ(told.error().outcome(), pg::Outcome::unknown) << told.error().what();
    }
}

/// Counts answers, and waits for the last one.
class Answers {
public:
    void take(const pg::Expected<int>& answer, int wanted) {
        const std::lock_guard lock(mutex_);
        if (answer)
            wrong_ += *answer != wanted;
        else if (answer.error().kind() == pg::ErrorKind::cancelled)
            ++cancelled_;
        else if (++failed_ == 1)
            ADD_FAILURE() << answer.error().what();
        ++all_;
        changed_.notify_all();
    }
    void wait_for(int count) {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, 60s, [&] { return all_ >= count; })) << all_ << " of " << count;
    }
    void expect(int cancelled) {
        const std::lock_guard lock(mutex_);
        EXPECT_EQ(wrong_, 0);
        EXPECT_EQ(failed_, 0);
        EXPECT_LE(cancelled_, cancelled);
    }

private:
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    int all_ = 0, wrong_ = 0, failed_ = 0, cancelled_ = 0;
};

TEST_P(Reactors, AreAllTheThreadsThatAThousandRequestsNeed) {
    constexpr int requests = 1000, stopped = 50;
    constexpr std::size_t sessions = 8;
    constexpr std::size_t pools = 1;                    // whose clients block: the lockers'
    constexpr std::size_t cancel_workers = 1;           // for each server that is asked: there is one
    const std::size_t before = threads_at_first() + 1;  // the onlooker's pool has one
    // The reactors of clients that are gone end by themselves.
    const auto patience = std::chrono::steady_clock::now() + 30s;
    while (threads_of_process() > before + cancel_workers && std::chrono::steady_clock::now() < patience)
        std::this_thread::yield();
    ASSERT_LE(threads_of_process(), before + cancel_workers) << "threads of clients that are gone";

    pg::Client db = open(sessions);
    const auto expect_few_threads = [&] {
        EXPECT_LE(threads_of_process(), before + reactors + pools + cancel_workers) << "no name is looked up";
    };

    // In a transaction pg_stat_activity stands still, so it is another one that looks.
    pg::Client lockers = pg::connect(conninfo());
    pg::Transaction holder = lockers.begin();
    holder.exec("lock table held in access exclusive mode");
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    Answers answers;
    for (int number = 0; number < requests; ++number) {
        const pg::AsyncExecutor async = number < stopped ? db.async().with({.stop = &token}) : db.async();
        async.query_one<int>("select $1::int + count(*)::int from held", number)
            .start([&answers, number](const pg::Expected<int>& answer) { answers.take(answer, number); });
    }
    const std::string waiting =
        "select count(*) from pg_stat_activity where datname = 'reactors' and wait_event_type = 'Lock'";
    const auto until = std::chrono::steady_clock::now() + 30s;
    const auto are_waiting = [&] { return onlooker.query_one<std::int64_t>(pg::runtime(waiting)); };
    while (are_waiting() < std::int64_t{sessions} && std::chrono::steady_clock::now() < until) expect_few_threads();
    EXPECT_EQ(are_waiting(), std::int64_t{sessions}) << "no session has nothing to do";
    expect_few_threads();
    source.request_stop();
    answers.wait_for(1);
    expect_few_threads();
    holder.rollback();
    answers.wait_for(requests);
    answers.expect(stopped);
    expect_few_threads();
    EXPECT_GT(threads_of_process(), before) << "it counts them";
}

}  // namespace
