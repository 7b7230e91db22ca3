// What a real server says of its sessions, and what the pool of a client makes of it.
#include <atomic>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

using pg::testing::TestServer;

class PoolPoison : public PoolTest {};

TEST_P(PoolPoison, ACrashEndsAllSessionsOfItsServer) {  // fault 1
    TestServer server = TestServer::start();
    pg::Client db = open(server.conninfo(), 3);
    db.pool().wait_ready(3, 20s).value();
    {
        pg::Connection first = db.connection();
        pg::Connection second = db.connection();
        server.kill_backend(first.backend_process());
        EXPECT_TRUE(soon([&] { return !second.try_exec("select 1"); }));
    }
    EXPECT_TRUE(soon([&] { return db.pool().stats().size() == 0; }));
    EXPECT_TRUE(soon([&] { return db.try_exec("select 1").has_value(); }));
}

TEST_P(PoolPoison, NoMoreSessionsAreOpenedThanTheServerHasRoomFor) {  // fault 19
    const std::string role = std::string("narrow_") + GetParam();
    onlooker().run_script("create role " + role + " login connection limit 2");
    pg::Client db = open(conninfo() + " user=" + role, 5);
    db.pool().wait_ready(1, 20s).value();  // of two that come at once beside a third the server may refuse both
    std::vector<std::thread> crowd;
    std::atomic<int> served = 0;
    for (int i = 0; i < 8; ++i)
        crowd.emplace_back([&] {
            for (int call = 0; call < 20; ++call) served += db.query_one<int>("select 1 from pg_sleep(0.005)");
        });
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(served, 160) << "whoever waits is served by the two that there are";
    EXPECT_EQ(db.pool().stats().limit, 2u);
    EXPECT_EQ(db.pool().stats().opened, 2u);
    EXPECT_LE(db.pool().stats().failed_to_open, 2u);
}

TEST_P(PoolPoison, AServerThatTakesNoWritesLosesSessionsThatAreToWrite) {  // fault 59
    TestServer server = TestServer::start();
    pg::Client db = open(server.conninfo() + " target_session_attrs=read-write", 2);
    db.pool().wait_ready(2, 20s).value();
    pg::Client admin = pg::connect(server.conninfo());
    const auto set_read_only = [&](const char* value) {
        pg::Connection connection = admin.connection();
        connection.run_script("begin read write; commit");
        connection.exec(pg::runtime(std::string("alter system set default_transaction_read_only = ") + value));
        connection.query("select pg_reload_conf()");
    };
    set_read_only("on");
    EXPECT_TRUE(soon([&] {
        const auto written = db.try_exec("create table if not exists t (n int)");
        return !written && written.error().sqlstate() == "25006";
    }));
    EXPECT_TRUE(soon([&] { return db.pool().stats().size() == 0; })) << "the idle one goes too";
    set_read_only("off");
    EXPECT_TRUE(soon([&] { return db.try_exec("create table if not exists t (n int)").has_value(); }));
}

INSTANTIATE_TEST_SUITE_P(Providers, PoolPoison, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
