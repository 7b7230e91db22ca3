// Peers: every provider, engine and way to one server, of which each is to behave as the first does.
#pragma once

#include <cstdlib>
#include <gtest/gtest.h>
#include <pg/connection.hpp>
#include <pg/testing/test_server.hpp>
#include <string>
#include <string_view>

namespace differential {

/// The database that all of them are in.
constexpr const char* database = "differential";

inline pg::testing::TestServer& server() {
    static pg::testing::TestServer server =
        pg::testing::TestServer::start({.major = pg::testing::shared_server().major(), .tls = true});
    return server;
}

/// What is to behave as the first of them does.
struct Peer {
    const char* provider;
    const char* engine;
    bool by_tcp = false;
    bool by_tls = false;

    [[nodiscard]] std::string name() const {
        return std::string(provider) + " " + engine + (by_tls ? " by TLS" : by_tcp ? " by TCP" : "");
    }
    [[nodiscard]] bool is_awaited() const { return std::string_view(provider) == "async"; }
    [[nodiscard]] std::string conninfo() const {
        const std::string way = by_tcp ? server().tcp_conninfo(database) : server().conninfo(database);
        return way + (by_tcp && !by_tls ? " sslmode=disable" : "") + " engine=" + engine;
    }
    /// Seen to be what it says.
    [[nodiscard]] pg::Client open(const std::string& more = {}) const {
        pg::Client db = pg::connect(conninfo() + more, {.provider = provider, .pool_max_size = 1});
        EXPECT_EQ(db.connection().engine(), engine);
        EXPECT_EQ(db.query_one<bool>("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), by_tls) << name();
        return db;
    }
};
inline constexpr Peer peers[] = {{"libpq", "libpq"},
                                 {"libpq", "direct"},
                                 {"async", "libpq"},
                                 {"async", "direct"},
                                 {"libpq", "libpq", true},
                                 {"libpq", "direct", true},
                                 {"async", "libpq", true},
                                 {"async", "direct", true},
                                 {"libpq", "libpq", true, true},
                                 {"libpq", "direct", true, true},
                                 {"async", "libpq", true, true},
                                 {"async", "direct", true, true}};

/// On the first call: the database, with types of its own.
inline void make_database() {
    static const bool made = [] {
        server().create_database(database);
        peers[0].open().run_script(
            "create type mood as enum ('sad', 'ok', 'happy'); create type pair as (first int, second text);"
            "create domain positive as int check (value > 0)");
        return true;
    }();
    static_cast<void>(made);
}

/// Runs `check(seed)` with the seeds of a suite, or with the one that PGCLIENT_TEST_SEED gives.
template <class Check>
void with_seeds(unsigned long count, Check check) {
    const char* given = std::getenv("PGCLIENT_TEST_SEED");
    const unsigned long first = given ? std::strtoul(given, nullptr, 10) : 1;
    for (unsigned long seed = first; seed < first + (given ? 1 : count); ++seed) {
        SCOPED_TRACE("PGCLIENT_TEST_SEED=" + std::to_string(seed));
        check(seed);
    }
}

}  // namespace differential
