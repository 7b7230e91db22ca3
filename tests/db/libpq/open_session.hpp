// What the tests of the provider share: opening sessions, running texts, and how long a wait may take.
#pragma once

#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>

#include "pg/result.hpp"
#include "pg/testing/test_server.hpp"
#include "providers/libpq/provider.hpp"

namespace pg::libpq {

using namespace std::chrono_literals;

/// The one use of time in a test: an upper bound on a hang. Machines that are slow stretch it.
inline std::chrono::milliseconds bound_of(std::chrono::milliseconds deadline) {
    const char* factor = std::getenv("PGCLIENT_TEST_SLOWNESS");
    const double slowness = factor != nullptr ? std::atof(factor) : 4.0;
    return deadline + std::chrono::duration_cast<std::chrono::milliseconds>(250ms * slowness);
}

/// Fails a test when `action` takes longer than its deadline allows.
template <class Action>
auto within(std::chrono::milliseconds deadline, Action action) {
    struct Check {
        std::chrono::milliseconds deadline;
        std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
        ~Check() { EXPECT_LE(std::chrono::steady_clock::now() - begin, bound_of(deadline)); }
    };
    const Check check{deadline};
    return action();
}

inline spi::Wait in(std::chrono::nanoseconds time) { return {.deadline = Deadline::after(time), .stop = nullptr}; }
inline spi::Wait soon() { return in(10s); }

inline Config config_of(const std::string& conninfo) { return Config::parse(conninfo).value(); }

inline std::unique_ptr<spi::Session> open_session(const std::string& conninfo,
                                                  const spi::SessionContext& context = {}) {
    return make_libpq_provider()->open(config_of(conninfo), context, soon()).value();
}
inline std::unique_ptr<spi::Session> open_session() { return open_session(testing::shared_server().conninfo()); }

inline Expected<Result> run(spi::Session& session, std::string_view sql, const spi::Wait& wait = soon()) {
    return session.run({.sql = sql}, wait);
}

inline std::string_view bytes_of(const Result& result, std::size_t column, std::size_t row = 0) {
    return result.storage()->cell(row, column).bytes();
}

/// The first column of the first row, asked for as text.
inline std::string text_of(spi::Session& session, std::string_view sql) {
    const Result result = session.run({.sql = sql, .format = Format::text}, soon()).value();
    return std::string(bytes_of(result, 0));
}

}  // namespace pg::libpq
