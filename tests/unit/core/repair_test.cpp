// What is run again and in what form, and what is not: what somebody else has answered, and what never went well.
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/prepared.hpp"
#include "pg/spi/interceptor.hpp"

namespace {

using fake::Lines;
using fake::rows;
using fake::server_error;

constexpr pg::Oid int4{23};
constexpr pg::Oid int8{20};
constexpr std::int64_t one = 1;  // whose literal is an int4

class Healing : public testing::Test {
protected:
    /// The texts that arrived.
    Lines arrived() {
        Lines texts;
        for (const auto& asked : std::exchange(server.asked, {})) texts.push_back(asked.sql);
        return texts;
    }
    void refuse_next(const char* sql, const char* sqlstate) { server.answer(sql, server_error(sqlstate)); }

    fake::Database db;
    fake::Server& server = *db.server;
    pg::Client& client = db.client;
};

TEST_F(Healing, SendsNumbersAgainAsLiteralsWhenTheServerRefusesTheirTypes) {
    for (const char* refusal : {"42883", "42804"}) {
        fake::Database fresh;
        fresh.server->answer("select f($1, $2)", server_error(refusal));
        fresh.client.exec("select f($1, $2)", one, true);
        ASSERT_EQ(fresh.server->asked.size(), 2u) << refusal;
        EXPECT_EQ(fresh.server->asked[0].arguments[0].type, pg::Oid{20});
        EXPECT_EQ(fresh.server->asked[1].arguments[0].type, pg::Oid{23});
        EXPECT_EQ(fresh.server->asked[1].arguments[0].bytes, "1");
        EXPECT_EQ(fresh.server->asked[1].arguments[1].type, pg::Oid{16}) << "a bool is no number";
        fresh.client.exec("select f($1, $2)", one + 1, true);
        ASSERT_EQ(fresh.server->asked.size(), 3u) << "it is remembered";
        EXPECT_EQ(fresh.server->asked[2].arguments[0].bytes, "2");
    }
}

TEST_F(Healing, SendsNumbersAgainOnce) {
    server.answer("select f($1)", server_error("42883"));
    server.answer("select f($1)", server_error("42883"));
    EXPECT_THROW(client.exec("select f($1)", one), pg::ServerError);
    EXPECT_EQ(server.asked.size(), 2u);
}

TEST_F(Healing, SendsNothingAgainWithoutANumberOrInATransaction) {
    server.answer("select f($1)", server_error("42883"));
    EXPECT_THROW(client.exec("select f($1)", "x"), pg::ServerError);
    EXPECT_EQ(server.asked.size(), 1u);
    server.answer("select g($1)", server_error("42883"));
    pg::Transaction transaction = client.begin();
    EXPECT_THROW(transaction.exec("select g($1)", one), pg::ServerError);
    EXPECT_EQ(server.asked.size(), 3u);
}

TEST_F(Healing, SendsNothingAgainThatMayHaveHadAnEffect) {
    server.answer(
        "select f($1)",
        pg::Error(
            {.kind = pg::ErrorKind::server, .outcome = pg::Outcome::unknown, .sqlstate = "42883", .message = "?"}));
    EXPECT_THROW(client.exec("select f($1)", one), pg::ServerError);
    EXPECT_EQ(server.asked.size(), 1u);
}

TEST_F(Healing, ForgetsRefusedTextsWhenThereAreTooMany) {
    pg::detail::RetypedTexts texts;
    EXPECT_FALSE(texts.contains("select 1"));
    for (int i = 0; i <= 1024; ++i) texts.add("select " + std::to_string(i));
    EXPECT_TRUE(texts.contains("select 1024"));
    EXPECT_FALSE(texts.contains("select 1"));
}

TEST_F(Healing, RemembersATextWhoseNumbersWereTheReason) {
    refuse_next("select f($1)", "42883");
    EXPECT_TRUE(client.try_exec("select f($1)", one));
    EXPECT_TRUE(client.try_exec("select f($1)", one));
    ASSERT_EQ(server.asked.size(), 3u);
    EXPECT_EQ(server.asked[0].arguments[0].type, int8);
    EXPECT_EQ(server.asked[1].arguments[0].type, int4);
    EXPECT_EQ(server.asked[2].arguments[0].type, int4) << "it is known by now";
}

TEST_F(Healing, ForgetsATextWhoseLiteralsGoNoMore) {
    refuse_next("select f($1)", "42883");
    EXPECT_TRUE(client.try_exec("select f($1)", one));
    for (int attempt = 0; attempt < 2; ++attempt) refuse_next("select f($1)", "42883");
    EXPECT_FALSE(client.try_exec("select f($1)", one)) << "nor when it was prepared anew";
    EXPECT_TRUE(client.try_exec("select f($1)", one));
    ASSERT_EQ(server.asked.size(), 5u);
    EXPECT_EQ(server.asked[3].arguments[0].type, int4);
    EXPECT_EQ(server.asked[4].arguments[0].type, int8);
}

TEST_F(Healing, LeavesTheNumbersAloneThatAFunctionInsideWasNotFoundFor) {
    pg::ErrorFields fields = server_error("42883").fields();
    fields.context = "PL/pgSQL function f(bigint) line 1 at PERFORM";
    server.answer("select f($1)", pg::Error(std::move(fields)));
    EXPECT_FALSE(client.try_exec("select f($1)", one));
    EXPECT_EQ(server.asked.size(), 1u);
}

TEST_F(Healing, ForgetsATextThatFailedForAnotherReason) {
    for (int attempt = 0; attempt < 2; ++attempt) refuse_next("select $1, f()", "42883");
    EXPECT_FALSE(client.try_exec("select $1, f()", one));
    EXPECT_TRUE(client.try_exec("select $1, f()", one));
    ASSERT_EQ(server.asked.size(), 3u);
    EXPECT_EQ(server.asked[2].arguments[0].type, int8);
}

TEST_F(Healing, RemembersATextOfABatchAndOfAStream) {
    refuse_next("select f($1)", "42883");
    pg::Batch batch(client);
    batch.exec("select f($1)", one);
    batch.run();
    client.exec("select f($1)", one);
    ASSERT_EQ(server.asked.size(), 3u);
    EXPECT_EQ(server.asked[2].arguments[0].type, int4);
    refuse_next("select g($1)", "42883");
    server.answer("select g($1)", rows({{"n", 23}}));
    EXPECT_TRUE(client.try_stream<int>("select g($1)", one));
    server.asked.clear();
    client.exec("select g($1)", one);
    EXPECT_EQ(server.asked[0].arguments[0].type, int4);
}

TEST_F(Healing, SaysOfNoStatementInABlockThatItMayBeRunAgainAlone) {
    refuse_next("select f($1)", "42883");
    refuse_next("select g($1)", "42883");
    pg::Batch batch(client);
    batch.exec("begin");
    const auto inside = batch.exec("select f($1)", one);
    batch.exec("rollback");
    const auto behind = batch.exec("select g($1)", one);
    batch.run(pg::BatchMode::each);
    EXPECT_NE(inside.try_get().error().retry_scope(), pg::RetryScope::statement);
    EXPECT_EQ(behind.try_get().error().retry_scope(), pg::RetryScope::statement);
}

TEST_F(Healing, LetsAStatementOfItsOwnGoWithoutTheNameThatAnotherIsToGive) {
    const auto by_id = client.prepare<std::optional<int>(int)>("select a from t where id = $1");
    server.descriptions.emplace_back(server_error("55P03"));
    pg::Batch batch(client);
    const auto first = batch.add(by_id, 1);
    const auto second = batch.add(by_id, 2);
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(first.try_get().error().sqlstate(), "55P03");
    ASSERT_EQ(server.asked.size(), 2u);
    EXPECT_FALSE(server.asked[1].prepared);
}

TEST_F(Healing, LetsNothingGoByANameBehindWhatRenames) {
    for (int round = 0; round < 3; ++round) client.exec("select a from t");
    ASSERT_TRUE(server.asked.back().prepared);
    server.asked.clear();
    pg::Batch batch(client);
    batch.exec("select set_config('search_path', 'b', false)");
    batch.exec("select a from t");
    batch.run();
    ASSERT_EQ(server.asked.size(), 2u);
    EXPECT_FALSE(server.asked[1].prepared);
}

TEST_F(Healing, SaysThatNobodyKnowsWhereOnlyTheSecondAttemptHadNoEffect) {
    const pg::Query update{.sql = "update t", .idempotent = true};
    const auto is_unknown = [](const pg::Error& error) {
        EXPECT_EQ(error.outcome(), pg::Outcome::unknown) << error.what();
        EXPECT_EQ(error.retry_scope(), pg::RetryScope::none) << error.what();
    };
    server.answer("update t", fake::connection_lost(pg::Outcome::applied));  // as its types were asked for
    server.answer("update t", fake::connection_lost(pg::Outcome::not_sent));
    is_unknown(client.try_exec(update).error());
    for (const pg::Error& second : {fake::connection_lost(pg::Outcome::not_sent), server_error("40001"),
                                    server_error("23505", pg::ErrorKind::unique_violation)}) {
        server.answer("update t", fake::connection_lost(pg::Outcome::unknown));
        server.answer("update t", second);
        const pg::Error told = client.try_exec(update).error();
        EXPECT_EQ(told.kind(), second.kind());
        is_unknown(told);
    }
    server.answer("update t", fake::connection_lost(pg::Outcome::unknown));
    server.refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect,
                                        .outcome = pg::Outcome::not_sent,
                                        .retry_scope = pg::RetryScope::connect,
                                        .message = "nobody there"});
    const pg::Error told = client.try_exec(update).error();
    EXPECT_EQ(told.kind(), pg::ErrorKind::connect);
    is_unknown(told);
}

TEST_F(Healing, SaysWhatTheSecondAttemptSaysWhereNothingOfTheFirstWasSent) {
    server.answer("update t", fake::connection_lost(pg::Outcome::not_sent));
    server.answer("update t", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_EQ(client.try_exec("update t").error().outcome(), pg::Outcome::not_sent);
}

TEST_F(Healing, SaysWhatTheSecondAttemptSaysWhereTheFirstHadNoEffect) {
    server.answer("update t", fake::connection_lost(pg::Outcome::not_applied));
    server.answer("update t", server_error("23505", pg::ErrorKind::unique_violation));
    const pg::Error told = client.try_exec(pg::Query{.sql = "update t", .idempotent = true}).error();
    EXPECT_EQ(told.kind(), pg::ErrorKind::unique_violation);
    EXPECT_EQ(told.outcome(), server_error("23505").outcome()) << told.what();
}

/// Answers one text in the place of the server.
class Answering final : public pg::spi::Interceptor {
    pg::Expected<std::optional<pg::Result>> do_before(pg::spi::InterceptedRequest& request) noexcept override {
        if (!request.is_in_batch || request.sql != "insert into t") return std::optional<pg::Result>();
        return std::optional(fake::affected("INSERT 0 7", 7));
    }
};

TEST_F(Healing, SendsNothingThatAnInterceptorHasAnswered) {
    fake::Database intercepted{
        1, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.interceptors = {std::make_shared<Answering>()}})};
    for (const pg::Error& error :
         {fake::connection_lost(pg::Outcome::not_sent), server_error("42883", pg::ErrorKind::server)}) {
        pg::Batch batch(intercepted.client);
        const auto in_its_place = batch.exec("insert into t");
        batch.exec("select f($1)", one);
        intercepted.server->answer("select f($1)", error);
        batch.run();
        EXPECT_EQ(in_its_place.get(), 7u);
        ASSERT_EQ(intercepted.server->asked.size(), 2u);
        for (const auto& asked : std::exchange(intercepted.server->asked, {})) EXPECT_EQ(asked.sql, "select f($1)");
    }
}

/// Replaces the text of a stream.
class Renaming final : public pg::spi::Interceptor {
    pg::Expected<std::optional<pg::Result>> do_before(pg::spi::InterceptedRequest& request) noexcept override {
        request.replace_text("select h($1)");
        return std::optional<pg::Result>();
    }
};

TEST_F(Healing, RemembersTheTextOfAStreamThatAnInterceptorGaveIt) {
    fake::Database intercepted{
        1, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.interceptors = {std::make_shared<Renaming>()}})};
    intercepted.server->answer("select h($1)", server_error("42883"));
    for (int round = 0; round < 2; ++round) {
        intercepted.server->answer("select h($1)", rows({{"n", 23}}));
        EXPECT_TRUE(intercepted.client.try_stream<int>("select g($1)", one));
    }
    ASSERT_EQ(intercepted.server->asked.size(), 3u);
    EXPECT_EQ(intercepted.server->asked[2].arguments[0].type, int4) << "it is known by now";
}

}  // namespace
