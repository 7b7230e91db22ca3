// What only awaited calls promise: many under way, each with its own answer, coroutines, and being given up; and that
// other providers say that they have none.
#include <future>
#include <numeric>
#include <pg/async_listener.hpp>
#include <pg/async_savepoint.hpp>
#include <pg/stop.hpp>
#include <stop_token>

#include "conformance.hpp"
#include "tests/slowness.hpp"

namespace conformance {
namespace {

using AnyForm = Conformance;

TEST_P(AnyForm, IsAwaitedOrSaysWhichProviderCanBe) {
    if (std::string_view(GetParam().provider) == "async") {
        EXPECT_EQ(db.client().async().query_one<int>("select 1").get(), 1);
        return;
    }
    const auto refusal = [](auto make) -> std::string {
        try {
            make();
        } catch (const pg::UsageError& error) {
            return error.what();
        }
        return "nothing was refused";
    };
    for (const std::string& said : {refusal([&] { static_cast<void>(db.client().async()); }),
                                    refusal([&] { pg::AsyncListener listener(db.client()); })})
        EXPECT_NE(said.find("connect with provider=async"), std::string::npos) << said;
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

PGCLIENT_CONFORMANCE_OF(Blocking, AnyForm, blocking);

class Awaited : public Conformance {
protected:
    /// Server processes that run this text.
    std::int64_t running(std::string_view part) {
        return db.client().query_one<std::int64_t>(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and "
            "state <> 'idle' and position($1 in query) > 0",
            part);
    }
    /// Waits until so many run.
    void await_running(std::string_view part, std::int64_t count) {
        const auto end = std::chrono::steady_clock::now() + testing_support::bound_on_hang(5s);
        while (running(part) != count) ASSERT_LT(std::chrono::steady_clock::now(), end) << running(part) << " run";
    }

    pg::AsyncClient async = db.client().async();
};

TEST_P(Awaited, GivesEachOfManyItsOwnAnswer) {
    Client few = connect({.provider = GetParam().provider, .pool_max_size = 2});
    const pg::AsyncClient calls = few.client().async();
    std::vector<pg::Async<pg::Expected<int>>> all;
    for (int n = 0; n < 300; ++n) all.push_back(calls.try_query_one<int>("select 1000 / ($1 % 10)", n));
    const auto answers = pg::sync_wait(pg::when_all(std::move(all)));
    ASSERT_EQ(answers.size(), 300u);
    for (int n = 0; n < 300; ++n) {
        const auto& answer = answers[static_cast<std::size_t>(n)];
        ASSERT_EQ(answer.has_value(), n % 10 != 0) << n;
        if (answer)
            EXPECT_EQ(*answer, 1000 / (n % 10)) << n;
        else
            EXPECT_EQ(answer.error().sqlstate(), "22012") << n;
    }
}

TEST_P(Awaited, AnswersTheCallsOnASessionInTheirOrder) {
    const pg::AsyncConnection connection = async.connection().get();
    connection.run_script("create temp table counted (n serial, at int)").get();
    std::vector<int> order;  // only their loop writes to it
    std::promise<void> over;
    for (int at = 0; at < 50; ++at)
        connection.query_one<int>("insert into counted (at) values ($1) returning n", at)
            .start([&, at](const pg::Expected<int>& number) {
                EXPECT_EQ(number.value(), at + 1);
                order.push_back(at);
                if (at == 49) over.set_value();
            });
    over.get_future().get();
    std::vector<int> in_order(50);
    std::iota(in_order.begin(), in_order.end(), 0);
    EXPECT_EQ(order, in_order);
}

TEST_P(Awaited, KeepsItsTextAndArgumentsUntilItIsStarted) {
    auto call = [&] {
        const std::string text = "select concat($1::text, $2::text)", argument(100, 'a');
        return async.query_one<std::string>(pg::runtime(text), argument, std::string_view("b"));
    }();
    EXPECT_EQ(std::move(call).get(), std::string(100, 'a') + "b");
}

TEST_P(Awaited, TellsAHandler) {
    std::promise<pg::Error> failed;
    async.exec("select 1/0").start([&](const pg::Expected<std::uint64_t>& answer) {
        failed.set_value(answer.error());
    });
    const pg::Error error = failed.get_future().get();
    EXPECT_EQ(error.sqlstate(), "22012");
    EXPECT_EQ(error.kind(), pg::ErrorKind::server);
    EXPECT_EQ(error.outcome(), pg::Outcome::not_applied);
}

// On a session of its own: one that others are under way on is not asked to cancel anything. Those go on.
TEST_P(Awaited, IsStoppedByItsToken) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    std::promise<pg::Error> stopped;
    const pg::AsyncConnection connection = async.connection().get();
    connection.with({.stop = &token}).exec("select pg_sleep(60)").start([&](const pg::Expected<std::uint64_t>& answer) {
        stopped.set_value(answer.error());
    });
    std::promise<int> other;
    async.query_one<int>("select 7 from pg_sleep(0.05)").start([&](const pg::Expected<int>& answer) {
        other.set_value(answer.value());
    });
    await_running("pg_sleep(60)", 1);
    source.request_stop();
    EXPECT_EQ(stopped.get_future().get().kind(), pg::ErrorKind::cancelled);
    EXPECT_EQ(other.get_future().get(), 7);
    EXPECT_EQ(connection.query_one<int>("select pg_backend_pid()").get(), connection.backend_process());
    const auto late = async.with({.stop = &token}).try_exec("select 1").get();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), pg::ErrorKind::cancelled);
    EXPECT_EQ(late.error().outcome(), pg::Outcome::not_sent);
}

TEST_P(Awaited, IsStoppedByItself) {
    auto call = async.try_exec("select pg_sleep(60)");
    call.stop();
    const auto stopped = std::move(call).get();
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind(), pg::ErrorKind::cancelled);
}

pg::Task<void> sleep_in_a_transaction(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    co_await transaction.exec("select pg_sleep(60)");
}
pg::Task<void> until_two_sleep(pg::AsyncClient async) {
    for (std::int64_t asleep = 0; asleep < 2;)
        asleep = co_await async.query_one<std::int64_t>(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'");
}
pg::Task<std::size_t> first_to_end(pg::AsyncClient async) {
    auto transaction = sleep_in_a_transaction(async);
    const pg::AsyncConnection connection = co_await async.connection();
    auto statement = connection.exec("select pg_sleep(61)");
    auto cue = until_two_sleep(async);
    const auto first = co_await pg::when_any(std::move(transaction), std::move(statement), std::move(cue));
    co_return first.index();
}

TEST_P(Awaited, CancelsWhatNobodyWaitsForAnyMore) {
    EXPECT_EQ(pg::sync_wait(first_to_end(async)), 2u);
    await_running("pg_sleep(6", 0);
    EXPECT_EQ(async.query_one<int>("select 1").get(), 1);
}

TEST_P(Awaited, RunsACoroutineAgainAfterAConflict) {
    db.run_script("create table account (balance int not null); insert into account values (100)");
    int runs = 0;
    const auto body = [&](pg::AsyncTransaction& transaction) -> pg::Task<int> {
        const int seen = co_await transaction.query_one<int>("select balance from account");
        if (++runs == 1) co_await async.exec("update account set balance = balance + 1");
        co_await transaction.exec("update account set balance = $1", seen + 10);
        co_return seen;
    };
    const pg::TransactionOptions options{.isolation = pg::Isolation::repeatable_read};
    EXPECT_EQ(pg::sync_wait(async.transaction(options, body)), 101);
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(db.query_one<int>("select balance from account"), 111);
    runs = 0;
    EXPECT_EQ(pg::sync_wait(async.connection().get().transaction(options, body)), 112);
    const pg::TransactionOptions once{.isolation = pg::Isolation::repeatable_read, .retries = 0};
    runs = 0;
    EXPECT_THROW(pg::sync_wait(async.transaction(once, body)), pg::Conflict);
    EXPECT_EQ(runs, 1);
}

TEST_P(Awaited, UndoesWhatACoroutineDidThatThrows) {
    struct Interruption {};
    db.run_script("create table filled (n int)");
    const auto body = [](pg::AsyncTransaction& transaction) -> pg::Task<void> {
        co_await transaction.exec("insert into filled values (1)");
        throw Interruption();
    };
    EXPECT_THROW(pg::sync_wait(async.transaction(body)), Interruption);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from filled"), 0);
}

pg::Task<int> fill_all_that_fit(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    int filled = 0;
    for (const int n : {1, 2, 1, 3}) {
        pg::AsyncSavepoint part = co_await transaction.savepoint();
        if (!co_await transaction.try_exec("insert into filled values ($1)", n)) continue;  // undone
        co_await part.release();
        ++filled;
    }
    co_await transaction.commit();
    co_return filled;
}

TEST_P(Awaited, UndoesASavepointThatIsLeftBeforeWhatIsCalledNext) {
    db.run_script("create table filled (n int primary key)");
    EXPECT_EQ(pg::sync_wait(fill_all_that_fit(async)), 3);
    EXPECT_EQ(db.query_all<int>("select n from filled order by n"), (std::vector{1, 2, 3}));
}

pg::Task<pg::ErrorKind> block_on_the_loop(pg::AsyncClient async, pg::Client db) {
    co_await async.exec("select 1");
    const auto refused = db.try_exec("select 1");
    co_return refused ? pg::ErrorKind::server : refused.error().kind();
}

TEST_P(Awaited, DoesNotLetItsLoopBeBlocked) {
    EXPECT_EQ(pg::sync_wait(block_on_the_loop(async, db.client())), pg::ErrorKind::usage);
}

TEST_P(Awaited, HearsOfTheGapWhenTheSessionOfAListenerIsLost) {
    pg::AsyncListener listener(db.client());
    listener.listen("news").get();
    db.exec(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like "
        "'listen %' and pid <> pg_backend_pid()");
    EXPECT_TRUE(listener.next(10s).get().gap);
    db.exec("select pg_notify('news', 'still here')");
    const pg::Heard heard = listener.next(10s).get();
    ASSERT_TRUE(heard.message);
    EXPECT_EQ(heard.message->payload, "still here");
}

PGCLIENT_CONFORMANCE_OF(Pairing, Awaited, awaited);

}  // namespace
}  // namespace conformance
