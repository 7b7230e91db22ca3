// Hooks of a pool: before a session is opened, when it was, and when it comes back.
#include <gtest/gtest.h>
#include <thread>

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
    int refuses_to_lend = 0;  // so many more
    int before = 0, after = 0, acquired = 0, released = 0, closing = 0;
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
            .on_acquire =
                [](void* self, pg::spi::Session&) noexcept {
                    ++static_cast<Script*>(self)->acquired;
                    return static_cast<Script*>(self)->refuses_to_lend-- <= 0;
                },
            .on_release =
                [](void* self, pg::spi::Session&) noexcept {
                    ++static_cast<Script*>(self)->released;
                    return static_cast<Script*>(self)->keeps;
                },
            .before_close =
                [](void* self, pg::spi::Session& session) noexcept {
                    static_cast<Script*>(self)->closing += session.usable() ? 1 : 100;
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

TEST_F(Hooks, SeeEverySessionBeforeItIsLent) {
    script.refuses_to_lend = 0;
    for (int i = 0; i < 3; ++i) db.client.exec("select 1");
    EXPECT_EQ(script.acquired, 3);
    EXPECT_EQ(server.opened, 1);
}

TEST_F(Hooks, HaveAnotherSessionTakenForOneThatTheyRefuse) {
    db.client.exec("select 1");
    script.refuses_to_lend = 2;
    db.client.exec("select 1");
    EXPECT_EQ(server.opened, 3) << "one was refused as it was idle, one as it was opened";
    EXPECT_EQ(server.closed, 2);
    EXPECT_EQ(script.closing, 2);
    EXPECT_EQ(db.client.pool().stats().lost, 2u);
}

TEST_F(Hooks, ThatRefuseAllHaveTheRequestRefused) {
    script.refuses_to_lend = 1000;
    const auto refused = db.client.try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::pool_timeout);
    EXPECT_EQ(server.opened, 8);
    EXPECT_NE(refused.error().message().find("after 8 sessions: PoolHooks::on_acquire refused"), std::string::npos)
        << refused.error().what();
    script.refuses_to_lend = 0;
    db.client.exec("select 1");
}

/// Notes what it is settled with.
class Asker final : public pg::spi::LeaseWaiter {
public:
    std::optional<pg::Expected<pg::spi::Lease>> lease;

private:
    void do_settle(pg::Expected<pg::spi::Lease> lent) noexcept override { lease.emplace(std::move(lent)); }
};

TEST_F(Hooks, RefuseToWhoeverMustNotWaitAsWell) {
    db.client.exec("select 1");
    script.refuses_to_lend = 1000;
    Asker asker;
    EXPECT_FALSE(db.context->source->request_idle(asker)) << "the only one was refused";
    EXPECT_EQ(server.closed, 1);
}

/// A database with so many idle sessions.
std::unique_ptr<fake::Database> with_idle_ones(Script& script, std::size_t sessions) {
    pg::pool::Limits limits;
    limits.hooks = script.hooks();
    limits.max_size = limits.max_connecting = sessions;
    limits.ping_after = 1h;
    auto idle = std::make_unique<fake::Database>(limits);
    EXPECT_TRUE(idle->client.pool().wait_ready(sessions, 20s));
    return idle;
}

TEST_F(Hooks, RefuseEightSessionsToWhoeverMustNotWait) {
    const auto idle = with_idle_ones(script, 20);
    pg::spi::SessionSource& source = *idle->context->source;
    for (const bool is_content_with_idle_ones : {true, false}) {
        script.refuses_to_lend = 1000;
        script.acquired = 0;
        Asker asker;
        if (is_content_with_idle_ones)
            EXPECT_TRUE(source.request_idle(asker));
        else
            source.request(asker, pg::Deadline::never());
        ASSERT_TRUE(asker.lease);
        ASSERT_FALSE(*asker.lease);
        EXPECT_EQ(asker.lease->error().kind(), pg::ErrorKind::pool_timeout);
        EXPECT_EQ(script.acquired, 8);
        script.refuses_to_lend = 0;
        source.request(asker, pg::Deadline::never());
        EXPECT_TRUE(*asker.lease) << "another request of the same";
    }
}

TEST_F(Hooks, RefuseEightSessionsInAllToWhoeverFirstLooksForAnIdleOne) {
    const auto idle = with_idle_ones(script, 3);
    script.refuses_to_lend = 1000;
    Asker asker;
    EXPECT_FALSE(idle->context->source->request_idle(asker));
    EXPECT_EQ(script.acquired, 3);
    idle->context->source->request(asker, pg::Deadline::never());
    ASSERT_TRUE(asker.lease);
    EXPECT_FALSE(*asker.lease);
    EXPECT_EQ(script.acquired, 8);
}

TEST_F(Hooks, KeepTheTurnOfWhoeverWaitsWhileTheyRefuse) {
    db.client.pool().resize(2, 0, 0);
    pg::spi::Lease first = db.context->source->acquire({}).value();
    const pg::spi::Lease second = db.context->source->acquire({}).value();
    std::thread waiting([&] { db.client.exec("select 1"); });
    while (!db.context->source->has_waiters()) std::this_thread::yield();
    script.refuses_to_lend = 1;
    first.give_back();
    waiting.join();
    EXPECT_EQ(server.opened, 3) << "the one that came back was refused";
    EXPECT_EQ(script.acquired, 4);
}

TEST_F(Hooks, ThatRefuseAllHaveWhoeverWaitsRefused) {
    db.client.pool().resize(1, 0, 0);
    pg::spi::Lease only = db.context->source->acquire({}).value();
    std::thread waiting([&] {
        const auto refused = db.client.try_exec("select 1");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind(), pg::ErrorKind::pool_timeout);
    });
    while (!db.context->source->has_waiters()) std::this_thread::yield();
    script.refuses_to_lend = 1000;
    only.give_back();
    waiting.join();
    EXPECT_EQ(script.acquired, 1 + 8);
}

TEST_F(Hooks, HearOfSessionsThatAreClosed) {
    db.client.exec("select 1");
    EXPECT_EQ(script.closing, 0);
    db.client.pool().refresh();
    EXPECT_EQ(script.closing, 1);
    server.answer("select 2", fake::connection_lost(pg::Outcome::unknown));
    EXPECT_FALSE(db.client.try_exec("select 2"));
    EXPECT_EQ(script.closing, 101) << "a broken one too";
}

}  // namespace
