// Asio: the completion tokens, a client on the application's io_context, and what is left when things go in any order.
#include <asio/awaitable.hpp>
#include <asio/bind_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <future>
#include <gtest/gtest.h>
#include <pg/async.hpp>
#include <pg/async_listener.hpp>
#include <pg/integrations/asio.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <thread>

#include "tests/db/integrations/asio_database.hpp"
#include "tests/recording_observer.hpp"

namespace {

using namespace std::chrono_literals;
using asio::use_awaitable;
using asio::use_future;
using asio_database::conninfo;
using asio_database::expect_no_sessions;
using asio_database::run;
using asio_database::sessions;
using pg::integrations::AsioEventLoop;
using pg::integrations::async_wait;

template <class T>
void expect_failure(const pg::Expected<T>& answer, pg::ErrorKind kind) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind(), kind);
}

// --- completion tokens, with a client on threads of the library

class AsioToken : public testing::Test {
protected:
    /// It outlives the threads that tell it of answers: asio is not done with a context when that has what was posted.
    static asio::io_context& context() {
        static asio::io_context one;
        return one;
    }
    void SetUp() override { io.restart(); }

    asio::io_context& io = context();
    pg::Client client = pg::connect(conninfo() + " provider=async", {.pool_max_size = 4});
    pg::AsyncClient db = client.async();
};

asio::awaitable<void> see_answers(pg::AsyncClient db, std::thread::id main) {
    EXPECT_EQ(co_await async_wait(db.query_one<int>("select 1"), use_awaitable), 1);
    EXPECT_EQ(std::this_thread::get_id(), main);
    const auto rows = co_await async_wait(db.query_all<int>("select generate_series(1, 3)"), use_awaitable);
    EXPECT_EQ(rows, (std::vector<int>{1, 2, 3}));
    co_await async_wait(db.run_script("select 1; select 2"), use_awaitable);
    EXPECT_EQ(std::this_thread::get_id(), main);
}

TEST_F(AsioToken, IsAwaitedInACoroutineWhichGoesOnOnItsExecutor) {
    run(io, see_answers(db, std::this_thread::get_id()));
}

TEST_F(AsioToken, GivesAFuture) {
    std::future<int> value = async_wait(db.query_one<int>("select 2"), use_future);
    std::future<void> nothing = async_wait(db.run_script("select 1"), use_future);
    std::future<pg::Result> result = async_wait(db.query("select 1, 2"), use_future);
    EXPECT_EQ(value.get(), 2);
    nothing.get();
    const pg::Result two = result.get();
    EXPECT_EQ(two.columns().size(), 2u);
}

TEST_F(AsioToken, CallsAFunction) {
    std::promise<int> answer;
    async_wait(db.query_one<int>("select 3"), [&](std::exception_ptr exception, int value) {
        EXPECT_EQ(exception, nullptr);
        answer.set_value(value);
    });
    EXPECT_EQ(answer.get_future().get(), 3);
    std::promise<void> end;
    async_wait(db.run_script("select 1"), [&](std::exception_ptr exception) {
        EXPECT_EQ(exception, nullptr);
        end.set_value();
    });
    end.get_future().get();
}

TEST_F(AsioToken, CallsAFunctionOnItsExecutorWhichHasWorkUntilThen) {
    std::thread::id called_on;
    async_wait(db.exec("select pg_sleep(0.05)"),
               asio::bind_executor(io, [&](std::exception_ptr exception, std::uint64_t rows) {
                   EXPECT_EQ(exception, nullptr);
                   EXPECT_EQ(rows, 1u);
                   called_on = std::this_thread::get_id();
               }));
    io.run();
    EXPECT_EQ(called_on, std::this_thread::get_id());
}

TEST_F(AsioToken, TakesAFunctionThatCanOnlyBeMoved) {
    const auto answer = std::make_shared<int>();
    auto moved_only = [place = std::make_unique<std::shared_ptr<int>>(answer)](std::exception_ptr, int value) {
        **place = value;
    };
    async_wait(db.query_one<int>("select 4"), asio::bind_executor(io, std::move(moved_only)));
    io.run();
    EXPECT_EQ(*answer, 4);
    EXPECT_EQ(answer.use_count(), 1) << "the function outlives its call";
}

TEST_F(AsioToken, LetsWhatAFunctionThrowsOutOfRun) {
    async_wait(db.query_one<int>("select 1"), asio::bind_executor(io, [](std::exception_ptr, int) {
                   throw std::runtime_error("of the application");
               }));
    EXPECT_THROW(io.run(), std::runtime_error);
}

TEST_F(AsioToken, LetsWhatAFunctionThrowsOnAStrandOutOfRun) {
    const auto strand = asio::make_strand(io);
    pg::integrations::AsioScheduler scheduler(strand);
    async_wait(
        client.async(scheduler).query_one<int>("select 1"),
        asio::bind_executor(strand, [](std::exception_ptr, int) { throw std::runtime_error("of the application"); }));
    EXPECT_THROW(io.run(), std::runtime_error) << "though it is called where the answer is told";
}

asio::awaitable<void> see_errors(pg::AsyncClient db) {
    bool caught = false;
    try {
        static_cast<void>(co_await async_wait(db.query_one<int>("select 1 where false"), use_awaitable));
    } catch (const pg::NoRows&) {
        caught = true;
    }
    EXPECT_TRUE(caught);
    const auto failed = co_await async_wait(db.try_query("select 1 / 0"), use_awaitable);
    expect_failure(failed, pg::ErrorKind::server);
    co_await async_wait(db.run_script("select 1 / 0"), use_awaitable);
}

TEST_F(AsioToken, PassesErrorsOnAsExceptions) {
    EXPECT_THROW(run(io, see_errors(db)), pg::ServerError);
    EXPECT_THROW(async_wait(db.exec(pg::runtime("select $1")), use_future).get(), pg::UsageError);
    EXPECT_THROW(static_cast<void>(async_wait(db.query("select 1 / 0"), use_future).get()), pg::ServerError);
    std::promise<std::exception_ptr> told;
    async_wait(db.query_one<int>("select 1 / 0"), [&](std::exception_ptr exception, int value) {
        EXPECT_EQ(value, 0);
        told.set_value(exception);
    });
    EXPECT_THROW(std::rethrow_exception(told.get_future().get()), pg::ServerError);
    std::promise<pg::Expected<int>> expected;
    async_wait(db.try_query_one<int>("select 1 / 0"), [&](std::exception_ptr exception, pg::Expected<int> value) {
        EXPECT_EQ(exception, nullptr);
        expected.set_value(std::move(value));
    });
    EXPECT_FALSE(expected.get_future().get());
}

pg::Task<pg::Expected<int>> throws_instead() {
    throw std::runtime_error("of the application");
    co_return 1;
}

TEST_F(AsioToken, GivesAnErrorBesideAnExceptionThatIsNone) {
    std::exception_ptr told;
    async_wait(throws_instead(), [&](std::exception_ptr exception, const pg::Expected<int>& value) {
        EXPECT_FALSE(value);
        told = exception;
    });
    EXPECT_THROW(std::rethrow_exception(told), std::runtime_error);
}

pg::Task<int> add(pg::AsyncTransaction& transaction) {
    co_await transaction.exec("insert into added values (1)");
    co_return co_await transaction.query_one<int>("select count(*)::int from added");
}

asio::awaitable<void> use_what_is_made(pg::AsyncClient db) {
    co_await async_wait(db.run_script("create table if not exists added (n int); truncate added"), use_awaitable);
    pg::AsyncTransaction transaction = co_await async_wait(db.begin(), use_awaitable);
    co_await async_wait(transaction.exec("insert into added values (2)"), use_awaitable);
    co_await async_wait(transaction.commit(), use_awaitable);
    EXPECT_EQ(co_await async_wait(db.transaction(add), use_awaitable), 2);

    pg::AsyncStream<int> stream =
        co_await async_wait(db.stream<int>("select generate_series(1, 50000)"), use_awaitable);
    std::int64_t total = 0;
    while (const int* value = co_await async_wait(stream.next(), use_awaitable)) total += *value;
    EXPECT_EQ(total, 1250025000);

    const pg::AsyncConnection connection = co_await async_wait(db.connection(), use_awaitable);
    EXPECT_NE(connection.backend_process(), 0);
}

TEST_F(AsioToken, AwaitsTransactionsStreamsAndTasks) { run(io, use_what_is_made(db)); }

pg::Task<int> know_already(int value) { co_return value; }

asio::awaitable<void> wait_for_nothing() {
    std::int64_t total = 0;
    for (int number = 0; number < 100000; ++number) total += co_await async_wait(know_already(number), use_awaitable);
    EXPECT_EQ(total, 4999950000);
}

TEST_F(AsioToken, CostsNoStackWhereNothingIsToBeWaitedFor) { run(io, wait_for_nothing()); }

// --- a client on the application's io_context

class AsioLoop : public testing::TestWithParam<const char*> {
protected:
    pg::Client open(AsioEventLoop& loop, std::size_t most = 4) const {
        return pg::open(conninfo() + " engine=" + GetParam(),
                        {.provider = "async", .pool_max_size = most, .event_loop = &loop});
    }
    asio::io_context io;
};

asio::awaitable<void> ask(pg::AsyncClient db, int number) {
    EXPECT_EQ(co_await async_wait(db.query_one<int>("select $1::int", number), use_awaitable), number);
}

TEST_P(AsioLoop, RunsAClientOnOneThread) {
    expect_no_sessions();  // of the test before
    AsioEventLoop loop(io);
    pg::Client db = open(loop);
    const auto begin = std::chrono::steady_clock::now();
    run(io, ask(db.async(), 7));
    run(io, ask(db.async(), 8));
    // Each had 30 s: its deadline does not keep the io_context running.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
    EXPECT_LE(sessions(), 2) << "another one where the first took a second to open";
}

TEST_P(AsioLoop, RunsManyCallsAtOnce) {
    expect_no_sessions();
    AsioEventLoop loop(io);
    pg::Client db = open(loop);
    int done = 0;
    for (int number = 0; number < 500; ++number)
        asio::co_spawn(io, ask(db.async(), number),
                       [&](std::exception_ptr exception) { done += exception == nullptr; });
    io.run();
    EXPECT_EQ(done, 500);
    EXPECT_LE(sessions(), 4);
}

TEST_P(AsioLoop, ServesBlockingCallsOfOtherThreads) {
    AsioEventLoop loop(io);
    auto work = asio::make_work_guard(io);
    std::thread thread([&] { io.run(); });
    {
        pg::Client db = pg::connect(conninfo() + " engine=" + GetParam(), {.provider = "async", .event_loop = &loop});
        EXPECT_EQ(db.query_one<int>("select 1"), 1);
        EXPECT_EQ(async_wait(db.async().query_one<int>("select 2"), use_future).get(), 2);
    }
    work.reset();
    thread.join();
    expect_no_sessions();
}

asio::awaitable<void> block(pg::Client db) {
    const auto refused = db.try_exec("select 1");
    expect_failure(refused, pg::ErrorKind::usage);
    co_return;
}

TEST_P(AsioLoop, RefusesToBlockItsOwnThread) {
    AsioEventLoop loop(io);
    pg::Client db = open(loop);
    run(io, block(db));  // before the loop ever ran anything
    run(io, ask(db.async(), 1));
    run(io, block(db));
}

asio::awaitable<void> be_late(pg::AsyncClient db) {
    // The session is there before: on a slow machine opening one takes longer than the call may.
    EXPECT_EQ(co_await async_wait(db.query_one<int>("select 1"), use_awaitable), 1);
    const auto late = co_await async_wait(db.with({.timeout = 50ms}).try_exec("select pg_sleep(200)"), use_awaitable);
    expect_failure(late, pg::ErrorKind::timeout);
    EXPECT_EQ(co_await async_wait(db.query_one<int>("select 1"), use_awaitable), 1);
}

TEST_P(AsioLoop, KeepsDeadlines) {
    AsioEventLoop loop(io);
    pg::Client db = open(loop, 1);
    run(io, be_late(db.async()));
}

// --- what run() waits for, with functions, which are no work of the io_context

TEST_P(AsioLoop, RunsUntilACallInTheQueueIsLate) {
    AsioEventLoop loop(io);
    const pg::Client db = open(loop, 1);
    std::optional<pg::AsyncConnection> only_one;
    db.async().connection().start([&](pg::Expected<pg::AsyncConnection> got) { only_one = *std::move(got); });
    io.run();
    ASSERT_TRUE(only_one);
    int late = 0;
    const auto ask = [&] {
        db.async().with({.timeout = 50ms}).try_exec("select 1").start([&](const pg::Expected<std::uint64_t>& answer) {
            expect_failure(answer, pg::ErrorKind::pool_timeout);
            ++late;
        });
    };
    asio::post(io, ask);
    io.restart();
    io.run();
    EXPECT_EQ(late, 1);
    ask();
    io.restart();
    io.run();
    EXPECT_EQ(late, 2);
}

TEST_P(AsioLoop, RunsOnBetweenTheAttemptsOfATransaction) {
    AsioEventLoop loop(io);
    const pg::Client db = open(loop);
    int attempts = 0;
    bool is_over = false;
    const auto body = [&](pg::AsyncTransaction& transaction) -> pg::Task<void> {
        if (++attempts < 4) co_await transaction.run_script("do $$ begin raise sqlstate '40001'; end $$");
    };
    async_wait(db.async().transaction(body), [&](std::exception_ptr exception) {
        EXPECT_EQ(exception, nullptr);
        is_over = true;
    });
    io.run();
    EXPECT_TRUE(is_over);
    EXPECT_EQ(attempts, 4);
}

TEST_P(AsioLoop, RunsOnWhileAListenerFindsNoServer) {
    auto proxy = pg::testing::FaultProxy::start(pg::testing::shared_server());
    AsioEventLoop loop(io);
    const auto observer = std::make_shared<RecordingObserver>();
    const std::vector<std::shared_ptr<pg::spi::Observer>> observers{observer};
    const pg::Client db = pg::open(proxy.conninfo(pg::testing::shared_server()) + " engine=" + GetParam(),
                                   {.provider = "async", .event_loop = &loop, .observers = &observers});
    pg::AsyncListener listener(db);
    listener.listen("news").start([](const pg::Expected<void>& listens) { EXPECT_TRUE(listens); });
    io.run();
    proxy.refuse();
    proxy.cut(pg::testing::Ending::reset);
    std::thread healer([&] {
        for (std::size_t refused = 0; refused < 3; refused += observer->take("connect: ").size())
            std::this_thread::yield();
        proxy.heal();
    });
    bool heard_gap = false;
    listener.next(pg::no_timeout).start([&](const pg::Expected<pg::Heard>& heard) { heard_gap = heard && heard->gap; });
    io.restart();
    io.run();
    EXPECT_TRUE(heard_gap);
    healer.join();
}

TEST_P(AsioLoop, OutlivesManyClients) {
    AsioEventLoop loop(io);
    for (int round = 0; round < 20; ++round) {
        pg::Client db = open(loop);
        run(io, ask(db.async(), round));
    }
    io.restart();
    io.run();
    expect_no_sessions();
}

// --- what goes when

TEST_P(AsioLoop, ClosesTheSessionsOfAClientThatGoesAfterRun) {
    {
        AsioEventLoop loop(io);
        pg::Client db = open(loop);
        run(io, ask(db.async(), 1));
    }
    expect_no_sessions();
}

asio::awaitable<void> own_a_client(std::unique_ptr<pg::Client> db) {
    EXPECT_EQ(co_await async_wait(db->async().query_one<int>("select 1"), use_awaitable), 1);
}

TEST_P(AsioLoop, ClosesTheSessionsOfAClientThatGoesWithinRun) {
    AsioEventLoop loop(io);
    auto only_one = std::make_unique<pg::Client>(open(loop));
    run(io, own_a_client(std::move(only_one)));
    expect_no_sessions();
}

TEST_P(AsioLoop, RollsBackATransactionThatGoesAfterRun) {
    {
        AsioEventLoop loop(io);
        pg::Client db = open(loop);
        std::optional<pg::AsyncTransaction> left;
        run(io, [](pg::AsyncClient async, std::optional<pg::AsyncTransaction>& out) -> asio::awaitable<void> {
            out = co_await async_wait(async.begin(), use_awaitable);
            co_await async_wait(out->exec("select 1"), use_awaitable);
        }(db.async(), left));
    }
    expect_no_sessions();
}

TEST_P(AsioLoop, EndsWhatWasGivenUpWhenTheContextIsStopped) {
    {
        AsioEventLoop loop(io);
        pg::Client db = open(loop);
        run(io, ask(db.async(), 1));
        auto sleeping = std::make_unique<pg::Async<std::uint64_t>>(db.async().exec("select pg_sleep(600)"));
        std::move(*sleeping).await_suspend(std::noop_coroutine());
        io.restart();
        while (sessions("wait_event = 'PgSleep'") == 0) io.run_for(1ms);
        sleeping.reset();  // and nothing runs the io_context any more
    }
    expect_no_sessions();
}

asio::awaitable<void> hold(pg::Client db) {
    const pg::AsyncTransaction transaction = co_await async_wait(db.async().begin(), use_awaitable);
    asio::steady_timer never(co_await asio::this_coro::executor, 1h);
    co_await never.async_wait(use_awaitable);
}

/// In a call whose end comes when the io_context is going.
asio::awaitable<void> hold_in_a_call(pg::Client db) {
    const asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await async_wait(db.async().exec("select pg_sleep(0.3)"), use_awaitable);
}

TEST_P(AsioLoop, OutlivesCoroutinesAsAServiceOfTheContext) {
    for (const auto body : {hold, hold_in_a_call}) {
        asio::io_context own;
        auto& loop = asio::use_service<AsioEventLoop>(own);
        EXPECT_EQ(&loop, &asio::use_service<AsioEventLoop>(own));
        asio::co_spawn(own, body(open(loop)), asio::detached);
        while (sessions() == 0) own.run_for(10ms);
        own.run_for(50ms);
    }
    expect_no_sessions();
}

TEST_P(AsioLoop, LeavesHandlersBehindThatDoNothing) {
    {
        AsioEventLoop loop(io);
        pg::Client db = open(loop);
        run(io, ask(db.async(), 1));
    }
    io.restart();
    io.run();
    AsioEventLoop another(io);
    pg::Client db = open(another);
    run(io, ask(db.async(), 2));
}

INSTANTIATE_TEST_SUITE_P(Engine, AsioLoop, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
