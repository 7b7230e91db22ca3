// Linked into the test programs that have a server: none of them takes the libpq engine where it is not asked for, so
// what passes has passed on the direct one.
#include <gtest/gtest.h>

#include "providers/libpq/direct_take_over.hpp"

namespace {

class NoFallback final : public testing::Environment {
    void TearDown() override {
        EXPECT_EQ(pg::libpq::direct::fallbacks(), 0u) << "sessions for which engine=auto has fallen back to libpq's";
    }
};

[[maybe_unused]] const testing::Environment* const registered = testing::AddGlobalTestEnvironment(new NoFallback);

}  // namespace
