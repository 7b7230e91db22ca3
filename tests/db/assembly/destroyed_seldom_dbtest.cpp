// Frames that are destroyed at suspensions that come seldom: while all sessions are held, and where a server makes the
// library try once more.
#include <pg/async_copy.hpp>
#include <pg/async_listener.hpp>
#include <pg/statement_cache.hpp>
#include <pg/types/enumeration.hpp>

#include "tests/db/assembly/destroyed_frames.hpp"

namespace {

using destroyed::When;
using pg::Task;

class DestroyedSeldom : public destroyed::DestroyedTest {
protected:
    /// In every way in which a frame can be destroyed.
    void in_every_way(const std::string& name, const destroyed::Call& call) {
        for (const When when : {When::at_once, When::is_answered, When::is_new, When::in_handler, When::by_job})
            at_every_turn(name, call, when);
    }
};
INSTANTIATE_TEST_SUITE_P(Engine, DestroyedSeldom, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

struct Queued {
    const char* name;
    Task<void> (*call)(pg::AsyncClient);
};
const Queued queued[] = {
    {"begin", [](pg::AsyncClient async) -> Task<void> { static_cast<void>(co_await async.begin()); }},
    {"connection", [](pg::AsyncClient async) -> Task<void> { static_cast<void>(co_await async.connection()); }},
    {"exec", [](pg::AsyncClient async) -> Task<void> { co_await async.exec("select 1"); }},
    // What no other call may share a session with.
    {"exec of a setting", [](pg::AsyncClient async) -> Task<void> { co_await async.exec("set work_mem = '8MB'"); }},
    {"run_script", [](pg::AsyncClient async) -> Task<void> { co_await async.run_script("select 1; select 2"); }},
    {"run",
     [](pg::AsyncClient async) -> Task<void> {
         pg::Batch batch = async.batch();
         batch.exec("select 1"), batch.exec("select 2");
         co_await async.run(batch);
     }},
    {"stream", [](pg::AsyncClient async) -> Task<void> { frozen::drop(co_await async.stream<int>("select 1")); }},
    {"transaction",
     [](pg::AsyncClient async) -> Task<void> {
         const auto body = [](pg::AsyncTransaction& transaction) -> Task<void> {
             co_await transaction.exec("insert into frozen_texts values ('x')");
         };
         co_await async.transaction(body);
     }},
    {"opening a COPY in",
     [](pg::AsyncClient async) -> Task<void> {
         frozen::drop(co_await pg::AsyncCopyIn<std::string>::open(async, "frozen_texts"));
     }},
    {"opening a COPY out",
     [](pg::AsyncClient async) -> Task<void> {
         frozen::drop(co_await pg::AsyncCopyReader::open(async, "copy frozen_texts to stdout"));
     }},
    {"listen",
     [](pg::AsyncClient async) -> Task<void> {
         pg::AsyncListener listener(async);
         co_await listener.listen("destroyed");
     }},
};

TEST_P(DestroyedSeldom, WhileAllSessionsAreHeld) {
    for (const Queued& row : queued)
        for (const When when : {When::at_once, When::in_handler})
            // At once, after each of the first turns, and when nothing else is left to do.
            for (const int held : {0, 1, 2, 1000})
                at_every_turn(
                    row.name + std::string(" behind sessions held for turns: ") + std::to_string(held),
                    [&](frozen::Line&, pg::Client& db) { return row.call(db.async()); }, when, held);
}

Task<void> run_again(pg::AsyncClient async) {
    int attempts = 0;
    const auto body = [&attempts](pg::AsyncTransaction& transaction) -> Task<void> {
        co_await transaction.exec("insert into frozen_texts values ('x')");
        if (++attempts == 1)
            co_await transaction.exec("do $$ begin raise exception using errcode = 'serialization_failure'; end $$");
    };
    co_await async.transaction(body);
    EXPECT_EQ(attempts, 2);
}

TEST_P(DestroyedSeldom, WhileATransactionIsRunAgain) {
    in_every_way("transaction", [](frozen::Line&, pg::Client& db) { return run_again(db.async()); });
}

Task<void> learn_type(pg::AsyncClient async, pg::Client& other) {
    other.run_script("drop type if exists mood; create type mood as enum ('calm')");
    const auto mood = co_await async.query_one<pg::EnumLabel>("select 'calm'::mood");
    EXPECT_EQ(mood.text, "calm");
    const auto moods = co_await async.query_all<pg::EnumLabel>("select unnest(enum_range(null::mood))");
    EXPECT_EQ(moods.size(), 1U);
}

TEST_P(DestroyedSeldom, WhileATypeIsLearned) {
    in_every_way("query_one of a new type",
                 [this](frozen::Line&, pg::Client& db) { return learn_type(db.async(), observer()); });
}

Task<void> heal(pg::Client& db, pg::Client& other) {
    other.run_script("drop table if exists healed; create table healed (a int); insert into healed values (1)");
    const auto columns = [](const pg::Result& result) { return result.columns().size(); };
    // Often enough for the statement to have a name.
    for (int round = 0; round < 3; ++round) EXPECT_EQ(columns(co_await db.async().query("select * from healed")), 1U);
    other.exec("alter table healed add b int");
    const std::uint64_t outdated = db.statement_cache().outdated;
    EXPECT_EQ(columns(co_await db.async().query("select * from healed")), 2U);
    EXPECT_GT(db.statement_cache().outdated, outdated) << "the statement had no name that had to be healed";
}

TEST_P(DestroyedSeldom, WhileAStatementIsHealed) {
    in_every_way("query of a table that was altered",
                 [this](frozen::Line&, pg::Client& db) { return heal(db, observer()); });
}

Task<void> try_twice(pg::AsyncClient async, pg::Client& other) {
    other.run_script("drop sequence if exists attempts; create sequence attempts");
    co_await async.with({.idempotent = true})
        .exec("select case when nextval('attempts') = 1 then pg_terminate_backend(pg_backend_pid()) end");
    EXPECT_EQ(other.query_one<std::int64_t>("select last_value from attempts"), 2);
}

TEST_P(DestroyedSeldom, WhileALostStatementIsTriedASecondTime) {
    in_every_way("exec of a session that is terminated",
                 [this](frozen::Line&, pg::Client& db) { return try_twice(db.async(), observer()); });
}

Task<void> find_terminated(pg::AsyncClient async, pg::Client& other) {
    int process = 0;
    {
        const pg::AsyncConnection connection = co_await async.connection();
        process = connection.backend_process();
    }
    other.exec("select pg_terminate_backend($1, 10000)", process);
    co_await async.exec("insert into frozen_texts values ('x')");
    auto transaction = co_await async.begin();
    co_await transaction.exec("insert into frozen_texts values ('x')");
    co_await transaction.commit();
}

TEST_P(DestroyedSeldom, WhileAnotherSessionIsFoundForOneThatWasTerminated) {
    in_every_way("exec after a session was terminated",
                 [this](frozen::Line&, pg::Client& db) { return find_terminated(db.async(), observer()); });
}

}  // namespace
