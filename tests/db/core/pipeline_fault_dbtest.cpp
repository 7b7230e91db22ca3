// Awaited calls that share a session when things go wrong: calls that are given up, connections that are lost, slow
// lines. Neighbours do not suffer, and what an error says of a statement's outcome is what the database holds.
#include <deque>
#include <future>
#include <gtest/gtest.h>
#include <latch>
#include <optional>
#include <pg/async.hpp>
#include <pg/connection.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <pg/testing/test_server.hpp>
#include <random>
#include <stop_token>

namespace {

using namespace std::chrono_literals;
using pg::testing::Direction;
using pg::testing::Ending;
using pg::testing::FaultProxy;

template <class T>
using Answer = std::future<pg::Expected<T>>;

class PipelineFault : public testing::TestWithParam<const char*> {
protected:
    static const std::string& conninfo() {
        static const std::string text = pg::testing::shared_server().create_database("pipeline_fault");
        return text;
    }
    static pg::Client& onlooker() {
        static pg::Client client = pg::connect(conninfo());
        return client;
    }
    static pg::Client open(const std::string& where, const pg::Options& options = {.pool_max_size = 1}) {
        return pg::connect(where + " provider=async engine=" + GetParam(), options);
    }
    /// True when the onlooker finds it so within a time that only a hang is longer than.
    static bool soon(pg::Sql<0> condition) {
        const auto until = std::chrono::steady_clock::now() + 40s;  // what sleeps sleeps for longer
        while (!onlooker().query_one<bool>(condition))
            if (std::chrono::steady_clock::now() > until) return false;
        return true;
    }
    static bool soon_nothing_is_busy() {
        return soon(
            "select count(*) = 0 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
            "and backend_type = 'client backend' and state <> 'idle' and query not like '%advisory_lock%'");
    }
    static bool soon_nobody_is_there() {
        return soon(
            "select count(*) = 0 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
            "and "
            "backend_type = 'client backend' and application_name <> 'gate'");
    }
    static void make_ledger() { onlooker().run_script("drop table if exists ledger; create table ledger (n int)"); }
    static std::int64_t times_in_ledger(int number) {
        return onlooker().query_one<std::int64_t>("select count(*) from ledger where n = $1", number);
    }
    static void terminate_all() {
        onlooker().exec(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> "
            "pg_backend_pid() and backend_type = 'client backend' and application_name <> 'gate'");
    }
    /// Starts a call.
    template <class T>
    static Answer<T> begin(pg::Async<pg::Expected<T>> call) {
        auto promise = std::make_shared<std::promise<pg::Expected<T>>>();
        Answer<T> answer = promise->get_future();
        std::move(call).start([promise](pg::Expected<T> value) { promise->set_value(std::move(value)); });
        return answer;
    }
    /// When it returns, all that was begun before has had its turn on the loop.
    static void pass_the_loop(const pg::AsyncClient& async) {
        std::stop_source stopped;
        stopped.request_stop();
        const pg::StopToken token(stopped.get_token());
        for (int at = 0; at < 3; ++at) static_cast<void>(async.with({.stop = &token}).try_exec("select 1").get());
    }

    /// What a call waits for on the server: `async.try_exec(pass)`.
    class Gate {
    public:
        Gate() : connection_(client().connection()) { connection_.exec("select pg_advisory_lock(1)"); }
        void open() { connection_.exec("select pg_advisory_unlock_all()"); }
        [[nodiscard]] static bool is_reached() {
            return soon("select count(*) > 0 from pg_locks where locktype = 'advisory' and not granted");
        }
        static constexpr auto pass = "select pg_advisory_xact_lock_shared(1)";

    private:
        static pg::Client& client() {
            static pg::Client one = pg::connect(conninfo() + " application_name=gate");
            return one;
        }
        pg::Connection connection_;
    };

    pg::Client db = open(conninfo());
    pg::AsyncClient async = db.async();
};
INSTANTIATE_TEST_SUITE_P(Engine, PipelineFault, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

// --- calls that are given up

TEST_P(PipelineFault, ACallThatIsGivenUpAmongOthersIsToldAtOnceAndTheyGetTheirAnswers) {
    make_ledger();
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    ASSERT_EQ(async.query_one<int>("select 1").get(), 1);
    Gate gate;
    auto first = begin(async.try_exec(pg::runtime(Gate::pass)));
    auto before = begin(async.try_query_one<int>("select 1"));
    auto stopped = begin(async.with({.stop = &token}).try_exec("insert into ledger values (1)"));
    auto late = begin(async.with({.timeout = 2s}).try_exec("insert into ledger values (2)"));
    auto after = begin(async.try_query_one<int>("select 2"));
    pass_the_loop(async);
    ASSERT_TRUE(Gate::is_reached());
    source.request_stop();
    const auto told = stopped.get(), told_late = late.get();  // while the gate is closed
    ASSERT_FALSE(told || told_late);
    EXPECT_EQ(told.error().kind(), pg::ErrorKind::cancelled);
    EXPECT_EQ(told_late.error().kind(), pg::ErrorKind::timeout);
    for (const auto& error : {told.error(), told_late.error()}) {
        EXPECT_EQ(error.outcome(), pg::Outcome::unknown);
        EXPECT_NE(error.node(), "");
    }
    EXPECT_EQ(first.wait_for(0s), std::future_status::timeout);
    gate.open();
    EXPECT_TRUE(first.get());
    EXPECT_EQ(before.get().value(), 1);
    EXPECT_EQ(after.get().value(), 2);
    EXPECT_EQ(times_in_ledger(1) + times_in_ledger(2), 2) << "nothing was cancelled on the server";
    EXPECT_TRUE(soon_nothing_is_busy());
}

TEST_P(PipelineFault, WhenAllAreOverTheirTimeTheSessionIsGivenUp) {
    std::vector<Answer<std::uint64_t>> late;
    for (int at = 0; at < 4; ++at)
        late.push_back(begin(async.with({.timeout = 200ms}).try_exec("select pg_sleep(60)")));
    for (auto& answer : late) EXPECT_FALSE(answer.get());
    EXPECT_EQ(async.query_one<int>("select 3").get(), 3);
    EXPECT_TRUE(soon_nothing_is_busy());
}

TEST_P(PipelineFault, ACallThatNobodyWantsAnyMoreIsCancelledWhenItIsTheOnlyOneLeft) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    Gate gate;
    auto first = begin(async.try_exec(pg::runtime(Gate::pass)));
    auto stopped = begin(async.with({.stop = &token}).try_exec("select pg_sleep(60)"));
    pass_the_loop(async);
    ASSERT_TRUE(Gate::is_reached());
    source.request_stop();
    EXPECT_FALSE(stopped.get());
    gate.open();
    EXPECT_TRUE(first.get());
    EXPECT_TRUE(soon_nothing_is_busy());
    EXPECT_EQ(async.query_one<int>("select 3").get(), 3);
}

TEST_P(PipelineFault, WhatACallThatNobodyWantsLeavesIsNotForTheNext) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    Gate gate;
    auto unwanted = begin(async.with({.stop = &token})
                              .try_exec("do $$ begin execute 'select pg_advi' || 'sory_lock(78), pg_advi' || "
                                        "'sory_xact_lock_shared(1)'; end $$"));
    ASSERT_TRUE(Gate::is_reached());
    source.request_stop();
    EXPECT_FALSE(unwanted.get());
    // Its transaction is undone, but not what its session has locked, which its text does not tell.
    EXPECT_EQ(async.query_one<std::int64_t>("select count(*) from pg_locks where objid = 78").get(), 0);
}

TEST_P(PipelineFault, WhatACallMadeThatCouldNotBeCancelledIsSeenByAllSessions) {
    onlooker().run_script(
        "drop schema if exists near, far cascade; create schema near; create schema far; create table far.made as "
        "select 1 as n");
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    pg::Client two =
        open(proxy.conninfo(pg::testing::shared_server(), "pipeline_fault") + " options='-c search_path=near,far'",
             {.pool_max_size = 2});
    const auto expect_made = [&](int n) {
        std::vector<pg::Connection> both;
        while (both.size() < 2) both.push_back(two.connection());
        for (pg::Connection& one : both)
            for (int i = 0; i < 5; ++i) EXPECT_EQ(one.query_one<int>("select n from made"), n);
    };
    expect_made(1);
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    Gate gate;
    auto unwanted = begin(two.async()
                              .with({.stop = &token})
                              .try_exec("select 2 as n into near.made from pg_advisory_xact_lock_shared(1)"));
    ASSERT_TRUE(Gate::is_reached());
    proxy.refuse();  // so that nothing is cancelled
    source.request_stop();
    pass_the_loop(two.async());
    gate.open();
    const auto told = unwanted.get();
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().outcome(), pg::Outcome::applied) << told.error().what();
    expect_made(2);
}

TEST_P(PipelineFault, ACallBehindOneThatNobodyWantsGetsItsTurn) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    auto stuck = begin(async.with({.stop = &token}).try_exec("select pg_sleep(60)"));
    auto behind = begin(async.with({.timeout = 500ms}).try_query_one<int>("select 1"));
    pass_the_loop(async);
    source.request_stop();
    EXPECT_FALSE(stuck.get());
    auto later = begin(async.with({.timeout = 20s}).try_query_one<int>("select 2"));
    static_cast<void>(behind.get());
    const auto answer = later.get();
    EXPECT_TRUE(answer && *answer == 2) << (answer ? "" : answer.error().what());
    EXPECT_TRUE(soon_nothing_is_busy());
}

TEST_P(PipelineFault, ACallThatWaitsForTheSessionToItselfIsToldAtOnceThatItsTimeIsOver) {
    std::optional<pg::Expected<std::string>> told;
    // Again where it had answered before the other was begun, or its time was over before the server had refused it.
    for (const auto time : {500ms, 2000ms, 8000ms}) {
        Gate gate;
        // The server refuses a number there, and the call is to be run again, alone, with a literal.
        const std::string sql = "select repeat('x', $1) /* within " + std::to_string(time.count()) + " ms */";
        Answer<std::string> late;
        Answer<std::uint64_t> first;
        const auto begin_both = [&](pg::AsyncClient on) -> pg::Task<void> {
            co_await on.exec("select 1");  // from here on it is on a loop, which runs nothing between the two
            late = begin(on.with({.timeout = time}).try_query_one<std::string>(pg::runtime(sql), std::int64_t{1}));
            first = begin(on.with({.timeout = 60s}).try_exec(pg::runtime(Gate::pass)));
        };
        pg::sync_wait(begin_both(async));
        ASSERT_EQ(late.wait_for(time + 10s), std::future_status::ready);
        told.emplace(late.get());
        EXPECT_EQ(first.wait_for(0s), std::future_status::timeout);
        gate.open();
        EXPECT_TRUE(first.get());
        if (!*told && told->error().outcome() == pg::Outcome::not_applied) break;
    }
    ASSERT_FALSE(*told);
    EXPECT_EQ(told->error().kind(), pg::ErrorKind::timeout);
    EXPECT_EQ(told->error().outcome(), pg::Outcome::not_applied) << told->error().what();
    EXPECT_EQ(async.query_one<std::string>("select repeat('x', $1)", std::int64_t{2}).get(), "xx");
}

TEST_P(PipelineFault, TheTimeToWaitForASessionIsOverOnceACallHasOne) {
    const auto patient = open(conninfo(), {.pool_max_size = 1, .pool_acquire_timeout = 5s, .timeout = pg::no_timeout});
    std::vector<Answer<std::uint64_t>> calls;
    for (int at = 0; at < 100; ++at) calls.push_back(begin(patient.async().try_exec("select 1")));
    calls.push_back(begin(patient.async().try_exec("select pg_sleep(5.5)")));
    for (auto& call : calls) EXPECT_TRUE(call.get());
}

TEST_P(PipelineFault, AnErrorOfANeighbourIsNotTakenForThatOfACallThatIsGivenUp) {
    make_ledger();
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    pg::Client slow = open(proxy.conninfo(pg::testing::shared_server(), "pipeline_fault") + " application_name=slow");
    ASSERT_EQ(slow.query_one<int>("select 1"), 1);
    std::stop_source sources[2];
    const pg::StopToken first(sources[0].get_token()), second(sources[1].get_token());
    proxy.set(Direction::to_client, {.frozen = true});
    auto applied = begin(slow.async().with({.stop = &first}).try_exec("insert into ledger values (1)"));
    auto failed = begin(slow.async().with({.stop = &second}).try_exec("select 1 / 0 as neighbour"));
    pass_the_loop(slow.async());
    ASSERT_TRUE(soon("select count(*) = 1 from ledger"));
    ASSERT_TRUE(
        soon("select count(*) = 1 from pg_stat_activity where application_name = 'slow' and query like "
             "'%neighbour' and state <> 'active'"));
    sources[1].request_stop();
    EXPECT_FALSE(failed.get());
    sources[0].request_stop();
    pass_the_loop(slow.async());
    proxy.heal();
    const auto told = applied.get();
    if (!told) {
        EXPECT_NE(told.error().outcome(), pg::Outcome::not_applied) << told.error().what();
    }
    if (!told) {
        EXPECT_NE(told.error().outcome(), pg::Outcome::not_sent) << told.error().what();
    }
    EXPECT_EQ(slow.async().with({.timeout = 20s}).query_one<int>("select 2").get(), 2);
}

// --- calls that are destroyed

pg::Task<void> lives_in_a_frame(pg::AsyncClient async, int at) {
    const auto answer = co_await async.try_query_one<int>("select $1::int from generate_series(1, 1)", at);
    if (answer) {
        EXPECT_EQ(*answer, at);
    }
}
pg::Task<void> ends_with_the_first(pg::AsyncClient async, int count, int at) {
    std::vector<pg::Task<void>> frames;
    for (int one = 0; one < count; ++one) frames.push_back(lives_in_a_frame(async, at + one));
    static_cast<void>(co_await pg::when_any(std::move(frames)));
}
pg::Task<void> destroys_frames(pg::AsyncClient async, unsigned seed) {
    std::mt19937 random(seed);
    for (int at = 0; at < 60; ++at) {
        const auto count = static_cast<int>(1 + random() % 12);
        co_await ends_with_the_first(async, count, at);
        if (random() % 8 == 0) {  // a transaction that is left open
            pg::AsyncTransaction left = co_await async.begin();
            co_await left.exec("insert into ledger values (7)");
        }
    }
}

TEST_P(PipelineFault, FramesThatAreDestroyedAtAnyTimeLeaveNothingBehind) {
    make_ledger();
    pg::Client two = open(conninfo(), {.pool_max_size = 2});
    std::vector<pg::Task<void>> under_way;
    for (unsigned seed = 0; seed < 10; ++seed) under_way.push_back(destroys_frames(two.async(), seed));
    pg::sync_wait(pg::when_all(std::move(under_way)));
    std::vector<Answer<int>> calls;
    for (int at = 0; at < 200; ++at) calls.push_back(begin(two.async().try_query_one<int>("select $1::int", at)));
    for (int at = 0; at < 200; ++at) EXPECT_EQ(calls[static_cast<std::size_t>(at)].get().value(), at);
    EXPECT_TRUE(soon_nothing_is_busy());
    EXPECT_EQ(times_in_ledger(7), 0);
    EXPECT_TRUE(
        soon("select count(*) <= 3 from pg_stat_activity where datname = current_database() and pid <> "
             "pg_backend_pid() and backend_type = 'client backend' and application_name <> 'gate'"));
}

TEST_P(PipelineFault, StopsFromAnotherThreadAtAnyTimeLeaveNothingBehind) {
    pg::Client two = open(conninfo(), {.pool_max_size = 2});
    const pg::AsyncClient calls = two.async();
    std::mt19937 random(3);
    struct Under {
        std::stop_source source;
        pg::StopToken token{source.get_token()};
        Answer<int> answer;
    };
    std::deque<Under> under_way;
    int answered = 0;
    for (int at = 0; at < 2000; ++at) {
        Under& one = under_way.emplace_back();
        one.answer = begin(calls.with({.stop = &one.token}).try_query_one<int>("select $1::int", at));
        if (random() % 3 == 0) under_way[random() % under_way.size()].source.request_stop();
        if (under_way.size() < 60) continue;
        const auto answer = under_way.front().answer.get();
        under_way.pop_front();
        if (!answer) {
            EXPECT_EQ(answer.error().kind(), pg::ErrorKind::cancelled) << answer.error().what();
        }
        if (answer) {
            EXPECT_EQ(*answer, at - 59);
        }
        answered += answer ? 1 : 0;
    }
    for (Under& one : under_way) static_cast<void>(one.answer.get());
    EXPECT_GT(answered, 100);
    EXPECT_EQ(calls.query_one<int>("select 1").get(), 1);
    EXPECT_TRUE(soon_nothing_is_busy());
}

// --- connections that are lost

TEST_P(PipelineFault, WhatIsSaidOfInsertsOnALostConnectionIsWhatTheTableHolds) {
    make_ledger();
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    int number = 0, claims = 0;
    for (int round = 0; round < 12; ++round) {
        pg::Client lossy = open(proxy.conninfo(pg::testing::shared_server(), "pipeline_fault"));
        const pg::AsyncClient calls = lossy.async();
        ASSERT_EQ(calls.query_one<int>("select 1").get(), 1);
        const int first = number;
        std::vector<Answer<std::uint64_t>> inserts;
        std::vector<Answer<int>> reads;
        if (round % 3 == 1)
            proxy.set(Direction::to_client, {.cut_after = static_cast<std::uint64_t>(round) * 200});
        else if (round % 3 == 2)
            proxy.set(Direction::to_server, {.cut_after = static_cast<std::uint64_t>(round) * 350});
        for (int at = 0; at < 60; ++at) {
            inserts.push_back(
                begin(calls.try_exec("insert into ledger select $1::int from pg_sleep(0.0005)", number++)));
            reads.push_back(begin(calls.with({.idempotent = true}).try_query_one<int>("select $1::int", at)));
        }
        if (round % 3 == 0) {
            const auto until = std::chrono::steady_clock::now() + 40s;  // what sleeps sleeps for longer
            while (times_in_ledger(first + round) == 0) ASSERT_LT(std::chrono::steady_clock::now(), until);
            terminate_all();
        } else {
            static_cast<void>(inserts.front().wait_for(50ms));
            proxy.heal();
        }
        std::vector<pg::Expected<std::uint64_t>> said;
        for (auto& insert : inserts) said.push_back(insert.get());
        for (int at = 0; at < 60; ++at) {
            const auto read = reads[static_cast<std::size_t>(at)].get();
            if (read) {
                EXPECT_EQ(*read, at);
            }
            if (!read) {
                EXPECT_NE(read.error().outcome(), pg::Outcome::applied);
            }
        }
        // Its session may be one that is lost, as nobody knows yet.
        EXPECT_EQ(calls.with({.idempotent = true}).query_one<int>("select 2").get(), 2);
        ASSERT_TRUE(soon_nothing_is_busy());
        for (int at = 0; at < 60; ++at) {
            const auto& one = said[static_cast<std::size_t>(at)];
            const auto times = times_in_ledger(first + at);
            EXPECT_LE(times, 1) << "it ran twice";
            if (!one && one.error().outcome() == pg::Outcome::unknown) continue;
            ++claims;
            EXPECT_EQ(times, one || one.error().outcome() == pg::Outcome::applied ? 1 : 0)
                << "round " << round << ": " << (one ? "an answer" : one.error().what());
        }
    }
    EXPECT_GT(claims, 0);
}

TEST_P(PipelineFault, IdempotentReadsAreRunAgainWhenTheirConnectionIsLost) {
    Gate gate;
    std::vector<Answer<int>> reads;
    auto first = begin(async.with({.idempotent = true}).try_exec(pg::runtime(Gate::pass)));
    for (int at = 0; at < 50; ++at)
        reads.push_back(begin(async.with({.idempotent = true}).try_query_one<int>("select $1::int", at)));
    ASSERT_TRUE(Gate::is_reached());
    terminate_all();
    gate.open();
    EXPECT_TRUE(first.get());
    for (int at = 0; at < 50; ++at) EXPECT_EQ(reads[static_cast<std::size_t>(at)].get().value(), at);
}

TEST_P(PipelineFault, WhatMayHaveHappenedStaysSoWhenTheSecondAttemptFindsNoServer) {
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    pg::Client lossy = open(proxy.conninfo(pg::testing::shared_server(), "pipeline_fault"));
    const auto idempotent = lossy.async().with({.timeout = 2s, .idempotent = true});
    Gate gate;
    std::vector<Answer<std::uint64_t>> calls;
    for (int at = 0; at < 3; ++at) calls.push_back(begin(idempotent.try_exec(pg::runtime(Gate::pass))));
    ASSERT_TRUE(Gate::is_reached());
    proxy.refuse();
    proxy.cut(Ending::reset);
    for (std::size_t at = 0; at < calls.size(); ++at) {
        const auto told = calls[at].get();
        ASSERT_FALSE(told);
        // That of the first is there; those behind it may not have left before the line was cut.
        if (at != 0 && told.error().outcome() == pg::Outcome::not_sent) continue;
        EXPECT_EQ(told.error().outcome(), pg::Outcome::unknown) << told.error().what();
        EXPECT_EQ(told.error().retry_scope(), pg::RetryScope::none) << told.error().what();
    }
    gate.open();
}

TEST_P(PipelineFault, AStatementThatWasAppliedIsNotRunAgainWhenItsTypesCannotBeLearned) {
    make_ledger();
    ASSERT_EQ(async.query_one<int>("select 1").get(), 1);
    onlooker().run_script("drop type if exists fresh; create type fresh as enum ('new')");
    Gate gate;
    auto applied = begin(async.try_query("insert into ledger values (1) returning 'new'::fresh"));
    auto behind = begin(async.try_exec(pg::runtime(Gate::pass)));
    ASSERT_TRUE(Gate::is_reached());
    terminate_all();
    gate.open();
    const auto told = applied.get();
    if (!told) {
        EXPECT_EQ(told.error().outcome(), pg::Outcome::applied) << told.error().what();
    }
    static_cast<void>(behind.get());
    EXPECT_EQ(async.query_one<int>("select 2").get(), 2);
    EXPECT_EQ(times_in_ledger(1), 1);
}

// --- slow lines

TEST_P(PipelineFault, ManyCallsOnASlowLineTakeFewRoundTrips) {
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    pg::Client slow = open(proxy.conninfo(pg::testing::shared_server(), "pipeline_fault"));
    ASSERT_EQ(slow.async().query_one<int>("select 1").get(), 1);
    // Nothing comes back before all of it has been sent: that is one round trip.
    proxy.set(Direction::to_client, {.frozen = true});
    const auto before = proxy.stats().to_server.bytes_out;
    std::vector<Answer<int>> calls;
    for (int at = 0; at < 64; ++at) calls.push_back(begin(slow.async().try_query_one<int>("select $1::int", at)));
    const bool all_sent = proxy.wait_for_bytes_out(Direction::to_server, before + 64 * 50, pg::Deadline::after(10s));
    EXPECT_TRUE(all_sent);
    proxy.heal();
    for (const Direction direction : {Direction::to_server, Direction::to_client}) proxy.set(direction, {.delay = 5ms});
    for (int at = 0; at < 64; ++at) EXPECT_EQ(calls[static_cast<std::size_t>(at)].get().value(), at);
}

}  // namespace
