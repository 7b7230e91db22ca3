// A database for what is awaited, on the shared server, by each engine, and a look at what is left in its sessions.
#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <thread>

#include "pg/async.hpp"
#include "pg/testing/test_server.hpp"

class AsyncDatabase : public testing::TestWithParam<const char*> {
protected:
    static const std::string& conninfo() {
        static const std::string text = pg::testing::shared_server().create_database("async");
        return text;
    }
    static pg::Client& onlooker() {
        static pg::Client client = pg::connect(conninfo());
        return client;
    }
    static pg::Client open(std::size_t sessions) {
        return pg::connect(conninfo() + " provider=async engine=" + GetParam(), {.pool_max_size = sessions});
    }
    /// Server processes of this database that do something, or hold a transaction open, beside the one that asks.
    static std::int64_t busy() {
        return onlooker().query_one<std::int64_t>(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and "
            "backend_type = 'client backend' and state <> 'idle'");
    }
    static void expect_nothing_left_busy() {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(40);  // a sleep takes longer
        std::int64_t left = busy();
        while (left != 0 && std::chrono::steady_clock::now() < until) left = busy();
        EXPECT_EQ(left, 0);
    }
    /// Waits until a process of this database waits for that.
    static void await_wait(const char* event) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (
            !onlooker().query_one<bool>("select exists (select from pg_stat_activity where datname = "
                                        "current_database() and wait_event = $1)",
                                        event)) {
            ASSERT_LT(std::chrono::steady_clock::now(), until) << "nobody waits for " << event;
            std::this_thread::yield();
        }
    }

    pg::Client db = open(4);
    pg::AsyncClient async = db.async();
};

inline std::string name_of_engine(const testing::TestParamInfo<const char*>& engine) { return engine.param; }
