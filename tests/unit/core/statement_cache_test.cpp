// Which statements get a name, which lose it, and what is left of them meanwhile.
#include "src/core/statement_cache.hpp"

#include <gtest/gtest.h>
#include <random>

#include "fake_session.hpp"

namespace pg::detail {
namespace {

using fake::Lines;

class Statements : public testing::Test {
protected:
    /// One that takes these arguments and is run to its end. The name that it went by.
    std::string run(std::string_view sql, bool at_once = false, const Params* params = nullptr) {
        spi::Request request{.sql = sql, .params = params};
        NamedStatement* const name = cache->choose(request, {.hash = hash_sql(sql), .at_once = at_once}, session);
        const std::string went_by(request.statement);
        prepared = request.prepare != nullptr;
        described = request.description != nullptr;
        if (name) cache->conclude(*name, request, nullptr, session);
        return went_by;
    }
    void use(const StatementLimits& limits) { cache.emplace(limits, tally); }

    std::shared_ptr<fake::Server> server = std::make_shared<fake::Server>();
    fake::Session session{server};
    std::shared_ptr<StatementTally> tally = std::make_shared<StatementTally>();
    std::optional<StatementCache> cache{std::in_place, StatementLimits(), tally};
    bool prepared = false, described = false;  // what the last request asked for, and had
};

TEST_F(Statements, GetANameAtTheirSecondRunAndKeepIt) {
    EXPECT_EQ(run("select 1"), "");
    EXPECT_FALSE(prepared);
    EXPECT_EQ(run("select 1"), "pgclient_1");
    EXPECT_TRUE(prepared);
    EXPECT_FALSE(described);
    EXPECT_EQ(run("select 1"), "pgclient_1");
    EXPECT_FALSE(prepared);
    EXPECT_TRUE(described);
    EXPECT_EQ(cache->stats().hits, 1u);
    EXPECT_EQ(cache->stats().misses, 2u);
    EXPECT_EQ(cache->stats().prepared, 1u);
}

TEST_F(Statements, ThatAreAlikeAreNotTakenForEachOther) {
    for (int i = 0; i < 2000; ++i) EXPECT_EQ(run("select * from readings where id = " + std::to_string(i)), "");
}

TEST_F(Statements, AreCountedOverAllSessionsAndThoseThatHaveGone) {
    StatementCache other(StatementLimits(), tally);
    spi::Request request{.sql = "select 1"};
    EXPECT_FALSE(other.choose(request, {.hash = 1}, session));
    for (int i = 0; i < 3; ++i) run("select 1");
    EXPECT_EQ(tally->total().misses, 3u);
    cache.reset();
    EXPECT_EQ(tally->total().misses, 3u);
    EXPECT_EQ(tally->total().hits, 1u);
    EXPECT_EQ(tally->total().prepared, 1u);
}

TEST_F(Statements, GetANameAtOnceWhenThatWasAskedFor) { EXPECT_EQ(run("select 1", true), "pgclient_1"); }

TEST_F(Statements, ThatAreNotAboutRowsGetNoneByThemselves) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(run("set a = 1"), "");
    EXPECT_EQ(run("call f()", true), "pgclient_1");
}

TEST_F(Statements, OfOtherTypesAreOthers) {
    Params number, text;
    ASSERT_FALSE(number.add(1));
    ASSERT_FALSE(text.add("1"));
    EXPECT_EQ(run("select $1", true, &number), "pgclient_1");
    EXPECT_EQ(run("select $1", true, &text), "pgclient_2");
    EXPECT_EQ(run("select $1", true), "pgclient_3");
    EXPECT_EQ(run("select $1", true, &number), "pgclient_1");
    EXPECT_EQ(run("select $1", true, &text), "pgclient_2");
}

TEST_F(Statements, OfOneHashAreToldApartByTheirTexts) {
    std::string name[2];
    for (std::string& one : name) {
        spi::Request request{.sql = &one == name ? "select 1" : "select 2"};
        NamedStatement* const statement = cache->choose(request, {.hash = 7, .at_once = true}, session);
        ASSERT_TRUE(statement);
        one = request.statement;
        cache->conclude(*statement, request, nullptr, session);
    }
    EXPECT_NE(name[0], name[1]);
}

TEST_F(Statements, ThatLastAreKnownByTheirPlace) {
    const std::string one = "select 1", other = "select 2", copy = one;
    const auto name_of = [&](std::string_view sql) {
        spi::Request request{.sql = sql};
        NamedStatement* const statement =
            cache->choose(request, {.hash = hash_sql(sql), .lasting = true, .at_once = true}, session);
        if (statement) cache->conclude(*statement, request, nullptr, session);
        return std::string(request.statement);
    };
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(name_of(one), "pgclient_1");
        EXPECT_EQ(name_of(copy), "pgclient_1");
        EXPECT_EQ(name_of(other), "pgclient_2");
    }
}

TEST_F(Statements, ThatWereUsedLongestAgoMakeRoom) {
    use({.entries = 2});
    run("select 1", true);
    run("select 2", true);
    run("select 1");
    run("select 3", true);
    EXPECT_EQ(server->take_log(), Lines{"forget pgclient_2"});
    EXPECT_EQ(run("select 1"), "pgclient_1");
    EXPECT_EQ(run("select 3"), "pgclient_3");
    EXPECT_EQ(cache->size(), 2u);
    EXPECT_EQ(cache->stats().evicted, 1u);
}

TEST_F(Statements, MakeRoomForTheBytesOfOthers) {
    use({.bytes = 3 * (sizeof(NamedStatement) + 8)});
    for (const char* sql : {"select 1", "select 2", "select 3", "select 4"}) run(sql, true);
    EXPECT_EQ(server->take_log(), Lines{"forget pgclient_1"});
    run("select 5 as a_column_with_a_long_name", true);
    EXPECT_EQ(server->take_log(), (Lines{"forget pgclient_2", "forget pgclient_3"}));
}

TEST_F(Statements, ThatAreTooLongGetNone) {
    use({.statement_bytes = 8});
    EXPECT_EQ(run("select 10", true), "");
    EXPECT_EQ(run("select 1", true), "pgclient_1");
}

TEST_F(Statements, InUseAreNotEvicted) {
    use({.entries = 1});
    spi::Request request{.sql = "select 1"};
    NamedStatement* const statement = cache->choose(request, {.hash = 1, .at_once = true}, session);
    ASSERT_TRUE(statement);
    EXPECT_EQ(run("select 2", true), "") << "there is no room";
    cache->conclude(*statement, request, nullptr, session);
    EXPECT_EQ(run("select 2", true), "pgclient_2");
}

TEST_F(Statements, MayBeUsedBehindTheOneThatPreparesThem) {
    spi::Request first{.sql = "select 1"}, next{.sql = "select 1"};
    NamedStatement* const one = cache->choose(first, {.hash = 1, .at_once = true}, session);
    NamedStatement* const other = cache->choose(next, {.hash = 1, .at_once = true}, session);
    ASSERT_EQ(one, other);
    EXPECT_EQ(next.statement, first.statement);
    EXPECT_FALSE(next.prepare);
    EXPECT_FALSE(next.description) << "nobody knows it yet";
    const Error refused = fake::server_error("42601");
    cache->conclude(*one, first, &refused, session);
    const Error unknown = fake::server_error("26000", ErrorKind::plan_invalidated);
    cache->conclude(*other, next, &unknown, session);
    EXPECT_EQ(server->take_log(), Lines{"forget pgclient_1"});
    EXPECT_EQ(cache->size(), 0u);
}

TEST_F(Statements, LoseTheirNameWithAnErrorThatMayComeFromIt) {
    for (const auto& [sqlstate, kind] :
         {std::pair("0A000", ErrorKind::plan_invalidated), std::pair("26000", ErrorKind::plan_invalidated),
          std::pair("42883", ErrorKind::server), std::pair("42804", ErrorKind::server)}) {
        run("select 1", true);
        spi::Request request{.sql = "select 1"};
        NamedStatement* const statement =
            cache->choose(request, {.hash = hash_sql("select 1"), .at_once = true}, session);
        ASSERT_TRUE(statement);
        const Error error = fake::server_error(sqlstate, kind);
        cache->conclude(*statement, request, &error, session);
        EXPECT_EQ(cache->size(), 0u) << sqlstate;
    }
    EXPECT_EQ(cache->stats().outdated, 4u);
}

TEST_F(Statements, LoseTheirNameWhenATypeIsGoneThatTheyGoBy) {
    run("select 1", true);
    spi::Request request{.sql = "select 1"};
    NamedStatement* const statement = cache->choose(request, {.hash = hash_sql("select 1"), .at_once = true}, session);
    ASSERT_TRUE(statement);
    const Error error({.kind = ErrorKind::server,
                       .outcome = Outcome::not_applied,
                       .sqlstate = SqlState("XX000"),
                       .message = "cache lookup failed for type 16387"});
    cache->conclude(*statement, request, &error, session);
    EXPECT_EQ(cache->size(), 0u);
    EXPECT_EQ(cache->stats().outdated, 1u);
}

TEST_F(Statements, KeepTheirNameWithAnyOtherError) {
    run("select 1", true);
    spi::Request request{.sql = "select 1"};
    NamedStatement* const statement = cache->choose(request, {.hash = hash_sql("select 1"), .at_once = true}, session);
    ASSERT_TRUE(statement);
    const Error error = fake::server_error("23505");
    cache->conclude(*statement, request, &error, session);
    EXPECT_EQ(run("select 1"), "pgclient_1");
}

TEST_F(Statements, AreAllForgottenWhenTheServerHasForgottenThem) {
    run("select 1", true);
    spi::Request request{.sql = "select 2"};
    NamedStatement* const in_use = cache->choose(request, {.hash = hash_sql("select 2"), .at_once = true}, session);
    ASSERT_TRUE(in_use);
    cache->forget_all();
    EXPECT_EQ(cache->size(), 0u);
    EXPECT_EQ(request.statement, "pgclient_2") << "who has it still reads it";
    cache->conclude(*in_use, request, nullptr, session);
    EXPECT_EQ(run("select 1", true), "pgclient_3");
    EXPECT_EQ(server->take_log(), Lines{});
}

TEST_F(Statements, AreFromBeforeWhenAChangeWasUndoneUnseen) {
    const TypeCatalog types;
    cache->keep_up_with(types, session);
    ASSERT_TRUE(session.run({.sql = "begin"}, {}));
    EXPECT_EQ(run("select 1", true), "pgclient_1");
    types.outdate();
    cache->await_commit();
    cache->keep_up_with(types, session);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(run("select 1", true), "pgclient_2") << "those of the transaction are kept";
        cache->keep_up_with(types, session);
    }
    EXPECT_TRUE(cache->awaits_commit());
    const std::uint64_t era = types.era();
    ASSERT_TRUE(session.run({.sql = "commit"}, {}));  // of whatever kind: nobody said what became of it
    cache->keep_up_with(types, session);
    EXPECT_FALSE(cache->awaits_commit());
    EXPECT_EQ(types.era(), era + 1) << "others are told";
    EXPECT_EQ(run("select 1", true), "pgclient_3");
    cache->keep_up_with(types, session);
    EXPECT_EQ(run("select 1", true), "pgclient_3");
}

/// A cache that is told what a list of all that happened would say.
TEST_F(Statements, AreThoseOfANaiveListInAnyOrderOfUse) {
    std::mt19937 random(20);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same histories every time
    for (int history = 0; history < 200; ++history) {
        const std::size_t most = 1 + random() % 40;
        use({.entries = most});
        std::vector<std::pair<std::string, std::string>> newest_first;  // texts and names
        for (int step = 0; step < 200; ++step) {
            const std::string sql = "select " + std::to_string(random() % 60);
            const auto known = std::find_if(newest_first.begin(), newest_first.end(),
                                            [&](const auto& one) { return one.first == sql; });
            const std::string name = run(sql, true);
            ASSERT_NE(name, "");
            if (known != newest_first.end()) {
                ASSERT_EQ(name, known->second);
                ASSERT_FALSE(prepared);
                newest_first.erase(known);
            } else {
                ASSERT_TRUE(prepared);
            }
            newest_first.insert(newest_first.begin(), {sql, name});
            if (newest_first.size() > most) {
                ASSERT_EQ(server->take_log(), Lines{"forget " + newest_first.back().second});
                newest_first.pop_back();
            }
            ASSERT_EQ(cache->size(), newest_first.size());
        }
    }
}

}  // namespace
}  // namespace pg::detail
