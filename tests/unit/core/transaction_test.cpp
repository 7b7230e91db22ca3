// Transactions: how they begin, the three ways a commit can end, and when one is run again.
#include "pg/transaction.hpp"

#include <gtest/gtest.h>
#include <thread>

#include "fake_session.hpp"
#include "pg/connection.hpp"
#include "pg/savepoint.hpp"
#include "src/core/retry.hpp"

namespace {

using namespace std::chrono_literals;
using fake::Lines;
using fake::rows;
using fake::server_error;

class Transaction : public testing::Test {
protected:
    /// What is said to begin one.
    std::string beginning(const pg::TransactionOptions& options) {
        {
            const pg::Transaction transaction = db.client.begin(options);
        }
        return server.take_log().front();
    }
    bool is_free() { return db.client.with({.timeout = 1ns}).try_exec("select 1").has_value(); }

    fake::Database db{1};
    fake::Server& server = *db.server;
};

TEST_F(Transaction, BeginsAsItsOptionsSay) {
    EXPECT_EQ(beginning({}), "begin");
    EXPECT_EQ(beginning({.isolation = pg::Isolation::read_committed}), "begin isolation level read committed");
    EXPECT_EQ(beginning({.isolation = pg::Isolation::repeatable_read, .access = pg::Access::read_write}),
              "begin isolation level repeatable read read write");
    EXPECT_EQ(
        beginning({.isolation = pg::Isolation::serializable, .access = pg::Access::read_only, .deferrable = true}),
        "begin isolation level serializable read only deferrable");
}

TEST_F(Transaction, CommitsAndGivesItsSessionBack) {
    pg::Transaction transaction = db.client.begin();
    EXPECT_TRUE(transaction.is_open());
    transaction.exec("select 1");
    EXPECT_FALSE(is_free());
    transaction.commit();
    EXPECT_FALSE(transaction.is_open());
    EXPECT_TRUE(is_free());
    EXPECT_EQ(server.take_log(), (Lines{"begin", "select 1", "commit", "prepare select 1", "execute select 1"}));
    EXPECT_THROW(transaction.commit(), pg::UsageError);
    EXPECT_THROW(transaction.rollback(), pg::UsageError);
    EXPECT_THROW(transaction.exec("select 1"), pg::UsageError);
    EXPECT_THROW(static_cast<void>(transaction.savepoint()), pg::UsageError);
}

/// As of one that was answered when nobody waited for it any more.
pg::Error too_late() {
    return pg::Error(
        {.kind = pg::ErrorKind::timeout, .outcome = pg::Outcome::applied, .message = "the deadline passed"});
}

TEST_F(Transaction, IsLeftWhenItsBeginningWasGivenUpTooLate) {
    pg::Connection connection = db.client.connection();
    server.answer("begin", too_late());
    EXPECT_FALSE(connection.try_begin());
    EXPECT_EQ(server.take_log(), (Lines{"begin", "rollback"}));
    EXPECT_TRUE(connection.try_begin()) << "none is open";
}

TEST_F(Transaction, GoesOnWhenThePartThatEndedWasGivenUpTooLate) {
    pg::Transaction transaction = db.client.begin();
    {
        pg::Savepoint part = transaction.savepoint();
        server.answer("release savepoint pgclient_1", too_late());
        EXPECT_FALSE(part.try_release());
    }
    transaction.commit();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "savepoint pgclient_1", "release savepoint pgclient_1", "commit"}));
}

TEST_F(Transaction, RollsBackWhenItGoesWithoutACommit) {
    {
        pg::Transaction transaction = db.client.begin();
    }
    EXPECT_EQ(server.take_log(), (Lines{"begin", "rollback"}));
    EXPECT_TRUE(is_free());
}

TEST_F(Transaction, RollsBackOnDemand) {
    pg::Transaction transaction = db.client.begin();
    transaction.rollback();
    EXPECT_TRUE(is_free());
    pg::Transaction lost = db.client.begin();
    server.answer("rollback", fake::connection_lost(pg::Outcome::unknown));
    EXPECT_THROW(lost.rollback(), pg::ConnectionLost);
}

TEST_F(Transaction, IsOverWhenATextHasEndedIt) {
    for (const char* end : {"rollback", "commit"}) {
        pg::Transaction transaction = db.client.begin();
        transaction.run_script(end);
        EXPECT_THROW(transaction.exec("insert"), pg::UsageError) << "it would stand alone";
        EXPECT_THROW(transaction.commit(), pg::UsageError);
        EXPECT_FALSE(transaction.is_open());
        EXPECT_FALSE(transaction.is_committed());
        const Lines log = server.take_log();
        ASSERT_EQ(log.size(), 3u) << "the reset of a session that a script has used is the last";
        EXPECT_EQ((Lines{log[0], log[1]}), (Lines{"begin", end}));
    }
    EXPECT_TRUE(is_free());
}

TEST_F(Transaction, MayHaveCommittedAPartByAText) {
    pg::Transaction transaction = db.client.begin();
    EXPECT_FALSE(transaction.may_have_committed());
    transaction.run_script("commit and chain");
    EXPECT_FALSE(transaction.is_committed());
    EXPECT_TRUE(transaction.may_have_committed());
    transaction.rollback();
    EXPECT_FALSE(transaction.is_committed());
}

TEST_F(Transaction, CanBeMoved) {
    pg::Transaction first = db.client.begin();
    pg::Transaction second = std::move(first);
    EXPECT_FALSE(first.is_open());
    first = std::move(second);
    EXPECT_TRUE(first.is_open());
    first.commit();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "commit"}));
}

TEST_F(Transaction, SaysWhyItCouldNotBegin) {
    server.answer("begin", server_error("25006", pg::ErrorKind::read_only));
    EXPECT_THROW(static_cast<void>(db.client.begin()), pg::ReadOnly);
    EXPECT_TRUE(is_free());
}

TEST_F(Transaction, IsRefusedInsideOfAnother) {
    pg::Connection connection = db.client.connection();
    pg::Transaction outer = connection.begin();
    EXPECT_THROW(static_cast<void>(connection.begin()), pg::UsageError);
    outer.commit();
    EXPECT_TRUE(connection.try_begin());
    EXPECT_EQ(server.take_log(), (Lines{"begin", "commit", "begin", "rollback"}));
}

TEST_F(Transaction, SaysThatACommitWasAnsweredByARollback) {
    pg::Transaction transaction = db.client.begin();
    server.answer("select 1 / 0", server_error("22012"));
    EXPECT_THROW(transaction.exec("select 1 / 0"), pg::ServerError);
    const auto committed = transaction.try_commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind(), pg::ErrorKind::commit_rolled_back);
    EXPECT_EQ(committed.error().outcome(), pg::Outcome::not_applied);
}

TEST_F(Transaction, SaysThatNobodyKnowsWhetherItWasCommitted) {
    pg::Transaction transaction = db.client.begin();
    server.answer("commit", fake::connection_lost(pg::Outcome::unknown));
    const auto committed = transaction.try_commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind(), pg::ErrorKind::commit_unknown);
    EXPECT_EQ(committed.error().outcome(), pg::Outcome::unknown);
    EXPECT_EQ(committed.error().retry_scope(), pg::RetryScope::none);
    EXPECT_EQ(committed.error().message(),
              "no answer to COMMIT (the connection was lost); it may have been applied: look at the data before "
              "repeating");
}

TEST_F(Transaction, DoesNotSayOfACommitThatItWasNotWaitedForAsIfItHadFailed) {
    pg::Transaction transaction = db.client.begin();
    server.answer("commit", pg::Error({.kind = pg::ErrorKind::timeout,
                                       .outcome = pg::Outcome::applied,
                                       .message = "the deadline passed as the statement finished"}));
    const auto committed = transaction.try_commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().kind(), pg::ErrorKind::commit_unknown);
    EXPECT_EQ(committed.error().outcome(), pg::Outcome::unknown);
}

TEST_F(Transaction, NeverRunsACommitAgainWithoutAnAnswerWhateverTheErrorAllows) {
    pg::Transaction transaction = db.client.begin();
    pg::ErrorFields fields = fake::connection_lost(pg::Outcome::unknown).fields();
    fields.retry_scope = pg::RetryScope::transaction;
    server.answer("commit", pg::Error(std::move(fields)));
    const auto committed = transaction.try_commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().retry_scope(), pg::RetryScope::none);
}

TEST_F(Transaction, PassesOnWhatTheServerSaysOfACommit) {
    pg::Transaction transaction = db.client.begin();
    server.answer("commit", server_error("23503", pg::ErrorKind::foreign_key_violation));
    EXPECT_THROW(transaction.commit(), pg::ForeignKeyViolation) << "a deferred constraint";
    EXPECT_TRUE(is_free());
}

TEST_F(Transaction, BoundsAllOfItsStatementsByItsTimeout) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    db.context->timeout = pg::no_timeout;
    pg::Transaction transaction = db.client.begin({.timeout = 1h, .stop = &stop});
    transaction.exec("select 1");
    transaction.exec(pg::Query{.sql = "select 2", .timeout = pg::no_timeout});
    transaction.exec(pg::Query{.sql = "select 3", .timeout = 1s});
    ASSERT_EQ(server.asked.size(), 4u);
    const pg::Deadline end = server.asked[0].wait.deadline;
    EXPECT_EQ(server.asked[0].wait.stop, &stop);
    EXPECT_EQ(server.asked[1].wait.deadline, end);
    EXPECT_EQ(server.asked[2].wait.deadline, end);
    EXPECT_LT(server.asked[3].wait.deadline, end);
    EXPECT_EQ(server.asked[3].wait.stop, &stop);
}

TEST_F(Transaction, HasItsSessionResetWithinItsTime) {
    pg::Transaction transaction = db.client.begin({.timeout = 500ms});
    server.answer("tell", fake::affected("SET"));
    transaction.exec("tell");
    transaction.commit();
    EXPECT_TRUE(server.take_log().back().starts_with("script close all;"));
    EXPECT_LT(server.last_wait.deadline, pg::Deadline::after(1s)) << "and a little in any case";
}

TEST_F(Transaction, HasNoEndOfItsOwnUnlessItIsTold) {
    db.context->timeout = pg::no_timeout;
    pg::Transaction transaction = db.client.begin();
    EXPECT_TRUE(server.asked[0].wait.deadline.is_never());
}

// ---- savepoints ----------------------------------------------------------------------------------

TEST_F(Transaction, KeepsOrUndoesAPart) {
    pg::Transaction transaction = db.client.begin();
    pg::Savepoint kept = transaction.savepoint();
    pg::Savepoint undone = transaction.savepoint();
    server.answer("select 1 / 0", server_error("22012"));
    EXPECT_THROW(transaction.exec("select 1 / 0"), pg::ServerError);
    undone.rollback();
    kept.release();
    EXPECT_THROW(kept.release(), pg::UsageError);
    EXPECT_THROW(undone.rollback(), pg::UsageError);
    transaction.commit();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "savepoint pgclient_1", "savepoint pgclient_2", "select 1 / 0",
                                        "rollback to savepoint pgclient_2; release savepoint pgclient_2",
                                        "release savepoint pgclient_1", "commit"}));
}

TEST_F(Transaction, UndoesAPartThatGoesWithoutARelease) {
    pg::Transaction transaction = db.client.begin();
    {
        const pg::Savepoint savepoint = transaction.savepoint();
    }
    EXPECT_EQ(server.take_log().back(), "rollback to savepoint pgclient_1; release savepoint pgclient_1");
    pg::Savepoint last = transaction.savepoint();
    transaction.commit();
    EXPECT_THROW(last.release(), pg::UsageError);
    EXPECT_EQ(server.take_log().back(), "commit");
}

TEST_F(Transaction, UndoesAPartThatCouldNotBeKept) {
    pg::Transaction transaction = db.client.begin();
    {
        pg::Savepoint savepoint = transaction.savepoint();
        server.answer("release savepoint pgclient_1", server_error("25P02"));
        EXPECT_THROW(savepoint.release(), pg::ServerError);
    }
    EXPECT_EQ(server.take_log().back(), "rollback to savepoint pgclient_1; release savepoint pgclient_1");
}

TEST_F(Transaction, EndsThePartsInsideOfOneWithIt) {
    pg::Transaction transaction = db.client.begin();
    pg::Savepoint before = transaction.savepoint();
    {
        pg::Savepoint outer = transaction.savepoint();
        pg::Savepoint inner = transaction.savepoint();
        outer.rollback();
        EXPECT_THROW(inner.release(), pg::UsageError);
        server.take_log();
    }
    EXPECT_EQ(server.take_log(), Lines{}) << "neither asks for anything more";
    before.release();
}

TEST_F(Transaction, MovesItsParts) {
    pg::Transaction transaction = db.client.begin();
    pg::Savepoint first = transaction.savepoint();
    pg::Savepoint second = std::move(first);
    EXPECT_THROW(first.release(), pg::UsageError);
    first = std::move(second);
    first.release();
    EXPECT_EQ(server.take_log().back(), "release savepoint pgclient_1");
}

TEST_F(Transaction, SaysWhyAPartCouldNotBeMadeKeptOrUndone) {
    pg::Transaction transaction = db.client.begin();
    server.answer("savepoint pgclient_1", server_error("25P02"));
    EXPECT_THROW(static_cast<void>(transaction.savepoint()), pg::ServerError);
    pg::Savepoint savepoint = transaction.savepoint();
    server.answer("rollback to savepoint pgclient_2; release savepoint pgclient_2", server_error("3B001"));
    EXPECT_THROW(savepoint.rollback(), pg::ServerError);
    server.answer("release savepoint pgclient_2", server_error("3B001"));
    EXPECT_THROW(savepoint.release(), pg::ServerError);
}

// ---- run again -----------------------------------------------------------------------------------

pg::Error conflict() { return server_error("40001", pg::ErrorKind::conflict, pg::RetryScope::transaction); }

TEST_F(Transaction, RunsABodyAndCommits) {
    const int value = db.client.transaction([](pg::Transaction& transaction) {
        transaction.exec("select 1");
        return 5;
    });
    EXPECT_EQ(value, 5);
    EXPECT_EQ(server.take_log(), (Lines{"begin", "select 1", "commit"}));
}

TEST_F(Transaction, LetsABodyEndIt) {
    db.client.transaction([](pg::Transaction& transaction) { transaction.rollback(); });
    EXPECT_EQ(server.take_log(), (Lines{"begin", "rollback"}));
}

TEST_F(Transaction, NeverRepeatsABodyThatHasCommitted) {
    int runs = 0;
    const auto body = [&](pg::Transaction& transaction) {
        ++runs;
        transaction.commit();
        EXPECT_TRUE(transaction.is_committed());
        EXPECT_TRUE(transaction.may_have_committed());
        server.answer("select 2", conflict());
        db.client.exec("select 2");
    };
    EXPECT_THROW(db.client.transaction(body), pg::Conflict);
    EXPECT_EQ(runs, 1);
}

TEST_F(Transaction, RepeatsABodyWhoseOwnCommitFailed) {
    server.answer("commit", conflict());
    int runs = 0;
    db.client.transaction([&](pg::Transaction& transaction) {
        ++runs;
        EXPECT_FALSE(transaction.is_committed());
        transaction.commit();
    });
    EXPECT_EQ(runs, 2);
}

TEST_F(Transaction, GivesWhatABodyReturnsByReferenceByValue) {
    std::string kept(100, 'x');
    const auto value = db.client.transaction([&](pg::Transaction&) -> std::string& { return kept; });
    EXPECT_EQ(value, kept);
}

TEST_F(Transaction, RunsABodyAgainOnAConflict) {
    server.answer("select 1", conflict());
    server.answer("commit", conflict());
    pg::Connection connection = db.client.connection();
    int runs = 0;
    connection.transaction({.retries = 2}, [&](pg::Transaction& transaction) {
        ++runs;
        transaction.exec("select 1");
    });
    EXPECT_EQ(runs, 3);
    connection.transaction([&](pg::Transaction&) { ++runs; });
    EXPECT_EQ(runs, 4);
}

TEST_F(Transaction, GivesUpWhenItsAttemptsAreUsedUp) {
    int runs = 0;
    EXPECT_THROW(db.client.transaction({.retries = 1},
                                       [&](pg::Transaction& transaction) {
                                           ++runs;
                                           server.answer("select 1", conflict());
                                           transaction.exec("select 1");
                                       }),
                 pg::Conflict);
    EXPECT_EQ(runs, 2);
}

/// Fails a statement of the transaction with that error, which nobody looks at.
void swallow(fake::Server& server, pg::Transaction& transaction, const pg::Error& error) {
    server.answer("insert into t", error);
    static_cast<void>(transaction.try_exec("insert into t"));
}
pg::Error duplicate() { return server_error("23505", pg::ErrorKind::unique_violation); }
pg::Error aborted() { return server_error("25P02", pg::ErrorKind::server, pg::RetryScope::transaction); }

TEST_F(Transaction, IsRunAgainForItsFirstErrorAloneAndNamesThat) {
    int runs = 0;
    const auto body = [&](pg::Transaction& transaction) {
        ++runs;
        swallow(server, transaction, duplicate());
        server.answer("select 1", aborted());
        const auto behind = transaction.try_exec("select 1");
        EXPECT_EQ(behind.error().sqlstate(), "25P02");
        EXPECT_EQ(behind.error().retry_scope(), pg::RetryScope::none);
        EXPECT_NE(behind.error().detail().find("[23505]"), std::string_view::npos) << behind.error().what();
        behind.error().raise();
    };
    EXPECT_THROW(db.client.transaction(body), pg::ServerError);
    EXPECT_EQ(runs, 1);
}

TEST_F(Transaction, IsRunAgainForAConflictThatItsBodyDidNotLookAt) {
    int runs = 0;
    db.client.transaction([&](pg::Transaction& transaction) {
        if (++runs > 2) return;
        swallow(server, transaction, conflict());
        if (runs == 2) return;  // and so to its commit
        server.answer("select 1", aborted());
        transaction.exec("select 1");
    });
    EXPECT_EQ(runs, 3);
}

TEST_F(Transaction, SaysWhatTheFirstErrorWasThatItsCommitWasAnsweredByARollbackFor) {
    pg::Transaction transaction = db.client.begin();
    swallow(server, transaction, duplicate());
    const auto committed = transaction.try_commit();
    EXPECT_EQ(committed.error().kind(), pg::ErrorKind::commit_rolled_back);
    EXPECT_EQ(committed.error().retry_scope(), pg::RetryScope::none);
    EXPECT_NE(committed.error().detail().find("[23505]"), std::string_view::npos) << committed.error().what();
}

TEST_F(Transaction, ForgetsItsFirstErrorWithThePartThatItWasIn) {
    pg::Transaction transaction = db.client.begin();
    const auto behind = [&] {
        server.answer("select 1", aborted());
        return transaction.try_exec("select 1").error();
    };
    pg::Savepoint part = transaction.savepoint();
    swallow(server, transaction, conflict());
    EXPECT_EQ(behind().retry_scope(), pg::RetryScope::transaction);
    part.rollback();
    swallow(server, transaction, duplicate());
    EXPECT_EQ(behind().retry_scope(), pg::RetryScope::none);
    transaction.exec("rollback to savepoint mine");
    swallow(server, transaction, conflict());
    EXPECT_EQ(behind().retry_scope(), pg::RetryScope::transaction);
}

TEST_F(Transaction, HasNothingToDoWithTheErrorOfTheOneBeforeOnItsConnection) {
    pg::Connection connection = db.client.connection();
    {
        pg::Transaction transaction = connection.begin();
        swallow(server, transaction, conflict());
    }
    pg::Transaction transaction = connection.begin();
    swallow(server, transaction, duplicate());
    server.answer("select 1", aborted());
    EXPECT_EQ(transaction.try_exec("select 1").error().retry_scope(), pg::RetryScope::none);
}

TEST_F(Transaction, IsNotRunAgainAfterAStop) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    int runs = 0;
    const auto body = [&](pg::Transaction& transaction) {
        ++runs;
        source.request_stop();
        server.answer("select 1", conflict());
        transaction.exec("select 1");
    };
    EXPECT_THROW(db.client.transaction({.stop = &stop}, body), pg::Cancelled);
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(server.take_log().back(), "rollback");
}

TEST_F(Transaction, PassesOnWhatABodyThrows) {
    EXPECT_THROW(db.client.transaction([](pg::Transaction&) { throw std::runtime_error("mine"); }), std::runtime_error);
    EXPECT_EQ(server.take_log(), (Lines{"begin", "rollback"}));
    EXPECT_TRUE(is_free());
}

}  // namespace
