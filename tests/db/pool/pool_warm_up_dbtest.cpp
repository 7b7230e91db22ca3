// Statements that sessions have prepared before they are lent: on a real server, and what is left to do at first use.
#include <pg/pool/statement.hpp>
#include <pg/statement_cache.hpp>
#include <pg/types/enumeration.hpp>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
enum class Weather { sun, rain };
}  // namespace pool_tests

template <>
struct pg::Codec<pool_tests::Weather> : pg::EnumCodec<pool_tests::Weather> {
    static constexpr TypeId type{{}, {}, "weather"};
};

namespace pool_tests {
namespace {

class PoolWarmUp : public PoolTest {
protected:
    /// Warmed up with one statement.
    static pg::Client warm(const pg::PoolStatement& statement, const std::string& where = conninfo()) {
        const std::vector<pg::PoolStatement> statements{statement};
        return open(where, 4, {.min_idle = 2, .prepare = &statements});
    }
    /// Names and texts of all statements that are prepared on a session.
    static std::int64_t prepared_on(pg::Connection& session) {
        return session.query_one<std::int64_t>("select count(*) from pg_prepared_statements where name <> ''");
    }
};

TEST_P(PoolWarmUp, LeavesNothingToPrepareAtTheFirstUse) {
    pg::Client db = warm(pg::to_prepare<int(int, std::string)>("select $1 + length($2)"));
    db.pool().wait_ready(2, 20s).value();
    EXPECT_EQ(db.statement_cache().prepared, 2u);
    const auto sum = db.prepare<int(int, std::string)>("select $1 + length($2)");
    EXPECT_EQ(sum(4, "three"), 9);
    EXPECT_EQ(db.query_one<int>("select $1 + length($2)", 1, "two"), 4) << "any verb with arguments of those types";
    EXPECT_EQ(db.statement_cache().hits, 2u);
    EXPECT_EQ(db.statement_cache().misses, 0u);
    pg::Connection one = db.connection(), other = db.connection();
    EXPECT_EQ(prepared_on(one), 1);
    EXPECT_EQ(prepared_on(other), 1) << "no session without";
}

TEST_P(PoolWarmUp, KnowsTheTypesOfItsColumns) {
    onlooker().exec("drop type if exists weather");
    onlooker().exec("create type weather as enum ('sun', 'rain')");
    pg::Client db = warm(pg::to_prepare<Weather()>("select 'rain'::weather"));
    db.pool().wait_ready(2, 20s).value();
    pg::Connection session = db.connection();
    const int process = session.backend_process();
    EXPECT_EQ(session.query_one<Weather>("select 'rain'::weather"), Weather::rain);
    EXPECT_EQ(onlooker().query_one<std::string>("select query from pg_stat_activity where pid = $1", process),
              "select 'rain'::weather")
        << "nothing was asked behind it";
    EXPECT_EQ(db.statement_cache().hits, 1u);
}

TEST_P(PoolWarmUp, SaysWhatCannotBePreparedAndServesTheRest) {
    onlooker().exec("drop table if exists orders");
    pg::Client db = warm(pg::to_prepare<std::vector<int>()>("select id from orders"));
    const auto ready = db.pool().wait_ready(2, 20s);
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().sqlstate(), "42P01");
    EXPECT_NE(ready.error().message().find("PoolOptions::prepare"), std::string_view::npos) << ready.error().what();
    EXPECT_NE(std::string(ready.error().what()).find("select id from orders"), std::string::npos)
        << ready.error().what();
    EXPECT_GE(db.pool().stats().unprepared, 2u);
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
    db.exec("create table orders (id int)");
    EXPECT_EQ(db.query_all<int>("select id from orders").size(), 0u);
    db.pool().refresh();
    db.pool().wait_ready(2, 20s).value();
}

TEST_P(PoolWarmUp, WaitsForALockedTableNoLongerThanForTheSession) {
    onlooker().exec("create table if not exists locked (id int)");
    pg::Transaction lock = onlooker().begin();
    lock.exec("lock table locked in access exclusive mode");
    const std::vector<pg::PoolStatement> statements{pg::to_prepare<std::vector<int>()>("select id from locked"),
                                                    pg::to_prepare<int()>("select 1")};
    pg::Client db = open(conninfo(), 1, {.connect_timeout = 3s, .prepare = &statements});
    // A busy server may not give the statement up in the time that it has for that, and then another session is opened.
    ASSERT_TRUE(soon([&] { return db.try_query_one<int>("select 1").has_value(); }));
    const auto ready = db.pool().wait_ready(1, 20s);
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().kind(), pg::ErrorKind::timeout) << ready.error().what();
}

TEST_P(PoolWarmUp, PreparesNothingWhereStatementsHaveNoNames) {
    pg::Client db = warm(pg::to_prepare<int()>("select 1"), conninfo() + " statement_cache_size=0");
    db.pool().wait_ready(2, 20s).value();
    pg::Connection session = db.connection();
    EXPECT_EQ(prepared_on(session), 0);
}

TEST_P(PoolWarmUp, RefusesMoreThanASessionKeeps) {
    const std::vector<pg::PoolStatement> statements{pg::to_prepare<int()>("select 1"),
                                                    pg::to_prepare<int()>(pg::runtime("select 2"))};
    const pg::PoolOptions options{.prepare = &statements};
    const auto refused = pg::try_open(conninfo() + " statement_cache_size=1", {.pool = &options});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::usage);
}

INSTANTIATE_TEST_SUITE_P(Provider, PoolWarmUp, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
