// Hooks of a pool: before a session is opened, when it was, and when it comes back.
#include <gtest/gtest.h>

#include "pg/connection.hpp"
#include "pg/pool/pool.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;

/// What the hooks do, and were asked.
struct Script {
    std::optional<pg::Error> refuses_before, refuses_after;
    bool leaves_transaction = false;
    bool keeps = true;
    int before = 0, after = 0, released = 0;
    std::string application;
    pg::Deadline until = pg::Deadline::never();

    pg::PoolHooks hooks() {
        return {
            .context = this,
            .before_connect = [](void* self,
                                 pg::Config& config) noexcept { return static_cast<Script*>(self)->on_before(config); },
            .after_connect =
                [](void* self, pg::spi::Session& session, const pg::Deadline& deadline) noexcept {
                    return static_cast<Script*>(self)->on_after(session, deadline);
                },
            .on_release =
                [](void* self, pg::spi::Session&) noexcept {
                    ++static_cast<Script*>(self)->released;
                    return static_cast<Script*>(self)->keeps;
                }};
    }

private:
    pg::Expected<void> on_before(pg::Config& config) {
        ++before;
        application = config.get("application_name").value_or("");
        if (refuses_before) return *refuses_before;
        return config.set("application_name", "changed");
    }
    pg::Expected<void> on_after(pg::spi::Session& session, const pg::Deadline& deadline) {
        ++after;
        until = deadline;
        if (refuses_after) return *refuses_after;
        if (leaves_transaction)
            return session.run({.sql = "begin"}, {deadline}) ? pg::Expected<void>() : *refuses_after;
        return session.run_script("load 'auto_explain'", {deadline});
    }
};

class Hooks : public testing::Test {
protected:
    static pg::pool::Limits limits(Script& script) {
        pg::pool::Limits limits;
        limits.hooks = script.hooks();
        return limits;
    }

    Script script;
    fake::Database db{limits(script), pg::Config::parse("application_name=mine").value()};
    fake::Server& server = *db.server;
};

TEST_F(Hooks, AreCalledAroundTheOpening) {
    db.client.exec("select 1");
    db.client.exec("select 2");
    EXPECT_EQ(script.before, 1);
    EXPECT_EQ(script.application, "mine");
    EXPECT_EQ(script.after, 1);
    EXPECT_FALSE(script.until.is_never());
    EXPECT_EQ(server.take_log(), (fake::Lines{"script load 'auto_explain'", "select 1", "select 2"}));
    EXPECT_EQ(script.released, 2);
    EXPECT_EQ(server.closed, 0);
}

TEST_F(Hooks, FailTheAttempt) {
    script.refuses_before = pg::Error({.kind = pg::ErrorKind::connect, .message = "not today"});
    EXPECT_EQ(db.client.try_exec("select 1").error().message(), "not today");
    EXPECT_EQ(server.opened, 0);
}

TEST_F(Hooks, FailTheAttemptThatHadSucceeded) {
    script.refuses_after = pg::Error({.kind = pg::ErrorKind::connect, .message = "a wrong server"});
    EXPECT_EQ(db.client.try_exec("select 1").error().message(), "a wrong server");
    EXPECT_EQ(server.opened, 1);
    EXPECT_EQ(server.closed, 1);
}

TEST_F(Hooks, LeaveNoTransactionOpen) {
    script.leaves_transaction = true;
    const auto refused = db.client.try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("in a transaction"), std::string_view::npos);
    EXPECT_EQ(server.closed, 1);
}

TEST_F(Hooks, CloseWhatTheyDoNotKeep) {
    script.keeps = false;
    db.client.exec("select 1");
    EXPECT_EQ(server.closed, 1);
    EXPECT_EQ(db.client.pool().stats().size(), 0u);
}

}  // namespace
