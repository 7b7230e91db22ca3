// Sessions that are taken back from who has them for too long: told to the holder by the connection alone.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

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
