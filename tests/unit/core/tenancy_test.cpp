// Tenants: whose requests go with a setting, and which have none.
#include "pg/tenancy.hpp"

#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"

namespace {

using fake::server_error;

class OfTenants : public testing::Test {
protected:
    fake::Database db{1, std::make_shared<pg::detail::Hooks>(
                             pg::detail::Hooks{.interceptors = {std::make_shared<pg::Tenancy>("app.who")}})};
    fake::Server& server = *db.server;
};

TEST_F(OfTenants, RefusesWhatHasNone) {
    const auto refused = db.client.try_exec("delete from t");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(refused.error().message(),
              "the request has no tenant for app.who: make it with pg::for_tenant(client, tenant)");
    EXPECT_FALSE(db.client.try_begin());
    EXPECT_FALSE(pg::for_tenant(db.client, "").try_exec("delete from t"));
    EXPECT_TRUE(server.asked.empty());
}

TEST_F(OfTenants, SendsTheTenantAsAParameter) {
    std::string name = "o'hara";
    pg::Client ohara = pg::for_tenant(db.client, name);
    name = "somebody else";
    ohara.exec("delete from t");
    ASSERT_EQ(server.asked.size(), 2u);
    EXPECT_EQ(server.asked[0].sql, "select set_config($1, $2, true)");
    EXPECT_EQ(server.asked[0].arguments[0].bytes, "app.who");
    EXPECT_EQ(server.asked[0].arguments[1].bytes, "o'hara");
    pg::Batch batch(ohara);
    batch.exec("delete from t");
    batch.run();
    EXPECT_EQ(server.asked.size(), 4u) << "once for all of them";
}

TEST_F(OfTenants, TellsOfACommitThatIsLostWithItsSettingsAsOfALostCommit) {
    pg::Connection connection = pg::for_tenant(db.client, "ann").connection();
    connection.exec("begin");
    server.answer("select set_config($1, $2, true)", fake::connection_lost(pg::Outcome::unknown));
    server.answer("commit", pg::Error({.kind = pg::ErrorKind::commit_unknown,
                                       .outcome = pg::Outcome::unknown,
                                       .connection_usable = false,
                                       .message = "lost"}));
    const auto lost = connection.try_exec("commit");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind(), pg::ErrorKind::commit_unknown);
}

TEST_F(OfTenants, TellsOfWhatFailsAtTheEndByTheStatement) {
    pg::Client ann = pg::for_tenant(db.client, "ann");
    server.fails_at_its_end = server_error("23503");
    EXPECT_EQ(ann.try_exec("insert into t").error().sql(), "insert into t");
    pg::Batch batch(ann);
    batch.exec("insert into t");
    server.fails_at_its_end = server_error("23503");
    EXPECT_EQ(batch.try_run().error().sql(), "insert into t");
}

TEST_F(OfTenants, SharesTheSessionsOfTheClient) {
    pg::Client ann = pg::for_tenant(db.client, "ann");
    pg::Client bob = pg::for_tenant(ann, "bob");
    ann.exec("delete from t");
    bob.exec("delete from t");
    EXPECT_EQ(server.opened, 1);
    EXPECT_EQ(server.asked[2].arguments[1].bytes, "bob");
    EXPECT_EQ(&ann.pool(), &db.client.pool());
    ann.close();
    EXPECT_FALSE(bob.try_exec("delete from t"));
    EXPECT_FALSE(pg::for_tenant(ann, "eve").try_exec("delete from t"));
}

TEST(Tenants, NeedNoInterceptor) {
    fake::Database db;
    pg::for_tenant(db.client, "ann").exec("delete from t");
    EXPECT_EQ(db.server->asked.size(), 1u) << "then nobody makes anything of it";
}

}  // namespace
