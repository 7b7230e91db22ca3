// Sessions that are taken back from who has them for too long: told to the holder by the connection alone.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/savepoint.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;
using pg::spi::Lease;

class Reclaim : public testing::Test {
protected:
    Reclaim() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0); }
    ~Reclaim() override {
        for (const int end : ends) ::close(end);
    }
    /// Of one session, whose holders are given no time.
    void open(int socket) {
        pg::pool::Limits limits;
        limits.max_size = 1;
        limits.reclaim_threshold = 1ns;
        limits.on_leak = [](void* count, const pg::Loan& loan) noexcept {
            *static_cast<int*>(count) += loan.reclaimed ? 1 : 100;
        };
        limits.leak_context = &told;
        db.emplace(limits);
        db->server->socket = socket;
    }
    void look() { db->provider->spot().ring(); }

    int ends[2] = {};
    int told = 0;
    std::optional<fake::Database> db;
};

TEST_F(Reclaim, EndsTheConnectionAndOpensAnotherSession) {
    open(ends[0]);
    Lease overdue = db->context->source->acquire({}).value();
    std::thread waits_for_the_server([&] {
        pollfd end{ends[0], POLLIN, 0};
        EXPECT_EQ(::poll(&end, 1, 20'000), 1) << "whoever waits is woken";
    });
    look();
    waits_for_the_server.join();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(db->client.pool().stats().reclaimed, 1u);
    EXPECT_EQ(db->client.pool().stats().size(), 0u);
    db->client.exec("select 1");
    EXPECT_EQ(db->server->opened, 2);
    EXPECT_EQ(db->server->closed, 0) << "its holder still has it";
    overdue.give_back();
    EXPECT_EQ(db->server->closed, 1);
    EXPECT_EQ(db->client.pool().stats().idle, 1u);
}

pg::Error lost() {
    return pg::Error({.kind = pg::ErrorKind::connection_lost,
                      .outcome = pg::Outcome::unknown,
                      .connection_usable = false,
                      .message = "the connection has ended"});
}

/// Told by whatever was asked of a session that the pool has taken back.
void expect_told(const pg::Error& error) {
    EXPECT_EQ(error.kind(), pg::ErrorKind::connection_lost);
    EXPECT_EQ(error.outcome(), pg::Outcome::unknown);
    EXPECT_EQ(
        error.message(),
        "the pool took the session back, because it was held for longer than reclaim_threshold: the connection has "
        "ended");
    EXPECT_NE(error.hint(), "");
}

TEST_F(Reclaim, IsWhyTheHolderSeesItsConnectionEnd) {
    open(ends[0]);
    pg::Connection overdue = db->client.connection();
    look();
    db->server->answer("select 1", lost());
    expect_told(overdue.try_exec("select 1").error());
    db->server->refuses_scripts = lost();
    expect_told(overdue.try_run_script("select 1; select 2").error());
    db->server->answer("select 2", lost());
    pg::Batch batch(overdue);
    batch.exec("select 2");
    expect_told(batch.try_run().error());
}

TEST_F(Reclaim, IsWhyATransactionEnds) {
    open(ends[0]);
    pg::Transaction overdue = db->client.begin();
    look();
    db->server->answer("savepoint pgclient_1", lost());
    const auto part = overdue.try_savepoint();
    ASSERT_FALSE(part);
    expect_told(part.error());
}

TEST_F(Reclaim, IsWhyAStreamOrACopyEnds) {
    open(ends[0]);
    db->server->chunks.emplace_back(fake::rows({{"n", 23}}, {{"17"}}));
    db->server->chunks.emplace_back(lost());
    auto stream = db->client.stream<int>("select 1");
    look();
    EXPECT_TRUE(stream.try_next());
    expect_told(stream.try_next().error());
    pg::CopyReader copy(db->client, "copy t to stdout");
    look();
    db->server->copy_error = lost();
    expect_told(copy.try_read().error());
}

TEST_F(Reclaim, IsNotWhyAConnectionIsLostThatNobodyTookBack) {
    open(ends[0]);
    pg::Connection connection = db->client.connection();
    db->server->answer("select 1", lost());
    EXPECT_EQ(connection.try_exec("select 1").error().message(), "the connection has ended");
}

TEST_F(Reclaim, IsNotWhyAStatementFails) {
    open(ends[0]);
    pg::Connection overdue = db->client.connection();
    look();
    db->server->answer("select 1", pg::Error({.kind = pg::ErrorKind::server, .message = "no such table"}));
    EXPECT_EQ(overdue.try_exec("select 1").error().message(), "no such table");
}

TEST_F(Reclaim, LeavesAloneWhatComesBackInTime) {
    open(ends[0]);
    db->client.exec("select 1");
    look();
    EXPECT_EQ(told, 0);
    db->client.exec("select 1");
    EXPECT_EQ(db->server->opened, 1);
}

TEST_F(Reclaim, LeavesASessionWithoutASocketToItsHolder) {
    open(-1);
    const Lease lease = db->context->source->acquire({}).value();
    look();
    EXPECT_EQ(told, 0);
    EXPECT_EQ(db->client.pool().stats().lent, 1u);
}

TEST_F(Reclaim, LetsGoOfWhatIsNeverUsedAgainBeforeTheEnd) {
    open(ends[0]);
    Lease overdue = db->context->source->acquire({}).value();
    look();
    db->client.close();
    EXPECT_EQ(db->client.pool().drain(20s), 0u) << "it counts no more";
    overdue.give_back();
    EXPECT_EQ(db->server->closed, 1);
}

}  // namespace
