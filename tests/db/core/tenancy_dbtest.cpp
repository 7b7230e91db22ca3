// Tenants on a real server: row security that reads the tenant's setting, through a pool of one session, by each
// engine.
#include <gtest/gtest.h>

#include "async_database.hpp"
#include "pg/async_copy.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/pool/pool.hpp"
#include "pg/tenancy.hpp"

namespace {

using Notes = std::vector<std::string>;

/// Lets every request pass with the tenant's setting, or without one: shows what the session has by itself.
class Onlooker final : public pg::spi::Interceptor {
private:
    pg::Expected<std::optional<pg::Result>> do_before(pg::spi::InterceptedRequest& request) noexcept override {
        if (!request.tenant.empty() && !request.is_in_batch)
            request.settings.push_back({"app.tenant", std::string(request.tenant)});
        return std::optional<pg::Result>();
    }
};

class Tenants : public testing::TestWithParam<const char*> {
protected:
    static const std::string& conninfo() {
        static const std::string text = [] {
            const std::string made = pg::testing::shared_server().create_database("tenancy");
            pg::connect(made).run_script(
                "create role tenant_app;"
                "create table notes (note text, tenant text not null default current_setting('app.tenant'));"
                "create table parents (id int primary key);"
                "create table children (id int references parents deferrable initially deferred);"
                "grant all on all tables in schema public to tenant_app;"
                "alter table notes enable row level security;"
                "create policy own on notes using (tenant = current_setting('app.tenant', true));");
            return made + " options='-c role=tenant_app'";
        }();
        return text;
    }
    [[nodiscard]] static pg::Client open(const std::string& provider) {
        const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{std::make_shared<Onlooker>()};
        return pg::connect(conninfo() + " provider=" + provider + " engine=" + GetParam(),
                           {.pool_max_size = 1, .interceptors = &interceptors});
    }
    void SetUp() override {
        admin().run_script(
            "truncate notes, parents, children;"
            "insert into notes values ('a1', 'ann'), ('a2', 'ann'), ('o1', 'o''hara; --');");
    }
    static pg::Client& admin() {
        static pg::Client client =
            pg::connect(conninfo().substr(0, conninfo().find(" options=")), {.pool_max_size = 1});
        return client;
    }
    static Notes all_of(std::string_view tenant) {
        return admin().query_all<std::string>("select note from notes where tenant = $1 order by note", tenant);
    }
    /// The one session of the client has no tenant, and no transaction, when it comes to somebody else.
    static void expect_nothing_left(pg::Client& client) {
        EXPECT_EQ(client.query_one<std::string>("select coalesce(current_setting('app.tenant', true), '')"), "");
        EXPECT_EQ(client.query_one<std::int64_t>("select count(*) from notes"), 0) << "nobody's rows are shown";
        // Another one may be opened in the place of the first, where that takes long.
        EXPECT_LE(client.pool().stats().opened, 2u) << "it is the same session";
    }
    /// One that has a tenant, to whom each of two is to be shown what is theirs alone.
    static constexpr const char* others_name = "o'hara; --";
};
INSTANTIATE_TEST_SUITE_P(Engine, Tenants, testing::Values("direct", "libpq"), name_of_engine);

constexpr char own_notes[] = "select note from notes order by note";

TEST_P(Tenants, KeepATransactionThatHasFailed) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    pg::Transaction transaction = ann.begin();
    transaction.exec("insert into notes values ('lost')");
    EXPECT_FALSE(transaction.try_run_script("select 1 / 0"));
    EXPECT_EQ(transaction.try_run_script("select 1").error().sqlstate(), "25P02") << "it is not rolled back by itself";
    EXPECT_FALSE(transaction.try_stream<std::string>(own_notes));
    EXPECT_EQ(transaction.try_exec("insert into notes values ('kept')").error().sqlstate(), "25P02");
    EXPECT_THROW(transaction.commit(), pg::CommitRolledBack);
    EXPECT_EQ(all_of("ann"), (Notes{"a1", "a2"}));
    expect_nothing_left(client);
}

TEST_P(Tenants, EndTransactionsThatHaveFailedByText) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    {
        pg::Connection session = ann.connection();
        for (const bool by_script : {true, false}) {
            session.exec("begin");
            EXPECT_FALSE(session.try_exec("select 1 / 0"));
            EXPECT_FALSE(session.try_run_script("rollback; select 1")) << "more than its end";
            if (by_script)
                session.run_script("rollback");
            else
                session.exec("rollback");
            EXPECT_EQ(session.query_all<std::string>(own_notes), (Notes{"a1", "a2"}));
        }
        pg::Transaction transaction = session.begin();
        transaction.run_script("savepoint s");
        EXPECT_FALSE(transaction.try_exec("select 1 / 0"));
        transaction.run_script("rollback to s");
        transaction.exec("insert into notes values ('a3')");
        transaction.commit();
    }
    EXPECT_EQ(all_of("ann"), (Notes{"a1", "a2", "a3"}));
    expect_nothing_left(client);
}

TEST_P(Tenants, SeeTheirOwnRowsInSingleStatements) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    pg::Client other = pg::for_tenant(client, others_name);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(ann.query_all<std::string>(own_notes), (Notes{"a1", "a2"}));
        EXPECT_EQ(other.query_all<std::string>(own_notes), Notes{"o1"});
        expect_nothing_left(client);
    }
    EXPECT_EQ(ann.exec("insert into notes values ($1)", "a3"), 1u);
    EXPECT_EQ(other.exec("delete from notes"), 1u);
    EXPECT_FALSE(ann.try_exec("insert into notes values ('x', 'bob')")) << "another's rows are refused";
    EXPECT_EQ(all_of("ann"), (Notes{"a1", "a2", "a3"}));
    expect_nothing_left(client);
    const auto by_note =
        ann.prepare<std::vector<std::string>(std::string_view)>("select note from notes where note > $1");
    EXPECT_EQ(by_note("a1").size(), 2u);
    EXPECT_EQ(by_note("a2").size(), 1u);
    expect_nothing_left(client);
}

TEST_P(Tenants, SeeTheirOwnRowsInTransactions) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    ann.transaction([](pg::Transaction& transaction) {
        EXPECT_EQ(transaction.query_all<std::string>(own_notes), (Notes{"a1", "a2"}));
        transaction.exec("insert into notes values ('a3')");
        EXPECT_EQ(transaction.query_all<std::string>(own_notes).size(), 3u);
    });
    expect_nothing_left(client);
    static_cast<void>(ann.begin().try_exec("delete from notes"));
    expect_nothing_left(client);
    EXPECT_EQ(all_of("ann").size(), 3u) << "it was rolled back";
}

TEST_P(Tenants, SeeTheirOwnRowsInStreams) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    Notes seen;
    for (auto note : ann.stream<std::string>(own_notes)) seen.push_back(note);
    EXPECT_EQ(seen, (Notes{"a1", "a2"}));
    expect_nothing_left(client);
    {
        auto left = ann.stream<std::string>("select note from notes, generate_series(1, 100000)");
        EXPECT_TRUE(left.try_next());
    }
    expect_nothing_left(client);
    Notes added;
    for (auto note : ann.stream<std::string>("insert into notes values ('a3') returning note")) added.push_back(note);
    EXPECT_EQ(added, Notes{"a3"});
    EXPECT_EQ(all_of("ann").size(), 3u) << "a stream that ends has committed";
    std::vector<int> ids;
    for (auto id : ann.stream<int>("select $1 + 1", 1)) ids.push_back(id);
    EXPECT_EQ(ids, std::vector<int>{2});
    EXPECT_FALSE(ann.try_stream<int>("select 1 / 0"));
    expect_nothing_left(client);
    pg::Transaction transaction = ann.begin();
    EXPECT_THROW(static_cast<void>(transaction.stream<int>("commit and chain")), pg::ShapeError);
    EXPECT_EQ(transaction.query_all<std::string>(own_notes).size(), 3u) << "the one behind it has its settings, too";
}

TEST_P(Tenants, SeeTheirOwnRowsInBatchesAndScripts) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch(ann);
        const auto before = batch.query_all<std::string>("select note from notes where note < 'b'");
        const auto added = batch.exec("insert into notes values ('b')");
        batch.run(mode);
        EXPECT_EQ(before.get(), (Notes{"a1", "a2"}));
        EXPECT_EQ(added.get(), 1u);
        expect_nothing_left(client);
    }
    ann.run_script("delete from notes where note = 'b'; insert into notes values ('a4')");
    EXPECT_EQ(all_of("ann"), (Notes{"a1", "a2", "a4"}));
    expect_nothing_left(client);
    EXPECT_FALSE(ann.try_run_script("delete from notes; select 1 / 0"));
    EXPECT_EQ(all_of("ann").size(), 3u);
    expect_nothing_left(client);
}

TEST_P(Tenants, SeeTheirOwnRowsBehindTheCommitOfABatch) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    {
        pg::Connection session = ann.connection();
        pg::Batch batch(session);
        batch.exec("begin isolation level serializable");
        batch.exec("insert into notes values ('a3')");
        batch.exec("commit");
        const auto added = batch.exec("insert into notes values ('a4')");
        const auto seen = batch.query_all<std::string>(own_notes);
        batch.run(pg::BatchMode::each);
        EXPECT_TRUE(added.try_get()) << added.try_get().error().what();
        EXPECT_EQ(seen.get(), (Notes{"a1", "a2", "a3", "a4"}));
    }
    EXPECT_EQ(all_of("ann").size(), 4u);
    expect_nothing_left(client);
}

TEST_P(Tenants, RunNoScriptThatGoesOnBehindTheEndOfATransaction) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    const auto refused = [](auto& executor, std::string_view text) {
        const auto ran = executor.try_run_script(text);
        return !ran && ran.error().kind() == pg::ErrorKind::usage && ran.error().outcome() == pg::Outcome::not_sent;
    };
    for (const char* text :
         {"delete from notes; commit; select 1", "select begin, atomic from shifts; commit; select 1",
          "select begin atomic from shifts; end; select 1",
          "create function f() returns int begin atomic select t.case from t; end; commit; select 1",
          "create function f() returns int begin atomic select 1 as case; end; end; select 1",
          "create function f(begin atomic) returns int language sql as 'select 1'; commit; select 1",
          "create procedure p() begin atomic /* */ end; commit; select 1",
          "create or replace function f() returns int begin -- \n atomic select 1; end; rollback; select 1"})
        EXPECT_TRUE(refused(ann, text)) << text;
    {
        pg::Transaction transaction = ann.begin();
        for (const char* text :
             {"delete from notes; commit; select 1", "delete from notes; /* ; */ RollBack; ; select 1",
              "delete from notes; commit and chain; select 1", "end; begin; select 1"})
            EXPECT_TRUE(refused(transaction, text)) << text;
        EXPECT_TRUE(
            transaction.try_run_script("savepoint s; delete from notes; rollback to s; select 'commit; select'"));
        EXPECT_TRUE(transaction.try_run_script("insert into notes values ('a3'); commit;"));
    }
    EXPECT_EQ(all_of("ann"), (Notes{"a1", "a2", "a3"}));
    ann.run_script("begin isolation level repeatable read; insert into notes values ('a4'); commit");
    ann.run_script("create function pg_temp.f() returns int begin atomic select 1; select 2; end; select pg_temp.f()");
    EXPECT_EQ(all_of("ann").size(), 4u);
    expect_nothing_left(client);
}

TEST_P(Tenants, EndTransactionsThatHaveFailedByABatch) {
    pg::Client client = open("libpq");
    pg::Client ann = pg::for_tenant(client, "ann");
    {
        pg::Connection session = ann.connection();
        for (const char* end : {"rollback", "commit"}) {
            session.exec("begin");
            EXPECT_FALSE(session.try_exec("select 1 / 0"));
            pg::Batch batch(session);
            const auto ended = batch.exec(pg::runtime(end));
            const auto seen = batch.query_all<std::string>(own_notes);
            batch.run(pg::BatchMode::each);
            EXPECT_TRUE(ended.try_get()) << ended.try_get().error().what();
            EXPECT_EQ(seen.get(), (Notes{"a1", "a2"}));
        }
        for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
            session.exec("begin");
            session.exec("savepoint s");
            EXPECT_FALSE(session.try_exec("select 1 / 0"));
            pg::Batch batch(session);
            batch.exec("rollback to s");
            const auto seen = batch.query_all<std::string>(own_notes);
            batch.run(mode);
            EXPECT_EQ(seen.get(), (Notes{"a1", "a2"}));
            session.exec("rollback");
        }
        session.exec("begin");
        EXPECT_FALSE(session.try_exec("select 1 / 0"));
        pg::Batch batch(session);
        const auto undone = batch.exec("rollback to nowhere");
        EXPECT_FALSE(batch.try_run(pg::BatchMode::atomic));
        EXPECT_EQ(undone.try_get().error().sqlstate(), "3B001") << undone.try_get().error().what();
        session.exec("rollback");
    }
    expect_nothing_left(client);
}

TEST_P(Tenants, CopyTheirOwnRows) {
    pg::Client client = open("libpq");
    pg::Client other = pg::for_tenant(client, others_name);
    pg::CopyReader reader(other, "copy (select note from notes) to stdout");
    EXPECT_EQ(reader.read(), "o1\n");
    EXPECT_EQ(reader.read(), std::nullopt);
    expect_nothing_left(client);
    // A policy does not let COPY in: the default of the column shows whose it is.
    pg::CopyWriter writer(other, "copy children from stdin");
    writer.write("1\n");
    EXPECT_EQ(writer.try_finish().error().kind(), pg::ErrorKind::foreign_key_violation) << "told by the commit";
    expect_nothing_left(client);
    {
        pg::CopyWriter left(other, "copy parents from stdin");
        left.write("1\n");
    }
    EXPECT_EQ(admin().query_one<std::int64_t>("select count(*) from parents"), 0);
    expect_nothing_left(client);
}

TEST_P(Tenants, StayApartOnAConnection) {
    pg::Client client = open("libpq");
    {
        pg::Connection connection = pg::for_tenant(client, "ann").connection();
        EXPECT_EQ(connection.query_all<std::string>(own_notes), (Notes{"a1", "a2"}));
        EXPECT_EQ(connection.begin().query_all<std::string>(own_notes), (Notes{"a1", "a2"}));
        EXPECT_EQ(connection.query_all<std::string>(own_notes), (Notes{"a1", "a2"})) << "and after it";
        EXPECT_FALSE(connection.try_exec("select 1 / 0"));
        EXPECT_EQ(connection.query_all<std::string>(own_notes), (Notes{"a1", "a2"}));
    }
    expect_nothing_left(client);
}

void expect_notes(const Notes& notes, const std::string& expected) {
    std::string all;
    for (const std::string& note : notes) all += note + " ";
    EXPECT_EQ(all, expected);
}

pg::Task<void> await_everything(pg::AsyncClient ann, pg::AsyncClient other) {
    const Notes of_ann = co_await ann.query_all<std::string>("select note from notes order by note");
    const Notes of_other = co_await other.query_all<std::string>("select note from notes order by note");
    expect_notes(of_ann, "a1 a2 ");
    expect_notes(of_other, "o1 ");
    auto body = [](pg::AsyncTransaction& transaction) -> pg::Task<void> {
        const Notes seen = co_await transaction.query_all<std::string>("select note from notes order by note");
        expect_notes(seen, "a1 a2 ");
        co_await transaction.exec("insert into notes values ('a3')");
    };
    co_await ann.transaction(body);
    {
        pg::AsyncTransaction left = co_await ann.begin();
        co_await left.exec("delete from notes");
    }
    auto rows = co_await ann.stream<std::string>("select note from notes order by note");
    std::size_t seen = 0;
    while (co_await rows.next()) ++seen;
    EXPECT_EQ(seen, 3u);
    auto batch = ann.batch();
    const auto count = batch.query_one<std::int64_t>("select count(*) from notes");
    co_await ann.run(batch);
    EXPECT_EQ(count.get(), 3);
    co_await ann.run_script("delete from notes where note = 'a3'");
    auto reader = co_await pg::AsyncCopyReader::open(other, "copy (select note from notes) to stdout");
    EXPECT_EQ(co_await reader.read(), "o1\n");
    EXPECT_EQ(co_await reader.read(), std::nullopt);
}

TEST_P(Tenants, SeeTheirOwnRowsInAwaitedCalls) {
    pg::Client client = open("async");
    const pg::Client ann = pg::for_tenant(client, "ann");
    const pg::Client other = pg::for_tenant(client, others_name);
    pg::sync_wait(await_everything(ann.async(), other.async()));
    EXPECT_EQ(all_of("ann"), (Notes{"a1", "a2"}));
    expect_nothing_left(client);
    std::vector<pg::Task<void>> many;
    const auto ask = [](pg::AsyncClient who, std::size_t count) -> pg::Task<void> {
        EXPECT_EQ((co_await who.query_all<std::string>("select note from notes order by note")).size(), count);
    };
    for (int i = 0; i < 50; ++i) {
        many.push_back(ask(ann.async(), 2));
        many.push_back(ask(other.async(), 1));
    }
    pg::sync_wait(pg::when_all(std::move(many)));
    expect_nothing_left(client);
}

TEST_P(Tenants, HaveWhatTheirClientWasMadeWith) {
    const pg::Client all =
        pg::connect(conninfo() + " statement_cache_size=0 engine=" + GetParam(), {.pool_max_size = 1});
    pg::Client ann = pg::for_tenant(all, "ann");
    for (int round = 0; round < 3; ++round) EXPECT_EQ(ann.query_one<int>("select 7"), 7);
    EXPECT_EQ(ann.query_one<std::int64_t>("select count(*) from pg_prepared_statements"), 0);
}

TEST_P(Tenants, AreAskedFor) {
    const std::vector<std::shared_ptr<pg::spi::Interceptor>> interceptors{std::make_shared<pg::Tenancy>()};
    pg::Client client = pg::open(conninfo() + " engine=" + GetParam(), {.interceptors = &interceptors});
    EXPECT_THROW(client.query("select 1"), pg::UsageError);
    EXPECT_THROW(static_cast<void>(client.begin()), pg::UsageError);
    EXPECT_EQ(pg::for_tenant(client, "ann").query_all<std::string>(own_notes), (Notes{"a1", "a2"}));
}

}  // namespace
