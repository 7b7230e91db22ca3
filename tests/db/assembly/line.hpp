// Lines to a server that misbehave when a test says so, and what runs on them: verbs by a provider, an engine and a
// way.
#pragma once

#include <future>
#include <gtest/gtest.h>
#include <pg/connection.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <pg/testing/test_server.hpp>
#include <string>
#include <vector>

#include "tests/db/assembly/verbs.hpp"

namespace lines {

/// Which verbs are run, by which provider and engine, in the clear or by TLS.
struct Kind {
    const char* provider;
    const char* engine;
    const verbs::Table& (*verbs)();
    bool by_tls = false;

    [[nodiscard]] bool is_awaited() const { return verbs == &verbs::awaited; }
    /// How many they need at once.
    [[nodiscard]] std::size_t sessions() const { return is_awaited() ? 2 : 1; }
    [[nodiscard]] std::string name() const {
        return std::string(provider) + "_" + engine + (is_awaited() ? "_awaited" : "") + (by_tls ? "_tls" : "");
    }
    [[nodiscard]] pg::testing::TestServer& server() const {
        if (!by_tls) return pg::testing::shared_server();
        static pg::testing::TestServer secured =
            pg::testing::TestServer::start({.major = pg::testing::shared_server().major(), .tls = true});
        return secured;
    }
};

/// Every one of them, in the clear or by TLS, or all. @{
inline std::vector<Kind> kinds(bool by_tls) {
    std::vector<Kind> made;
    for (const char* engine : {"direct", "libpq"}) {
        made.push_back({"libpq", engine, &verbs::blocking, by_tls});
        made.push_back({"async", engine, &verbs::awaited, by_tls});
    }
    return made;
}
inline std::vector<Kind> kinds() {
    std::vector<Kind> all = kinds(false);
    for (const Kind& kind : kinds(true)) all.push_back(kind);
    return all;
}  /// @}

/// A client with a line of its own to the server. Its session is seen to be what it was asked for.
class Line {
public:
    Line(const Kind& kind, std::chrono::nanoseconds request_timeout) : Line(kind, request_timeout, kind.sessions()) {}
    Line(const Kind& kind, std::chrono::nanoseconds request_timeout, std::size_t sessions)
        : proxy_(pg::testing::FaultProxy::start(kind.server())),
          db_(pg::open(proxy_.conninfo(kind.server()) + " engine=" + kind.engine,
                       {.provider = kind.provider, .pool_max_size = sessions, .timeout = request_timeout})) {
        pg::Connection session = db_.connection(std::chrono::seconds(10));
        EXPECT_EQ(session.engine(), kind.engine);
        const auto by_tls = session.with({.timeout = std::chrono::seconds(10)})
                                .query_one<bool>("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
        EXPECT_EQ(by_tls, kind.by_tls);
    }
    [[nodiscard]] pg::Client& db() { return db_; }
    [[nodiscard]] pg::testing::FaultProxy& proxy() { return proxy_; }
    /// Once its line is as it should be, a session of its own is opened for the next statement, which may be told yet
    /// of one that was lost on its way.
    void expect_another_session() {
        const auto ask = [&] { return db_.with({.timeout = std::chrono::seconds(10)}).try_query_one<int>("select 1"); };
        pg::Expected<int> told = ask();
        if (!told && told.error().kind() == pg::ErrorKind::connect) told = ask();
        EXPECT_TRUE(told) << told.error().what();
    }
    /// How many bytes of each direction go by while `verb` runs undisturbed.
    template <class Verb>
    std::uint64_t length(pg::testing::Direction direction, Verb verb) {
        const std::uint64_t before = bytes(direction);
        verb(db_);
        return bytes(direction) - before;
    }

private:
    [[nodiscard]] std::uint64_t bytes(pg::testing::Direction direction) const {
        const auto stats = proxy_.stats();
        return direction == pg::testing::Direction::to_client ? stats.to_client.bytes_out : stats.to_server.bytes_out;
    }

    pg::testing::FaultProxy proxy_;
    pg::Client db_;
};

/// Runs `verb(i)` for every verb of a table, each in a thread of its own: they wait most of the time.
template <class Verb>
void side_by_side(std::size_t count, Verb verb) {
    std::vector<std::future<void>> running;
    running.reserve(count);
    for (std::size_t i = 0; i < count; ++i) running.push_back(std::async(std::launch::async, verb, i));
    for (std::future<void>& one : running) one.get();
}

}  // namespace lines
