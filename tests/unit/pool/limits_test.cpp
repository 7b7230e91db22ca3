// Limits: every option of a pool, from the string and from the program.
#include "src/pool/limits.hpp"

#include <gtest/gtest.h>

#include "tests/own_surroundings.hpp"

namespace pg::pool {
namespace {

using namespace std::chrono_literals;

Expected<Limits> limits(std::string_view conninfo, const PoolOptions& options = {}, std::size_t max_size = 0) {
    return limits_of(Config::parse(conninfo).value(), max_size, options);
}

/// An option under its name in the string and in the program.
struct Size {
    const char* keyword;
    std::size_t PoolOptions::* option;
    std::size_t Limits::* limit;
};
struct Duration {
    const char* keyword;
    std::chrono::nanoseconds PoolOptions::* option;
    std::chrono::nanoseconds Limits::* limit;
};

constexpr Size sizes[] = {
    {"pool_min_size", &PoolOptions::min_size, &Limits::min_size},
    {"pool_min_idle", &PoolOptions::min_idle, &Limits::min_idle},
    {"pool_max_waiting", &PoolOptions::max_waiting, &Limits::max_waiting},
    {"pool_max_connecting", &PoolOptions::max_connecting, &Limits::max_connecting},
    {"pool_max_uses", &PoolOptions::max_uses, &Limits::max_uses},
};
constexpr Duration durations[] = {
    {"pool_max_lifetime", &PoolOptions::max_lifetime, &Limits::max_lifetime},
    {"pool_idle_timeout", &PoolOptions::idle_timeout, &Limits::idle_timeout},
    {"pool_ping_after", &PoolOptions::ping_after, &Limits::ping_after},
    {"pool_keepalive", &PoolOptions::keepalive, &Limits::keepalive},
    {"pool_connect_timeout", &PoolOptions::connect_timeout, &Limits::connect_timeout},
    {"pool_leak_threshold", &PoolOptions::leak_threshold, &Limits::leak_threshold},
    {"pool_reclaim_threshold", &PoolOptions::reclaim_threshold, &Limits::reclaim_threshold},
};

TEST(PoolLimits, TakeEverySizeFromTheStringAndTheProgramBeforeIt) {
    for (const Size& size : sizes) {
        const std::string text = std::string(size.keyword) + "=3";
        EXPECT_EQ(limits("").value().*size.limit, Limits().*size.limit) << size.keyword;
        EXPECT_EQ(limits(text).value().*size.limit, 3u) << size.keyword;
        PoolOptions options;
        options.*size.option = 4;
        EXPECT_EQ(limits(text, options).value().*size.limit, 4u) << size.keyword;
    }
    EXPECT_EQ(limits("pool_max_size=7").value().max_size, 7u);
    EXPECT_EQ(limits("pool_max_size=7", {}, 8).value().max_size, 8u);
}

TEST(PoolLimits, RefuseEveryDurationBelowZero) {
    for (const Duration& duration : durations) {
        PoolOptions options;
        options.*duration.option = -1ns;
        const auto refused = limits("", options);
        ASSERT_FALSE(refused) << duration.keyword;
        EXPECT_EQ(refused.error().kind(), ErrorKind::usage);
        EXPECT_NE(refused.error().message().find(std::string(duration.keyword).substr(5)), std::string::npos);
    }
}

TEST(PoolLimits, TakeEveryDurationFromTheStringAndTheProgramBeforeIt) {
    for (const Duration& duration : durations) {
        const std::string text = std::string(duration.keyword) + "=3s";
        EXPECT_EQ(limits("").value().*duration.limit, Limits().*duration.limit) << duration.keyword;
        EXPECT_EQ(limits(text).value().*duration.limit, 3s) << duration.keyword;
        PoolOptions options;
        options.*duration.option = no_timeout;
        EXPECT_EQ(limits(text, options).value().*duration.limit, no_timeout) << duration.keyword;
        EXPECT_FALSE(Config::parse(std::string(duration.keyword) + "=0s")) << duration.keyword;
    }
}

TEST(PoolLimits, TakeTheRestFromTheStringOrTheProgram) {
    EXPECT_FALSE(limits("").value().adaptive);
    EXPECT_FALSE(limits("pool_adaptive=off").value().adaptive);
    EXPECT_TRUE(limits("pool_adaptive=on").value().adaptive);
    EXPECT_TRUE(limits("", {.adaptive = true}).value().adaptive);
    EXPECT_FALSE(Config::parse("pool_adaptive=perhaps"));
    EXPECT_FALSE(limits("").value().refuse_early);
    EXPECT_TRUE(limits("pool_refuse_early=on").value().refuse_early);
    EXPECT_TRUE(limits("", {.refuse_early = true}).value().refuse_early);
    const PoolBudget budget(3);
    EXPECT_EQ(limits("").value().budget, nullptr);
    EXPECT_EQ(limits("", {.budget = &budget, .budget_reserve = 2}).value().budget, budget.impl());
    EXPECT_EQ(limits("", {.budget = &budget, .budget_reserve = 2}).value().budget_reserve, 2u);
    int context = 0;
    const PoolHooks hooks{.context = &context};
    EXPECT_EQ(limits("", {.hooks = &hooks}).value().hooks.context, &context);
}

// As <pg/pool/options.hpp> and docs/reference/conninfo.md say.
TEST(PoolLimits, AreThoseOfTheDocumentationWhereNothingIsSaid) {
    const Limits said = limits("").value();
    constexpr std::size_t any_number = -1;
    EXPECT_EQ(said.max_size, 10u);
    EXPECT_EQ(said.min_size, 0u);
    EXPECT_EQ(said.min_idle, 0u);
    EXPECT_EQ(said.max_waiting, any_number);
    EXPECT_EQ(said.max_connecting, 2u);
    EXPECT_EQ(said.max_uses, any_number);
    EXPECT_EQ(said.max_lifetime, 30min);
    EXPECT_EQ(said.idle_timeout, 10min);
    EXPECT_EQ(said.ping_after, 1s);
    EXPECT_EQ(said.keepalive, 2min);
    EXPECT_EQ(said.connect_timeout, 15s);
    EXPECT_EQ(said.leak_threshold, no_timeout);
    EXPECT_EQ(said.reclaim_threshold, no_timeout);
    EXPECT_FALSE(said.refuse_early);
    EXPECT_FALSE(said.adaptive);
    EXPECT_EQ(said.budget_reserve, 0u);
}

TEST(PoolLimits, RefuseALeastSizeAboveTheMost) {
    for (const char* text :
         {"pool_max_size=2 pool_min_size=3", "pool_max_size=2 pool_min_idle=3", "pool_min_size=11"}) {
        const auto refused = limits(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ(refused.error().kind(), ErrorKind::usage);
        EXPECT_NE(refused.error().message().find("pool_max_size"), std::string_view::npos);
    }
    EXPECT_TRUE(limits("pool_max_size=2 pool_min_size=2"));
}

class LimitsSurrounded : public ::testing::Test, protected testing_support::OwnSurroundings {};

TEST_F(LimitsSurrounded, KnowTheServers) {
    EXPECT_EQ(limits("host=one,other port=5432,5433").value().servers, "one:5432,other:5433");
    EXPECT_EQ(limits("hostaddr=127.0.0.1 port=5433").value().servers, "127.0.0.1:5433");
    EXPECT_EQ(limits("host=/run/one").value().servers, "/run/one:5432");
    EXPECT_EQ(limits("host=one,other port=1,2,3").value().servers, "") << "refused when it is used";
}

TEST_F(LimitsSurrounded, KnowTheServersThatTheEnvironmentNames) {
    set("PGHOST", "elsewhere");
    set("PGPORT", "5433");
    EXPECT_EQ(limits("").value().servers, "elsewhere:5433");
    EXPECT_EQ(limits("port=1").value().servers, "elsewhere:1");
    EXPECT_EQ(limits("host=one").value().servers, "one:5433");
    set("PGHOSTADDR", "127.0.0.2");
    EXPECT_EQ(limits("host=''").value().servers, "127.0.0.2:5433");
}

TEST_F(LimitsSurrounded, KnowTheServersOfAService) {
    set("PGSERVICEFILE", write("services", "[shop]\nhost=one,other\nport=5433\n"));
    EXPECT_EQ(limits("service=shop").value().servers, "one:5433,other:5433");
    EXPECT_EQ(limits("service=shop port=1").value().servers, "one:1,other:1");
    EXPECT_EQ(limits("service=none").value().servers, "") << "refused when it is used";
    set("PGSERVICE", "shop");
    EXPECT_EQ(limits("").value().servers, "one:5433,other:5433");
}

}  // namespace
}  // namespace pg::pool
