// Which libpq this program runs with, and that the functions of newer ones are used where they are there.
#include <cstdlib>
#include <libpq-fe.h>

#include "providers/libpq/newer.hpp"
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

TEST(LibpqVersion, IsTheOneThatWasAskedFor) {
    const char* wanted = std::getenv("PGCLIENT_TEST_LIBPQ_MAJOR");
    const int major = PQlibVersion() / 10000;
    if (wanted != nullptr) {
        EXPECT_EQ(std::to_string(major), wanted);
    }
    EXPECT_EQ(make_libpq_provider()->version().substr(0, 3), std::to_string(major) + ".");
}

TEST(LibpqVersion, DecidesHowStatementsAreCancelled) {
    EXPECT_EQ(newer_functions().can_cancel(), PQlibVersion() >= 170000);
}

}  // namespace
}  // namespace pg::libpq
