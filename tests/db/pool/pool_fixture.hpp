// What the tests of pools on a real server have in common.
#pragma once

#include <gtest/gtest.h>
#include <pg/client.hpp>
#include <pg/connection.hpp>
#include <pg/pool/options.hpp>
#include <pg/pool/pool.hpp>
#include <pg/testing/test_server.hpp>
#include <thread>

#include "tests/slowness.hpp"

namespace pool_tests {

using namespace std::chrono_literals;

/// For each provider: `provider=…`.
class PoolTest : public testing::TestWithParam<const char*> {
protected:
    static bool is_awaited() { return GetParam() == std::string_view("async"); }
    static void SetUpTestSuite() {
        EXPECT_EQ(onlooker().connection().engine(), "direct") << "the other one was not meant";
    }
    static const std::string& conninfo() {
        static const std::string text = pg::testing::shared_server().create_database("pool");
        return text;
    }
    static pg::Client& onlooker() {
        static pg::Client client = pg::connect(conninfo() + " application_name=onlooker");
        return client;
    }
    static pg::Client open(const std::string& where, std::size_t max_size, const pg::PoolOptions& pool = {},
                           std::chrono::nanoseconds timeout = 20s) {
        return pg::open(where + " application_name=tested provider=" + GetParam(),
                        {.pool_max_size = max_size, .pool = &pool, .timeout = timeout});
    }
    static std::int64_t sessions() {
        return onlooker().query_one<std::int64_t>(
            "select count(*) from pg_stat_activity where application_name = 'tested'");
    }
    /// True when it becomes so within a time that only a hang is longer than.
    template <class Condition>
    static bool soon(Condition condition) {
        const auto until = std::chrono::steady_clock::now() + 60s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > until) return false;
            std::this_thread::yield();
        }
        return true;
    }
    static int process_of(pg::Executor& db) { return db.query_one<int>("select pg_backend_pid()"); }
};

inline std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

}  // namespace pool_tests
