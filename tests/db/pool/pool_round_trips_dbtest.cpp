// How often a pool waits for its server and what it sends unasked: counted, on a line whose answers do not come.
#include <pg/testing/fault_proxy.hpp>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

using pg::testing::Direction;
using pg::testing::FaultProxy;

class PoolRoundTrips : public PoolTest {
protected:
    pg::Client open_one(const pg::PoolOptions& pool, std::string_view more = {}) {
        return open(proxy.conninfo(pg::testing::shared_server(), "pool").append(more), 1, pool);
    }
    /// Bytes that were sent while `step` ran.
    template <class Step>
    std::uint64_t sent_by(Step step) {
        const auto before = proxy.stats().to_server.bytes_in;
        step();
        return proxy.stats().to_server.bytes_in - before;
    }
    static void lend(pg::Client& db) { static_cast<void>(db.pool().acquire({pg::Deadline::after(20s)}).value()); }

    const std::string& known = conninfo();  // so that the database is there
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
};

TEST_P(PoolRoundTrips, ANewStatementWithArgumentsTakesOne) {  // B1
    for (const std::string_view engine : {" engine=direct", " engine=libpq"}) {
        pg::Client db = open_one({.ping_after = 1h}, engine);
        db.exec("select 1");
        // No answer comes: whatever the statement does is done by what was sent at once.
        proxy.set(Direction::to_client, {.frozen = true});
        std::thread asks([&] { EXPECT_EQ(db.query_one<bool>("select pg_try_advisory_lock($1::int)", 4712), true); });
        EXPECT_TRUE(soon([] {
            return onlooker().query_one<bool>(
                "select exists (select from pg_locks where locktype = 'advisory' and objid = 4712 and granted)");
        })) << engine;
        proxy.heal();
        asks.join();
    }
}

TEST_P(PoolRoundTrips, ASessionThatWasJustUsedIsLentAndGivenBackWithNone) {  // B2, B3
    pg::Client db = open_one({.ping_after = 1h});
    db.exec("select 1");
    EXPECT_EQ(sent_by([&] {
                  for (int i = 0; i < 100; ++i) lend(db);
              }),
              0u);
}

TEST_P(PoolRoundTrips, OnlyWhatWasSetIsResetAndThatOnce) {  // B3
    pg::Client db = open_one({.ping_after = 1h});
    const auto reads = [](pg::Executor& with) { with.query("select 'work_mem = 5MB'"); };
    const auto sets = [](pg::Executor& with) { with.exec("set work_mem = '5MB'"); };
    std::uint64_t read = 0, set = 0, reset = 0;
    const int process = process_of(db);
    {
        pg::Connection held = db.connection();
        for (int i = 0; i < 10; ++i) reads(held), sets(held);  // as prepared as they will ever be
        read = sent_by([&] { reads(held); });
        set = sent_by([&] { sets(held); });
        reset = sent_by([&] { const pg::Connection gone = std::move(held); });
    }
    const auto last = onlooker().query_one<std::string>("select query from pg_stat_activity where pid = $1", process);
    EXPECT_EQ(last.find("close all; "), 0u) << last;
    EXPECT_EQ(reset, 1 + 4 + last.size() + 1) << "one message: its kind, its length, the text and its end";
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(sent_by([&] { reads(db); }), read) << "nothing but the statement";
        EXPECT_EQ(sent_by([&] { sets(db); }), set + reset) << "and one reset";
        EXPECT_EQ(sent_by([&] { lend(db); }), 0u);
    }
}

TEST_P(PoolRoundTrips, ASessionThatWasIdleForLongIsAskedOnce) {  // B2
    pg::Client db = open_one({.ping_after = 1ns});
    db.exec("select 1");
    const auto asked = sent_by([&] { lend(db); });
    EXPECT_GT(asked, 0u);
    EXPECT_LE(asked, 32u) << "one small message";
    EXPECT_EQ(sent_by([&] {
                  for (int i = 0; i < 10; ++i) lend(db);
              }),
              10 * asked);
}

INSTANTIATE_TEST_SUITE_P(Providers, PoolRoundTrips, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
