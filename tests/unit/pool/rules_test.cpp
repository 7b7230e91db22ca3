// The rules of an application: what its errors do to the sessions of its pool.
#include <gtest/gtest.h>

#include "pg/listener.hpp"
#include "pg/tenancy.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

class Rules : public testing::Test {
protected:
    /// What is left open of two sessions after such an error on one, which goes on.
    static int left_after(const char* code, const std::vector<pg::PoolRule>& rules) {
        pg::pool::Limits limits = fake::Database::of_size(2);
        limits.rules = rules;
        fake::Database db(limits);
        {
            const pg::spi::Lease first = db.context->source->acquire({}).value();
            const pg::spi::Lease second = db.context->source->acquire({}).value();
        }
        db.server->answer("select 1", fake::server_error("23505"));
        EXPECT_FALSE(db.client.try_exec("select 1"));
        db.server->answer("select 1", fake::server_error(code));
        EXPECT_FALSE(db.client.try_exec("select 1"));
        return db.server->opened - db.server->closed;
    }
};

TEST_F(Rules, CloseASessionThatWouldGoOn) {
    EXPECT_EQ(left_after("53100", {}), 2);
    EXPECT_EQ(left_after("53100", {{.code = "53100"}}), 1);
    EXPECT_EQ(left_after("53200", {{.code = "53100"}}), 2) << "another code";
}

TEST_F(Rules, CloseTheOthersToo) {
    EXPECT_EQ(left_after("53100", {{.code = "53100", .fate = pg::PoolFate::replace_all}}), 0);
}

/// With a session of tenants, any use of which that fails is one that the rules are about.
class RulesOfOneSession : public testing::Test {
protected:
    static pg::pool::Limits limits() {
        pg::pool::Limits limits = fake::Database::of_size(1);
        limits.rules = {{.code = "53100"}};
        return limits;
    }
    [[nodiscard]] int closed() const { return db.server->closed; }
    void fails(const char* sql) { db.server->answer(sql, fake::server_error("53100")); }

    fake::Database db{limits(),
                      {},
                      std::make_shared<pg::detail::Hooks>(
                          pg::detail::Hooks{.interceptors = {std::make_shared<pg::Tenancy>("app.who")}})};
    pg::Client ann = pg::for_tenant(db.client, "ann");
};

TEST_F(RulesOfOneSession, HearOfARollbackThatFailed) {
    pg::Transaction transaction = ann.begin();
    fails("rollback");
    EXPECT_THROW(transaction.rollback(), pg::Error);
    EXPECT_EQ(closed(), 1);
}

TEST_F(RulesOfOneSession, HearOfATransactionWhoseSettingsWereRefused) {
    fails("select set_config($1, $2, true)");
    EXPECT_THROW(static_cast<void>(ann.begin()), pg::Error);
    EXPECT_EQ(closed(), 1);
}

TEST_F(RulesOfOneSession, HearOfAStreamWhoseTransactionWasNotCommitted) {
    fails("commit");
    db.server->chunks.emplace_back(fake::rows({{"id", 23}}, {{"1"}}));
    auto stream = ann.stream<int>("select id from t");
    EXPECT_TRUE(stream.try_next().value());
    EXPECT_FALSE(stream.try_next());
    EXPECT_EQ(closed(), 1);
}

TEST_F(RulesOfOneSession, HearOfAListenerThatFailed) {
    {
        pg::Listener listener(db.client);
        db.server->notifications.emplace_back(fake::server_error("53100"));
        EXPECT_THROW(static_cast<void>(listener.next(std::chrono::seconds(5))), pg::Error);
    }
    EXPECT_EQ(closed(), 1);
}

}  // namespace
