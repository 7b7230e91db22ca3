// Awaited calls of which the application has made something else than was meant: errors of its own, handles that are
// empty.
#include <latch>
#include <optional>
#include <utility>

#include "pg/async_listener.hpp"
#include "pg/listener.hpp"
#include "pg/pool/pool.hpp"
#include "pg/stop.hpp"
#include "tests/db/core/async_database.hpp"

namespace {

using namespace std::chrono_literals;

class AsyncMisuse : public AsyncDatabase {};

/// An error of the application.
struct OutOfStock : pg::Error {
    OutOfStock() : pg::Error({.kind = pg::ErrorKind::usage, .message = "none left"}) {}
};

TEST_P(AsyncMisuse, ThrowsWhatTheBodyOfATransactionThrew) {
    const auto body = [](pg::AsyncTransaction& transaction) -> pg::Task<int> {
        co_await transaction.exec("select 1");
        throw OutOfStock();
    };
    EXPECT_THROW(pg::sync_wait(async.transaction(body)), OutOfStock);
    EXPECT_THROW(pg::sync_wait(async.connection().get().transaction(body)), OutOfStock);
}

TEST_P(AsyncMisuse, SaysThatAHandleWasMovedFrom) {
    pg::AsyncConnection connection = async.connection().get();
    const auto moved = std::move(connection);
    EXPECT_THROW(static_cast<void>(connection.exec("select 1")), pg::UsageError);
    EXPECT_THROW(static_cast<void>(connection.engine()), pg::UsageError);
    pg::AsyncClient gone = db.async();
    const pg::AsyncClient taken = std::move(gone);
    EXPECT_THROW(static_cast<void>(gone.exec("select 1")), pg::UsageError);
    EXPECT_THROW(pg::AsyncListener{gone}, pg::UsageError);
    pg::AsyncListener listener(db);
    const auto other = std::move(listener);
    EXPECT_THROW(static_cast<void>(listener.listen("news")), pg::UsageError);
    EXPECT_THROW(static_cast<void>(listener.next(1ms)), pg::UsageError);
    pg::Listener blocking(db);
    const pg::Listener held = std::move(blocking);
    EXPECT_THROW(static_cast<void>(blocking.next(1ms)), pg::UsageError);
    auto stream = async.stream<int>("select 1").get();
    const auto read = std::move(stream);
    EXPECT_EQ(pg::sync_wait(stream.try_next()).error().kind(), pg::ErrorKind::usage);
}

pg::Task<std::string> hold_up(pg::AsyncClient async) {
    co_await async.exec("select 1");
    try {
        co_return std::to_string(pg::sync_wait(async.query_one<int>("select 1")));
    } catch (const pg::UsageError& error) {
        co_return std::string(error.message());
    }
}

TEST_P(AsyncMisuse, SyncWaitDoesNotHoldUpALoop) {
    EXPECT_NE(pg::sync_wait(hold_up(async)).find("hold up the calls"), std::string::npos);
}

TEST_P(AsyncMisuse, SaysWhichProcessServedALostConnection) {
    const pg::AsyncConnection connection = async.connection().get();
    const int process = connection.query_one<int>("select pg_backend_pid()").get();
    EXPECT_EQ(connection.backend_process(), process);
    EXPECT_FALSE(connection.try_exec("select pg_terminate_backend(pg_backend_pid())").get());
    EXPECT_EQ(connection.backend_process(), process);
}

pg::Task<void> ask_beside_a_transaction(pg::AsyncClient async, const char* waits, std::latch& answered) {
    {  // two are idle, for what comes first
        const pg::AsyncConnection one = co_await async.connection();
        const pg::AsyncConnection other = co_await async.connection();
    }
    pg::AsyncTransaction transaction = co_await async.begin();
    co_await transaction.exec("update stock set n = n + 1");
    async.try_exec(pg::runtime(waits)).start([&](const auto& changed) {  // waits for the transaction
        EXPECT_TRUE(changed) << changed.error().what();
        answered.count_down();
    });
    const auto beside = co_await async.with({.timeout = 10s}).try_query_one<int>("select 1");
    EXPECT_TRUE(beside) << beside.error().what();
    co_await transaction.commit();
}

TEST_P(AsyncMisuse, ATransactionMayAwaitItsOwnClientWhileOthersWaitForItsLocks) {
    onlooker().run_script("drop table if exists stock; create table stock as select 1 as n");
    for (const char* waits : {"update stock set n = 0", "select n from stock for update",
                              "with changed as (delete from stock returning n) select * from changed"}) {
        std::latch answered(1);
        pg::sync_wait(ask_beside_a_transaction(async, waits, answered));
        answered.wait();
    }
    expect_nothing_left_busy();
}

pg::Task<void> await_twice(pg::Async<int> call) {
    EXPECT_EQ(co_await call, 1);
    try {
        co_await call;
        ADD_FAILURE() << "it was run again";
    } catch (const pg::UsageError& error) {
        EXPECT_NE(error.message().find("awaited before"), std::string_view::npos) << error.what();
    }
}
pg::Task<void> await_what_was_moved_from(pg::Async<pg::Expected<int>> call) {
    const auto other = std::move(call);
    const auto answer = co_await std::move(call);
    EXPECT_EQ(answer.error().kind(), pg::ErrorKind::usage);
}

TEST_P(AsyncMisuse, AnswersACallOnce) {
    pg::sync_wait(await_twice(async.query_one<int>("select 1")));
    pg::sync_wait(await_what_was_moved_from(async.try_query_one<int>("select 1")));
    auto got = async.try_query_one<int>("select 1");
    EXPECT_EQ(std::move(got).get().value(), 1);
    EXPECT_EQ(std::move(got).get().error().kind(), pg::ErrorKind::usage);
    auto given = async.try_query_one<int>("select 1");
    const auto other = std::move(given);
    std::optional<pg::ErrorKind> told;
    std::move(given).start([&](const pg::Expected<int>& answer) { told = answer.error().kind(); });
    EXPECT_EQ(told, pg::ErrorKind::usage);
}

/// The same `next()` awaited for each row: their sum.
pg::Task<std::int64_t> sum_by_one_next(pg::AsyncClient async) {
    auto rows = co_await async.stream<std::int64_t>("select n from generate_series(1, 30000) n");
    auto next = rows.next();
    std::int64_t sum = 0;
    for (const std::int64_t* row = co_await next; row != nullptr; row = co_await next) sum += *row;
    co_return sum;
}

TEST_P(AsyncMisuse, GivesEveryRowToWhoAwaitsTheSameNext) {
    EXPECT_EQ(pg::sync_wait(sum_by_one_next(async)), 30'000 * 30'001 / 2);
}

/// What it gives to whoever asks for the next row behind an error.
pg::Task<pg::ErrorKind> behind_an_error(pg::AsyncClient async) {
    auto rows = co_await async.stream<int>("select 1 / (20000 - n) from generate_series(1, 30000) n");
    for (auto row = co_await rows.try_next();; row = co_await rows.try_next()) {
        if (row && *row) continue;
        EXPECT_TRUE(!row && row.error().sqlstate() == "22012");
        const auto next = co_await rows.try_next();
        co_return next ? pg::ErrorKind::no_rows : next.error().kind();
    }
}

TEST_P(AsyncMisuse, DoesNotTakeAnErrorForTheEndOfAStream) {
    EXPECT_EQ(pg::sync_wait(behind_an_error(async)), pg::ErrorKind::usage);
}

TEST_P(AsyncMisuse, SendsNothingOfACallThatNobodyAwaits) {
    db.run_script("create table if not exists never_written (n int)");
    const auto acquired = db.pool().stats().acquired;
    {
        const auto never = async.exec("insert into never_written values (1)");
        const auto nor_this = async.begin();
        const auto nor_these = async.stream<int>("insert into never_written values (2) returning n");
    }
    EXPECT_EQ(db.pool().stats().acquired, acquired) << "it had a session";
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from never_written"), 0);
}

INSTANTIATE_TEST_SUITE_P(Engine, AsyncMisuse, testing::Values("direct", "libpq"), name_of_engine);

}  // namespace
