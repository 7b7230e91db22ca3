// A database for what asio awaits, coroutines of asio that are run to their end, and a look at what is left.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <gtest/gtest.h>
#include <pg/client.hpp>
#include <pg/testing/test_server.hpp>
#include <thread>

namespace asio_database {

inline const std::string& conninfo() {
    static const std::string text = pg::testing::shared_server().create_database("asio");
    return text;
}

inline pg::Client& onlooker() {
    static pg::Client one = pg::connect(conninfo());
    return one;
}

/// Runs `work` and everything that it leads to, on the calling thread, and throws what it threw.
inline void run(asio::io_context& io, asio::awaitable<void> work) {
    bool is_over = false;
    std::exception_ptr exception;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown) {
        is_over = true;
        exception = thrown;
    });
    io.restart();
    io.run();
    EXPECT_TRUE(is_over) << "run() returned while a call was under way";
    if (exception) std::rethrow_exception(exception);
}

/// Server processes of this database beside the one that asks.
inline std::int64_t sessions(std::string_view which = "true") {
    return onlooker().query_one<std::int64_t>(
        pg::runtime("select count(*) from pg_stat_activity where datname = current_database() and pid <> "
                    "pg_backend_pid() and backend_type = 'client backend' and " +
                    std::string(which)));
}
inline void expect_no_sessions(std::string_view which = "true") {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::int64_t found = sessions(which);
    for (; found != 0 && std::chrono::steady_clock::now() < until; found = sessions(which)) std::this_thread::yield();
    EXPECT_EQ(found, 0) << which;
}
/// Waits until a statement sleeps.
inline void await_sleep() {
    while (sessions("wait_event = 'PgSleep'") == 0) std::this_thread::yield();
}

}  // namespace asio_database
