// The conformance suite: what every provider has to do, run by provider name on a real server.
#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <pg/connection.hpp>
#include <pg/testing/test_server.hpp>
#include <string>

namespace conformance {

using namespace std::chrono_literals;

/// A client of the provider under test on a database of its own. PGCLIENT_TEST_MAJOR names the server's major version.
class Conformance : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() { conninfo() = pg::testing::shared_server().create_database(database_name()); }
    static void TearDownTestSuite() { conninfo().clear(); }

    [[nodiscard]] static std::string& conninfo() {
        static std::string text;
        return text;
    }
    [[nodiscard]] pg::Options options() const { return {.provider = GetParam()}; }

    pg::Client db = pg::connect(conninfo(), options());

private:
    /// One database for each suite of this process.
    static std::string database_name() {
        static int number = 0;
        return "conformance_" + std::to_string(++number);
    }
};

/// The providers that the library ships.
inline const auto providers = testing::Values("libpq");

}  // namespace conformance

#define PGCLIENT_CONFORMANCE(Suite)                                   \
    INSTANTIATE_TEST_SUITE_P(Provider, Suite, conformance::providers, \
                             [](const testing::TestParamInfo<const char*>& provider) { return provider.param; })
