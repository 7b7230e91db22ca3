// Transactions: commit, rollback, savepoints, retries; prepared statements through schema changes.
#include <pg/savepoint.hpp>
#include <pg/stop.hpp>
#include <stop_token>

#include "conformance.hpp"

namespace conformance {
namespace {

class Transactions : public Conformance {
protected:
    void SetUp() override {
        db.run_script(
            "create table if not exists account (id int primary key, balance int not null);"
            "truncate account; insert into account values (1, 100), (2, 0)");
    }
    int balance(int id) { return db.query_one<int>("select balance from account where id = $1", id); }
};

TEST_P(Transactions, AppliesWhatWasCommitted) {
    const Transaction tx = db.begin();
    tx.exec("update account set balance = balance - $1 where id = 1", 10);
    EXPECT_EQ(balance(1), 100);  // another session does not see it yet
    tx.commit();
    EXPECT_EQ(balance(1), 90);
    EXPECT_FALSE(tx.is_open());
    EXPECT_THROW(tx.exec("select 1"), pg::UsageError);
}

TEST_P(Transactions, RollsBackWhenDestroyed) {
    {
        const Transaction tx = db.begin();
        tx.exec("delete from account");
    }
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from account"), 2);
}

TEST_P(Transactions, RollsBackWhenTheFunctionReturnsAnErrorInAnExpected) {
    int runs = 0;
    const auto find = [&](int id) {
        return db.transaction([&](Transaction& tx) -> pg::Expected<int> {
            tx.exec("update account set balance = balance + 1 where id = 1");
            if (++runs == 1) return tx.try_run_script("do $$ begin raise sqlstate '40001'; end $$").error();
            return tx.try_query_one<int>("select balance from account where id = $1", id);
        });
    };
    EXPECT_EQ(find(7).error().kind(), pg::ErrorKind::no_rows);
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(balance(1), 100);
    EXPECT_EQ(find(1).value(), 101);
    EXPECT_EQ(balance(1), 101);
    const pg::Expected<void> undone = db.connection().transaction(
        [](Transaction& tx) -> pg::Expected<void> { return tx.try_run_script("delete from account; nonsense"); });
    EXPECT_EQ(undone.error().sqlstate(), "42601");
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    const pg::Expected<int> stopped = db.transaction({.stop = &stop}, [&](Transaction& tx) -> pg::Expected<int> {
        auto conflict = tx.try_run_script("do $$ begin raise sqlstate '40001'; end $$");
        source.request_stop();
        return std::move(conflict).error();
    });
    EXPECT_EQ(stopped.error().kind(), pg::ErrorKind::cancelled) << "in the pause before it would be run again";
    db.close();
    EXPECT_FALSE(find(1));
}

TEST_P(Transactions, RollsBackWhenTheFunctionThrows) {
    struct Interruption {};
    EXPECT_THROW(db.transaction([](Transaction& tx) {
        tx.exec("delete from account");
        throw Interruption();
    }),
                 Interruption);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from account"), 2);
}

TEST_P(Transactions, SaysThatACommitWasARollback) {
    const Transaction tx = db.begin();
    EXPECT_THROW(tx.exec("select 1/0"), pg::ServerError);
    EXPECT_THROW(tx.commit(), pg::CommitRolledBack);
}

TEST_P(Transactions, ReportsADeferredViolationAsNotApplied) {
    db.run_script("drop table if exists deferred; create table deferred (n int unique deferrable initially deferred)");
    const Transaction tx = db.begin();
    tx.exec("insert into deferred values (1), (1)");
    const auto committed = tx.try_commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind(), pg::ErrorKind::unique_violation);
    EXPECT_EQ(committed.error().outcome(), pg::Outcome::not_applied);
}

TEST_P(Transactions, HonoursIsolationAndAccess) {
    const Transaction tx =
        db.begin({.isolation = pg::Isolation::serializable, .access = pg::Access::read_only, .deferrable = true});
    EXPECT_EQ(tx.query_one<std::string>("select current_setting('transaction_isolation')"), "serializable");
    EXPECT_EQ(tx.query_one<std::string>("select current_setting('transaction_deferrable')"), "on");
    EXPECT_THROW(tx.exec("delete from account"), pg::ReadOnly);
}

TEST_P(Transactions, UndoesASavepointAndGoesOn) {
    const Transaction tx = db.begin();
    {
        const Savepoint part = tx.savepoint();
        EXPECT_THROW(tx.exec("select 1/0"), pg::ServerError);
    }
    tx.exec("update account set balance = 7 where id = 2");
    const Savepoint kept = tx.savepoint();
    tx.exec("update account set balance = 8 where id = 2");
    kept.release();
    tx.commit();
    EXPECT_EQ(balance(2), 8);
}

TEST_P(Transactions, RunsTheFunctionAgainAfterAConflict) {
    int runs = 0;
    db.transaction({.isolation = pg::Isolation::repeatable_read}, [&](Transaction& tx) {
        const int seen = tx.query_one<int>("select balance from account where id = 1");
        if (++runs == 1) db.exec("update account set balance = balance + 1 where id = 1");
        tx.exec("update account set balance = $1 where id = 1", seen + 10);
    });
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(balance(1), 111);
}

TEST_P(Transactions, GivesUpAfterItsRetries) {
    int runs = 0;
    EXPECT_THROW(db.transaction({.isolation = pg::Isolation::repeatable_read, .retries = 1},
                                [&](Transaction& tx) {
                                    static_cast<void>(tx.query_one<int>("select balance from account where id = 1"));
                                    ++runs;
                                    db.exec("update account set balance = balance + 1 where id = 1");
                                    tx.exec("update account set balance = 0 where id = 1");
                                }),
                 pg::Conflict);
    EXPECT_EQ(runs, 2);
}

TEST_P(Transactions, CannotTellWhatBecameOfACommitWhoseSessionDied) {
    const Transaction tx = db.begin();
    tx.exec("update account set balance = 1 where id = 1");
    db.exec("select pg_terminate_backend($1)", tx.query_one<int>("select pg_backend_pid()"));
    EXPECT_FALSE(tx.try_commit());
    EXPECT_EQ(balance(1), 100);
}

TEST_P(Transactions, RunsAPreparedStatementOnAnyExecutor) {
    auto by_id = db.prepare<int(int)>("select balance from account where id = $1");
    EXPECT_EQ(by_id(1), 100);
    const Transaction tx = db.begin();
    tx.exec("update account set balance = 5 where id = 1");
    EXPECT_EQ(by_id.on(tx)(1), 5);
    EXPECT_EQ(by_id(1), 100);
    tx.rollback();
    auto none = db.prepare<std::optional<int>(int)>("select balance from account where id = $1");
    EXPECT_EQ(none(99), std::nullopt);
    auto all = db.prepare<std::vector<int>()>("select balance from account order by id");
    EXPECT_EQ(all(), (std::vector<int>{100, 0}));
    auto change = db.prepare<pg::Affected(int)>("update account set balance = $1");
    EXPECT_EQ(change(3).rows, 2u);
    EXPECT_THROW(static_cast<void>(by_id(99)), pg::NoRows);
}

TEST_P(Transactions, LendsSessionsWithoutTheTracesOfTheLastBorrower) {
    const Client one = connect({.provider = GetParam().provider, .pool_max_size = 1});
    {
        const Connection session = one.connection();
        session.exec("set work_mem = '1234kB'");
        session.exec("create temp table trace (n int)");
        session.exec("listen something");
        session.exec("begin");
    }
    EXPECT_NE(one.query_one<std::string>("select current_setting('work_mem')"), "1234kB");
    EXPECT_EQ(one.query_one<std::optional<std::string>>("select to_regclass('trace')::text"), std::nullopt);
    EXPECT_EQ(one.query_one<std::int64_t>("select count(*) from pg_listening_channels()"), 0);
}

PGCLIENT_CONFORMANCE(Transactions);

}  // namespace
}  // namespace conformance
