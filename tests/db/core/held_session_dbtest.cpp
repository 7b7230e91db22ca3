// Held sessions on a server: what was opened on one ends well, and the session goes on.
#include <chrono>
#include <optional>

#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/deadline.hpp"
#include "pg/savepoint.hpp"
#include "tests/db/core/database.hpp"
#include "tests/db/core/kept_session.hpp"

namespace {

using namespace std::chrono_literals;

class HeldSessionDb : public Database {
protected:
    static constexpr const char* many = "select n from generate_series(1, 1000000) n";

    pg::Client narrow = pg::connect(conninfo(), {.pool_max_size = 1});
    int process = narrow.query_one<int>("select pg_backend_pid()");

    /// What leaves a stream before its end.
    template <class Use>
    void expect_to_keep_the_session(Use use) {
        EXPECT_TRUE(keeps_its_session(narrow, use));
        process = narrow.query_one<int>("select pg_backend_pid()");
    }
    void TearDown() override {
        EXPECT_EQ(narrow.query_one<int>("select pg_backend_pid()"), process) << "the session was kept";
    }
};

TEST_F(HeldSessionDb, StreamsBeyondItsConnection) {
    auto connection = std::make_optional(narrow.connection());
    auto stream = connection->stream<int>("select n from generate_series(1, 100000) n");
    connection.reset();
    std::int64_t sum = 0;
    for (const int n : stream) sum += n;
    EXPECT_EQ(sum, 5000050000);
}

TEST_F(HeldSessionDb, EndsAStreamWithItsTransaction) {
    expect_to_keep_the_session([&] {
        auto transaction = std::make_optional(narrow.begin());
        auto stream = transaction->stream<int>(pg::runtime(many));
        EXPECT_THROW(transaction->commit(), pg::UsageError);
        EXPECT_EQ(*stream.try_next().value(), 1);
        transaction.reset();
        const auto drain = [&] {
            while (stream.try_next().value()) continue;
        };
        EXPECT_THROW(drain(), pg::UsageError);
    });
}

TEST_F(HeldSessionDb, GoesOnAfterAPartWithAStreamWasUndone) {
    expect_to_keep_the_session([&] {
        pg::Transaction transaction = narrow.begin();
        pg::Savepoint part = transaction.savepoint();
        const auto stream = transaction.stream<int>(pg::runtime(many));
        if (!part.try_rollback()) return;  // the session is lost
        EXPECT_EQ(transaction.query_one<int>("select 1"), 1);
        transaction.commit();
    });
}

/// False when the session was not kept: a busy server may not give the stream up in the 200 ms that it has for that.
bool ends_a_stream_with_the_time_of_its_transaction(pg::Client& db) {
    const int process = db.query_one<int>("select pg_backend_pid()");
    const auto is_unsent = [](const auto& opened) {
        return !opened && opened.error().kind() == pg::ErrorKind::timeout &&
               opened.error().outcome() == pg::Outcome::not_sent;
    };
    bool are_unsent = false;
    {
        auto begun = db.try_begin({.timeout = 1s});
        if (!begun) return false;
        pg::Transaction transaction = *std::move(begun);
        auto stream = transaction.try_stream<int>("select generate_series(1, 2000000000)");
        if (!stream) return false;
        const auto drain = [&] {
            while (stream->try_next().value()) continue;
        };
        EXPECT_THROW(drain(), pg::Timeout);
        are_unsent = is_unsent(transaction.try_stream<int>("select 1")) &&
                     is_unsent(pg::CopyReader::try_open(transaction, "copy (select 1) to stdout")) &&
                     is_unsent(pg::CopyOut<int>::try_open(transaction, "(select 1)"));
    }
    if (db.query_one<int>("select pg_backend_pid()") != process) return false;
    EXPECT_TRUE(are_unsent);
    return true;
}

TEST_F(HeldSessionDb, EndsAStreamWithTheTimeOfItsTransaction) {
    pg::Client busy = pg::connect(conninfo(), {.pool_max_size = 1});
    for (const pg::Deadline patience = pg::Deadline::after(60s); !patience.passed();)
        if (ends_a_stream_with_the_time_of_its_transaction(busy)) return;
    FAIL() << "no session was kept";
}

TEST_F(HeldSessionDb, KeepsNothingOfACopyThatEndedWithItsTransaction) {
    narrow.exec("create table copied (n int)");
    pg::Transaction transaction = narrow.begin();
    pg::CopyIn<int> copy(transaction, "copied");
    copy.write(1);
    EXPECT_THROW(transaction.commit(), pg::UsageError);
    transaction.rollback();
    EXPECT_THROW(copy.finish(), pg::UsageError);
    EXPECT_EQ(narrow.query_one<std::int64_t>("select count(*) from copied"), 0);
}

/// Commits what came before by a text, in one of several ways, and goes on in a transaction or not.
constexpr void (*commits_by_text[])(pg::Transaction&) = {
    [](pg::Transaction& transaction) { transaction.exec("commit and chain"); },
    [](pg::Transaction& transaction) { transaction.exec("commit"); },
    [](pg::Transaction& transaction) { transaction.run_script("commit; begin"); },
    [](pg::Transaction& transaction) { transaction.run_script("end"); },
    [](pg::Transaction& transaction) {
        pg::Batch batch(transaction);
        batch.exec("commit and chain");
        batch.run(pg::BatchMode::each);
    },
};

TEST_F(HeldSessionDb, RunsNoBodyAgainOfWhichATextHasCommittedAPart) {
    narrow.run_script("create table parts (n int)");
    for (const auto commit : commits_by_text) {
        narrow.run_script("truncate parts");
        int runs = 0;
        const auto body = [&](pg::Transaction& transaction) {
            ++runs;
            transaction.exec("insert into parts values (1)");
            commit(transaction);
            db.exec("do $$ begin raise exception 'again' using errcode = '40001'; end $$");
        };
        EXPECT_THROW(narrow.transaction(body), pg::Conflict);
        EXPECT_EQ(runs, 1);
        EXPECT_EQ(narrow.query_one<std::int64_t>("select count(*) from parts"), 1);
    }
}

TEST_F(HeldSessionDb, RunsABodyAgainThatATextHasUndone) {
    int runs = 0;
    narrow.transaction([&](pg::Transaction& transaction) {
        transaction.run_script(
            "create temp table t (n int) on commit drop; select case when true then 'commit' end;"
            "create function pg_temp.f() returns int begin atomic; select 1; end; rollback and chain");
        EXPECT_FALSE(transaction.is_committed());
        if (++runs == 1) db.exec("do $$ begin raise exception 'again' using errcode = '40001'; end $$");
    });
    EXPECT_EQ(runs, 2);
}

TEST_F(HeldSessionDb, SaysThatAStreamWhichWasLeftHasFailedItsTransaction) {
    expect_to_keep_the_session([&] {
        int runs = 0;
        const auto body = [&](pg::Transaction& transaction) {
            ++runs;
            for (const int n : transaction.stream<int>(pg::runtime(many)))
                if (n == 1) break;
            transaction.exec("select 1");
        };
        try {
            narrow.transaction(body);
            FAIL() << "the stream was to be cancelled";
        } catch (const pg::Error& error) {
            if (error.kind() == pg::ErrorKind::connection_lost) return;
            EXPECT_NE(error.detail().find("was left before its end"), std::string::npos) << error.what();
        }
        EXPECT_EQ(runs, 1) << "it would fail again in the same way";
    });
}

TEST_F(HeldSessionDb, LeavesTheNextTransactionToItselfWhenATextHasEndedOne) {
    narrow.run_script("create table kept (n int)");
    pg::Connection connection = narrow.connection();
    pg::Transaction ended = connection.begin();
    ended.exec("commit");
    EXPECT_EQ(ended.try_rollback().error().kind(), pg::ErrorKind::usage) << "it is committed";
    pg::Transaction transaction = connection.begin();
    transaction.exec("commit");
    transaction = connection.begin();
    pg::Transaction old = std::move(transaction);
    std::optional<pg::Savepoint> part(old.savepoint());
    old.exec("commit");
    {
        pg::Transaction next = connection.begin();
        pg::Savepoint its = next.savepoint();  // of the same number
        next.exec("insert into kept values (2)");
        const auto undone = part->try_rollback();
        ASSERT_FALSE(undone) << "it is not the next one's";
        EXPECT_EQ(undone.error().kind(), pg::ErrorKind::usage);
        part.reset();
        const auto another = old.try_savepoint();
        ASSERT_FALSE(another);
        EXPECT_EQ(another.error().kind(), pg::ErrorKind::usage);
        its.release();
        EXPECT_EQ(old.try_exec("insert into kept values (0)").error().kind(), pg::ErrorKind::usage);
        EXPECT_EQ(old.try_commit().error().kind(), pg::ErrorKind::usage);
        next.exec("insert into kept values (1)");
        next.commit();
    }
    EXPECT_EQ(connection.query_all<int>("select n from kept"), (std::vector<int>{2, 1}));
}

/// What a server keeps of a part that was undone holds a lock, once something is written behind it.
TEST_F(HeldSessionDb, LeavesNothingOfThePartsThatWereUndone) {
    narrow.run_script("create table tried (n int primary key); insert into tried values (0)");
    pg::Transaction transaction = narrow.begin();
    for (int part = 0; part < 50; ++part) {
        pg::Savepoint savepoint = transaction.savepoint();
        EXPECT_FALSE(transaction.try_exec("insert into tried values (0)"));
        savepoint.rollback();
    }
    transaction.exec("insert into tried values (1)");
    EXPECT_EQ(transaction.query_one<std::int64_t>(
                  "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'transactionid'"),
              1);
    transaction.commit();
}

}  // namespace
