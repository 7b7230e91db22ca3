// The pool of a client through faults: dead, frozen and silent servers, and crowds that come back with them.
#include <atomic>
#include <pg/async.hpp>
#include <pg/batch.hpp>
#include <pg/testing/fake_server.hpp>
#include <pg/testing/fault_proxy.hpp>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

using pg::testing::Direction;
using pg::testing::FakeServer;
using pg::testing::FaultProxy;
using pg::testing::TestServer;

class PoolFault : public PoolTest {
protected:
    static void terminate(int process) { onlooker().query("select pg_terminate_backend($1, 5000)", process); }
};

TEST_P(PoolFault, OneDeadSessionIsReplacedUnnoticed) {  // fault 7
    pg::Client db = open(conninfo(), 3);
    db.pool().wait_ready(3, 20s).value();
    const int dead = process_of(db);
    terminate(dead);
    for (int i = 0; i < 10; ++i) EXPECT_NE(process_of(db), dead);
    EXPECT_EQ(db.pool().stats().lost, 1u);
}

// As a device on the way does that has forgotten a connection which rested for long: what is sent is lost, and nobody
// is told. Connections are opened anew on another line.
TEST_P(PoolFault, ASessionWhoseLineWasForgottenWhileItRestedIsReplacedUnnoticed) {  // fault 12
    for (const std::string engine : {"direct", "libpq"}) {
        SCOPED_TRACE(engine);
        TestServer server = TestServer::start();
        FaultProxy forgetful = FaultProxy::start(server), other = FaultProxy::start(server);
        const auto port = [](const FaultProxy& proxy) { return std::to_string(proxy.port()); };
        const std::string where = server.tcp_conninfo() +
                                  " host=127.0.0.1,127.0.0.1 hostaddr='' port=" + port(forgetful) + "," + port(other) +
                                  " sslmode=disable engine=" + engine;
        pg::Client db = open(where, 1, {.ping_after = 1ns});
        const int before = process_of(db);
        EXPECT_EQ(forgetful.stats().open, 1u);
        for (const Direction direction : {Direction::to_server, Direction::to_client})
            forgetful.set(direction, {.swallow_after = 0});
        forgetful.refuse();
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_NE(process_of(db), before);
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(1000ms)) << "that of a ping";
        EXPECT_EQ(other.stats().open, 1u);
        EXPECT_EQ(db.pool().stats().lost, 1u);
    }
}

// A request takes a third of a second and longer, each another time; sixty of them in one flush take no longer, and no
// session is given up for it.
TEST_P(PoolFault, ALongLineIsCrossedOnceByWhatIsSentTogether) {  // fault 13
    for (const std::string engine : {"direct", "libpq"}) {
        SCOPED_TRACE(engine);
        FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
        const auto delay = [&](std::chrono::milliseconds time) {
            for (const Direction direction : {Direction::to_server, Direction::to_client})
                proxy.set(direction, {.delay = time});
        };
        constexpr int statements = 60;
        constexpr std::chrono::seconds time{12};  // sixty crossings would take 18
        pg::Client db = open(proxy.conninfo(pg::testing::shared_server()) + " engine=" + engine, 1, {}, time);
        EXPECT_GT(process_of(db), 0);
        delay(150ms);
        pg::Batch batch(db);
        std::vector<pg::Deferred<int>> numbers;
        for (int i = 0; i < statements; ++i) numbers.push_back(batch.query_one<int>("select $1::int", i));
        batch.run();
        for (int i = 0; i < statements; ++i) EXPECT_EQ(numbers[static_cast<std::size_t>(i)].get(), i);
        if (is_awaited()) {
            std::vector<pg::Async<int>> calls;
            for (int i = 0; i < statements; ++i) calls.push_back(db.async().query_one<int>("select $1::int", i));
            const std::vector<int> told = pg::sync_wait(pg::when_all(std::move(calls)));
            for (int i = 0; i < statements; ++i) EXPECT_EQ(told[static_cast<std::size_t>(i)], i);
        }
        for (const auto later : {20ms, 300ms, 1ms, 150ms}) {
            delay(later);
            EXPECT_EQ(db.query_one<int>("select 7"), 7);
        }
        EXPECT_LE(db.pool().stats().opened, 2u) << "another one where the first took a second to open";
        EXPECT_EQ(db.pool().stats().lost, 0u);
    }
}

TEST_P(PoolFault, AFrozenSessionHoldsUpNobody) {  // faults 2, 3
    TestServer server = TestServer::start();
    pg::Client db = open(server.conninfo(), 2, {.ping_after = 1ns});
    const int frozen = process_of(db);
    server.freeze_backend(frozen);
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> crowd;
    std::atomic<int> served = 0;
    for (int i = 0; i < 6; ++i) crowd.emplace_back([&] { served += process_of(db) != frozen; });
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(served, 6);
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(2000ms));
    server.thaw_backend(frozen);
}

TEST_P(PoolFault, AFrozenSessionIsGivenASecondWhereItIsTheOnlyOne) {  // fault 3, PO-06
    TestServer server = TestServer::start();
    pg::Client db = open(server.conninfo(), 1, {.ping_after = 1ns});
    const int frozen = process_of(db);
    server.freeze_backend(frozen);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_NE(process_of(db), frozen);
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(1000ms));
    server.thaw_backend(frozen);
}

TEST_P(PoolFault, ASessionThatFreezesWhileItIsClearedUpLeavesItsPlace) {  // fault 4
    TestServer server = TestServer::start();
    pg::Client db = open(server.conninfo(), 1);
    std::optional<pg::Connection> left = db.connection();
    left->exec("set search_path = nowhere");
    const int frozen = process_of(*left);
    server.freeze_backend(frozen);
    const auto begin = std::chrono::steady_clock::now();
    left.reset();
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(2000ms));
    EXPECT_NE(process_of(db), frozen);
    const pg::PoolStats stats = db.pool().stats();
    EXPECT_EQ(stats.lost, 1u);
    EXPECT_EQ(stats.size(), 1u);
    server.thaw_backend(frozen);
}

TEST_P(PoolFault, WhatIsTooOldServesUntilAnotherIsLetIn) {  // PO-07
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    const std::string where = proxy.conninfo(pg::testing::shared_server(), "pool");
    EXPECT_EQ(onlooker().query_one<int>("select 1"), 1);
    pg::Client db = open(where, 2, {.min_size = 1, .max_lifetime = 1ns});
    db.pool().wait_ready(1, 20s).value();
    proxy.refuse();
    ASSERT_TRUE(soon([&] { return db.pool().stats().failed_attempts > 1; }));
    const int old = process_of(db);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(process_of(db), old);
    {
        pg::Connection kept = db.connection();
        EXPECT_EQ(process_of(kept), old);
    }
    EXPECT_EQ(process_of(db), old);
    proxy.heal();
    EXPECT_TRUE(soon([&] { return process_of(db) != old; }));
}

TEST_P(PoolFault, AnAttemptThatGotLostHoldsUpNobodyEvenWhereItFillsThePool) {
    TestServer server = TestServer::start();
    for (const pg::Deadline patience = pg::Deadline::after(60s); !patience.passed();) {
        FaultProxy proxy = FaultProxy::start(server);
        proxy.set(Direction::to_server, {.swallow_after = 0});
        pg::Client db = open(proxy.conninfo(server), 1, {.connect_timeout = 60s});
        EXPECT_FALSE(db.with({.timeout = 50ms}).try_exec("select 1"));
        ASSERT_TRUE(proxy.wait_for_bytes_in(Direction::to_server, 1, pg::Deadline::after(20s)));
        proxy.heal();
        if (proxy.stats().accepted != 1) continue;  // on a busy machine another one was begun in time to get lost, too
        EXPECT_GT(process_of(db), 0);
        EXPECT_GE(proxy.stats().accepted, 2u);
        return;
    }
    FAIL() << "no attempt got lost alone";
}

TEST_P(PoolFault, AServerThatComesBackIsFoundAgain) {  // fault 6
    for (const auto mode : {pg::testing::ShutdownMode::fast, pg::testing::ShutdownMode::immediate}) {
        TestServer server = TestServer::start();
        pg::Client db = open(server.conninfo(), 3);
        db.pool().wait_ready(3, 20s).value();
        server.stop(mode);
        const auto refused = db.try_exec("select 1");
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().kind(), pg::ErrorKind::pool_timeout) << refused.error().what();
        server.start_again();
        EXPECT_TRUE(soon([&] { return db.try_exec("select 1").has_value(); }));
    }
}

TEST_P(PoolFault, AServerThatLetsNobodyInServesWhoIsThereAndIsFoundAgain) {  // fault 6
    TestServer server = TestServer::start();
    const std::string where = server.conninfo();
    pg::Client db = open(where, 3);
    db.pool().wait_ready(3, 20s).value();
    std::thread stopping([&] { EXPECT_TRUE(server.try_stop(pg::testing::ShutdownMode::smart)); });
    EXPECT_TRUE(soon([&] { return !pg::try_connect(where); }));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(db.try_exec("select 1"));
    EXPECT_EQ(db.pool().stats().opened, 3u);
    db.pool().refresh();  // it goes when the last session has left
    stopping.join();
    const auto refused = db.try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::connect) << refused.error().what();
    server.start_again();
    EXPECT_TRUE(soon([&] { return db.try_exec("select 1").has_value(); }));
}

TEST_P(PoolFault, AnAttemptWhoseServerSaysNothingIsOverInItsTime) {
    FakeServer mute = FakeServer::start([](pg::testing::Conversation& client) { client.ignore(); });
    pg::Client db = open(mute.conninfo(), 1, {.connect_timeout = 100ms});
    const auto expect_told = [](auto ask) {
        const auto begin = std::chrono::steady_clock::now();
        const pg::Expected<std::uint64_t> told = ask();
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(100ms));
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().kind(), pg::ErrorKind::timeout);
        EXPECT_EQ(told.error().outcome(), pg::Outcome::not_sent);
        EXPECT_NE(told.error().message().find("no answer in time"), std::string_view::npos) << told.error().what();
    };
    expect_told([&] { return db.try_exec("select 1"); });
    if (is_awaited()) expect_told([&] { return db.async().try_exec("select 1").get(); });
    EXPECT_GE(db.pool().stats().failed_to_open, 1u);
    EXPECT_EQ(db.pool().stats().given_up, 0u) << "nobody's own time was over";
}

TEST_P(PoolFault, WhoGivesUpDuringAConnectLeavesNothingBehind) {  // fault 68
    TestServer server = TestServer::start();
    FaultProxy proxy = FaultProxy::start(server);
    proxy.set(Direction::to_client, {.frozen = true});
    std::chrono::steady_clock::time_point end;
    {
        pg::Client db = open(proxy.conninfo(server), 2, {.connect_timeout = 60s});
        const auto begin = std::chrono::steady_clock::now();
        const auto late = db.with({.timeout = 200ms}).try_exec("select 1");
        EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(200ms));
        ASSERT_FALSE(late);
        EXPECT_EQ(late.error().kind(), pg::ErrorKind::pool_timeout);
        // On a busy machine it takes so long that another one is begun beside it.
        const std::string_view told = late.error().message();
        EXPECT_TRUE(told.find("has not let in the 1 of 2 that are being opened") != std::string_view::npos ||
                    told.find("has not let in the 2 of 2 that are being opened") != std::string_view::npos)
            << late.error().what();
        proxy.heal();
        EXPECT_EQ(db.query_one<int>("select 1"), 1) << "what was begun for one serves the next";
        EXPECT_LE(proxy.stats().accepted, 2u);
        proxy.set(Direction::to_client, {.frozen = true});
        db.pool().refresh();
        EXPECT_FALSE(db.with({.timeout = 50ms}).try_exec("select 1"));
        end = std::chrono::steady_clock::now();
    }
    EXPECT_LE(std::chrono::steady_clock::now() - end, testing_support::bound_on_hang(2000ms));
    proxy.heal();
    EXPECT_TRUE(proxy.wait_until_idle(pg::Deadline::after(20s))) << "the end of the client ends its connects";
}

TEST_P(PoolFault, AHerdKnocksAsOftenAsOneDoes) {  // fault 54
    TestServer server = TestServer::start();
    FaultProxy proxy = FaultProxy::start(server);
    proxy.refuse();
    pg::Client db = open(proxy.conninfo(server), 4);
    std::vector<std::thread> herd;
    std::atomic<int> served = 0, asked = 0;
    for (int i = 0; i < 40; ++i)
        herd.emplace_back([&] {
            const auto ask = [&] { return ++asked, db.try_exec("select 1").has_value(); };
            served += soon(ask) || soon(ask) || soon(ask);  // the pause that they are in may take 10 s
        });
    EXPECT_TRUE(soon([&] { return asked >= 1000; }));
    // Two after each pause, most of them of up to 10 s: that there were thirty by now is less likely than 1 in 10^12.
    EXPECT_LE(db.pool().stats().failed_to_open, 60u);
    proxy.heal();
    for (std::thread& one : herd) one.join();
    EXPECT_EQ(served, 40);
    EXPECT_LE(proxy.stats().accepted, 4u);
}

TEST_P(PoolFault, ACallerWhoseTimeEndsDuringTheHandOverLosesNoSession) {  // fault 52
    pg::Client db = open(conninfo(), 2);
    std::vector<std::thread> crowd;
    for (int number = 0; number < 8; ++number)
        crowd.emplace_back([&, number] {
            for (int i = 0; i < 200; ++i) {
                const auto patience = std::chrono::microseconds(1 + (number * 131 + i * 37) % 900);
                static_cast<void>(db.try_connection(patience));
            }
        });
    for (std::thread& one : crowd) one.join();
    EXPECT_TRUE(soon([&] { return db.pool().stats().lent == 0; }));
    const pg::Connection first = db.connection();
    const pg::Connection second = db.connection();
    EXPECT_EQ(db.pool().stats().size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Providers, PoolFault, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
