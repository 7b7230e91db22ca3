// Batches on a server: one transaction or many, repaired where the server says that nothing happened.
#include "pg/batch.hpp"
#include "tests/db/core/database.hpp"

namespace {

class BatchDb : public Database {
protected:
    BatchDb() { db.run_script("drop table if exists t; create table t (id int primary key, half real)"); }
    std::int64_t rows() { return db.query_one<std::int64_t>("select count(*) from t"); }
};

TEST_F(BatchDb, IsOneTransaction) {
    pg::Batch batch(db);
    batch.exec("insert into t values ($1, 0.5)", 1);
    const auto a = batch.query_one<std::int64_t>("select txid_current()");
    const auto b = batch.query_one<std::int64_t>("select txid_current()");
    batch.run();
    EXPECT_EQ(a.get(), b.get());
    EXPECT_EQ(rows(), 1);
}

TEST_F(BatchDb, AppliesNothingWhenAStatementFails) {
    pg::Batch batch(db);
    const auto first = batch.exec("insert into t values (1)");
    const auto twice = batch.exec("insert into t values (1)");
    const auto behind = batch.exec("insert into t values (2)");
    EXPECT_THROW(batch.run(), pg::UniqueViolation);
    EXPECT_EQ(rows(), 0);
    EXPECT_EQ(first.try_get().error().outcome(), pg::Outcome::not_applied);
    EXPECT_EQ(twice.try_get().error().constraint(), "t_pkey");
    EXPECT_EQ(behind.try_get().error().outcome(), pg::Outcome::not_applied);
    batch.clear();
    batch.exec("insert into t values (3)");
    batch.run();
    EXPECT_EQ(rows(), 1) << "the session goes on";
}

TEST_F(BatchDb, AppliesNothingWhenItWouldHaveBeenCommittedInTheMiddle) {
    pg::Batch batch(db);
    const auto first = batch.exec("insert into t values (1)");
    batch.exec("commit");
    batch.exec("insert into t values (1)");
    EXPECT_THROW(batch.run(), pg::UsageError);
    EXPECT_EQ(first.try_get().error().outcome(), pg::Outcome::not_sent);
    EXPECT_EQ(rows(), 0);
}

TEST_F(BatchDb, LetsEachStatementFailAlone) {
    pg::Batch batch(db);
    const auto first = batch.exec("insert into t values (1)");
    const auto twice = batch.exec("insert into t values (1)");
    const auto behind = batch.exec("insert into t values (2)");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(first.get(), 1u);
    EXPECT_FALSE(twice.try_get());
    EXPECT_EQ(behind.get(), 1u);
    EXPECT_EQ(rows(), 2);
}

TEST_F(BatchDb, JoinsTheTransactionThatItRunsIn) {
    {
        pg::Transaction transaction = db.begin();
        pg::Batch batch(transaction);
        batch.exec("insert into t values (1)");
        batch.run();
        batch.exec("insert into t values (2)");
        batch.run(pg::BatchMode::each);
    }
    EXPECT_EQ(rows(), 0);
}

TEST_F(BatchDb, CallsPreparedStatementsByTheThousand) {
    db.exec("insert into t select n, n / 2.0 from generate_series(1, 100) n");
    const auto half = db.prepare<double(int)>("select half::float8 from t where id = $1");
    pg::Batch batch(db);
    for (int round = 0; round < 10; ++round) {
        std::vector<pg::Deferred<double>> halves;
        for (int id = 1; id <= 100; ++id) halves.push_back(batch.add(half, id));
        batch.run(round % 2 ? pg::BatchMode::each : pg::BatchMode::atomic);
        for (int id = 1; id <= 100; ++id) EXPECT_EQ(halves[static_cast<std::size_t>(id - 1)].get(), id / 2.0);
        batch.clear();
    }
}

TEST_F(BatchDb, ReadsWhileItWrites) {
    pg::Batch batch(db);
    const std::string argument(100'000, 'x');
    std::vector<pg::Deferred<std::string>> answers;
    for (int i = 0; i < 100; ++i)
        answers.push_back(batch.query_one<std::string>("select repeat($1::text, 10)", argument));
    batch.run();
    for (const auto& answer : answers) EXPECT_EQ(answer.get().size(), 1'000'000u);
}

TEST_F(BatchDb, IsRepairedWhenTheServerRefusesTheTypesOfItsNumbers) {
    pg::Batch batch(db);
    const auto first = batch.exec("insert into t values (1)");
    const auto length = batch.query_one<int>("select length($1)", 12345);  // there is no length(integer)
    batch.run();
    EXPECT_EQ(length.get(), 5);
    EXPECT_EQ(first.get(), 1u);
    EXPECT_EQ(rows(), 1) << "the first attempt left nothing";
}

TEST_F(BatchDb, IsRepairedWhenAPlanNoLongerFits) {
    pg::Client narrow = pg::connect(conninfo(), {.pool_max_size = 1});
    const auto all = narrow.prepare<std::vector<pg::Row>()>("select * from t");
    ASSERT_EQ(all().size(), 0u);
    db.run_script("alter table t add more text");
    pg::Batch batch(narrow);
    batch.exec("insert into t values (1)");
    const auto rows = batch.add(all);
    batch.run();
    EXPECT_EQ(rows.get()[0].size(), 3u);
}

}  // namespace
