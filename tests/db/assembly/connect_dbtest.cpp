// A registry of one's own, a provider by its name, and what a wrong name is told: through pg::connect on a real server.
#include <chrono>
#include <gtest/gtest.h>
#include <pg/connection.hpp>
#include <pg/pool/pool.hpp>
#include <pg/spi/event_loop.hpp>
#include <pg/spi/registry.hpp>
#include <pg/testing/test_server.hpp>

#include "providers/libpq/provider.hpp"

namespace {

TEST(ConnectThroughARegistry, UsesTheProviderThatWasAdded) {
    const std::string conninfo = pg::testing::shared_server().conninfo();
    const std::shared_ptr<pg::spi::Provider> provider = pg::libpq::make_libpq_provider();
    // [own_registry]
    pg::spi::Registry registry;
    registry.add(provider).value();
    pg::Client db = pg::connect(conninfo, {.provider = "libpq", .registry = &registry});
    // [own_registry]
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

TEST(ConnectThroughARegistry, NamesWhatThereIsWhenTheProviderIsUnknown) {
    const auto client = pg::try_open("provider=libpqq");
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().kind(), pg::ErrorKind::usage);
    EXPECT_NE(std::string(client.error().what()).find("libpq"), std::string::npos) << client.error().what();
}

TEST(Open, ContactsNothingAndConnectOpensTheFirstSession) {
    EXPECT_TRUE(pg::try_open("host=127.0.0.1 port=1"));
    EXPECT_FALSE(pg::try_connect("host=127.0.0.1 port=1"));
}

TEST(Open, RefusesWhatItDoesNotUnderstand) {
    for (const char* conninfo : {"sslmod=require", "pooler=some", "engine=fast", "timeout=30", "sslmode=perhaps"})
        EXPECT_FALSE(pg::try_open(conninfo)) << conninfo;
}

TEST(Open, TakesTheProviderAndTheEngineFromTheOptions) {
    const std::string conninfo = pg::testing::shared_server().conninfo() + " engine=auto";
    for (const char* engine : {"libpq", "direct"}) {
        pg::Client db = pg::open(conninfo, {.provider = "libpq", .engine = engine});
        EXPECT_EQ(db.query_one<int>("select 1"), 1);
        EXPECT_EQ(db.connection().engine(), engine);
    }
    const auto refused = pg::try_open(conninfo, {.engine = "fast"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::usage);
    EXPECT_NE(refused.error().message().find("fast"), std::string_view::npos) << refused.error().what();
    EXPECT_THROW(pg::open(conninfo, {.engine = "fast"}), pg::UsageError);
}

/// One that is never asked.
class NoLoop final : public pg::spi::EventLoop {
    void do_post(pg::spi::Job&) noexcept override {}
    bool do_watch(int, short, pg::spi::Job&) noexcept override { return false; }
    void do_forget(int) noexcept override {}
    void do_set_alarm(Clock::time_point, pg::spi::Job&) noexcept override {}
    bool do_here() const noexcept override { return false; }
};

TEST(Open, RefusesAnEventLoopForSessionsThatLiveOnNone) {
    NoLoop loop;
    const auto refused = pg::try_open("provider=libpq", {.event_loop = &loop});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::usage);
    EXPECT_NE(refused.error().message().find("provider=async"), std::string_view::npos) << refused.error().what();
}

TEST(Open, PrefersWhatIsSaidExplicitly) {
    pg::Client db = pg::open(pg::testing::shared_server().conninfo() + " pool_max_size=5 timeout=9s",
                             {.pool_max_size = 1, .pool_acquire_timeout = std::chrono::milliseconds(50)});
    ASSERT_TRUE(db.pool().wait_ready(1, std::chrono::seconds(30)));
    // The time to wait is too short for a busy machine.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    pg::Expected<pg::Connection> only = db.try_connection();
    while (!only && std::chrono::steady_clock::now() < until) only = db.try_connection();
    ASSERT_TRUE(only) << only.error().what();
    EXPECT_THROW(db.exec("select 1"), pg::PoolTimeout);
}

}  // namespace
