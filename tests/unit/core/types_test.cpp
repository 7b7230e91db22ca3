// Learning types: what the catalogue is asked, once, and what becomes of its answer.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/types/enumeration.hpp"

namespace {

enum class Mood { sad, ok };

}  // namespace

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr TypeId type{{}, {}, "mood"};
};

namespace {

using fake::Lines;
using fake::rows;
using fake::server_error;

class Types : public testing::Test {
protected:
    /// Answers the question for these types, whatever its text is on this version of the server.
    void answer_catalogue(std::vector<std::vector<fake::Text>> types) {
        server.answer_next_unscripted(fake::catalogue(std::move(types)));
    }
    void answer_mood() {
        answer_catalogue({{"20001", "public", "mood", "e", "E", "20002", "0", "{}", "{}", "{sad,ok}"}});
    }

    fake::Database db;
    fake::Server& server = *db.server;
};

TEST_F(Types, AreLearnedWhenAResultFirstHasThem) {
    const auto moods = rows({{"m", 20001}}, {{"ok"}}, db.types.get());
    server.answer("select m", moods);
    server.answer("select m", moods);
    answer_mood();
    EXPECT_EQ(db.client.query_one<Mood>("select m"), Mood::ok);
    EXPECT_EQ(db.types->find("public.mood")->labels, (std::vector<std::string>{"sad", "ok"}));
    EXPECT_EQ(server.take_log().size(), 2u);
    EXPECT_EQ(db.client.query_one<Mood>("select m"), Mood::ok);
    EXPECT_EQ(server.take_log(), (Lines{"prepare select m", "execute select m"}))
        << "what is known is not asked for again";
}

TEST_F(Types, AreAskedForAgainWhenTheyMayHaveBeenAltered) {
    const auto moods = rows({{"m", 20001}}, {{"ok"}}, db.types.get());
    for (const char* const altering :
         {"ALTER TYPE", "CREATE TABLE", "CREATE VIEW", "DROP TYPE", "DROP DOMAIN", "DROP OWNED", "DROP TABLE"}) {
        pg::TypeInfo mood;
        mood.oid = pg::Oid{20001};
        db.types->add(mood);
        server.answer("altering", fake::affected(altering));
        db.client.exec(pg::runtime("altering"));
        EXPECT_FALSE(db.types->is_current(pg::Oid{20001})) << altering;
        server.answer("select m", moods);
        answer_mood();
        EXPECT_EQ(db.client.query_one<Mood>(pg::runtime("select m")), Mood::ok);
        EXPECT_TRUE(db.types->is_current(pg::Oid{20001})) << altering;
    }
    server.answer("drop index i", fake::affected("DROP INDEX"));
    db.client.exec("drop index i");
    EXPECT_TRUE(db.types->is_current(pg::Oid{20001})) << "nothing that stays has lost anything by it";
    server.answer("drop function f cascade", fake::affected("DROP FUNCTION"));
    db.client.exec(pg::runtime("drop function f cascade"));
    EXPECT_FALSE(db.types->is_current(pg::Oid{20001}));
}

TEST_F(Types, OfPostgreSqlItselfAreNotAskedFor) {
    server.answer("select n", rows({{"n", 23}, {"r", 3904}}));
    db.client.exec("select n");
    EXPECT_EQ(server.take_log(), Lines{"select n"});
}

TEST_F(Types, OfAStreamAreLearnedBeforeItsRowsOccupyTheSession) {
    server.descriptions.push_back(std::vector<fake::Column>{{"m", 20001}});
    answer_mood();
    server.chunks.emplace_back(rows({{"m", 20001}}, {{"sad"}}, db.types.get()));
    std::vector<Mood> seen;
    for (const Mood mood : db.client.stream<Mood>("select m where $1 = 1", 1)) seen.push_back(mood);
    EXPECT_EQ(seen, std::vector{Mood::sad});
    const Lines log = server.take_log();
    ASSERT_EQ(log.size(), 4u);
    EXPECT_EQ(log[0], "describe select m where $1 = 1");
    EXPECT_EQ(log[2], "stream select m where $1 = 1");
}

TEST_F(Types, OfAStreamAreNotAskedForOnceItIsPrepared) {
    answer_mood();
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 2; ++i) server.descriptions.push_back(std::vector<fake::Column>{{"m", 20001}});
        server.chunks.emplace_back(rows({{"m", 20001}}, {{"sad"}}, db.types.get()));
        server.take_log();
        std::vector<Mood> seen;
        for (const Mood mood : db.client.stream<Mood>("select m")) seen.push_back(mood);
        EXPECT_EQ(seen, std::vector{Mood::sad});
    }
    EXPECT_EQ(server.take_log(), (Lines{"stream select m", "stream closed"}));
}

TEST_F(Types, OfAStreamThatCannotBeDescribedAreAnError) {
    server.descriptions.push_back(server_error("42P01"));
    EXPECT_THROW(static_cast<void>(db.client.stream<Mood>("select m")), pg::ServerError);
}

TEST_F(Types, HaveTheKindThatTheCatalogueSays) {
    server.answer("select t", rows({{"t", 20000}}));
    answer_catalogue({
        {"20000", "s", "composite", "c", "C", "0", "0", "{a,b}", "{23,20003}", "{}"},
        {"20001", "s", "domain", "d", "N", "0", "23", "{}", "{}", "{}"},
        {"20002", "s", "range", "r", "R", "0", "1184", "{}", "{}", "{}"},
        {"20003", "s", "multirange", "m", "R", "0", "1184", "{}", "{}", "{}"},
        {"20004", "s", "pseudo", "p", "P", "0", "0", "{}", "{}", "{}"},
        {"20005", "s", "base", "b", "U", "20006", "0", "{}", "{}", "{}"},
        {"20006", "s", "_base", "b", "A", "0", "20005", "{}", "{}", "{}"},
        {"20007", "s", "domain_of_arrays", "d", "A", "0", "1009", "{}", "{}", "{}"},
    });
    db.client.exec("select t");
    const std::pair<const char*, pg::TypeKind> kinds[] = {
        {"composite", pg::TypeKind::composite}, {"domain", pg::TypeKind::domain},
        {"range", pg::TypeKind::range},         {"multirange", pg::TypeKind::multirange},
        {"pseudo", pg::TypeKind::pseudo},       {"base", pg::TypeKind::base},
        {"_base", pg::TypeKind::array},         {"domain_of_arrays", pg::TypeKind::domain}};
    for (const auto& [name, kind] : kinds) {
        ASSERT_NE(db.types->find(name), nullptr) << name;
        EXPECT_EQ(db.types->find(name)->kind, kind) << name;
    }
    const pg::TypeInfo& composite = *db.types->find("s.composite");
    ASSERT_EQ(composite.fields.size(), 2u);
    EXPECT_EQ(composite.fields[1].name, "b");
    EXPECT_EQ(composite.fields[1].type, pg::Oid{20003});
    EXPECT_EQ(db.types->find("base")->array, pg::Oid{20006});
    EXPECT_EQ(db.types->find("_base")->element, pg::Oid{20005});
}

TEST_F(Types, AreAskedForInWordsThatTheServerKnows) {
    for (const int version : {120022, 130023, 140000, 180004}) {
        fake::Database fresh;
        fresh.server->version = version;
        fresh.server->answer("select t", rows({{"t", 20000}}));
        EXPECT_FALSE(fresh.client.try_exec("select t")) << "its answer has no columns";
        const std::string question = fresh.server->take_log().back();
        EXPECT_EQ(question.find("rngmultitypid") != question.npos, version >= 140000) << version;
        EXPECT_EQ(question.find("rngtypid = t.oid") != question.npos, version < 140000) << version;
    }
}

TEST_F(Types, ThatCannotBeLearnedLeaveTheirStatementApplied) {
    server.answer("insert", rows({{"t", 20000}}));
    server.answer_next_unscripted(fake::connection_lost(pg::Outcome::not_sent));
    const auto inserted = db.client.try_query(pg::runtime("insert"));
    ASSERT_FALSE(inserted);
    EXPECT_EQ(inserted.error().kind(), pg::ErrorKind::connection_lost);
    EXPECT_EQ(inserted.error().outcome(), pg::Outcome::applied);
    EXPECT_EQ(inserted.error().retry_scope(), pg::RetryScope::none);
    EXPECT_EQ(server.take_log().size(), 2u) << "it is not sent again";
}

TEST_F(Types, ThatCannotBeLearnedInATransactionUndoTheirStatement) {
    pg::Transaction transaction = db.client.begin();
    server.answer("insert", rows({{"t", 20000}}));
    server.answer_next_unscripted(server_error("40001", pg::ErrorKind::conflict, pg::RetryScope::transaction));
    const auto inserted = transaction.try_query(pg::runtime("insert"));
    ASSERT_FALSE(inserted);
    EXPECT_EQ(inserted.error().outcome(), pg::Outcome::not_applied);
    EXPECT_EQ(inserted.error().retry_scope(), pg::RetryScope::transaction);
}

TEST_F(Types, ThatCannotBeLearnedAreAnError) {
    server.answer("select t", rows({{"t", 20000}}));
    server.answer_next_unscripted(server_error("57014"));
    EXPECT_THROW(db.client.exec("select t"), pg::ServerError);
}

}  // namespace
