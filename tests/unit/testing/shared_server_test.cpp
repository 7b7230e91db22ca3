// Which server a whole test process shares: what the environment may ask for.
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "pg/error.hpp"
#include "pg/testing/test_server.hpp"

namespace pg::testing {
namespace {

/// The message of the error that shared_server() throws with PGCLIENT_TEST_MAJOR set to this.
std::string refusal_of(const char* major) {
    const char* before = std::getenv("PGCLIENT_TEST_MAJOR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("PGCLIENT_TEST_MAJOR", major, 1);
    std::string message;
    try {
        shared_server();
    } catch (const UsageError& error) {
        message = error.message();
    }
    before != nullptr ? ::setenv("PGCLIENT_TEST_MAJOR", kept.c_str(), 1) : ::unsetenv("PGCLIENT_TEST_MAJOR");
    return message;
}

TEST(SharedServer, RefusesWhatIsNotAMajor) {
    for (const char* text : {"fifteen", "15.2", "15 ", "99999999999999999999"})
        EXPECT_EQ(refusal_of(text),
                  "PGCLIENT_TEST_MAJOR is \"" + std::string(text) + "\", which is not a major version");
}

TEST(SharedServer, IsOfTheMajorThatTheEnvironmentAsksFor) {
    EXPECT_NE(refusal_of("98").find("PostgreSQL 98"), std::string::npos) << refusal_of("98");
}

}  // namespace
}  // namespace pg::testing
