// Awaited verbs: the same answers and errors, many at once on few sessions, and what is left when nobody waits any
// more.
#include <atomic>
#include <future>
#include <pg/async_copy.hpp>
#include <pg/async_listener.hpp>
#include <pg/pool/pool.hpp>
#include <pg/sqlstate.hpp>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <thread>

#include "tests/db/core/async_database.hpp"

namespace {

using namespace std::literals;

struct Person {
    std::int64_t id;
    std::string name;
};

/// No codec writes or reads it.
struct Thrower {
    int number = 0;
};

}  // namespace

template <>
struct pg::Codec<Thrower> : pg::detail::IntegerCodec<int> {
    static constexpr TypeId type = Codec<int>::type;
    static Fault encode(Writer&, const Thrower&) { throw std::length_error("no room"); }
    static Fault decode(const Cell&, const WireType&, Thrower&) { throw std::length_error("no room"); }
};

namespace {

class Async : public AsyncDatabase {
protected:
    static void end_sessions_that_listen() {
        onlooker().exec(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and pid <> "
            "pg_backend_pid()");
    }
};

pg::Task<int> sum(pg::AsyncClient async, int a, int b) {
    co_return co_await async.query_one<int>("select $1::int + $2::int", a, b);
}

TEST_P(Async, GivesWhatTheVerbsGive) {
    EXPECT_EQ(async.query_one<int>("select 7").get(), 7);
    EXPECT_EQ(async.query_all<int>("select generate_series(1, 3)").get(), (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(async.query_maybe<int>("select 1 where false").get(), std::nullopt);
    const pg::Result two = async.query("select 1, 2").get();
    EXPECT_EQ(two.columns().size(), 2u);
    EXPECT_EQ(pg::sync_wait(sum(async, 2, 3)), 5);
    const auto person = async.query_one<Person>("select 1::bigint as id, 'ann' as name").get();
    EXPECT_EQ(person.name, "ann");
    async.run_script("create table if not exists counted (n int); truncate counted").get();
    EXPECT_EQ(async.exec("insert into counted select generate_series(1, 5)").get(), 5u);
}

TEST_P(Async, GivesTheErrorsThatTheVerbsGive) {
    EXPECT_THROW(static_cast<void>(async.query_one<int>("select 1 where false").get()), pg::NoRows);
    const auto failed = async.try_query("select 1 / 0").get();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().sqlstate(), pg::sqlstate::division_by_zero);
    EXPECT_THROW(async.exec(pg::runtime("select $1")).get(), pg::UsageError);
    EXPECT_THROW(static_cast<void>(async.query_one<bool>("select 1").get()), pg::ShapeError);
}

TEST_P(Async, RefusesAClientWhoseSessionsCannotBeAwaited) {
    EXPECT_THROW(static_cast<void>(onlooker().async()), pg::UsageError);
}

TEST_P(Async, CallsBack) {
    std::promise<int> answer;
    async.query_one<int>("select 3").start([&](pg::Expected<int> value) { answer.set_value(value.value()); });
    EXPECT_EQ(answer.get_future().get(), 3);
}

/// Asks without a pause until it is refused: the processes that answered, and why it was refused.
struct Asked {
    std::set<int> processes;
    std::optional<pg::Error> refusal;
};
pg::Task<Asked> ask_until_refused(pg::AsyncClient calls, std::atomic<int>& answers) {
    Asked asked;
    for (int at = 0; at < 20'000; ++at) {
        const auto process = co_await calls.try_query_one<int>("select pg_backend_pid() from pg_sleep(0.001)");
        if (!process) {
            asked.refusal = process.error();
            break;
        }
        asked.processes.insert(*process);
        ++answers;
    }
    co_return asked;
}

TEST_P(Async, GivesASessionBackThatIsWantedBackWhileItIsAskedWithoutAPause) {
    pg::Client own = open(1);
    std::atomic<int> answers = 0;
    const auto some_more = [&] {
        for (const int before = answers; answers < before + 100;) std::this_thread::yield();
    };
    std::vector<Asked> asked;
    std::thread asking([&] {
        std::vector<pg::Task<Asked>> all;
        for (int at = 0; at < 4; ++at) all.push_back(ask_until_refused(own.async(), answers));
        asked = pg::sync_wait(pg::when_all(std::move(all)));
    });
    some_more();
    own.pool().refresh();
    some_more();
    own.pool().suspend();
    while (own.pool().stats().lent != 0) std::this_thread::yield();
    const int before = answers;
    own.pool().resume();
    some_more();
    EXPECT_GT(answers, before);
    own.close();
    EXPECT_EQ(own.pool().drain(10s), 0u);
    asking.join();
    for (const Asked& one : asked) {
        EXPECT_GE(one.processes.size(), 2u) << "the session of before refresh, and that of after it";
        ASSERT_TRUE(one.refusal);
        EXPECT_EQ(one.refusal->kind(), pg::ErrorKind::usage) << one.refusal->what();
    }
}

TEST_P(Async, HasMoreCallsUnderWayThanSessions) {
    std::vector<pg::Task<int>> sums;
    for (int at = 0; at < 200; ++at) sums.push_back(sum(async, at, 1));
    const std::vector<int> all = pg::sync_wait(pg::when_all(std::move(sums)));
    ASSERT_EQ(all.size(), 200u);
    for (int at = 0; at < 200; ++at) EXPECT_EQ(all[static_cast<std::size_t>(at)], at + 1);
    const pg::PoolStats stats = db.pool().stats();
    EXPECT_LE(stats.opened + stats.failed_to_open, stats.max_size + 1) << "one beside another that opens slowly";
}

TEST_P(Async, CallsPreparedStatements) {
    const auto doubled = db.prepare<int(int)>("select $1::int * 2");
    EXPECT_EQ(async.call(doubled, 4).get(), 8);
    EXPECT_EQ(async.call(doubled, 5).get(), 10);
    EXPECT_EQ(doubled(6), 12);
}

pg::Task<std::int64_t> streamed(pg::AsyncClient async, int rows) {
    auto stream = co_await async.stream<std::int64_t>("select generate_series(1, $1::bigint)", rows);
    std::int64_t total = 0;
    while (const std::int64_t* value = co_await stream.next()) total += *value;
    co_return total;
}

TEST_P(Async, StreamsRows) {
    EXPECT_EQ(pg::sync_wait(streamed(async, 100000)), 5000050000);
    EXPECT_EQ(pg::sync_wait(streamed(async, 0)), 0);
}

TEST_P(Async, NamesTheRowOfAStreamThatDoesNotFit) {
    auto stream = async.stream<int>("select nullif(n, 70000) from generate_series(1, 100000) n").get();
    for (int row = 1; row < 70000; ++row) ASSERT_EQ(*pg::sync_wait(stream.next()), row);
    const auto unfit = pg::sync_wait(stream.try_next());
    ASSERT_FALSE(unfit);
    EXPECT_NE(unfit.error().message().find("of row 70000:"), std::string_view::npos) << unfit.error().what();
}

pg::Task<void> stream_a_little(pg::AsyncClient async) {
    auto stream = co_await async.stream<std::int64_t>("select generate_series(1, 10000000::bigint)");
    static_cast<void>(co_await stream.next());
}

TEST_P(Async, GivesUpAStreamThatIsLeftEarly) {
    pg::sync_wait(stream_a_little(async));
    EXPECT_EQ(async.query_one<int>("select 1").get(), 1);
    expect_nothing_left_busy();
}

pg::Task<void> transfer(pg::AsyncClient async, bool fails) {
    pg::AsyncTransaction transaction = co_await async.begin();
    co_await transaction.exec("insert into counted values (1)");
    co_await transaction.exec("insert into counted values (2)");
    if (fails) co_await transaction.exec("select 1 / 0");
    co_await transaction.commit();
    EXPECT_TRUE(transaction.is_committed());
}

TEST_P(Async, CommitsATransactionOrRollsItBack) {
    db.run_script("create table if not exists counted (n int); truncate counted");
    pg::sync_wait(transfer(async, false));
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from counted"), 2);
    EXPECT_THROW(pg::sync_wait(transfer(async, true)), pg::ServerError);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from counted"), 2);
    expect_nothing_left_busy();
}

TEST_P(Async, RunsATransactionAgainThatMayBe) {
    db.run_script("create table if not exists counted (n int); truncate counted");
    int runs = 0;
    const auto body = [&](pg::AsyncTransaction& transaction) -> pg::Task<int> {
        co_await transaction.exec("insert into counted values (1)");
        if (++runs == 1) co_await transaction.run_script("do $$ begin raise sqlstate '40001'; end $$");
        co_return runs;
    };
    EXPECT_EQ(pg::sync_wait(async.transaction(body)), 2);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from counted"), 1);
    runs = 0;
    EXPECT_EQ(pg::sync_wait(async.connection().get().transaction(body)), 2);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from counted"), 2);
}

TEST_P(Async, RollsATransactionBackForAnExpectedWithAnError) {
    db.run_script("create table if not exists counted (n int); truncate counted");
    int runs = 0;
    bool finds = false;
    const auto body = [&](pg::AsyncTransaction& transaction) -> pg::Task<pg::Expected<int>> {
        co_await transaction.exec("insert into counted values (1)");
        if (++runs == 1) {
            auto refused = co_await transaction.try_run_script("do $$ begin raise sqlstate '40001'; end $$");
            co_return std::move(refused).error();
        }
        co_return co_await transaction.try_query_one<int>("select 3 where $1", finds);
    };
    EXPECT_EQ(pg::sync_wait(async.transaction(body)).error().kind(), pg::ErrorKind::no_rows);
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from counted"), 0);
    finds = true;
    EXPECT_EQ(pg::sync_wait(async.connection().get().transaction(body)).value(), 3);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from counted"), 1);
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    const auto stopped = pg::sync_wait(
        async.transaction({.stop = &stop}, [&](pg::AsyncTransaction& transaction) -> pg::Task<pg::Expected<int>> {
            auto conflict = co_await transaction.try_run_script("do $$ begin raise sqlstate '40001'; end $$");
            source.request_stop();
            co_return std::move(conflict).error();
        }));
    EXPECT_EQ(stopped.error().kind(), pg::ErrorKind::cancelled) << "in the pause before it would be run again";
    db.close();
    EXPECT_FALSE(pg::sync_wait(async.transaction(body)));
}

pg::Task<std::vector<int>> at_once(pg::AsyncTransaction& transaction) {
    std::vector<pg::Async<int>> calls;
    for (int at = 0; at < 10; ++at) calls.push_back(transaction.query_one<int>("select $1::int", at));
    co_return co_await pg::when_all(std::move(calls));
}

TEST_P(Async, LetsCallsOnOneTransactionTakeTurns) {
    pg::AsyncTransaction transaction = async.begin().get();
    const std::vector<int> all = pg::sync_wait(at_once(transaction));
    for (int at = 0; at < 10; ++at) EXPECT_EQ(all[static_cast<std::size_t>(at)], at);
    transaction.rollback().get();
    EXPECT_THROW(transaction.exec("select 1").get(), pg::UsageError);
}

pg::Task<int> on_connection(pg::AsyncClient async) {
    pg::AsyncConnection connection = co_await async.connection();
    co_await connection.exec("create temp table mine (n int) on commit drop");
    pg::AsyncTransaction transaction = co_await connection.begin();
    co_await transaction.exec("create temp table kept (n int)");
    co_await transaction.commit();
    co_return co_await connection.query_one<int>("select count(*)::int from kept");
}

TEST_P(Async, HoldsASession) {
    EXPECT_EQ(pg::sync_wait(on_connection(async)), 0);
    EXPECT_EQ(async.connection().get().engine(), GetParam());
}

TEST_P(Async, RunsABatch) {
    pg::Batch batch = async.batch();
    auto one = batch.query_one<int>("select 1");
    auto two = batch.query_one<int>("select $1::int", 2);
    async.run(batch).get();
    EXPECT_EQ(one.get() + two.get(), 3);
    pg::Batch bad = async.batch();
    bad.exec("select 1 / 0");
    EXPECT_THROW(async.run(bad).get(), pg::ServerError);
    EXPECT_THROW(bad.run(), pg::UsageError);
}

TEST_P(Async, EndsAtItsDeadline) {
    const auto late = async.with({.timeout = 50ms}).try_exec("select pg_sleep(60)").get();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), pg::ErrorKind::timeout);
    expect_nothing_left_busy();
}

TEST_P(Async, EndsAtItsDeadlineInTheQueue) {
    pg::Client one = open(1);
    const pg::AsyncTransaction holder = one.async().begin().get();
    const auto late = one.async().with({.timeout = 20ms}).try_exec("select 1").get();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), pg::ErrorKind::pool_timeout);
    EXPECT_EQ(late.error().outcome(), pg::Outcome::not_sent);
}

TEST_P(Async, StopsWhenItIsAskedTo) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    std::promise<pg::Error> ended;
    async.with({.stop = &token}).try_exec("select pg_sleep(60)").start([&](pg::Expected<std::uint64_t> answer) {
        ended.set_value(answer.error());
    });
    while (busy() == 0) std::this_thread::yield();
    source.request_stop();
    EXPECT_EQ(ended.get_future().get().kind(), pg::ErrorKind::cancelled);
    expect_nothing_left_busy();
}

pg::Task<pg::ErrorKind> in_transaction(pg::AsyncClient async, const pg::StopToken& token, const char* sql) {
    pg::AsyncTransaction transaction = co_await async.begin({.stop = &token});
    const auto done = co_await transaction.with({.timeout = 10s}).try_exec(pg::runtime(sql));
    co_return done ? pg::ErrorKind::usage : done.error().kind();
}

TEST_P(Async, StopsTheCallsOfATransactionThatIsAskedTo) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    auto stopped = std::async(std::launch::async,
                              [&] { return pg::sync_wait(in_transaction(async, token, "select pg_sleep(60)")); });
    await_wait("PgSleep");
    source.request_stop();
    EXPECT_EQ(stopped.get(), pg::ErrorKind::cancelled);
    expect_nothing_left_busy();
}

/// Suspends for good, and is destroyed by its owner.
pg::Task<void> sleep_on(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    co_await transaction.exec("select pg_sleep(60)");
}
pg::Task<void> first_of_two(pg::AsyncClient async) {
    co_await async.exec("select 1");  // from here on on its loop, as the parts of a when_any are to be
    pg::Task<void> sleeping = sleep_on(async);
    auto waiting = async.exec("select pg_sleep(0.2)");
    static_cast<void>(co_await pg::when_any(std::move(sleeping), std::move(waiting)));
}

TEST_P(Async, LeavesNothingBehindWhenItsCoroutineIsDestroyed) {
    pg::sync_wait(first_of_two(async));
    expect_nothing_left_busy();
    EXPECT_EQ(async.query_one<int>("select 1").get(), 1);
}

pg::Task<pg::ErrorKind> blocks(pg::Client db, pg::AsyncClient async) {
    co_await async.exec("select 1");
    const auto refused = db.try_exec("select 1");  // on the reactor's thread
    co_return refused ? pg::ErrorKind::server : refused.error().kind();
}

TEST_P(Async, RefusesToBlockItsOwnLoop) { EXPECT_EQ(pg::sync_wait(blocks(db, async)), pg::ErrorKind::usage); }

pg::Task<std::uint64_t> copy_people(pg::AsyncClient async, int pieces, bool finishes) {
    auto copy = co_await pg::AsyncCopyIn<Person>::open(async, "people (id, name)");
    for (int piece = 0; piece < pieces; ++piece) {
        std::vector<Person> rows;
        for (int at = 0; at < 1000; ++at) rows.push_back({piece * 1000 + at, "person " + std::to_string(at)});
        co_await copy.write(std::move(rows));
    }
    if (!finishes) co_return 0;
    co_return co_await copy.finish();
}

pg::Task<std::int64_t> copy_out(pg::AsyncClient async, std::size_t most) {
    auto copy = co_await pg::AsyncCopyOut<Person>::open(async, "(select id, name from people)");
    std::int64_t sum = 0;
    for (;;) {
        const std::vector<Person> rows = co_await copy.read(most);
        if (rows.empty()) co_return sum;
        for (const Person& person : rows) sum += person.id;
    }
}

TEST_P(Async, CopiesRowsInAndOut) {
    db.run_script("create table if not exists people (id bigint, name text); truncate people");
    EXPECT_EQ(pg::sync_wait(copy_people(async, 20, true)), 20000u);
    EXPECT_EQ(pg::sync_wait(copy_out(async, 300)), 199990000);
    const auto refused = pg::AsyncCopyIn<Person>::try_open(async, "people (id)").get();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::shape);
}

TEST_P(Async, CopiesOutWhatStandsAroundARowThatCannotBeRead) {
    auto copy = pg::AsyncCopyOut<int>::open(async, "(select nullif(n, 3) from generate_series(1, 5) n)").get();
    EXPECT_EQ(copy.read().get(), (std::vector{1, 2}));
    EXPECT_THROW(copy.read().get(), pg::DecodeError);
    EXPECT_EQ(copy.read().get(), (std::vector{4, 5}));
    EXPECT_TRUE(copy.read().get().empty());
}

TEST_P(Async, TellsAHandlerWhatACodecThrew) {
    db.run_script("create table if not exists thrown (n int)");
    const auto heard = [](auto call) {
        std::promise<pg::Error> told;
        std::move(call).start([&](const auto& answer) { told.set_value(answer.error()); });
        return told.get_future().get();
    };
    auto in = pg::AsyncCopyIn<Thrower>::open(async, "thrown (n)").get();
    const pg::Error unwritten = heard(in.try_write({{7}}));
    EXPECT_EQ(unwritten.kind(), pg::ErrorKind::encode);
    EXPECT_NE(unwritten.message().find("no room"), std::string_view::npos) << unwritten.what();
    in.fail("changed my mind").get();
    auto out = pg::AsyncCopyOut<Thrower>::open(async, "(select 7)").get();
    EXPECT_EQ(heard(out.read()).kind(), pg::ErrorKind::decode);
}

TEST_P(Async, CopiesNothingWhenItsCopyIsLeft) {
    db.run_script("create table if not exists people (id bigint, name text); truncate people");
    pg::sync_wait(copy_people(async, 5, false));
    expect_nothing_left_busy();
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from people"), 0);
    auto copy = pg::AsyncCopyIn<Person>::open(async, "people (id, name)").get();
    copy.write({{1, "ann"}}).get();
    copy.fail("changed my mind").get();
    EXPECT_THROW(copy.finish().get(), pg::UsageError);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from people"), 0);
}

TEST_P(Async, Listens) {
    pg::AsyncListener listener(db);
    listener.listen("news").get();
    db.exec("select pg_notify($1, $2)", "news", "one");
    const pg::Heard heard = listener.next(10s).get();
    ASSERT_TRUE(heard.message);
    EXPECT_EQ(heard.message->payload, "one");
    EXPECT_TRUE(listener.next(1ms).get().nothing());
    listener.unlisten("news").get();
    db.exec("select pg_notify($1, $2)", "news", "two");
    EXPECT_TRUE(listener.next(1ms).get().nothing());
}

TEST_P(Async, TellsOfTheGapWhenItsConnectionWasLost) {
    pg::AsyncListener listener(db);
    listener.listen("news").get();
    listener.listen("gossip").get();
    end_sessions_that_listen();
    EXPECT_TRUE(listener.next(10s).get().gap);
    db.exec("select pg_notify($1, $2)", "gossip", "still here");
    const pg::Heard heard = listener.next(10s).get();
    ASSERT_TRUE(heard.message);
    EXPECT_EQ(heard.message->payload, "still here");
}

TEST_P(Async, TellsOfTheGapWhenListenFoundAnotherSession) {
    pg::AsyncListener listener(db);
    listener.listen("gossip").get();
    end_sessions_that_listen();
    while (!listener.try_listen("news").get()) continue;  // the first attempt finds the old session gone
    EXPECT_TRUE(listener.next(10s).get().gap);
    db.exec("select pg_notify($1, $2)", "gossip", "still here");
    const pg::Heard heard = listener.next(10s).get();
    ASSERT_TRUE(heard.message);
    EXPECT_EQ(heard.message->payload, "still here");
}

TEST_P(Async, ForgetsAChannelThatNoServerTakes) {
    pg::AsyncListener listener(db);
    EXPECT_FALSE(listener.try_listen("not\0sent"sv).get());
    listener.listen("gossip").get();
    const std::string too_long(64, 'n');
    for (const std::string_view name : {""sv, "not\0sent"sv, std::string_view(too_long)})
        EXPECT_FALSE(listener.try_listen(name).get());
    end_sessions_that_listen();
    EXPECT_TRUE(listener.next(10s).get().gap);
    db.exec("select pg_notify($1, $2)", "gossip", "still here");
    EXPECT_TRUE(listener.next(10s).get().message);
}

TEST_P(Async, StopsListening) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    pg::AsyncListener listener(db);
    listener.listen("news").get();
    std::promise<pg::Error> ended;
    listener.next(pg::no_timeout, &token).start([&](pg::Expected<pg::Heard> heard) { ended.set_value(heard.error()); });
    source.request_stop();
    EXPECT_EQ(ended.get_future().get().kind(), pg::ErrorKind::cancelled);
    EXPECT_TRUE(listener.next(1ms).get().nothing());
}

INSTANTIATE_TEST_SUITE_P(Engine, Async, testing::Values("direct", "libpq"), name_of_engine);

}  // namespace
