// Awaited savepoints: what is kept and what is undone, also when nobody waits for a call any more, or for its answer.
#include <future>
#include <pg/async_savepoint.hpp>
#include <pg/sqlstate.hpp>

#include "tests/db/core/async_database.hpp"

namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<int>;

class AsyncSavepoint : public AsyncDatabase {
protected:
    void SetUp() override { onlooker().run_script("drop table if exists parts; create table parts (n int)"); }
    static Numbers kept() { return onlooker().query_all<int>("select n from parts order by n"); }
};

pg::Async<std::uint64_t> insert(const pg::AsyncTransaction& transaction, int n) {
    return transaction.exec("insert into parts values ($1)", n);
}

pg::Task<void> keep_and_undo(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    pg::AsyncSavepoint first = co_await transaction.savepoint();
    co_await insert(transaction, 1);
    co_await first.release();
    pg::AsyncSavepoint second = co_await transaction.savepoint();
    co_await insert(transaction, 2);
    co_await second.rollback();
    pg::Expected<pg::AsyncSavepoint> third = co_await transaction.try_savepoint();
    const auto failed = co_await transaction.try_exec("select 1 / 0");
    EXPECT_FALSE(failed);
    EXPECT_TRUE(co_await third->try_rollback());
    co_await insert(transaction, 3);
    co_await transaction.commit();
}

TEST_P(AsyncSavepoint, KeepsAPartOrUndoesIt) {
    pg::sync_wait(keep_and_undo(async));
    EXPECT_EQ(kept(), (Numbers{1, 3}));
}

pg::Task<void> leave_a_part(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    co_await insert(transaction, 1);
    {
        const pg::AsyncSavepoint left = co_await transaction.savepoint();
        co_await insert(transaction, 2);
    }
    co_await insert(transaction, 3);
    {
        pg::AsyncSavepoint moved = co_await transaction.savepoint();
        pg::AsyncSavepoint left = std::move(moved);
        static_cast<void>(co_await transaction.try_exec("select 1 / 0"));
        EXPECT_FALSE(co_await left.try_release()) << "there is something to undo";
    }
    co_await insert(transaction, 4);
    co_await transaction.commit();
}

TEST_P(AsyncSavepoint, UndoesAPartThatIsLeftBeforeAnythingElse) {
    pg::sync_wait(leave_a_part(async));
    EXPECT_EQ(kept(), (Numbers{1, 3, 4}));
    expect_nothing_left_busy();
}

TEST_P(AsyncSavepoint, RefusesCallsAfterItsEnd) {
    pg::AsyncTransaction transaction = async.begin().get();
    pg::AsyncSavepoint outer = transaction.savepoint().get();
    pg::AsyncSavepoint inner = transaction.savepoint().get();
    pg::AsyncSavepoint last = transaction.savepoint().get();
    last.release().get();
    EXPECT_THROW(last.release().get(), pg::UsageError);
    outer.rollback().get();
    EXPECT_THROW(inner.rollback().get(), pg::UsageError) << "it ended with the part around it";
    pg::AsyncSavepoint open = transaction.savepoint().get();
    transaction.commit().get();
    EXPECT_EQ(open.try_release().get().error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(open.try_rollback().get().error().kind(), pg::ErrorKind::usage);
    EXPECT_THROW(static_cast<void>(transaction.savepoint().get()), pg::UsageError);
}

TEST_P(AsyncSavepoint, SaysWhatTheServerSays) {
    pg::AsyncTransaction transaction = async.begin().get();
    pg::AsyncSavepoint savepoint = transaction.savepoint().get();
    EXPECT_FALSE(transaction.try_exec("select 1 / 0").get());
    const auto refused = transaction.try_savepoint().get();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate(), pg::sqlstate::in_failed_sql_transaction);
    EXPECT_THROW(savepoint.release().get(), pg::ServerError);
    savepoint.rollback().get();
    EXPECT_EQ(transaction.query_one<int>("select 1").get(), 1);
}

pg::Task<void> with_a_stream(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    pg::AsyncSavepoint savepoint = co_await transaction.savepoint();
    auto rows = co_await transaction.stream<int>("select generate_series(1, 1000000)");
    const auto refused = co_await savepoint.try_release();
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::usage);
    EXPECT_NE(co_await rows.next(), nullptr);
    co_await savepoint.rollback();
    EXPECT_EQ(co_await transaction.query_one<int>("select 1"), 1);
}

TEST_P(AsyncSavepoint, EndsAStreamWhenItIsUndone) {
    pg::sync_wait(with_a_stream(async));
    expect_nothing_left_busy();
}

TEST_P(AsyncSavepoint, OutlivesItsTransaction) {
    auto transaction = std::make_optional(async.begin().get());
    pg::AsyncSavepoint savepoint = transaction->savepoint().get();
    transaction.reset();
    expect_nothing_left_busy();
    EXPECT_THROW(savepoint.rollback().get(), pg::UsageError);
}

TEST_P(AsyncSavepoint, IsReleasedByACallThatWasStartedBeforeItWent) {
    pg::AsyncTransaction transaction = async.begin().get();
    std::promise<bool> released;
    {
        pg::AsyncSavepoint savepoint = transaction.savepoint().get();
        insert(transaction, 1).get();
        savepoint.release().start([&](const pg::Expected<void>& done) { released.set_value(done.has_value()); });
    }
    EXPECT_TRUE(released.get_future().get());
    transaction.commit().get();
    EXPECT_EQ(kept(), Numbers{1});
}

// ---- calls that are given up ---------------------------------------------------------------------

pg::Task<void> sleep_in_a_part(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    const pg::AsyncSavepoint savepoint = co_await transaction.savepoint();
    co_await insert(transaction, 1);
    co_await transaction.exec("select pg_sleep(60)");
}
pg::Task<void> give_up_the_sleep(pg::AsyncClient async) {
    co_await async.exec("select 1");  // from here on on its loop, as the parts of a when_any are to be
    static_cast<void>(co_await pg::when_any(sleep_in_a_part(async), async.exec("select pg_sleep(0.1)")));
}

TEST_P(AsyncSavepoint, LeavesNothingBehindWhenItsCoroutineIsDestroyed) {
    pg::sync_wait(give_up_the_sleep(async));
    expect_nothing_left_busy();
    EXPECT_EQ(kept(), Numbers());
}

/// Its release is given up while it is in the queue behind something else.
pg::Task<void> give_up_a_release(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    {
        pg::AsyncSavepoint savepoint = co_await transaction.savepoint();
        co_await insert(transaction, 1);
        transaction.exec("select pg_sleep(4)").start([](const pg::Expected<std::uint64_t>&) {});
        // Which ends in its time, with a session or without one.
        const auto first =
            co_await pg::when_any(savepoint.release(), async.with({.timeout = 20ms}).try_exec("select 1"));
        EXPECT_EQ(first.index(), 1u);
    }
    co_await insert(transaction, 2);
    co_await transaction.commit();
}

TEST_P(AsyncSavepoint, UndoesNothingThatIsCalledAfterItWasLeft) {
    pg::sync_wait(give_up_a_release(async));
    EXPECT_EQ(kept(), Numbers{2});
}

/// Savepoints that nobody takes, in all states: their answers may be there already.
pg::Task<int> give_up_savepoints(pg::AsyncClient async, int count) {
    pg::AsyncTransaction transaction = co_await async.begin();
    int taken = 0;
    for (int n = 1; n <= count; ++n) {
        auto first = co_await pg::when_any(transaction.savepoint(), async.query_one<int>("select 1"));
        if (auto* const savepoint = std::get_if<pg::AsyncSavepoint>(&first)) {
            ++taken;
            static_cast<void>(co_await savepoint->try_release());
        }
        const auto inserted = co_await transaction.try_exec("insert into parts values ($1)", n);
        if (!inserted) co_return -1;  // the statement that made a savepoint was cancelled, and said so
    }
    co_await transaction.commit();
    co_return taken;
}

TEST_P(AsyncSavepoint, UndoesNothingWhenNobodyTookIt) {
    for (int run = 0; run < 30; ++run) {
        onlooker().exec("truncate parts");
        const int taken = pg::sync_wait(give_up_savepoints(async, 5));
        if (taken >= 0) {
            EXPECT_EQ(kept(), (Numbers{1, 2, 3, 4, 5}));
        }
    }
    expect_nothing_left_busy();
}

INSTANTIATE_TEST_SUITE_P(Engine, AsyncSavepoint, testing::Values("direct", "libpq"), name_of_engine);

}  // namespace
