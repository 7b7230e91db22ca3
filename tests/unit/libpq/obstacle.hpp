// Obstacle: a server and what keeps the direct engine from a connection to it, for programs that have functions of
// libpq of their own.
#pragma once

#include <gtest/gtest.h>

#include "pg/testing/answers.hpp"
#include "pg/testing/fake_server.hpp"
#include "providers/libpq/direct_take_over.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {

/// Asked for by name the direct engine refuses and says why, else the libpq engine serves.
class Obstacle : public ::testing::Test {
protected:
    [[nodiscard]] Expected<std::unique_ptr<spi::Session>> open(std::string_view engine) const {
        const std::string conninfo = server_.conninfo() + " engine=" + std::string(engine);
        return make_libpq_provider()->open(Config::parse(conninfo).value(), {}, soon());
    }
    void expect_fallback(std::string_view words) const {
        const auto refused = open("direct");
        ASSERT_FALSE(refused);
        const Error& error = refused.error();
        EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
        EXPECT_EQ(error.outcome(), Outcome::not_sent);
        EXPECT_FALSE(error.connection_usable());
        EXPECT_NE(error.message().find(words), std::string_view::npos) << error.what();
        EXPECT_NE(error.message().find("engine=auto"), std::string_view::npos) << "what to do: " << error.what();
        EXPECT_EQ(error.node(), "127.0.0.1:" + std::to_string(server_.port()));

        const std::uint64_t before = direct::fallbacks();
        const auto session = open("auto");
        ASSERT_TRUE(session) << session.error().what();
        EXPECT_EQ((*session)->engine(), "libpq");
        EXPECT_EQ(direct::fallbacks(), before + 1) << "it is counted";
        EXPECT_TRUE((*session)->run({.sql = "select 1"}, soon()));
    }

private:
    testing::FakeServer server_ =
        testing::FakeServer::start(testing::Answers().on("select 1", {.columns = {{"n", Oid{23}}}, .rows = {{"1"}}}));
};

}  // namespace pg::libpq
