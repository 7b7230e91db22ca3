// Providers, engines and ways to the server side by side on statements that fail: the same errors, whichever verb ran
// them, blocking or awaited.
#include <algorithm>
#include <pg/async.hpp>
#include <pg/batch.hpp>
#include <pg/copy.hpp>

#include "tests/db/assembly/peers.hpp"

namespace {

using differential::make_database;
using differential::Peer;
using differential::peers;
using Lines = std::vector<std::string>;

std::string text_of(const pg::Error& error) {
    std::string text = "kind " + std::to_string(static_cast<int>(error.kind())) + " outcome " +
                       std::to_string(static_cast<int>(error.outcome())) + " retry " +
                       std::to_string(static_cast<int>(error.retry_scope())) +
                       (error.connection_usable() ? " usable" : " broken") + " at " + std::to_string(error.position());
    for (const std::string_view field :
         {error.severity(), std::string_view(error.sqlstate().code()), error.message(), error.detail(), error.hint(),
          error.context(), error.schema(), error.table(), error.column(), error.type(), error.constraint(),
          error.routine(), error.sql()})
        text.append("\n  ").append(field);
    return text;
}

/// What comes of an action: nothing but its error counts here.
template <class Action>
std::string outcome_of(Action action) {
    try {
        action();
        return "went well";
    } catch (const pg::Error& error) {
        return text_of(error);
    }
}

constexpr const char* failing[] = {
    "selec 1",
    "select 1 +",
    "select nothing",
    "select * from nowhere",
    "select no_such_function(1)",
    "select 1 / 0",
    "select 'x'::int",
    "select 'x'::mood",
    "select 0::positive",
    "select '{1,2'::int[]",
    "select n / (n - 3) from generate_series(1, 5) n",
    "insert into parents values (1)",
    "insert into parents values (null)",
    "insert into children values (7)",
    "insert into checked values (-1)",
    "insert into excluded values ('[1,5)')",
    "update parents set id = null",
    "delete from parents",
    "create table parents (id int)",
    "drop table parents",
    "drop table nowhere",
    "vacuum nowhere",
    "lock table locked in exclusive mode nowait",
    "select raise_all()",
    "select raise_plain()",
    "do $$ begin raise exception using errcode = '40001', message = 'serialize'; end $$",
    "do $$ begin raise exception using errcode = '40P01'; end $$",
    "do $$ begin raise exception using errcode = 'ZZ123', hint = 'own', detail = 'code'; end $$",
    "set no_such_setting = 1",
    "set statement_timeout = 'never'",
    "set transaction_isolation = 'serializable'; select 1",
    "release savepoint nowhere",
    "declare c cursor for select 1",
    "fetch 1 from nowhere",
    "execute nowhere",
    "deallocate nowhere",
    "listen",
    "grant nothing to nobody",
    "copy nowhere from stdin",
    "explain select nothing",
    "prepare transaction 'x'",
    "insert into deferred values (1)",
};

/// All that comes of a statement: in every verb, in a transaction, in batches, and then of another one.
Lines outcomes_of(pg::Client& client, const char* sql) {
    Lines all;
    pg::Connection db = client.connection();
    all.push_back(outcome_of([&] { db.exec(pg::runtime(sql)); }));
    all.push_back(outcome_of([&] { static_cast<void>(db.query_all<std::string>(pg::runtime(sql))); }));
    all.push_back(outcome_of([&] {
        for (const auto& row : db.stream<std::string>(pg::runtime(sql))) static_cast<void>(row);
    }));
    all.push_back(outcome_of([&] { db.run_script(std::string("select 1; ") + sql + "; select 2"); }));
    all.push_back(outcome_of([&] {
        pg::Transaction transaction = db.begin();
        all.push_back(outcome_of([&] { transaction.exec(pg::runtime(sql)); }));
        all.push_back(outcome_of([&] { transaction.exec("select 1"); }));
        transaction.commit();
    }));
    for (const pg::BatchMode mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch(db);
        const auto before = batch.exec("select 1");
        const auto failed = batch.exec(pg::runtime(sql));
        const auto after = batch.exec("select 2");
        all.push_back(outcome_of([&] { batch.run(mode); }));
        for (const auto& deferred : {before, failed, after})
            all.push_back(outcome_of([&] { static_cast<void>(deferred.get()); }));
    }
    all.push_back(outcome_of([&] { static_cast<void>(db.query_one<int>("select 1")); }));
    return all;
}

/// The same of an awaited action.
pg::Task<std::string> awaited_outcome_of(pg::Task<void> action) {
    try {
        co_await std::move(action);
        co_return "went well";
    } catch (const pg::Error& error) {
        co_return text_of(error);
    }
}
pg::Task<void> execute(const pg::AsyncExecutor& db, const char* sql) { co_await db.exec(pg::runtime(sql)); }
pg::Task<void> read_all(const pg::AsyncExecutor& db, const char* sql) {
    static_cast<void>(co_await db.query_all<std::string>(pg::runtime(sql)));
}
pg::Task<void> stream(const pg::AsyncExecutor& db, const char* sql) {
    auto rows = co_await db.stream<std::string>(pg::runtime(sql));
    while (co_await rows.next()) continue;
}
pg::Task<void> run_script(const pg::AsyncExecutor& db, const char* sql) {
    const std::string script = std::string("select 1; ") + sql + "; select 2";
    co_await db.run_script(script);
}
pg::Task<void> in_a_transaction(const pg::AsyncConnection& db, const char* sql, Lines& all) {
    pg::AsyncTransaction transaction = co_await db.begin();
    all.push_back(co_await awaited_outcome_of(execute(transaction, sql)));
    all.push_back(co_await awaited_outcome_of(execute(transaction, "select 1")));
    co_await transaction.commit();
}
pg::Task<void> run(const pg::AsyncExecutor& db, pg::Batch& batch, pg::BatchMode mode) { co_await db.run(batch, mode); }

/// The same as `outcomes_of`, awaited.
pg::Task<Lines> awaited_outcomes_of(pg::AsyncClient client, const char* sql) {
    Lines all;
    pg::AsyncConnection db = co_await client.connection();
    all.push_back(co_await awaited_outcome_of(execute(db, sql)));
    all.push_back(co_await awaited_outcome_of(read_all(db, sql)));
    all.push_back(co_await awaited_outcome_of(stream(db, sql)));
    all.push_back(co_await awaited_outcome_of(run_script(db, sql)));
    all.push_back(co_await awaited_outcome_of(in_a_transaction(db, sql, all)));
    for (const pg::BatchMode mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch = db.batch();
        const auto before = batch.exec("select 1");
        const auto failed = batch.exec(pg::runtime(sql));
        const auto after = batch.exec("select 2");
        all.push_back(co_await awaited_outcome_of(run(db, batch, mode)));
        for (const auto& deferred : {before, failed, after})
            all.push_back(outcome_of([&] { static_cast<void>(deferred.get()); }));
    }
    all.push_back(co_await awaited_outcome_of(execute(db, "select 1")));
    co_return all;
}
/// What comes of one among awaited calls that are under way at once.
std::string outcome_among_others(pg::Client& client, const char* sql) {
    const pg::AsyncClient db = client.async();
    std::vector<pg::Async<pg::Expected<std::uint64_t>>> calls;
    for (const char* each : {"select 1", sql, "select 2"}) calls.push_back(db.try_exec(pg::runtime(each)));
    const auto told = pg::sync_wait(pg::when_all(std::move(calls)));
    if (!told.front() || !told.back()) return "a neighbour failed";
    return told[1] ? "went well" : text_of(told[1].error());
}

/// What comes of COPYs, arguments and prepared statements that fail, and then of another statement.
Lines outcomes_with_data(pg::Client& client) {
    Lines all;
    pg::Connection db = client.connection();
    for (const char* const row : {"x\n", "-1\n", "1\t2\n", "\\."})
        all.push_back(outcome_of([&] {
            pg::CopyWriter copy(db, "copy copied from stdin");
            copy.write(row);
            static_cast<void>(copy.finish());
        }));
    all.push_back(outcome_of([&] {
        pg::CopyWriter copy(db, "copy copied from stdin");
        copy.fail("no more");
    }));
    for (const int value : {-1, 0})
        all.push_back(outcome_of([&] {
            pg::CopyIn<int> copy(db, "copied (n)");
            copy.write(value);
            static_cast<void>(copy.finish());
        }));
    all.push_back(outcome_of([&] { pg::CopyIn<std::string, int> copy(db, "copied (n)"); }));
    all.push_back(outcome_of([&] {
        pg::CopyReader copy(db, "copy (select 10 / (3 - n) from generate_series(1, 5) n) to stdout");
        while (copy.read()) continue;
    }));
    all.push_back(outcome_of([&] {
        for (const int n : pg::CopyOut<int>(db, "(select 10 / (3 - n) from generate_series(1, 5) n)"))
            static_cast<void>(n);
    }));
    for (int time = 0; time < 3; ++time) {  // it has a name from the second on
        all.push_back(outcome_of([&] { db.exec("insert into copied values ($1)", -1); }));
        all.push_back(outcome_of([&] { static_cast<void>(db.query_one<int>("select $1::text::int", "x")); }));
        all.push_back(outcome_of([&] { static_cast<void>(db.query_one<int>("select 10 / $1", 0)); }));
        all.push_back(outcome_of([&] { static_cast<void>(db.query_one<int>("select $1::int", "x")); }));
    }
    const auto divide = client.prepare<int(int)>("select 12 / $1").on(db);
    for (const int by : {0, 3, 0}) all.push_back(outcome_of([&] { static_cast<void>(divide(by)); }));
    all.push_back(outcome_of([&] { static_cast<void>(db.query_one<int>("select 1")); }));
    return all;
}

/// A client of each peer for each way of calling: apart, since what is prepared by now tells.
struct Clients {
    explicit Clients(const std::string& more = {}) {
        for (const Peer& peer : peers) {
            for_blocking.push_back(peer.open(more));
            for_awaited.push_back(peer.open(more));
            for_many.push_back(peer.open(more));
        }
    }
    std::vector<pg::Client> for_blocking, for_awaited, for_many;
};

/// The first of the lines that is not as expected, and that one; empty: there is none.
std::string difference(const Lines& told, const Lines& expected) {
    if (told.size() != expected.size()) return "another number of outcomes";
    const auto [one, other] = std::mismatch(told.begin(), told.end(), expected.begin());
    return one == told.end() ? std::string() : *one + "\ninstead of\n" + *other;
}

/// What a peer says of a statement that the first one does not say; empty: nothing.
std::string difference_between_peers(Clients& clients, const char* sql) {
    const Lines expected = outcomes_of(clients.for_blocking.front(), sql);
    std::string found = difference(Lines{expected.back()}, Lines{"went well"});
    for (std::size_t at = 1; found.empty() && at < std::size(peers); ++at) {
        found = difference(outcomes_of(clients.for_blocking[at], sql), expected);
        if (peers[at].is_awaited() && found.empty())
            found = difference(pg::sync_wait(awaited_outcomes_of(clients.for_awaited[at].async(), sql)), expected);
        if (peers[at].is_awaited() && found.empty())
            found = difference(Lines{outcome_among_others(clients.for_many[at], sql)}, Lines{expected.front()});
        if (!found.empty()) found.insert(0, peers[at].name() + ": ");
    }
    return found;
}

TEST(SameErrors, OfDataAreToldByAll) {
    make_database();
    peers[0].open().run_script("create table copied (n int check (n > 0))");
    Lines expected;
    for (const Peer& peer : peers) {
        SCOPED_TRACE(peer.name());
        pg::Client db = peer.open();
        Lines told = outcomes_with_data(db);
        EXPECT_EQ(told.back(), "went well");
        if (expected.empty())
            expected = std::move(told);
        else
            EXPECT_EQ(told, expected);
    }
}

TEST(SameErrors, AreToldByAll) {
    make_database();
    pg::Client db = peers[0].open();
    db.run_script(R"(
        create table parents (id int primary key); insert into parents values (1);
        create table children (id int references parents); insert into children values (1);
        create table checked (n int constraint above_zero check (n > 0));
        create table excluded (r int4range, exclude using gist (r with &&)); insert into excluded values ('[2,3)');
        create table locked (n int);
        create table deferred (n int unique deferrable initially deferred); insert into deferred values (1);
        create function raise_plain() returns int language plpgsql as $$ begin raise exception 'plain % text', 7; end $$;
        create function raise_all() returns int language plpgsql as $$ begin
            raise exception using errcode = '23514', message = 'm', detail = 'd', hint = 'h', column = 'c',
                constraint = 'k', datatype = 't', table = 'b', schema = 's'; end $$;)");
    pg::Transaction holder = db.begin();
    holder.exec("lock table locked in exclusive mode");

    Clients clients;
    for (const char* const sql : failing) EXPECT_EQ(difference_between_peers(clients, sql), "") << sql;
}

// A server that gives up by itself gives up the same for all. The limit holds for what is not to fail, too: a longer
// one where a machine is too slow for that.
TEST(SameErrors, OfALimitOfTheServerAreToldByAll) {
    make_database();
    std::string found;
    for (const char* const limit : {"100ms", "300ms", "1s"}) {
        const std::string raised = outcome_of([&] {
            Clients clients(std::string(" options='-c statement_timeout=") + limit + "'");
            found = difference_between_peers(clients, "select pg_sleep(5)");
        });
        if (raised != "went well") found = raised;
        if (found.empty()) break;
    }
    EXPECT_EQ(found, "");
}

}  // namespace
