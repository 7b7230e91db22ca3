// What keeps the direct engine from every connection: a libpq that is part of the executable, as far as a function of
// it tells that stands in this program.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <openssl/ssl.h>

#include "providers/libpq/direct_tls.hpp"
#include "providers/libpq/newer.hpp"
#include "tests/unit/libpq/obstacle.hpp"

extern "C" void* PQsslStruct(PGconn* connection, const char* name) {
    static auto* const real = reinterpret_cast<decltype(&PQsslStruct)>(::dlsym(RTLD_NEXT, "PQsslStruct"));
    return real(connection, name);
}

extern "C" PostgresPollingStatusType PQconnectPoll(PGconn* connection) {
    static auto* const real = reinterpret_cast<decltype(&PQconnectPoll)>(::dlsym(RTLD_NEXT, "PQconnectPoll"));
    return real(connection);
}

namespace pg::libpq {
namespace {

using ObstacleInside = Obstacle;

TEST_F(ObstacleInside, IsALibpqInTheExecutable) { expect_fallback("libpq is part of the executable"); }

// What is left in a record, and what a server demands, is seen all the same.
TEST(TlsInside, IsThatOfTheExecutable) {
    const direct::TlsFunctions& functions = direct::tls_functions();
    EXPECT_FALSE(functions.in_shared_library);
    EXPECT_TRUE(functions.complete());
    EXPECT_EQ(reinterpret_cast<void*>(functions.pending), reinterpret_cast<void*>(&SSL_pending));
}

TEST(CancelInside, IsWhatThatLibpqHas) {
    EXPECT_EQ(newer_functions().can_cancel(), ::dlsym(RTLD_DEFAULT, "PQcancelCreate") != nullptr);
}

}  // namespace
}  // namespace pg::libpq
