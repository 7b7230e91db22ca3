// Batches on a server: one transaction or many, repaired where the server says that nothing happened.
#include "pg/batch.hpp"
#include "pg/connection.hpp"
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

TEST_F(BatchDb, RunsTheOthersWhenOneTextHasAZeroByteUnlessTheyGoTogether) {
    constexpr std::string_view cut("select 1\0", 9);
    for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch(db);
        const auto before = batch.exec("insert into t values (1)");
        const auto refused = batch.exec(pg::runtime(cut));
        const auto behind = batch.exec("insert into t values (2)");
        const bool together = mode == pg::BatchMode::atomic;
        EXPECT_EQ(batch.try_run(mode).has_value(), !together);
        EXPECT_EQ(refused.try_get().error().kind(), pg::ErrorKind::usage);
        EXPECT_EQ(refused.try_get().error().position(), 9u);
        EXPECT_EQ(before.try_get().has_value(), !together);
        EXPECT_EQ(behind.try_get().has_value(), !together);
        EXPECT_EQ(rows(), together ? 0 : 2);
    }
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

TEST_F(BatchDb, BlamesNoStatementForWhatFailsAtTheEnd) {
    db.run_script("create table late (id int primary key, up int references late deferrable initially deferred)");
    for (const char* engine : {"direct", "libpq"}) {
        pg::Client client = pg::connect(conninfo() + " engine=" + engine);
        pg::Batch batch(client);
        std::vector<pg::Deferred<std::uint64_t>> all;
        all.push_back(batch.exec("insert into t values (1)"));
        all.push_back(batch.exec("insert into late values (1, 2)"));
        all.push_back(batch.exec("insert into t values (3)"));
        EXPECT_THROW(batch.run(), pg::ForeignKeyViolation);
        for (const auto& one : all) EXPECT_THROW(static_cast<void>(one.get()), pg::ForeignKeyViolation);
        EXPECT_EQ(rows(), 0);
    }
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

TEST_F(BatchDb, LeavesNoSettingBehindThatItsFailureDidNotUndo) {
    for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Client narrow = pg::connect(conninfo(), {.pool_max_size = 1});
        const auto before = narrow.query_one<std::string>("show work_mem");
        {
            pg::Transaction transaction = narrow.begin();
            pg::Batch batch(transaction);
            batch.exec("set work_mem = '1GB'");
            batch.exec("savepoint a");
            batch.exec("select 1 / 0");
            EXPECT_EQ(batch.try_run(mode).has_value(), mode == pg::BatchMode::each);
            transaction.exec("rollback to a");
            transaction.commit();
        }
        EXPECT_EQ(narrow.query_one<std::string>("show work_mem"), before);
    }
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

// What takes the rows of a statement is kept for the next round.
TEST_F(BatchDb, ShowsNothingOfTheRoundBefore) {
    struct Named {
        int id;
        std::string name;
        std::optional<std::string> maybe;
    };
    const pg::Sql<2> both =
        "select n as id, repeat('x', n) as name, nullif('y', repeat('y', n)) as maybe from "
        "generate_series($1::int, $2::int) n";
    pg::Batch batch(db);
    for (const auto& [first, last] : {std::pair(1, 20), std::pair(2, 2), std::pair(3, 2), std::pair(4, 5)}) {
        const auto all = batch.query_all<Named>(both, first, last);
        const auto maybe = batch.query_maybe<Named>(both, first, std::min(first, last));
        const auto one = batch.query_one<Named>(both, first, std::min(first, last));
        const auto count = batch.exec(both, first, last);
        batch.run();
        const int rows = last - first + 1;
        ASSERT_EQ(all.get().size(), static_cast<std::size_t>(rows));
        EXPECT_EQ(count.get(), static_cast<std::size_t>(rows));
        if (rows == 0) {
            EXPECT_FALSE(maybe.get());
            EXPECT_THROW(static_cast<void>(one.get()), pg::NoRows);
        } else {
            EXPECT_EQ(all.get().back().id, last);
            EXPECT_EQ(all.get().back().name.size(), static_cast<std::size_t>(last));
            EXPECT_EQ(maybe.get()->maybe.has_value(), first != 1);
            EXPECT_EQ(one.get().name.size(), static_cast<std::size_t>(first)) << "again, as often as it is asked for";
            EXPECT_EQ(one.get().name.size(), static_cast<std::size_t>(first));
        }
        batch.clear();
    }
}

TEST_F(BatchDb, TakesEachStatementForWhatItIs) {
    const auto prepared = db.prepare<int(int)>("select $1 + 1");
    pg::Batch batch(db);
    for (int round = 0; round < 3; ++round) {
        const auto first = batch.add(prepared, round);
        batch.run();
        EXPECT_EQ(first.get(), round + 1);
        batch.clear();
        const auto second = batch.query_one<int>("select $1::int + 2", round);
        batch.run();
        EXPECT_EQ(second.get(), round + 2);
        batch.clear();
    }
}

TEST_F(BatchDb, NotesWhatAStatementChangesWhoseRowsAreCounted) {
    pg::Connection session = db.connection();
    const auto all = db.prepare<std::vector<pg::Row>()>("select * from t").on(session);
    const auto shadow = db.prepare<pg::Affected()>("create temp table t (other text)");
    pg::Batch batch(session);
    for (int round = 0; round < 3; ++round) {  // from the second on it is known that there are no columns
        ASSERT_EQ(all().size(), 0u);
        const auto created = batch.add(shadow);
        const auto inserted = batch.exec("insert into t select 'x' from generate_series(1, 3)");
        batch.run();
        EXPECT_EQ(created.get().rows, 0u);
        EXPECT_EQ(inserted.get(), 3u);
        EXPECT_EQ(all().size(), 3u) << "names are about the new table, which stands before the other one";
        EXPECT_EQ(session.exec("update t set other = 'y'"), 3u);
        EXPECT_EQ(session.exec("select * from t"), 3u);
        session.exec("drop table t");
        batch.clear();
    }
}

TEST_F(BatchDb, HasTheWordOfEachStatementOnExtraColumns) {
    struct OnlyId {
        int id;
    };
    pg::Batch batch(db);
    constexpr std::string_view two = "select 1 as id, 2 as more";
    for (int round = 0; round < 3; ++round) {
        const auto refused = batch.query_one<OnlyId>(pg::runtime(two));
        batch.run();
        EXPECT_THROW(static_cast<void>(refused.get()), pg::ShapeError);
        batch.clear();
        const auto ignored = batch.query_one<OnlyId>(pg::Query{.sql = two, .extra = pg::Extra::ignore});
        batch.run();
        EXPECT_EQ(ignored.get().id, 1);
        batch.clear();
    }
}

TEST_F(BatchDb, SaysOfAValueThatDoesNotFitWhichItIs) {
    pg::Batch batch(db);
    for (int round = 0; round < 2; ++round) {
        const auto wrong = batch.query_all<int>("select nullif(n, 3) from generate_series(1, 4) n");
        const auto right = batch.query_all<int>("select n from generate_series(1, 4) n");
        batch.run();
        EXPECT_THROW(static_cast<void>(wrong.get()), pg::DecodeError);
        EXPECT_THROW(static_cast<void>(wrong.get()), pg::DecodeError) << "and again";
        EXPECT_EQ(right.get().size(), 4U);
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
    const auto repeated = batch.query_one<std::string>("select repeat('x', $1)", std::int64_t{5});
    batch.run();
    EXPECT_EQ(repeated.get(), "xxxxx");
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
