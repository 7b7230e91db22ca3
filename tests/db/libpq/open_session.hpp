// What the tests of the provider share: opening sessions, running texts, and how long a wait may take.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>

#include "pg/result.hpp"
#include "pg/testing/test_server.hpp"
#include "providers/libpq/provider.hpp"
#include "tests/slowness.hpp"

namespace pg::libpq {

using namespace std::chrono_literals;

/// Fails a test when `action` takes longer than its deadline allows.
template <class Action>
auto within(std::chrono::milliseconds deadline, Action action) {
    struct Check {
        std::chrono::milliseconds deadline;
        std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
        ~Check() { EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(deadline)); }
    };
    const Check check{deadline};
    return action();
}

inline spi::Wait in(std::chrono::nanoseconds time) { return {.deadline = Deadline::after(time), .stop = nullptr}; }
inline spi::Wait soon() { return in(10s); }

/// The engine under test: PGCLIENT_TEST_ENGINE, libpq when it is unset.
inline std::string_view tested_engine() {
    const char* engine = std::getenv("PGCLIENT_TEST_ENGINE");
    return engine != nullptr ? engine : "libpq";
}

inline Config config_of(const std::string& conninfo) {
    Config config = Config::parse(conninfo).value();
    config.set("engine", tested_engine()).value();
    return config;
}

inline std::unique_ptr<spi::Session> open_session(const std::string& conninfo,
                                                  const spi::SessionContext& context = {}) {
    return make_libpq_provider()->open(config_of(conninfo), context, soon()).value();
}
inline std::unique_ptr<spi::Session> open_session() { return open_session(testing::shared_server().conninfo()); }

/// A server with TLS and passwords.
inline testing::TestServer& secured_server() {
    static testing::TestServer server = testing::TestServer::start(
        {.auth = testing::TestServerAuth::scram_sha_256, .tls = true, .settings = {"max_connections = 20"}});
    return server;
}

/// Runs `attempt` with a fresh session until the server gave a statement up in the 200 ms that it has for that: on a
/// busy machine it may not for a while. `attempt` says whether the session was kept, and then it must be usable.
template <class Attempt>
void until_kept(const std::string& conninfo, Attempt attempt) {
    for (const Deadline patience = Deadline::after(60s); !patience.passed();) {
        const auto session = open_session(conninfo);
        if (attempt(*session)) {
            const Expected<Result> after = session->run({.sql = "select 1"}, soon());
            EXPECT_TRUE(after) << after.error().what();
            return;
        }
    }
    FAIL() << "no session was kept";
}

/// Holds the process in its tracks that takes new connections, cancel requests among them; sessions go on.
class DeafToCancels {
public:
    explicit DeafToCancels(const testing::TestServer& server) : process_(server.pid()) { ::kill(process_, SIGSTOP); }
    DeafToCancels(const DeafToCancels&) = delete;
    DeafToCancels& operator=(const DeafToCancels&) = delete;
    ~DeafToCancels() { ::kill(process_, SIGCONT); }

private:
    int process_;
};

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
