// Eras: what may change what names and types mean, for whom and from when on, and what does not.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/transaction.hpp"

namespace {

class Eras : public testing::Test {
protected:
    [[nodiscard]] std::uint64_t era() const { return db.types->era(); }

    fake::Database db;
};

TEST_F(Eras, BeginWithTheCommitOfWhatAScriptMadeWhateverWordsAreInIt) {
    pg::Transaction transaction = db.client.begin();
    transaction.run_script("create table a(n int); insert into log values ('pending')");
    const std::uint64_t before = era();
    transaction.commit();
    EXPECT_EQ(era(), before + 1) << "only now is it there for others";
}

TEST_F(Eras, BeginWithTheEndOfATransactionThatATextEnds) {
    pg::Connection connection = db.client.connection();
    connection.exec("begin");
    connection.run_script("create table a(n int)");
    const std::uint64_t before = era();
    connection.run_script("commit");
    EXPECT_EQ(era(), before + 1);
}

TEST_F(Eras, BeginWithARollbackOfWhatWasMade) {
    for (const bool by_hand : {true, false}) {
        const std::uint64_t before = era();
        {
            pg::Transaction transaction = db.client.begin();
            transaction.run_script("create table a(n int)");
            EXPECT_EQ(era(), before + 1);
            if (by_hand) transaction.rollback();
        }
        EXPECT_EQ(era(), before + 2) << "what was prepared in it is from before";
        db.client.begin().commit();
        EXPECT_EQ(era(), before + 2) << "and nothing is left of it";
    }
}

TEST_F(Eras, DoNotBeginWithWordsThatOnlyLookLikeOnesThatMakeSomething) {
    const std::uint64_t before = era();
    for (const auto& [sql, tag] : {std::pair("explain select created_at from t", "EXPLAIN"),
                                   std::pair("explain analyze select created_at, dropped_into from t", "EXPLAIN"),
                                   std::pair("do $$begin perform altered from t; end$$", "DO"),
                                   std::pair("drop table if exists pg_temp.scratch", "DROP TABLE")}) {
        db.server->answer(sql, fake::affected(tag));
        db.client.exec(pg::runtime(sql));
        pg::Batch batch(db.client);
        if (tag == std::string_view("EXPLAIN")) static_cast<void>(batch.exec(pg::runtime(sql)));
        batch.run();
        EXPECT_EQ(era(), before) << sql;
    }
}

TEST_F(Eras, BeginWithWhatBecomesKnownToOthersWithoutACommitOfOurs) {
    for (const auto& [sql, tag] :
         {std::pair("commit prepared 'x'", "COMMIT PREPARED"),
          std::pair("import foreign schema a from server s into b", "IMPORT FOREIGN SCHEMA")}) {
        const std::uint64_t before = era();
        db.server->answer(sql, fake::affected(tag));
        db.client.exec(pg::runtime(sql));
        EXPECT_EQ(era(), before + 1) << sql;
        db.client.run_script(sql);
        EXPECT_EQ(era(), before + 2) << sql;
    }
}

TEST_F(Eras, BeginWithWhatMayHaveHappenedBeforeAFailure) {
    const auto fails = [&](const char* sql, pg::Outcome outcome) {
        db.server->answer(sql, pg::Error({.kind = pg::ErrorKind::cancelled,
                                          .outcome = outcome,
                                          .connection_usable = true,
                                          .message = "given up"}));
        const std::uint64_t before = era();
        EXPECT_FALSE(db.client.try_exec(pg::runtime(sql)));
        return era() - before;
    };
    EXPECT_EQ(fails("create table a(n int)", pg::Outcome::applied), 1u);
    EXPECT_EQ(fails("do $$ begin create table a(n int); commit; x; end $$", pg::Outcome::not_applied), 1u);
    EXPECT_EQ(fails("select * into a from b", pg::Outcome::unknown), 1u);
    EXPECT_EQ(fails("select * into a from b", pg::Outcome::not_applied), 0u);
    EXPECT_EQ(fails("insert into a select 1", pg::Outcome::unknown), 0u);
    EXPECT_EQ(fails("create table a(n int)", pg::Outcome::not_sent), 0u);
}

TEST_F(Eras, BeginWithWhatMayHaveHappenedBeforeAConnectionWasLost) {
    const auto is_lost_with = [&](const char* sql, pg::Outcome outcome) {
        db.server->answer(sql, fake::connection_lost(outcome));
        const std::uint64_t before = era();
        EXPECT_FALSE(db.client.connection().try_exec(pg::runtime(sql)));
        return era() - before;
    };
    EXPECT_EQ(is_lost_with("create table a(n int)", pg::Outcome::unknown), 1u);
    EXPECT_EQ(is_lost_with("select * into a from b", pg::Outcome::unknown), 1u);
    EXPECT_EQ(is_lost_with("commit", pg::Outcome::unknown), 1u) << "of what was made before";
    EXPECT_EQ(is_lost_with("create table a(n int)", pg::Outcome::not_applied), 0u);
    EXPECT_EQ(is_lost_with("insert into a select 1", pg::Outcome::unknown), 0u);
}

TEST_F(Eras, DoNotBeginWithWordsInAStatementOfABatch) {
    for (int i = 0; i < 2; ++i) {
        pg::Batch batch(db.client);
        for (const auto& [sql, tag] :
             {std::pair("insert into t values (1)", "INSERT 0 1"), std::pair("notify order_created", "NOTIFY"),
              std::pair("call create_invoice(1)", "CALL")})
            db.server->answer(sql, fake::affected(tag));
        static_cast<void>(batch.exec("insert into t values (1)"));
        static_cast<void>(batch.exec("notify order_created"));
        static_cast<void>(batch.exec("call create_invoice(1)"));
        batch.run();
    }
    EXPECT_EQ(era(), 0u);
    pg::Batch batch(db.client);
    static_cast<void>(batch.exec(" /* */ Create type mood as enum ('sad')"));
    batch.run();
    EXPECT_GT(era(), 0u);
}

}  // namespace
