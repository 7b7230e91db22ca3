// Batches on a server whose awaited run is given up, and which are gone on with at once.
#include "async_database.hpp"
#include "pg/task.hpp"

namespace {

class GivenUpBatch : public AsyncDatabase {};
INSTANTIATE_TEST_SUITE_P(Engine, GivenUpBatch, testing::Values("direct", "libpq"), name_of_engine);

/// Gives the run up while it is at work.
pg::Task<void> give_up(pg::AsyncClient async, pg::Batch& batch, pg::AsyncClient other) {
    static_cast<void>(co_await pg::when_any(async.run(batch), other.exec("select pg_sleep(0.1)")));
}

pg::Task<int> add_to_it(pg::AsyncClient async) {
    pg::Batch batch = async.batch();
    batch.exec("select pg_sleep(60)");
    co_await give_up(async, batch, async);
    std::vector<pg::Deferred<int>> added;
    for (int i = 0; i < 100; ++i) added.push_back(batch.query_one<int>("select $1::int", i));
    co_await async.run(batch);
    int sum = 0;
    for (const auto& one : added) sum += one.get();
    co_return sum;
}

TEST_P(GivenUpBatch, RunsWhatIsAddedToIt) {
    EXPECT_EQ(pg::sync_wait(add_to_it(async)), 99 * 100 / 2);
    expect_nothing_left_busy();
}

pg::Task<void> clear_it(pg::AsyncClient async, pg::AsyncClient other) {
    pg::Batch batch = async.batch();
    batch.exec("select pg_sleep(60)");
    co_await give_up(async, batch, other);
    batch.clear();
    const auto inserted = batch.exec("insert into given_up values (1)");
    co_await async.exec("select 1");  // on the only session: the run that was given up has ended
    co_await async.run(batch);
    EXPECT_EQ(inserted.get(), 1u);
}

TEST_P(GivenUpBatch, RunsOnceWhatIsAddedAfterAClear) {
    onlooker().run_script("create table if not exists given_up (n int); truncate given_up");
    const pg::Client one = open(1);
    pg::sync_wait(clear_it(one.async(), async));
    EXPECT_EQ(onlooker().query_one<int>("select count(*)::int from given_up"), 1);
    expect_nothing_left_busy();
}

}  // namespace
