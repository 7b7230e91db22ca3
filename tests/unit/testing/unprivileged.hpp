// Unprivileged: for the time of one test, root has no more rights than anybody else.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

namespace pg::testing {

class Unprivileged final {
public:
    Unprivileged() {
        constexpr uid_t nobody = 65534;
        EXPECT_EQ(::seteuid(before_ == 0 ? nobody : before_), 0);
    }
    Unprivileged(const Unprivileged&) = delete;
    Unprivileged& operator=(const Unprivileged&) = delete;
    ~Unprivileged() { EXPECT_EQ(::seteuid(before_), 0); }

private:
    uid_t before_ = ::geteuid();
};

}  // namespace pg::testing
