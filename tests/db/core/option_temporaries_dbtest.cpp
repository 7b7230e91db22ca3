// Options in the middle of a `co_await` expression. g++ 12 destroys the temporaries of aggregates there twice, so
// option structs have nothing to destroy; tests/repository/option_structs.py holds that each of them is here.
#include <gtest/gtest.h>
#include <pg/async.hpp>
#include <pg/pool/options.hpp>
#include <pg/testing/test_server.hpp>
#include <stop_token>
#include <type_traits>

namespace {

using namespace std::chrono_literals;

static_assert(std::is_trivially_destructible_v<pg::Options>);
static_assert(std::is_trivially_destructible_v<pg::PoolOptions>);
static_assert(std::is_trivially_destructible_v<pg::Query>);
static_assert(std::is_trivially_destructible_v<pg::QueryOptions>);
static_assert(std::is_trivially_destructible_v<pg::TransactionOptions>);

const std::string& conninfo() {
    static const std::string text = pg::testing::shared_server().create_database("option_temporaries");
    return text;
}

class OptionTemporaries : public testing::TestWithParam<const char*> {
protected:
    pg::Client db = pg::open(conninfo(), {.provider = "async", .engine = GetParam(), .pool_max_size = 2});
};
INSTANTIATE_TEST_SUITE_P(Engine, OptionTemporaries, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

pg::Task<void> open_by_options(const char* engine) {
    EXPECT_EQ(co_await pg::open(conninfo(), pg::Options{.provider = "async", .engine = engine, .pool_max_size = 1})
                  .async()
                  .query_one<int>("select 1"),
              1);
    const auto late = co_await pg::open(conninfo(), pg::Options{.provider = "async", .engine = engine, .timeout = 20ms})
                          .async()
                          .try_exec("select pg_sleep(30)");
    EXPECT_FALSE(late) << "the options were not heard";
}

TEST_P(OptionTemporaries, OfAClient) { pg::sync_wait(open_by_options(GetParam())); }

pg::Client open_with(const char* engine, const pg::PoolOptions& pool) {
    return pg::open(conninfo(), {.provider = "async", .engine = engine, .pool_max_size = 1, .pool = &pool});
}
pg::Task<bool> keeps_its_session(pg::AsyncClient async) {
    const int first = co_await async.query_one<int>("select pg_backend_pid()");
    co_return first == co_await async.query_one<int>("select pg_backend_pid()");
}
pg::Task<void> open_by_pool_options(const char* engine) {
    EXPECT_TRUE(co_await keeps_its_session(open_with(engine, pg::PoolOptions{.max_uses = 2}).async()));
    EXPECT_FALSE(co_await keeps_its_session(open_with(engine, pg::PoolOptions{.max_uses = 1}).async()))
        << "the options were not heard";
}

TEST_P(OptionTemporaries, OfAPool) { pg::sync_wait(open_by_pool_options(GetParam())); }

pg::Task<void> ask_by_options(pg::AsyncClient async, const pg::StopToken& never) {
    EXPECT_EQ(co_await async.with(pg::QueryOptions{.timeout = 10s, .stop = &never, .idempotent = true})
                  .query_one<int>("select 1"),
              1);
    const auto late = co_await async.with(pg::QueryOptions{.timeout = 20ms}).try_exec("select pg_sleep(30)");
    EXPECT_FALSE(late) << "the options were not heard";
    EXPECT_EQ(co_await async.query_one<int>(pg::Query{.sql = "select 2", .timeout = 10s, .stop = &never}), 2);
    const auto later = co_await async.try_exec(pg::Query{.sql = "select pg_sleep(30)", .timeout = 20ms});
    EXPECT_FALSE(later) << "the options were not heard";
    auto rows = co_await async.with(pg::QueryOptions{.timeout = 10s}).stream<int>(pg::Query{.sql = "select 3"});
    EXPECT_EQ(*co_await rows.next(), 3);
}

TEST_P(OptionTemporaries, OfARequest) {
    const std::stop_source source;
    const pg::StopToken never(source.get_token());
    pg::sync_wait(ask_by_options(db.async(), never));
}

constexpr auto* isolation = "show transaction_isolation";

pg::Task<void> begin_by_options(pg::AsyncClient async) {
    using Isolation = pg::Isolation;
    {
        auto transaction = co_await async.begin(pg::TransactionOptions{.isolation = Isolation::serializable});
        EXPECT_EQ(co_await transaction.query_one<std::string>(pg::runtime(isolation)), "serializable");
    }
    {
        auto transaction = co_await async.try_begin(pg::TransactionOptions{.isolation = Isolation::repeatable_read});
        EXPECT_EQ(co_await transaction->query_one<std::string>(pg::runtime(isolation)), "repeatable read");
    }
    const auto body = [](pg::AsyncTransaction& transaction) -> pg::Task<std::string> {
        co_return co_await transaction.query_one<std::string>(pg::runtime(isolation));
    };
    EXPECT_EQ(co_await async.transaction(pg::TransactionOptions{.isolation = Isolation::serializable}, body),
              "serializable");
}

pg::Task<void> begin_by_options_on_a_connection(pg::AsyncClient async) {
    const pg::AsyncConnection connection = co_await async.connection();
    {
        auto transaction = co_await connection.begin(pg::TransactionOptions{.access = pg::Access::read_only});
        EXPECT_FALSE(co_await transaction.try_exec("create table none ()"));
    }
    auto transaction = co_await connection.try_begin(pg::TransactionOptions{.access = pg::Access::read_only});
    EXPECT_FALSE(co_await transaction->try_exec("create table none ()"));
}

TEST_P(OptionTemporaries, OfATransaction) {
    pg::sync_wait(begin_by_options(db.async()));
    pg::sync_wait(begin_by_options_on_a_connection(db.async()));
}

}  // namespace
