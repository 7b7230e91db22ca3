// Tenants that have a schema each: what a text means for one of them it does not mean for the next, however often it
// was run before on the same session.
#include <gtest/gtest.h>

#include "async_database.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/tenancy.hpp"

namespace {

/// Gives requests the schema of their tenant.
class SchemaOfTenant final : public pg::spi::Interceptor {
public:
    explicit SchemaOfTenant(bool only_of_transactions) : only_of_transactions_(only_of_transactions) {}

private:
    pg::Expected<std::optional<pg::Result>> do_before(pg::spi::InterceptedRequest& request) noexcept override {
        if (!request.tenant.empty() && (!only_of_transactions_ || request.kind == pg::spi::RequestKind::begin))
            request.settings.push_back({"Search_Path", std::string(request.tenant)});
        return std::optional<pg::Result>();
    }

    const bool only_of_transactions_;
};

/// The server takes an argument without a type for an int in `narrow`, and for a text in `wide`.
class SchemaTenants : public testing::TestWithParam<const char*> {
protected:
    static const std::string& conninfo() {
        static const std::string text = [] {
            const std::string made = pg::testing::shared_server().create_database("schema_tenants");
            pg::connect(made).run_script(
                "create schema narrow; create schema wide;"
                "create function narrow.kind(int) returns text language sql as $$ select 'int' $$;"
                "create function wide.kind(int) returns text language sql as $$ select 'int' $$;"
                "create function wide.kind(text) returns text language sql as $$ select 'text' $$;");
            return made;
        }();
        return text;
    }
    [[nodiscard]] static pg::Client open(bool only_of_transactions) {
        const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{
            std::make_shared<SchemaOfTenant>(only_of_transactions)};
        return pg::connect(conninfo() + " engine=" + GetParam(), {.pool_max_size = 1, .interceptors = &interceptors});
    }
    /// Asks for both tenants in turn, often enough for whatever is done only from the second or third time on.
    template <class Ask>
    static void expect_kinds(pg::Client& client, Ask ask) {
        pg::Client narrow = pg::for_tenant(client, "narrow"), wide = pg::for_tenant(client, "wide");
        for (int round = 0; round < 4; ++round) {
            for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(narrow), "int");
            EXPECT_EQ(ask(wide), "text");
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Engine, SchemaTenants, testing::Values("direct", "libpq"), name_of_engine);

constexpr pg::Sql<1> kind("select kind($1)");

TEST_P(SchemaTenants, HaveTheirOwnInAStatement) {
    pg::Client client = open(false);
    expect_kinds(client, [](pg::Client& who) { return who.query_one<std::string>(kind, "7"); });
    const auto prepared = client.prepare<std::string(std::string)>(kind);
    expect_kinds(client, [&](pg::Client& who) { return prepared.on(who)("7"); });
}

TEST_P(SchemaTenants, HaveTheirOwnInABatchAndAStream) {
    pg::Client client = open(false);
    expect_kinds(client, [](pg::Client& who) {
        pg::Batch batch(who);
        const auto asked = batch.query_one<std::string>(kind, "7");
        batch.run();
        return asked.get();
    });
    expect_kinds(client, [](pg::Client& who) {
        auto stream = who.stream<std::string>(kind, "7");
        return *stream.begin();
    });
}

TEST_P(SchemaTenants, HaveTheirOwnInATransaction) {
    for (const bool only_of_transactions : {false, true}) {
        pg::Client client = open(only_of_transactions);
        expect_kinds(client, [](pg::Client& who) {
            pg::Transaction transaction = who.begin();
            transaction.run_script("savepoint s");
            return transaction.query_one<std::string>(kind, "7");
        });
    }
}

TEST_P(SchemaTenants, HaveTheirOwnOnASessionOfTheirs) {
    pg::Client client = open(false);
    expect_kinds(client, [](pg::Client& who) {
        pg::Connection session = who.connection();
        const std::string outside = session.query_one<std::string>(kind, "7");
        pg::Transaction transaction = session.begin();
        EXPECT_EQ(transaction.query_one<std::string>(kind, "7"), outside);
        return outside;
    });
}

TEST_P(SchemaTenants, LeaveTheirSessionItsNamesWhenTheirTransactionIsOver) {
    pg::Client client = open(true);
    pg::Client wide = pg::for_tenant(client, "wide");
    pg::Connection session = wide.connection();
    const auto names = [&] {
        return session.query_one<std::int64_t>("select count(*) from pg_prepared_statements where statement like '%7'");
    };
    const auto ask_often = [](auto& executor) {
        for (int i = 0; i < 4; ++i) executor.exec("select 7");
    };
    {
        pg::Transaction transaction = session.begin();
        ask_often(transaction);
    }
    EXPECT_EQ(names(), 0);
    ask_often(session);
    EXPECT_EQ(names(), 1);
}

}  // namespace
