// What keeps the direct engine from every connection: a libpq that is part of the executable, as far as a function of
// it tells that stands in this program.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "tests/unit/libpq/obstacle.hpp"

extern "C" void* PQsslStruct(PGconn* connection, const char* name) {
    static auto* const real = reinterpret_cast<decltype(&PQsslStruct)>(::dlsym(RTLD_NEXT, "PQsslStruct"));
    return real(connection, name);
}

namespace pg::libpq {
namespace {

using ObstacleInside = Obstacle;

TEST_F(ObstacleInside, IsALibpqInTheExecutable) { expect_fallback("libpq is part of the executable"); }

}  // namespace
}  // namespace pg::libpq
