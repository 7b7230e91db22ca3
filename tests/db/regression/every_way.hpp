// One question, asked by each engine, by blocking and by awaited calls.
#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "pg/async.hpp"
#include "pg/connection.hpp"
#include "pg/testing/test_server.hpp"

namespace regression_tests {

using namespace std::chrono_literals;

struct Way {
    const char* engine;
    bool awaited;
};

inline std::string name_of(const testing::TestParamInfo<Way>& way) {
    return std::string(way.param.awaited ? "Awaited" : "Blocking").append("_").append(way.param.engine);
}

/// A session of one's own, in either form.
class OwnSession {
public:
    OwnSession(pg::Client& db, bool awaited) {
        if (awaited)
            awaited_.emplace(db.async().connection().get());
        else
            blocking_.emplace(db.connection());
    }
    template <class T, class... A>
    pg::Expected<T> ask(std::string_view sql, const A&... arguments) {
        return awaited_ ? awaited_->try_query_one<T>(pg::runtime(sql), arguments...).get()
                        : blocking_->try_query_one<T>(pg::runtime(sql), arguments...);
    }
    void run(std::string_view script) {
        if (awaited_)
            awaited_->run_script(script).get();
        else
            blocking_->run_script(script);
    }

private:
    std::optional<pg::Connection> blocking_;
    std::optional<pg::AsyncConnection> awaited_;
};

class EveryWay : public testing::TestWithParam<Way> {
protected:
    static const std::string& conninfo() {
        static const std::string text = pg::testing::shared_server().create_database("regression");
        return text;
    }
    static pg::Client& onlooker() {
        static pg::Client client = pg::connect(conninfo() + " application_name=onlooker");
        return client;
    }
    static bool awaited() { return GetParam().awaited; }
    static pg::Client open(std::size_t sessions, const std::string& where = conninfo()) {
        return pg::open(where + " application_name=tested provider=" + (awaited() ? "async" : "libpq") +
                            " engine=" + GetParam().engine,
                        {.pool_max_size = sessions, .timeout = 20s});
    }
    static OwnSession hold(pg::Client& db) { return {db, awaited()}; }

    /// The one value of one row.
    template <class T, class... A>
    static pg::Expected<T> ask(pg::Client& db, std::string_view sql, const A&... arguments) {
        return awaited() ? db.async().try_query_one<T>(pg::runtime(sql), arguments...).get()
                         : db.try_query_one<T>(pg::runtime(sql), arguments...);
    }
    /// What is said of a statement that is to be over in that time.
    static pg::Expected<std::uint64_t> run_within(pg::Client& db, std::chrono::nanoseconds timeout,
                                                  std::string_view sql) {
        return awaited() ? db.async().with({.timeout = timeout}).try_exec(pg::runtime(sql)).get()
                         : db.with({.timeout = timeout}).try_exec(pg::runtime(sql));
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
    static std::int64_t open_transactions() {
        return onlooker().query_one<std::int64_t>(
            "select count(*) from pg_stat_activity where application_name = 'tested' and state like 'idle in%'");
    }
};

template <class T>
std::string told(const pg::Expected<T>& answer) {
    return answer ? std::string("an answer") : std::string(answer.error().what());
}

}  // namespace regression_tests
