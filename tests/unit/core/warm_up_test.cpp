// Statements that are prepared before anybody uses a session: which, with what outcome, and what is left to do then.
#include "src/core/warm_up.hpp"

#include <gtest/gtest.h>

#include "fake_session.hpp"

namespace pg::detail {
namespace {

using fake::Lines;

class WarmUps : public testing::Test {
protected:
    static std::shared_ptr<const Params> arguments(int count = 0) {
        auto params = std::make_shared<Params>();
        for (int i = 0; i < count; ++i) EXPECT_FALSE(params->add(std::optional<int>()));
        return params;
    }
    Expected<void> equip() { return warm_up().equip(slot, {}); }
    WarmUp& warm_up() {
        if (!made) made.emplace(context);
        return *made;
    }
    /// The name that a run of it goes by; counts as one.
    std::string run(std::string_view sql, const Params* params) {
        spi::Request request{.sql = sql, .params = params};
        auto& cache = static_cast<StatementCache&>(*slot.memory);
        cache.keep_up(*slot.session);
        NamedStatement* const name = cache.choose(request, {.hash = hash_sql(sql)}, *slot.session);
        const std::string went_by(request.statement);
        described = request.description ? request.description->get() : nullptr;
        if (name) cache.conclude(*name, request, nullptr, *slot.session);
        return went_by;
    }

    std::shared_ptr<fake::Server> server = std::make_shared<fake::Server>();
    Context context;
    spi::SessionSlot slot{.session = std::make_unique<fake::Session>(server)};
    std::optional<WarmUp> made;
    const ResultStorage* described = nullptr;
};

TEST_F(WarmUps, GiveEachStatementItsNameBeforeItIsRun) {
    context.types->outdate();  // before the session was opened
    ASSERT_TRUE(warm_up().add("select $1", arguments(1)));
    ASSERT_TRUE(warm_up().add("select 2", arguments()));
    server->descriptions.emplace_back(std::vector<fake::Column>{{"n", 23}});
    ASSERT_TRUE(equip());
    EXPECT_EQ(server->take_log(), (Lines{"prepare select $1", "prepare select 2"}));
    const auto number = arguments(1);
    const std::string name = run("select $1", number.get());
    EXPECT_NE(name, "");
    ASSERT_NE(described, nullptr);
    EXPECT_EQ(described->columns()[0].name, "n");
    const std::string other = run("select 2", nullptr);
    EXPECT_NE(other, "");
    EXPECT_NE(other, name);
    EXPECT_EQ(context.tally->total().hits, 2u);
    EXPECT_EQ(context.tally->total().misses, 0u);
    EXPECT_EQ(context.tally->total().prepared, 2u);
    EXPECT_EQ(run("select $1", nullptr), "") << "without its argument it is another statement";
}

TEST_F(WarmUps, PrepareOnceWhatIsSaidTwice) {
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(warm_up().add("select 1", arguments()));
    ASSERT_TRUE(equip());
    EXPECT_EQ(server->take_log(), Lines{"prepare select 1"});
}

TEST_F(WarmUps, SayWhatCouldNotBePreparedAndGoOn) {
    ASSERT_TRUE(warm_up().add("select 1 from missing", arguments()));
    ASSERT_TRUE(warm_up().add("select 2", arguments()));
    server->descriptions.emplace_back(fake::server_error("42P01"));
    server->descriptions.emplace_back(std::vector<fake::Column>{});
    const auto equipped = equip();
    ASSERT_FALSE(equipped);
    EXPECT_EQ(equipped.error().sqlstate(), "42P01");
    EXPECT_EQ(equipped.error().message(),
              "PoolOptions::prepare: `select 1 from missing` cannot be prepared: refused as 42P01");
    EXPECT_EQ(server->take_log(),
              (Lines{"prepare select 1 from missing", "forget select 1 from missing", "prepare select 2"}));
    EXPECT_NE(run("select 2", nullptr), "");
    EXPECT_EQ(run("select 1 from missing", nullptr), "");
}

TEST_F(WarmUps, EndWithTheirSession) {
    ASSERT_TRUE(warm_up().add("select 1", arguments()));
    ASSERT_TRUE(warm_up().add("select 2", arguments()));
    server->descriptions.emplace_back(fake::connection_lost(Outcome::not_applied));
    const auto equipped = equip();
    ASSERT_FALSE(equipped);
    EXPECT_EQ(equipped.error().kind(), ErrorKind::connection_lost);
    EXPECT_EQ(server->take_log(), (Lines{"prepare select 1", "forget select 1"}));
}

TEST_F(WarmUps, LearnTheTypesOfColumns) {
    ASSERT_TRUE(warm_up().add("select m", arguments()));
    server->descriptions.emplace_back(std::vector<fake::Column>{{"m", 20001}});
    server->answer_next_unscripted(fake::server_error("42501"));
    const auto equipped = equip();
    ASSERT_FALSE(equipped) << "the catalogue was not asked";
    EXPECT_EQ(equipped.error().sqlstate(), "42501");
}

TEST_F(WarmUps, RefuseWhatNoSessionKeeps) {
    const auto refusal = [&](std::string_view sql, int count) {
        const auto added = warm_up().add(sql, arguments(count));
        EXPECT_FALSE(added) << sql;
        return added ? std::string() : std::string(added.error().message());
    };
    context.statements = {.entries = 1, .bytes = 1000, .statement_bytes = 100};
    EXPECT_EQ(refusal("begin", 0), "PoolOptions::prepare: what begins or ends a transaction is not prepared");
    EXPECT_EQ(refusal("select 2 as n into t", 0),
              "PoolOptions::prepare: what is not about rows, or makes or drops something, goes without a name");
    EXPECT_EQ(refusal("select $1", 0), "the statement has 1 parameters, but 0 arguments were given");
    EXPECT_EQ(refusal("select '" + std::string(100, 'x') + "'", 0),
              "PoolOptions::prepare: a text of more than 100 bytes is not kept");
    ASSERT_TRUE(warm_up().add("select 1", arguments()));
    EXPECT_EQ(
        refusal("select 2", 0),
        "PoolOptions::prepare: a session keeps no more than 1 statements (statement_cache_size), and 1000 bytes of "
        "them");
}

TEST_F(WarmUps, PrepareNothingWhereNothingHasAName) {
    context.statements.entries = 0;
    ASSERT_TRUE(warm_up().add("select 1", arguments()));
    ASSERT_TRUE(equip());
    EXPECT_EQ(server->take_log(), Lines{});
    EXPECT_EQ(slot.memory, nullptr);
}

}  // namespace
}  // namespace pg::detail
