// Which statements get a name, which lose it, and what is left of them meanwhile.
#include "src/core/statement_cache.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>

#include "fake_session.hpp"

namespace pg::detail {
namespace {

using fake::Lines;

class Statements : public testing::Test {
protected:
    /// One that goes by a name on that session, and fails like that, or not. @{
    void fail(StatementCache& its, std::string_view sql, const Error& error) {
        spi::Request request{.sql = sql};
        NamedStatement* const name = its.choose(request, {.hash = hash_sql(sql), .at_once = true}, session);
        ASSERT_TRUE(name);
        its.conclude(*name, request, &error, session);
    }
    void run_on(StatementCache& its, std::string_view sql) {
        spi::Request request{.sql = sql};
        NamedStatement* const name = its.choose(request, {.hash = hash_sql(sql), .at_once = true}, session);
        ASSERT_TRUE(name);
        its.conclude(*name, request, nullptr, session);
    }  /// @}
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
    std::shared_ptr<const TypeCatalog> types = std::make_shared<TypeCatalog>();
    std::shared_ptr<StatementTally> tally = std::make_shared<StatementTally>(types);
    std::optional<StatementCache> cache{std::in_place, StatementLimits(), tally};
    bool prepared = false, described = false;  // what the last request asked for, and had
};

TEST_F(Statements, GetANameAtTheirSecondRunAndKeepIt) {
    EXPECT_EQ(run("select 1"), "");
    EXPECT_FALSE(prepared);
    const std::string name = run("select 1");
    EXPECT_NE(name, "");
    EXPECT_TRUE(prepared);
    EXPECT_FALSE(described);
    EXPECT_EQ(run("select 1"), name);
    EXPECT_FALSE(prepared);
    EXPECT_TRUE(described);
    EXPECT_EQ(cache->stats().hits, 1u);
    EXPECT_EQ(cache->stats().misses, 2u);
    EXPECT_EQ(cache->stats().prepared, 1u);
}

TEST_F(Statements, ThatComeInTurnAllGetANameInTheEnd) {
    constexpr int texts = 256;  // as many as may have one
    const auto text = [](int i) { return "select a, b from table_" + std::to_string(i) + " where id = $1"; };
    for (int round = 0; round < 30; ++round)
        for (int i = 0; i < texts; ++i) run(text(i));
    for (int i = 0; i < texts; ++i) EXPECT_NE(run(text(i)), "") << text(i);
}

TEST_F(Statements, OfASmallerNumberGetANameAtTheirSecondRunWhateverComesBetween) {
    const auto text = [](int i) { return "select a, b from table_" + std::to_string(i) + " where id = $1"; };
    for (int i = 0; i < 40; ++i) EXPECT_EQ(run(text(i)), "");
    for (int i = 0; i < 40; ++i) EXPECT_NE(run(text(i)), "") << text(i);
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

/// Where a pooler gives what one session has prepared to another, nothing there is to be taken for its own.
TEST_F(Statements, HaveNamesThatNoOtherSessionHas) {
    std::set<std::string> names;
    for (int session_number = 0; session_number < 20; ++session_number) {
        use({});
        for (int i = 0; i < 20; ++i) names.insert(run("select " + std::to_string(i), true));
    }
    EXPECT_EQ(names.size(), 400u);
    for (const std::string& name : names) EXPECT_LE(name.size(), 20u) << "it is sent with each execution";
}

TEST_F(Statements, HaveNamesThatNeverComeAgainInTheirSession) {
    use({.entries = 1});
    std::set<std::string> names;
    for (int i = 0; i < 100; ++i) names.insert(run(i % 2 ? "select 1" : "select 2", true));
    EXPECT_EQ(names.size(), 100u);
}

TEST_F(Statements, GetANameAtOnceWhenThatWasAskedFor) { EXPECT_NE(run("select 1", true), ""); }

TEST_F(Statements, ThatAreNotAboutRowsGetNoneByThemselves) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(run("set a = 1"), "");
    EXPECT_NE(run("call f()", true), "");
}

TEST_F(Statements, ThatMakeATableOfTheirRowsGetNone) {
    for (const char* sql : {"select 1 as n into t", "with a as (select 1) select * INTO t from a"})
        for (int i = 0; i < 3; ++i) EXPECT_EQ(run(sql), "") << sql;
    for (const char* sql :
         {"with a as (insert into t values (1) returning n) select n from a", "select 'into', 1 as into",
          "select a.into from a", "with a as (select 1) merge into t using a on false when not matched then do nothing",
          "select 1 as \"a\", /* into */ n as created_into from t"}) {
        run(sql);
        EXPECT_NE(run(sql), "") << sql;
    }
}

TEST_F(Statements, OfOtherTypesAreOthers) {
    Params number, text;
    ASSERT_FALSE(number.add(1));
    ASSERT_FALSE(text.add("1"));
    const std::string of_number = run("select $1", true, &number);
    const std::string of_text = run("select $1", true, &text);
    EXPECT_NE(of_number, of_text);
    const std::string of_none = run("select $1", true);
    EXPECT_NE(of_none, of_number);
    EXPECT_NE(of_none, of_text);
    EXPECT_EQ(run("select $1", true, &number), of_number);
    EXPECT_EQ(run("select $1", true, &text), of_text);
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
    const std::string name = name_of(one), other_name = name_of(other);
    EXPECT_NE(name, other_name);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(name_of(one), name);
        EXPECT_EQ(name_of(copy), name);
        EXPECT_EQ(name_of(other), other_name);
    }
}

TEST_F(Statements, ThatWereUsedLongestAgoMakeRoom) {
    use({.entries = 2});
    const std::string first = run("select 1", true), second = run("select 2", true);
    run("select 1");
    const std::string third = run("select 3", true);
    EXPECT_EQ(server->take_log(), Lines{"forget " + second});
    EXPECT_EQ(run("select 1"), first);
    EXPECT_EQ(run("select 3"), third);
    EXPECT_EQ(cache->size(), 2u);
    EXPECT_EQ(cache->stats().evicted, 1u);
}

TEST_F(Statements, MakeRoomForTheBytesOfOthers) {
    use({.bytes = 3 * (sizeof(NamedStatement) + 8)});
    Lines closing;
    for (const char* sql : {"select 1", "select 2", "select 3", "select 4"})
        closing.push_back("forget " + run(sql, true));
    EXPECT_EQ(server->take_log(), Lines{closing[0]});
    run("select 5 as a_column_with_a_long_name", true);
    EXPECT_EQ(server->take_log(), (Lines{closing[1], closing[2]}));
}

TEST_F(Statements, ThatAreTooLongGetNone) {
    use({.statement_bytes = 8});
    EXPECT_EQ(run("select 10", true), "");
    EXPECT_NE(run("select 1", true), "");
}

TEST_F(Statements, InUseAreNotEvicted) {
    use({.entries = 1});
    spi::Request request{.sql = "select 1"};
    NamedStatement* const statement = cache->choose(request, {.hash = 1, .at_once = true}, session);
    ASSERT_TRUE(statement);
    EXPECT_EQ(run("select 2", true), "") << "there is no room";
    cache->conclude(*statement, request, nullptr, session);
    EXPECT_NE(run("select 2", true), "");
}

TEST_F(Statements, MayBeUsedBehindTheOneThatPreparesThem) {
    spi::Request first{.sql = "select 1"}, next{.sql = "select 1"};
    NamedStatement* const one = cache->choose(first, {.hash = 1, .at_once = true}, session);
    NamedStatement* const other = cache->choose(next, {.hash = 1, .at_once = true}, session);
    ASSERT_EQ(one, other);
    EXPECT_EQ(next.statement, first.statement);
    EXPECT_FALSE(next.prepare);
    EXPECT_FALSE(next.description) << "nobody knows it yet";
    const std::string name(first.statement);
    const Error refused = fake::server_error("42601");
    cache->conclude(*one, first, &refused, session);
    const Error unknown = fake::server_error("26000", ErrorKind::plan_invalidated);
    cache->conclude(*other, next, &unknown, session);
    EXPECT_EQ(server->take_log(), Lines{"forget " + name});
    EXPECT_EQ(cache->size(), 0u);
}

TEST_F(Statements, WhoseNameIsTakenGoWithoutAndCloseNothingOfOthers) {
    const auto closes = [&](std::string_view sql, auto message) {
        spi::Request request{.sql = sql};
        NamedStatement* const statement = cache->choose(request, {.hash = hash_sql(sql), .at_once = true}, session);
        if (!statement) return ADD_FAILURE() << sql, false;
        const Error error({.kind = ErrorKind::server,
                           .outcome = Outcome::not_applied,
                           .sqlstate = sqlstate::duplicate_prepared_statement,
                           .message = message(std::string(request.statement))});
        const std::string closing = "forget " + std::string(request.statement);
        cache->conclude(*statement, request, &error, session);
        EXPECT_EQ(run(sql, true), "");
        return server->take_log() == Lines{closing};
    };
    EXPECT_FALSE(closes("select 1", [](const std::string& name) { return '"' + name + "\" already exists"; }));
    EXPECT_TRUE(closes("select 2", [](const std::string&) { return "\"PGBOUNCER_1\" already exists"; }));
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
    EXPECT_EQ(types->era(), 1u) << "it is gone from all sessions";
    EXPECT_EQ(cache->stats().outdated, 1u);
}

TEST_F(Statements, ThatTheSchemaMadeOutdatedAreSoInAllSessionsOnceForEachChange) {
    const Error outdated = fake::server_error("0A000", ErrorKind::plan_invalidated);
    std::vector<std::unique_ptr<StatementCache>> sessions;
    for (int i = 0; i < 3; ++i) {
        sessions.push_back(std::make_unique<StatementCache>(StatementLimits(), tally));
        for (const char* sql : {"select 1", "select 2"}) run_on(*sessions.back(), sql);
    }
    fail(*sessions[0], "select 1", outdated);
    EXPECT_EQ(types->era(), 1u);
    for (int i = 0; i < 400; ++i) run_on(*sessions[1], "select 2");
    fail(*sessions[1], "select 1", outdated);
    EXPECT_EQ(types->era(), 1u) << "it had its statement from before";
    for (const auto& one : sessions) {
        one->keep_up(session);
        EXPECT_EQ(one->size(), 0u);
    }
}

TEST_F(Statements, ThatNeverFitDoNotTakeTheOthersAwayAllTheTime) {
    const Error outdated = fake::server_error("0A000", ErrorKind::plan_invalidated);
    for (int i = 0; i < 50; ++i) {
        cache->keep_up(session);
        run_on(*cache, "select 1");
        fail(*cache, "select 1", outdated);
    }
    EXPECT_EQ(types->era(), 1u);
    for (int i = 0; i < 101; ++i) {
        cache->keep_up(session);
        run_on(*cache, "select 2");
    }
    run_on(*cache, "select 1");
    fail(*cache, "select 1", outdated);
    EXPECT_EQ(types->era(), 2u) << "they had some use of what they had";
}

TEST_F(Statements, ThatTheirSessionHasLostAreOutdatedNowhereElse) {
    run_on(*cache, "select 1");
    fail(*cache, "select 1", fake::server_error("26000", ErrorKind::plan_invalidated));
    EXPECT_EQ(cache->stats().outdated, 1u);
    fail(*cache, "select 1", fake::server_error("0A000", ErrorKind::plan_invalidated));
    EXPECT_EQ(types->era(), 0u) << "nor where it was prepared just now";
}

TEST_F(Statements, KeepTheirNameWithAnyOtherError) {
    const std::string name = run("select 1", true);
    spi::Request request{.sql = "select 1"};
    NamedStatement* const statement = cache->choose(request, {.hash = hash_sql("select 1"), .at_once = true}, session);
    ASSERT_TRUE(statement);
    const Error error = fake::server_error("23505");
    cache->conclude(*statement, request, &error, session);
    EXPECT_EQ(run("select 1"), name);
}

TEST_F(Statements, AreAllForgottenWhenTheServerHasForgottenThem) {
    const std::string before = run("select 1", true);
    spi::Request request{.sql = "select 2"};
    NamedStatement* const in_use = cache->choose(request, {.hash = hash_sql("select 2"), .at_once = true}, session);
    ASSERT_TRUE(in_use);
    const std::string name(request.statement);
    cache->forget_all();
    EXPECT_EQ(cache->size(), 0u);
    EXPECT_EQ(request.statement, name) << "who has it still reads it";
    cache->conclude(*in_use, request, nullptr, session);
    EXPECT_NE(run("select 1", true), before);
    EXPECT_EQ(server->take_log(), Lines{});
}

TEST_F(Statements, AreFromBeforeWhenAChangeWasUndoneUnseen) {
    cache->keep_up(session);
    ASSERT_TRUE(session.run({.sql = "begin"}, {}));
    const std::string before = run("select 1", true);
    types->outdate();
    cache->await_commit();
    cache->keep_up(session);
    const std::string within = run("select 1", true);
    EXPECT_NE(within, before);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(run("select 1", true), within) << "those of the transaction are kept";
        cache->keep_up(session);
    }
    EXPECT_TRUE(cache->awaits_commit());
    const std::uint64_t era = types->era();
    ASSERT_TRUE(session.run({.sql = "commit"}, {}));  // of whatever kind: nobody said what became of it
    cache->keep_up(session);
    EXPECT_FALSE(cache->awaits_commit());
    EXPECT_EQ(types->era(), era + 1) << "others are told";
    const std::string after = run("select 1", true);
    EXPECT_NE(after, within);
    cache->keep_up(session);
    EXPECT_EQ(run("select 1", true), after);
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
