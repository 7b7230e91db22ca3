// Asio's cancellation of one operation: the statement ends on the server, and the handler is called once.
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <gtest/gtest.h>
#include <pg/async.hpp>
#include <pg/deadline.hpp>
#include <pg/integrations/asio.hpp>

#include "tests/db/integrations/asio_database.hpp"

namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using asio::cancellation_type_t;
using asio::use_awaitable;
using asio_database::conninfo;
using asio_database::run;
using pg::integrations::async_wait;

/// Whose sessions live where.
enum class Place : std::uint8_t { library, context };

class AsioCancellation : public testing::TestWithParam<std::tuple<const char*, Place>> {
protected:
    /// It outlives the threads that tell it of answers.
    static asio::io_context& context() {
        static asio::io_context one;
        return one;
    }
    void SetUp() override { io.restart(); }
    void TearDown() override {
        io.restart();
        io.run();
        asio_database::expect_no_sessions("state <> 'idle'");
    }
    pg::Client open() {
        const auto [engine, place] = GetParam();
        const std::string text = conninfo() + " engine=" + engine;
        if (place == Place::library) return pg::open(text, {.provider = "async", .pool_max_size = 2});
        return pg::open(text, {.provider = "async", .pool_max_size = 2, .event_loop = &loop_.emplace(io)});
    }
    /// Runs the io_context until a statement sleeps on the server.
    void run_until_asleep() {
        io.restart();
        for (const pg::Deadline patience = pg::Deadline::after(60s);
             asio_database::sessions("wait_event = 'PgSleep'") == 0; io.run_for(1ms))
            if (patience.passed()) return ADD_FAILURE() << "no statement sleeps";
    }

    asio::io_context& io = context();

private:
    std::optional<pg::integrations::AsioEventLoop> loop_;

protected:
    pg::Client client = open();
    pg::AsyncClient db = client.async();
};
INSTANTIATE_TEST_SUITE_P(Session, AsioCancellation,
                         testing::Combine(testing::Values("direct", "libpq"),
                                          testing::Values(Place::library, Place::context)),
                         [](const auto& each) {
                             return std::string(std::get<0>(each.param)) +
                                    (std::get<1>(each.param) == Place::library ? "OnThreads" : "OnContext");
                         });

pg::ErrorKind kind_of(const std::exception_ptr& exception) {
    try {
        if (exception) std::rethrow_exception(exception);
    } catch (const pg::Error& error) {
        return error.kind();
    }
    ADD_FAILURE() << "no error";
    return pg::ErrorKind::usage;
}

TEST_P(AsioCancellation, OfEachTypeStopsTheStatementAndCallsTheHandlerOnce) {
    for (const cancellation_type_t type :
         {cancellation_type_t::terminal, cancellation_type_t::partial, cancellation_type_t::total}) {
        asio::cancellation_signal signal;
        int calls = 0;
        const auto handler = [&](const std::exception_ptr& exception, std::uint64_t) {
            ++calls;
            EXPECT_EQ(kind_of(exception), pg::ErrorKind::cancelled);
        };
        async_wait(db.exec("select pg_sleep(600)"),
                   asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(io, handler)));
        run_until_asleep();
        signal.emit(type);
        signal.emit(type);
        io.restart();
        io.run();
        EXPECT_EQ(calls, 1);
        signal.emit(type);  // of what has ended
    }
}

TEST_P(AsioCancellation, OfNoTypeDoesNothing) {
    asio::cancellation_signal signal;
    int answer = 0;
    const auto handler = [&](const std::exception_ptr&, int value) { answer = value; };
    async_wait(db.query_one<int>("select 1 from pg_sleep(0.1)"),
               asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(io, handler)));
    signal.emit(cancellation_type_t::none);
    io.run();
    EXPECT_EQ(answer, 1);
}

TEST_P(AsioCancellation, ThatComesAtOnceIsAnAnswerToo) {
    for (int round = 0; round < 50; ++round) {
        asio::cancellation_signal signal;
        int calls = 0;
        const auto handler = [&](const std::exception_ptr& exception, const pg::Expected<int>& value) {
            ++calls;
            EXPECT_EQ(exception, nullptr);
            EXPECT_TRUE(value || value.error().kind() == pg::ErrorKind::cancelled);
        };
        async_wait(db.try_query_one<int>("select 1"),
                   asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(io, handler)));
        io.restart();
        if (round % 2 == 1) io.poll();
        signal.emit(cancellation_type_t::total);
        io.restart();
        io.run();
        ASSERT_EQ(calls, 1);
    }
}

asio::awaitable<void> nap(std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(use_awaitable);
}

asio::awaitable<void> race(pg::AsyncClient db) {
    const auto late = co_await (async_wait(db.exec("select pg_sleep(600)"), use_awaitable) || nap(100ms));
    EXPECT_EQ(late.index(), 1u) << "the timer was first";
    const auto soon = co_await (async_wait(db.query_one<int>("select 5"), use_awaitable) || nap(1h));
    EXPECT_EQ(std::get<0>(soon), 5);
}

TEST_P(AsioCancellation, IsWhatAnOrOfAwaitablesDoesToTheLoser) { run(io, race(db)); }

pg::Task<int> sleep_twice(pg::AsyncExecutor db) {
    co_await db.exec("select pg_sleep(0.001)");
    co_await db.exec("select pg_sleep(600)");
    co_return 1;
}
pg::Task<int> know_already() { co_return 7; }

asio::awaitable<void> race_a_task(pg::AsyncClient db) {
    const auto sleep = [&](const pg::StopToken& stop) { return sleep_twice(db.with({.stop = &stop})); };
    const auto late = co_await (async_wait(sleep, use_awaitable) || nap(100ms));
    EXPECT_EQ(late.index(), 1u);
    const auto soon =
        co_await (async_wait([](const pg::StopToken&) { return know_already(); }, use_awaitable) || nap(1h));
    EXPECT_EQ(std::get<0>(soon), 7);
}

TEST_P(AsioCancellation, ReachesATaskByTheStopThatItIsMadeWith) { run(io, race_a_task(db)); }

TEST_P(AsioCancellation, LeavesATaskWithoutAStopAlone) {
    asio::cancellation_signal signal;
    int calls = 0;
    const auto handler = [&](const std::exception_ptr& exception, int) {
        ++calls;
        EXPECT_EQ(kind_of(exception), pg::ErrorKind::timeout);
    };
    const auto late = [](pg::AsyncExecutor own) -> pg::Task<int> {
        co_return co_await own.query_one<int>("select 1 from pg_sleep(600)");
    };
    async_wait(late(db.with({.timeout = 10s})),
               asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(io, handler)));
    run_until_asleep();
    signal.emit(cancellation_type_t::terminal);
    io.restart();
    io.run();
    EXPECT_EQ(calls, 1);
}

asio::awaitable<void> race_a_row(pg::AsyncClient db) {
    auto rows = co_await async_wait(
        db.stream<int>("select case when n > 5000 then 1 / (1 + length(pg_sleep(600)::text)) else n end from "
                       "generate_series(1, 5001) n"),
        use_awaitable);
    std::size_t seen = 0;
    bool is_late = false;
    while (!is_late) {
        const auto next = co_await (async_wait(rows.next(), use_awaitable) || nap(200ms));
        is_late = next.index() == 1;
        seen += !is_late;
        if (!is_late && std::get<0>(next) == nullptr) break;
    }
    EXPECT_TRUE(is_late) << "the last row sleeps";
    EXPECT_LE(seen, 5000u);
    EXPECT_EQ(co_await async_wait(db.query_one<int>("select 1"), use_awaitable), 1);
}

TEST_P(AsioCancellation, ReachesTheNextRowOfAStream) { run(io, race_a_row(db)); }

asio::awaitable<void> in_a_transaction(pg::AsyncClient db) {
    for (const pg::Deadline patience = pg::Deadline::after(60s); !patience.passed();) {
        pg::AsyncTransaction transaction = co_await async_wait(db.begin(), use_awaitable);
        const auto late = co_await (async_wait(transaction.exec("select pg_sleep(600)"), use_awaitable) || nap(100ms));
        EXPECT_EQ(late.index(), 1u);
        const auto over = co_await async_wait(transaction.try_rollback(), use_awaitable);
        EXPECT_EQ(co_await async_wait(db.query_one<int>("select 2"), use_awaitable), 2);
        if (over) co_return;  // a busy server may not give the statement up in time, which costs the session
    }
    ADD_FAILURE() << "no session was kept";
}

TEST_P(AsioCancellation, LeavesATransactionToItsOwner) { run(io, in_a_transaction(db)); }

}  // namespace
