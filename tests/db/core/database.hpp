// A database of its own for each suite of this program, on the shared server.
#pragma once

#include <gtest/gtest.h>

#include "pg/client.hpp"
#include "pg/connection.hpp"
#include "pg/testing/test_server.hpp"

class Database : public testing::Test {
protected:
    static void SetUpTestSuite() {
        static int number = 0;
        conninfo() = pg::testing::shared_server().create_database("core_" + std::to_string(++number));
        EXPECT_EQ(pg::connect(conninfo()).connection().engine(), "direct") << "the other one was not meant";
    }

    [[nodiscard]] static std::string& conninfo() {
        static std::string text;
        return text;
    }

    pg::Client db = pg::connect(conninfo());
};
