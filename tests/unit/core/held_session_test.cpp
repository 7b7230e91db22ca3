// Held sessions: what becomes of streams, COPYs, savepoints and large objects when what they were opened from ends.
#include <gtest/gtest.h>
#include <stop_token>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/large_object.hpp"
#include "pg/savepoint.hpp"
#include "pg/stop.hpp"

namespace {

using namespace std::chrono_literals;
using fake::Lines;
using fake::rows;
using fake::server_error;

constexpr const char* stream_ended = "the transaction of this stream has ended, and the stream with it";
constexpr const char* copy_ended = "the transaction of this COPY has ended, and the COPY with it";

class HeldSession : public testing::Test {
protected:
    void SetUp() override {
        server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
        server.chunks.emplace_back(rows({{"n", 23}}, {{"2"}}));
    }
    /// True when the only session there is came back.
    bool is_free() { return db.client.with({.timeout = 1ns}).try_exec("select 1").has_value(); }
    /// What the call says that must fail as a wrong one; nothing more was sent for it.
    template <class T>
    std::string refusal(const pg::Expected<T>& result) {
        if (result) return "no error came";
        EXPECT_EQ(result.error().kind(), pg::ErrorKind::usage);
        EXPECT_EQ(result.error().outcome(), pg::Outcome::not_sent);
        return std::string(result.error().message());
    }

    fake::Database db{1};
    fake::Server& server = *db.server;
};

TEST_F(HeldSession, IsNotThatOfAConnectionThatWasMovedFrom) {
    pg::Connection connection = db.client.connection();
    const pg::Connection kept = std::move(connection);
    EXPECT_EQ(connection.try_exec("select n").error().kind(), pg::ErrorKind::usage);
    EXPECT_THROW(static_cast<void>(connection.begin()), pg::UsageError);
    EXPECT_THROW(static_cast<void>(connection.node()), pg::UsageError);
    EXPECT_THROW(static_cast<void>(connection.parameter("TimeZone")), pg::UsageError);
}

// ---- streams -------------------------------------------------------------------------------------

TEST_F(HeldSession, StaysWithAStreamThatOutlivesItsConnection) {
    auto connection = std::make_optional(db.client.connection());
    auto stream = connection->stream<int>("select n");
    connection.reset();
    EXPECT_FALSE(is_free());
    EXPECT_EQ(*stream.try_next().value(), 1);
    EXPECT_EQ(*stream.try_next().value(), 2);
    EXPECT_EQ(stream.try_next().value(), nullptr);
    EXPECT_TRUE(is_free()) << "at the end of its rows, whoever keeps the stream";
    const Lines log = server.take_log();
    ASSERT_EQ(log.size(), 4u);
    EXPECT_EQ(log[1], "stream closed");
    EXPECT_TRUE(log[2].starts_with("script close all;")) << "it comes back clean: " << log[2];
}

TEST_F(HeldSession, StaysWithAStreamOfAClientUntilItFails) {
    server.chunks.clear();
    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    server.chunks.emplace_back(server_error("22012"));
    auto stream = db.client.stream<int>("select n");
    EXPECT_EQ(*stream.try_next().value(), 1);
    EXPECT_FALSE(is_free());
    EXPECT_FALSE(stream.try_next());
    EXPECT_TRUE(is_free());
    EXPECT_EQ(stream.try_next().error().kind(), pg::ErrorKind::usage) << "no end: there may have been more";
}

TEST_F(HeldSession, EndsAStreamBeforeItsTransactionIsRolledBack) {
    pg::Transaction transaction = db.client.begin();
    auto stream = transaction.stream<int>("select n");
    transaction.rollback();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "stream select n", "stream closed", "rollback"}));
    EXPECT_TRUE(is_free());
    EXPECT_EQ(*stream.try_next().value(), 1) << "it had arrived";
    EXPECT_EQ(refusal(stream.try_next()), stream_ended);
    EXPECT_EQ(stream.try_next().error().kind(), pg::ErrorKind::usage);
}

TEST_F(HeldSession, EndsAStreamThatOutlivesItsTransaction) {
    auto transaction = std::make_optional(db.client.begin());
    auto stream = transaction->stream<int>("select n");
    transaction.reset();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "stream select n", "stream closed", "rollback"}));
    EXPECT_TRUE(is_free());
    EXPECT_EQ(*stream.try_next().value(), 1);
    EXPECT_EQ(refusal(stream.try_next()), stream_ended);
}

TEST_F(HeldSession, RefusesACommitWhileAStreamIsOpen) {
    pg::Transaction transaction = db.client.begin();
    {
        const auto stream = transaction.stream<int>("select n");
        EXPECT_EQ(refusal(transaction.try_commit()),
                  "a stream or a COPY of the transaction is still open: finish or destroy it before commit");
        EXPECT_TRUE(transaction.is_open());
    }
    transaction.commit();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "stream select n", "stream closed", "commit"}));
}

TEST_F(HeldSession, CommitsBesideAStreamThatWasReadToItsEnd) {
    pg::Transaction transaction = db.client.begin();
    auto stream = transaction.stream<int>("select n");
    while (stream.try_next().value()) continue;
    transaction.commit();
    EXPECT_TRUE(is_free());
}

TEST_F(HeldSession, HasOneStreamOrCopyAtATime) {
    pg::Connection connection = db.client.connection();
    auto stream = connection.stream<int>("select n");
    const char* const occupied = "a stream or a COPY of this session is still open: finish or destroy it first";
    EXPECT_EQ(refusal(connection.try_stream<int>("select m")), occupied);
    EXPECT_EQ(refusal(pg::CopyReader::try_open(connection, "copy t to stdout")), occupied);
    EXPECT_EQ(*stream.try_next().value(), 1);
    EXPECT_EQ(server.take_log(), Lines{"stream select n"});
}

TEST_F(HeldSession, StaysWithATransactionThatOutlivesItsConnection) {
    auto connection = std::make_optional(db.client.connection());
    pg::Transaction transaction = connection->begin();
    connection.reset();
    transaction.exec("select 1");
    EXPECT_FALSE(is_free());
    transaction.commit();
    EXPECT_TRUE(is_free());
}

TEST_F(HeldSession, GoesOnWithItsConnectionAfterATransaction) {
    pg::Connection connection = db.client.connection();
    connection.begin().commit();
    EXPECT_FALSE(is_free());
    connection.exec("select 1");
}

TEST_F(HeldSession, WaitsForNothingBeyondTheTimeOfItsTransaction) {
    pg::Transaction transaction = db.client.begin({.timeout = 1h});
    const pg::Deadline end = pg::Deadline::after(1h);
    pg::Tuned patient = transaction.with({.timeout = pg::no_timeout});
    auto stream = patient.stream<int>("select n");
    server.last_wait = {};
    while (stream.try_next().value()) continue;
    EXPECT_LE(server.last_wait.deadline, end);

    pg::CopyWriter writer(patient, "copy t from stdin");
    EXPECT_LE(server.asked.back().wait.deadline, end) << "one that is over refuses it unsent";
    server.last_wait = {};
    writer.write("1\n");
    EXPECT_LE(server.last_wait.deadline, end);
    writer.finish();
    pg::CopyReader reader(patient, "copy t to stdout");
    EXPECT_LE(server.asked.back().wait.deadline, end);
    server.last_wait = {};
    EXPECT_EQ(reader.read(), std::nullopt);
    EXPECT_LE(server.last_wait.deadline, end);

    server.chunks.emplace_back(rows({{"n", 23}}, {{"1"}}));
    auto hasty = transaction.with({.timeout = 1min}).stream<int>("select n");
    server.last_wait = {};
    while (hasty.try_next().value()) continue;
    EXPECT_LT(server.last_wait.deadline, pg::Deadline::after(2min)) << "its own time, where that is less";
}

// ---- COPY ----------------------------------------------------------------------------------------

TEST_F(HeldSession, EndsACopyOfBytesWithItsTransaction) {
    pg::Transaction transaction = db.client.begin();
    pg::CopyWriter writer(transaction, "copy t from stdin");
    EXPECT_FALSE(transaction.try_commit());
    transaction.rollback();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "copy t from stdin", "copy given up", "rollback"}));
    EXPECT_EQ(writer.columns(), 0u);
    EXPECT_EQ(refusal(writer.try_write("1\n")), copy_ended);

    pg::Transaction other = db.client.begin();
    pg::CopyWriter finished(other, "copy t from stdin");
    pg::Transaction third = std::move(other);
    third.rollback();
    EXPECT_EQ(refusal(finished.try_finish()), copy_ended);

    pg::Transaction fourth = db.client.begin();
    pg::CopyWriter failed(fourth, "copy t from stdin");
    fourth.rollback();
    EXPECT_EQ(refusal(failed.try_fail("why not")), copy_ended);

    server.take_log();
    auto last = std::make_optional(db.client.begin());
    pg::CopyReader reader(*last, "copy t to stdout");
    last.reset();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "copy t to stdout", "copy closed", "rollback"}));
    EXPECT_EQ(refusal(reader.try_read()), copy_ended);
    EXPECT_TRUE(is_free());
}

TEST_F(HeldSession, EndsACopyOfRowsWithItsTransaction) {
    server.copy_columns = 1;
    server.descriptions.push_back(std::vector<fake::Column>{{"n", 23}});
    server.descriptions.push_back(std::vector<fake::Column>{{"n", 23}});
    pg::Transaction transaction = db.client.begin();
    pg::CopyIn<int> in(transaction, "t (n)");
    transaction.rollback();
    EXPECT_TRUE(in.try_write(1)) << "it waits for others before it is sent";
    EXPECT_EQ(refusal(in.try_finish()), copy_ended);

    pg::Transaction other = db.client.begin();
    pg::CopyOut<int> out(other, "t (n)");
    other.rollback();
    EXPECT_EQ(refusal(out.try_next()), copy_ended);
    EXPECT_TRUE(is_free());
}

TEST_F(HeldSession, StaysWithACopyThatOutlivesItsConnection) {
    auto connection = std::make_optional(db.client.connection());
    pg::CopyWriter writer(*connection, "copy t from stdin");
    connection.reset();
    writer.write("1\n");
    EXPECT_FALSE(is_free());
    EXPECT_EQ(writer.finish(), 7u);
    EXPECT_TRUE(is_free());
}

// ---- parts of a transaction ----------------------------------------------------------------------

TEST_F(HeldSession, EndsAStreamBeforeAPartIsUndone) {
    pg::Transaction transaction = db.client.begin();
    pg::Savepoint part = transaction.savepoint();
    auto stream = transaction.stream<int>("select n");
    EXPECT_EQ(refusal(part.try_release()),
              "a stream or a COPY of the transaction is still open: finish or destroy it before release");
    part.rollback();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "savepoint pgclient_1", "stream select n", "stream closed",
                                        "rollback to savepoint pgclient_1; release savepoint pgclient_1"}));
    transaction.commit();
}

TEST_F(HeldSession, FindsPartsThatOutliveTheirTransactionEnded) {
    auto transaction = std::make_optional(db.client.begin());
    pg::Savepoint part = transaction->savepoint();
    server.answer("select lo_open($1, $2)", rows({{"f", 23}}, {{"3"}}));
    pg::LargeObject object(*transaction, pg::Oid{77});
    transaction.reset();
    server.take_log();
    EXPECT_EQ(refusal(part.try_release()), "the savepoint has ended");
    EXPECT_EQ(refusal(object.try_tell()), "the transaction has ended; begin another");
    EXPECT_EQ(server.take_log(), Lines{});
}

TEST_F(HeldSession, FollowsATransactionThatIsMoved) {
    pg::Transaction transaction = db.client.begin();
    pg::Savepoint part = transaction.savepoint();
    server.answer("select lo_open($1, $2)", rows({{"f", 23}}, {{"3"}}));
    pg::LargeObject object(transaction, pg::Oid{77});
    server.answer("select lo_close($1)", rows({{"f", 23}}, {{"0"}}));
    pg::Transaction moved = std::move(transaction);
    object.close();
    part.release();
    moved.commit();
    EXPECT_EQ(server.take_log(), (Lines{"begin", "savepoint pgclient_1", "select lo_open($1, $2)",
                                        "select lo_close($1)", "release savepoint pgclient_1", "commit"}));
}

TEST_F(HeldSession, SaysOfAFailedTransactionWhatItFailedWithLast) {
    const auto fails = [&](const char* sqlstate, pg::RetryScope scope) {
        server.answer("insert into t", server_error(sqlstate, pg::ErrorKind::server, scope));
    };
    pg::Transaction transaction = db.client.begin();
    transaction.exec("savepoint mine");
    fails("40001", pg::RetryScope::transaction);
    EXPECT_FALSE(transaction.try_exec("insert into t"));
    pg::Batch batch(transaction);
    static_cast<void>(batch.exec("rollback to savepoint mine"));
    static_cast<void>(batch.exec("insert into t"));
    fails("23505", pg::RetryScope::none);
    static_cast<void>(batch.try_run(pg::BatchMode::each));
    server.answer("select 1", server_error("25P02", pg::ErrorKind::server, pg::RetryScope::transaction));
    const pg::Error behind = transaction.try_exec("select 1").error();
    EXPECT_EQ(behind.retry_scope(), pg::RetryScope::none);
    EXPECT_NE(behind.detail().find("[23505]"), std::string_view::npos) << behind.what();
}

// ---- scripts -------------------------------------------------------------------------------------

TEST_F(HeldSession, RunsScriptsWithTheOptionsOfTheExecutor) {
    pg::Connection connection = db.client.connection();
    const pg::StopToken stop{std::stop_token()};
    connection.with({.stop = &stop}).run_script("select 1; select 2");
    EXPECT_EQ(server.last_wait.stop, &stop);
    connection.run_script("select 1; select 2");
    EXPECT_EQ(server.last_wait.stop, nullptr);
}

}  // namespace
