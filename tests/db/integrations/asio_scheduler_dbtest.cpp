// Awaited calls that go on on an executor of asio: a strand of a pool of threads, the pool itself, an io_context.
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>
#include <atomic>
#include <coroutine>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <pg/async.hpp>
#include <pg/async_copy.hpp>
#include <pg/async_listener.hpp>
#include <pg/async_savepoint.hpp>
#include <pg/integrations/asio.hpp>

#include "tests/db/integrations/asio_database.hpp"

namespace {

using namespace std::chrono_literals;
using asio_database::conninfo;
using pg::integrations::AsioScheduler;

class AsioExecutor : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() {
        asio_database::onlooker().run_script("create table if not exists kept (n int); truncate kept");
    }
    void TearDown() override { asio_database::expect_no_sessions("state <> 'idle'"); }

    pg::Client client = pg::open(conninfo() + " engine=" + GetParam(), {.provider = "async", .pool_max_size = 3});
};
INSTANTIATE_TEST_SUITE_P(Engine, AsioExecutor, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

/// Where a coroutine is, as it sees it.
using IsHere = std::function<bool()>;

pg::Task<void> see_statements(pg::AsyncClient db, IsHere is_here) {
    EXPECT_EQ(co_await db.query_one<int>("select 1"), 1);
    EXPECT_TRUE(is_here());
    EXPECT_FALSE(co_await db.try_exec("select 1 / 0"));
    EXPECT_TRUE(is_here());
    EXPECT_FALSE(co_await db.try_exec(pg::runtime("select $1")));
    EXPECT_TRUE(is_here()) << "of what is refused before anything is sent, too";
    co_await db.run_script("select 1");
    EXPECT_TRUE(is_here());
    std::vector<pg::Async<int>> many;
    for (int n = 0; n < 200; ++n) many.push_back(db.query_one<int>("select $1::int", n));
    EXPECT_EQ((co_await pg::when_all(std::move(many))).size(), 200u);
    EXPECT_TRUE(is_here());
}

pg::Task<void> see_rows(pg::AsyncClient db, IsHere is_here) {
    auto rows = co_await db.stream<int>("select generate_series(1, 20000)");
    EXPECT_TRUE(is_here());
    std::int64_t sum = 0;
    while (const int* row = co_await rows.next()) sum += *row;
    EXPECT_EQ(sum, 200010000);
    EXPECT_TRUE(is_here());
}

pg::Task<void> see_transactions(pg::AsyncClient db, IsHere is_here) {
    const auto body = [&](pg::AsyncTransaction& transaction) -> pg::Task<int> {
        EXPECT_TRUE(is_here());
        const pg::AsyncSavepoint part = co_await transaction.savepoint();
        EXPECT_TRUE(is_here());
        auto copy = co_await pg::AsyncCopyWriter::open(transaction, "copy kept from stdin");
        co_await copy.write("2\n");
        co_await copy.finish();
        EXPECT_TRUE(is_here());
        co_return co_await transaction.query_one<int>("select count(*)::int from kept");
    };
    EXPECT_EQ(co_await db.transaction(body), 1);
    EXPECT_TRUE(is_here());
    int attempts = 0;
    const auto conflict = [&](pg::AsyncTransaction& transaction) -> pg::Task<void> {
        EXPECT_TRUE(is_here());
        if (++attempts < 3) co_await transaction.exec("do $$ begin raise sqlstate '40001'; end $$");
    };
    co_await db.transaction(conflict);
    EXPECT_EQ(attempts, 3);
    EXPECT_TRUE(is_here());
}

pg::Task<void> see_messages(pg::AsyncClient db, IsHere is_here) {
    pg::AsyncListener listener(db);
    co_await listener.listen("news");
    EXPECT_TRUE(is_here());
    const pg::AsyncConnection connection = co_await db.connection();
    EXPECT_TRUE(is_here());
    co_await connection.exec("notify news, 'here'");
    const pg::Heard heard = co_await listener.next(10s);
    EXPECT_TRUE(heard.message.has_value());
    EXPECT_TRUE(is_here());
}

TEST_P(AsioExecutor, IsWhereEveryKindOfCallGoesOn) {
    asio::thread_pool pool(3);
    {
        const auto strand = asio::make_strand(pool);
        AsioScheduler scheduler(strand);
        const auto is_here = [&] { return strand.running_in_this_thread(); };
        const pg::AsyncClient db = client.async(scheduler);
        const auto work = [&]() -> pg::Task<void> {
            co_await see_statements(db, is_here);
            co_await see_rows(db, is_here);
            co_await see_transactions(db, is_here);
            co_await see_messages(db, is_here);
        };
        pg::sync_wait(work());
    }
    pool.join();
}

pg::Task<void> leave_things_open(pg::AsyncClient db) {
    co_await db.exec("truncate kept");
    const pg::AsyncConnection connection = co_await db.connection();
    {
        const pg::AsyncTransaction transaction = co_await connection.begin();
        co_await transaction.exec("insert into kept values (10)");
    }
    EXPECT_EQ(connection.exec("insert into kept values (11)").get(), 1u) << "by a thread that may wait";
    {
        const pg::AsyncTransaction transaction = co_await connection.begin();
        co_await transaction.exec("insert into kept values (12)");
    }
    EXPECT_EQ(co_await connection.exec("insert into kept values (13)"), 1u);
    std::promise<void> started;
    {
        pg::AsyncTransaction transaction = co_await connection.begin();
        auto exec = transaction.exec("insert into kept values (14)");
        std::move(exec).start([&, held = std::move(transaction)](const pg::Expected<std::uint64_t>&) mutable {
            {
                const pg::AsyncTransaction dropped = std::move(held);
            }
            EXPECT_EQ(connection.exec("insert into kept values (15)").get(), 1u);
            started.set_value();
        });
    }
    started.get_future().get();
    EXPECT_EQ(co_await connection.query_one<std::string>("select string_agg(n::text, ' ' order by n) from kept"),
              "11 13 15")
        << "what was told as done is not undone with the transaction before";

    {
        auto rows = co_await connection.stream<int>("select generate_series(1, 20000)");
        while (rows.next().await_ready()) co_await rows.next();
        co_await rows.next();  // which is a call
    }
    EXPECT_EQ(connection.query_one<int>("select 1").get(), 1) << "the stream is left";
    {
        auto copy = co_await pg::AsyncCopyWriter::open(connection, "copy kept from stdin");
        co_await copy.write("16\n");
    }
    EXPECT_EQ(connection.query_one<int>("select 1").get(), 1) << "the COPY is left";
    pg::AsyncTransaction transaction = co_await connection.begin();
    {
        auto copy = co_await pg::AsyncCopyWriter::open(transaction, "copy kept from stdin");
        co_await copy.write("16\n");
    }
    const auto committed = transaction.try_commit().get();
    EXPECT_TRUE(!committed && committed.error().kind() == pg::ErrorKind::commit_rolled_back) << "not in its way";
    co_await connection.exec("truncate kept");
}

TEST_P(AsioExecutor, IsWhereThingsAreLeftBeforeTheNextCall) {
    asio::thread_pool pool(2);
    {
        AsioScheduler scheduler(pool.get_executor());
        pg::sync_wait(leave_things_open(client.async(scheduler)));
    }
    pool.join();
}

TEST_P(AsioExecutor, MayBeAnIoContextOfTheApplication) {
    // The thread that has posted the last answer may still be in there when `run` is over.
    static asio::io_context io;
    static AsioScheduler scheduler(io.get_executor());
    io.restart();
    auto guard = asio::make_work_guard(io);
    std::thread::id told_on;
    client.async(scheduler).query_one<int>("select 8").start([&](const pg::Expected<int>& answer) {
        EXPECT_EQ(answer.value(), 8);
        told_on = std::this_thread::get_id();
        guard.reset();
    });
    io.run();
    EXPECT_EQ(told_on, std::this_thread::get_id());
}

pg::Task<int> add_up(pg::AsyncClient db, std::atomic<int>& on_library_threads, asio::thread_pool& pool) {
    int sum = 0;
    for (int n = 1; n <= 50; ++n) {
        sum += co_await db.query_one<int>("select $1::int", n);
        on_library_threads += !pool.get_executor().running_in_this_thread();
    }
    co_return sum;
}

TEST_P(AsioExecutor, MayHaveManyThreadsForManyCoroutines) {
    asio::thread_pool pool(4);
    {
        AsioScheduler scheduler(pool.get_executor());
        std::atomic<int> elsewhere = 0;
        std::vector<std::future<int>> sums;
        for (int i = 0; i < 20; ++i)
            sums.push_back(
                pg::integrations::async_wait(add_up(client.async(scheduler), elsewhere, pool), asio::use_future));
        for (std::future<int>& sum : sums) EXPECT_EQ(sum.get(), 1275);
        EXPECT_EQ(elsewhere, 0);
    }
    pool.join();
}

TEST_P(AsioExecutor, IsNotNeededByWhoBlocks) {
    asio::io_context never_run;
    AsioScheduler scheduler(never_run.get_executor());
    EXPECT_EQ(client.async(scheduler).query_one<int>("select 3").get(), 3);
}

pg::Task<void> sleep_long(pg::AsyncClient db) { co_await db.exec("select pg_sleep(600)"); }

/// A coroutine that its owner may destroy.
struct Frame {
    struct promise_type {
        Frame get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};
Frame drive(pg::Task<void> task, bool& is_over) {
    co_await std::move(task);
    is_over = true;
}
Frame drive_many(pg::AsyncClient db, bool& is_over) {
    for (int n = 0; n < 1'000'000; ++n) static_cast<void>(co_await db.query_one<int>("select $1::int", n));
    is_over = true;
}

TEST_P(AsioExecutor, IsWhereFramesAreDestroyedWhileItRuns) {
    asio::thread_pool pool(3);
    {
        const auto strand = asio::make_strand(pool);
        AsioScheduler scheduler(strand);
        bool is_over = false;
        std::vector<Frame> frames;
        frames.push_back(drive(sleep_long(client.async(scheduler)), is_over));
        asio::post(strand, [&] {
            for (int i = 0; i < 8; ++i) frames.push_back(drive_many(client.async(scheduler), is_over));
        });
        asio_database::await_sleep();
        std::promise<void> done;
        asio::post(strand, [&] {
            for (const Frame& frame : frames) frame.handle.destroy();
            done.set_value();
        });
        done.get_future().get();
        asio_database::expect_no_sessions("state <> 'idle'");
        // What was on its way to the strand comes before this.
        asio::post(strand, asio::use_future).get();
        EXPECT_EQ(client.async(scheduler).query_one<int>("select 1").get(), 1);
        EXPECT_FALSE(is_over);
    }
    pool.join();
}

}  // namespace
