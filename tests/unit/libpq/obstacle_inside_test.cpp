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

// What libpq 17 has, by other names than its headers declare.
extern "C" {
void* stand_in_create(PGconn*) __asm__("PQcancelCreate");
void* stand_in_create(PGconn*) { return nullptr; }
int stand_in_start(void*) __asm__("PQcancelStart");
int stand_in_start(void*) { return 0; }
int stand_in_poll(void*) __asm__("PQcancelPoll");
int stand_in_poll(void*) { return 0; }
int stand_in_socket(const void*) __asm__("PQcancelSocket");
int stand_in_socket(const void*) { return -1; }
void stand_in_finish(void*) __asm__("PQcancelFinish");
void stand_in_finish(void*) {}
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
    const NewerFunctions& functions = newer_functions();
    EXPECT_TRUE(functions.can_cancel());
    EXPECT_EQ(reinterpret_cast<void*>(functions.cancel_create), reinterpret_cast<void*>(&stand_in_create));
}

}  // namespace
}  // namespace pg::libpq
