// The conformance suite: what every provider has to do, run by provider name on a real server.
#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <pg/connection.hpp>
#include <pg/testing/test_server.hpp>
#include <string>

namespace conformance {

using namespace std::chrono_literals;

/// A provider and its engine.
struct Pairing {
    const char* provider;
    const char* engine;
};

/// A client of the pairing under test on a database of its own. PGCLIENT_TEST_MAJOR names the server's major version.
class Conformance : public testing::TestWithParam<Pairing> {
protected:
    static void SetUpTestSuite() { database() = pg::testing::shared_server().create_database(database_name()); }
    static void TearDownTestSuite() { database().clear(); }

    [[nodiscard]] static std::string conninfo() { return database() + " engine=" + GetParam().engine; }
    [[nodiscard]] pg::Options options() const { return {.provider = GetParam().provider}; }

    /// A session that came to another engine than was asked for proves nothing of the one that was.
    void SetUp() override {
        ASSERT_EQ(db.connection().engine(), GetParam().engine);
        db.run_script("drop schema public cascade; create schema public");
    }

    pg::Client db = pg::connect(conninfo(), options());

private:
    static std::string& database() {
        static std::string text;
        return text;
    }
    /// One database for each suite of this process.
    static std::string database_name() {
        static int number = 0;
        return "conformance_" + std::to_string(++number);
    }
};

/// What the library ships.
inline const auto pairings = testing::Values(Pairing{"libpq", "libpq"}, Pairing{"libpq", "direct"});

}  // namespace conformance

#define PGCLIENT_CONFORMANCE(Suite)                                                                       \
    INSTANTIATE_TEST_SUITE_P(Pairing, Suite, conformance::pairings,                                       \
                             [](const testing::TestParamInfo<conformance::Pairing>& pairing) {            \
                                 return std::string(pairing.param.provider) + "_" + pairing.param.engine; \
                             })
