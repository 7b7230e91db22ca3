// Batches that lose their connection: what is sent again, and what is said when that comes to nothing.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"

namespace {

using fake::affected;
using fake::connection_lost;
using fake::Lines;
using fake::rows;

class BatchAttempts : public testing::Test {
protected:
    fake::Database db;
    fake::Server& server = *db.server;
    pg::Batch batch{db.client};
    pg::Tuned idempotent = db.client.with({.idempotent = true});
    pg::Batch repeated{idempotent};
};

TEST_F(BatchAttempts, GoToAnotherSessionWhenNoByteHadLeft) {
    server.answer("select 1", connection_lost(pg::Outcome::not_sent));
    const auto n = batch.exec("select 1");
    const auto m = batch.exec("select 2");
    batch.run();
    EXPECT_EQ(server.opened, 2);
    EXPECT_TRUE(n.try_get());
    EXPECT_TRUE(m.try_get());
}

TEST_F(BatchAttempts, HaveTheirTimeOnce) {
    server.answer("select 1", connection_lost(pg::Outcome::not_sent));
    const auto n = batch.exec("select 1");
    batch.run();
    ASSERT_EQ(server.asked.size(), 2u);
    EXPECT_EQ(server.asked[1].wait.deadline, server.asked[0].wait.deadline);
}

TEST_F(BatchAttempts, GoNowhereAfterAStop) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    pg::Tuned stoppable = db.client.with({.stop = &stop});
    pg::Batch stopped(stoppable);
    server.answer("select 1", connection_lost(pg::Outcome::not_sent));
    const auto n = stopped.exec("select 1");
    source.request_stop();
    EXPECT_THROW(stopped.run(), pg::ConnectionLost);
    EXPECT_EQ(server.asked.size(), 1u);
}

TEST_F(BatchAttempts, DoNotRepeatWhatMayHaveHappened) {
    server.answer("select 2", connection_lost(pg::Outcome::unknown));
    const auto n = batch.exec("select 1");
    const auto m = batch.exec("select 2");
    EXPECT_THROW(batch.run(), pg::ConnectionLost);
    EXPECT_EQ(server.opened, 1);
    EXPECT_EQ(n.try_get().error().outcome(), pg::Outcome::unknown) << "nobody saw the commit";
    EXPECT_EQ(m.try_get().error().outcome(), pg::Outcome::unknown);
}

TEST_F(BatchAttempts, RepeatWhatWasLostWhenItIsIdempotent) {
    server.answer("select 2", connection_lost(pg::Outcome::unknown));
    const auto n = repeated.exec("select 1");
    const auto m = repeated.exec("select 2");
    repeated.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), (Lines{"each of 2", "each of 1"})) << "only what was lost";
    EXPECT_TRUE(n.try_get());
    EXPECT_TRUE(m.try_get());
}

// What came before it in its transaction is gone with the session.
TEST_F(BatchAttempts, DoNotRunHalfOfATransactionAgain) {
    for (const pg::Outcome outcome : {pg::Outcome::not_sent, pg::Outcome::unknown}) {
        server.answer("insert b", connection_lost(outcome));
        server.answer("commit", connection_lost(pg::Outcome::not_sent));
        for (const char* text : {"begin", "insert a", "insert b", "commit"})
            static_cast<void>(repeated.exec(pg::runtime(text)));
        static_cast<void>(repeated.try_run(pg::BatchMode::each));
        EXPECT_EQ(server.take_log(), Lines{"each of 4"});
        repeated.clear();
    }
}

TEST_F(BatchAttempts, RunATransactionAgainOfWhichNothingLeft) {
    for (const char* text : {"begin", "insert a", "commit"}) {
        server.answer(text, connection_lost(pg::Outcome::not_sent));
        static_cast<void>(batch.exec(pg::runtime(text)));
    }
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), (Lines{"each of 3", "each of 3"}));
}

TEST_F(BatchAttempts, ForgetWhatKeptTypesFromBeingLearned) {
    server.answer("select m", rows({{"m", 20001}}, {{"sad"}}));
    server.answer("select 2", connection_lost(pg::Outcome::unknown));
    server.answer("select 2", affected("SELECT 0"));
    server.answer_next_unscripted(connection_lost(pg::Outcome::not_sent));  // what asks the catalogue
    server.answer_next_unscripted(rows({{"oid", 26},
                                        {"nspname"},
                                        {"typname"},
                                        {"typtype"},
                                        {"typcategory"},
                                        {"typarray", 26},
                                        {"element", 26},
                                        {"names", 1009},
                                        {"types", 1028},
                                        {"labels", 1009}},
                                       {{"20001", "public", "mood", "e", "E", "20002", "0", "{}", "{}", "{sad}"}}));
    const auto mood = repeated.query("select m");
    const auto other = repeated.exec("select 2");
    EXPECT_TRUE(repeated.try_run(pg::BatchMode::each));
    EXPECT_TRUE(mood.try_get());
    EXPECT_TRUE(other.try_get());
    EXPECT_TRUE(db.types->find("public.mood"));
}

TEST_F(BatchAttempts, DoNotSayThatNothingWasSentWhenOneBeforeWas) {
    for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        fake::Database lost;
        lost.client.exec("select 0");
        lost.server->refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect, .message = "nobody there"});
        lost.server->answer("select 2", connection_lost(pg::Outcome::unknown));
        pg::Tuned again = lost.client.with({.idempotent = true});
        pg::Batch both(again);
        const auto n = both.exec("select 1");
        const auto m = both.exec("select 2");
        const auto ran = both.try_run(mode);
        EXPECT_EQ(ran.has_value(), mode == pg::BatchMode::each) << "each is told for itself where one has an answer";
        if (!ran) {
            EXPECT_EQ(ran.error().kind(), pg::ErrorKind::connect);
            EXPECT_EQ(ran.error().outcome(), pg::Outcome::unknown);
        }
        EXPECT_EQ(n.try_get().has_value(), mode == pg::BatchMode::each);
        EXPECT_EQ(m.try_get().error().kind(), pg::ErrorKind::connect);
        EXPECT_EQ(m.try_get().error().outcome(), pg::Outcome::unknown);
    }
}

TEST_F(BatchAttempts, DoNotSayThatNothingWasAppliedWhenOneBeforeMayHaveBeen) {
    server.answer("select 2", connection_lost(pg::Outcome::unknown));
    server.answer("select 2", fake::server_error("23505", pg::ErrorKind::unique_violation));
    const auto n = repeated.exec("select 1");
    const auto m = repeated.exec("select 2");
    const auto ran = repeated.try_run();
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().kind(), pg::ErrorKind::unique_violation);
    EXPECT_EQ(ran.error().outcome(), pg::Outcome::unknown);
    EXPECT_EQ(n.try_get().error().outcome(), pg::Outcome::unknown);
    EXPECT_EQ(m.try_get().error().outcome(), pg::Outcome::unknown);
}

TEST_F(BatchAttempts, SayThatNothingWasSentWhenNoneBeforeWas) {
    db.client.exec("select 0");
    server.refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect, .message = "nobody there"});
    server.answer("select 1", connection_lost(pg::Outcome::not_sent));
    const auto n = batch.exec("select 1");
    EXPECT_EQ(batch.try_run(pg::BatchMode::each).error().outcome(), pg::Outcome::not_sent);
    EXPECT_EQ(n.try_get().error().outcome(), pg::Outcome::not_sent);
}

}  // namespace
