// Awaited calls that share a session: each gets its own answer, in every mix with each other, with blocking calls and
// with those that hold a session.
#include <future>
#include <gtest/gtest.h>
#include <latch>
#include <pg/async.hpp>
#include <pg/connection.hpp>
#include <pg/pool/pool.hpp>
#include <pg/sqlstate.hpp>
#include <pg/testing/test_server.hpp>
#include <pg/types/array.hpp>
#include <random>
#include <thread>

namespace {

using namespace std::chrono_literals;

struct Reading {
    std::int64_t id;
    std::string name;
    std::optional<double> value;
    std::vector<std::int32_t> marks;
};

class Pipelined : public testing::TestWithParam<const char*> {
protected:
    static const std::string& conninfo() {
        static const std::string text = pg::testing::shared_server().create_database("pipelined");
        return text;
    }
    static pg::Client& onlooker() {
        static pg::Client client = pg::connect(conninfo());
        return client;
    }
    static pg::Client open(std::size_t sessions) {
        return pg::connect(conninfo() + " provider=async engine=" + GetParam(), {.pool_max_size = sessions});
    }
    /// True when the onlooker finds it so within a time that only a hang is longer than.
    static bool soon(pg::Sql<0> condition) {
        const auto until = std::chrono::steady_clock::now() + 40s;
        while (!onlooker().query_one<bool>(condition))
            if (std::chrono::steady_clock::now() > until) return false;
        return true;
    }
    static void expect_nothing_left_busy() {
        EXPECT_TRUE(
            soon("select count(*) = 0 from pg_stat_activity where datname = current_database() and pid <> "
                 "pg_backend_pid() and backend_type = 'client backend' and state <> 'idle'"));
    }
    /// The answers of calls that are begun in this order.
    template <class T>
    static std::vector<pg::Expected<T>> all(std::vector<pg::Async<pg::Expected<T>>> calls) {
        return pg::sync_wait(pg::when_all(std::move(calls)));
    }

    pg::Client db = open(1);
    pg::AsyncClient async = db.async();
};
INSTANTIATE_TEST_SUITE_P(Engine, Pipelined, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

// What is wrong with the answer to one call of a kind; empty: nothing is. @{
using Complaint = pg::Task<std::string>;

template <class T>
std::string unless(bool right, const pg::Expected<T>& answer) {
    if (right) return {};
    return answer ? "another answer" : std::string(answer.error().what());
}

std::string random_text(std::mt19937& random) {
    std::string text(random() % 200, ' ');
    for (char& c : text) c = static_cast<char>('!' + random() % 90);
    return text;
}

Complaint good_call(pg::AsyncClient async, int at, std::mt19937 random) {
    switch (at % 6) {
        case 0: {
            const auto a = static_cast<std::int32_t>(random() % 100000),
                       b = static_cast<std::int32_t>(random() % 100000);
            const auto sum = co_await async.try_query_one<std::int32_t>("select $1::int + $2::int", a, b);
            co_return unless(sum && *sum == a + b, sum);
        }
        case 1: {
            const std::string text = random_text(random);
            const auto same = co_await async.try_query_one<std::string>("select $1::text", text);
            co_return unless(same && *same == text, same);
        }
        case 2: {
            const auto id = static_cast<std::int64_t>(random()) << 20;
            const std::string name = random_text(random);
            const std::vector<std::int32_t> marks(random() % 20, at);
            const auto value = at % 4 == 0 ? std::optional<double>() : 0.5 * at;
            const auto row = co_await async.try_query_one<Reading>(
                "select $1::bigint as id, $2::text as name, $3::float8 as value, $4::int[] as marks", id, name, value,
                marks);
            co_return unless(row && row->id == id && row->name == name && row->value == value && row->marks == marks,
                             row);
        }
        case 3: {
            const auto rows = static_cast<std::int32_t>(random() % 50);
            const auto all =
                co_await async.try_query_all<std::int32_t>("select generate_series(1, $1::int) * $2::int", rows, at);
            co_return unless(all && static_cast<int>(all->size()) == rows && (rows == 0 || all->back() == rows * at),
                             all);
        }
        case 4: {
            const auto count =
                co_await async.try_exec("insert into kept select $1::int from generate_series(1, $2::int)", at, at % 5);
            co_return unless(count && *count == static_cast<std::uint64_t>(at % 5), count);
        }
        default: {
            const auto none = co_await async.try_query_maybe<std::int32_t>("select $1::int where false", at);
            co_return unless(none && !none->has_value(), none);
        }
    }
}

Complaint bad_call(pg::AsyncClient async, int kind) {
    switch (kind % 6) {
        case 0: {
            const auto answer = co_await async.try_query_one<std::int32_t>("select 1 / $1::int", 0);
            co_return unless(!answer && answer.error().sqlstate() == pg::sqlstate::division_by_zero, answer);
        }
        case 1: {
            const auto answer = co_await async.try_exec("insert into taken values (1)");
            co_return unless(!answer && answer.error().kind() == pg::ErrorKind::unique_violation &&
                                 answer.error().outcome() == pg::Outcome::not_applied,
                             answer);
        }
        case 2: {  // there is no substr(text, bigint)
            const auto answer = co_await async.try_query_one<std::string>(
                pg::runtime("select substr('abcdef', $1) /* " + std::to_string(kind) + " */"), std::int64_t{2});
            co_return unless(answer && *answer == "bcdef", answer);
        }
        case 3: {
            const auto answer = co_await async.try_query_one<std::string>(
                pg::runtime("select 'warm'::mood_" + std::to_string(kind / 6)));
            co_return unless(answer && *answer == "warm", answer);
        }
        case 4: {
            const auto answer = co_await async.try_query_one<std::int32_t>("select null::int");
            co_return unless(!answer && answer.error().kind() == pg::ErrorKind::decode, answer);
        }
        default: {
            const auto answer = co_await async.try_query_one<std::int32_t>("select generate_series(1, 3)");
            co_return unless(!answer && answer.error().kind() == pg::ErrorKind::too_many_rows, answer);
        }
    }
}  /// @}

TEST_P(Pipelined, CallsOfAllKindsGetTheirOwnAnswersThoughEverySeventhFails) {
    constexpr int calls = 420;
    onlooker().run_script(
        "drop table if exists kept, taken; create table kept (n int); create table taken (n int primary key); insert "
        "into "
        "taken values (1)");
    std::int64_t kept = 0;
    std::vector<Complaint> under_way;
    std::mt19937 random(7);
    for (int at = 0; at < calls; ++at) {
        const int kind = at / 7;
        if (at % 7 != 0) {
            if (at % 6 == 4) kept += at % 5;
            under_way.push_back(good_call(async, at, std::mt19937(random())));
            continue;
        }
        if (kind % 6 == 3)
            onlooker().run_script("drop type if exists mood_" + std::to_string(kind / 6) + "; create type mood_" +
                                  std::to_string(kind / 6) + " as enum ('cold', 'warm')");
        under_way.push_back(bad_call(async, kind));
    }
    const std::vector<std::string> complaints = pg::sync_wait(pg::when_all(std::move(under_way)));
    for (std::size_t at = 0; at < complaints.size(); ++at) EXPECT_EQ(complaints[at], "") << "call " << at;
    EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from kept"), kept);
    expect_nothing_left_busy();
}

// --- beside those that hold a session

pg::Task<void> read_settings(pg::AsyncClient async, std::atomic<int>& left) {
    struct Seen {
        std::string setting;
        bool in_transaction;
        std::int64_t locks;
    };
    while (left.fetch_sub(1) > 0) {
        const Seen seen = co_await async.query_one<Seen>(
            "select current_setting('search_path') as setting, exists (select from pg_class where relname = 'private' "
            "and "
            "relpersistence = 't' and pg_table_is_visible(oid)) or pg_current_xact_id_if_assigned() is not null as "
            "in_transaction, (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as "
            "locks");
        EXPECT_EQ(seen.setting, "\"$user\", public");
        EXPECT_FALSE(seen.in_transaction);
        EXPECT_EQ(seen.locks, 0);
    }
}

pg::Task<void> leave_traces(pg::AsyncClient async, std::atomic<int>& left) {
    for (int at = 0; left.load() > 0; ++at) {
        switch (at % 7) {
            case 0: co_await async.exec("set search_path = elsewhere"); break;
            case 1: co_await async.query("select set_config('search_path', 'nowhere', false)"); break;
            case 2: co_await async.exec("create temp table private (n int)"); break;
            case 3: co_await async.query("select pg_advisory_lock(77)"); break;
            case 4: co_await async.exec("listen something"); break;
            case 5: co_await async.exec("begin"); break;
            default: {
                pg::AsyncTransaction transaction = co_await async.begin();
                co_await transaction.exec("set local search_path = within");
                co_await transaction.exec("insert into public.kept values (-1)");
                co_await transaction.rollback();
            }
        }
    }
}

TEST_P(Pipelined, ReadsNeverMeetWhatOthersLeaveInASession) {
    onlooker().run_script("create table if not exists kept (n int); delete from kept");
    pg::Client two = open(2);
    std::atomic<int> left{300};
    std::vector<pg::Task<void>> under_way;
    for (int at = 0; at < 20; ++at) under_way.push_back(read_settings(two.async(), left));
    for (int at = 0; at < 3; ++at) under_way.push_back(leave_traces(two.async(), left));
    pg::sync_wait(pg::when_all(std::move(under_way)));
    EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from kept"), 0);
    expect_nothing_left_busy();
}

pg::Task<void> insert_and_roll_back(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    for (int at = 0; at < 5; ++at) co_await transaction.exec("insert into public.kept values (-1)");
    co_await transaction.rollback();
}
pg::Task<void> insert(pg::AsyncClient async, int number) {
    EXPECT_EQ(co_await async.exec("insert into kept values ($1::int)", number), 1u);
}

TEST_P(Pipelined, ACallNeverLandsInATransactionOfAnother) {
    onlooker().run_script("create table if not exists kept (n int); delete from kept");
    std::vector<pg::Task<void>> under_way;
    for (int at = 0; at < 200; ++at)
        under_way.push_back(at % 10 == 5 ? insert_and_roll_back(async) : insert(async, at));
    pg::sync_wait(pg::when_all(std::move(under_way)));
    EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from kept where n >= 0"), 180);
    EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from kept"), 180);
}

// --- prepared statements

TEST_P(Pipelined, PreparedStatementsMayGiveTypesThatNobodyKnewWhenTheyWereSent) {
    onlooker().run_script("drop type if exists speed; create type speed as enum ('slow', 'fast')");
    const auto speed = db.prepare<std::string()>("select 'fast'::speed");
    std::vector<pg::Async<pg::Expected<std::string>>> calls;
    for (int at = 0; at < 300; ++at) calls.push_back(async.try_call(speed));
    for (const auto& answer : all(std::move(calls))) EXPECT_EQ(answer.value(), "fast");
}

TEST_P(Pipelined, APreparedStatementIsUsedForTheFirstTimeByManyAtOnce) {
    const auto doubled = db.prepare<std::int32_t(std::int32_t)>("select $1::int * 2");
    std::vector<pg::Async<pg::Expected<std::int32_t>>> calls;
    for (std::int32_t at = 0; at < 150; ++at) calls.push_back(async.try_call(doubled, at));
    const auto answers = all(std::move(calls));
    for (int at = 0; at < 150; ++at) EXPECT_EQ(answers[static_cast<std::size_t>(at)].value(), at * 2);
}

TEST_P(Pipelined, APlanThatAnAlteredTableInvalidatesIsHealedForAll) {
    onlooker().run_script("drop table if exists altered; create table altered (n int); insert into altered values (7)");
    const auto all_of_it = db.prepare<std::int64_t()>("select n from altered");
    EXPECT_EQ(async.call(all_of_it).get(), 7);
    for (const char* type : {"bigint", "smallint", "int"}) {
        std::vector<pg::Async<pg::Expected<std::int64_t>>> calls;
        for (int at = 0; at < 80; ++at) calls.push_back(async.try_call(all_of_it));
        std::thread alters(
            [&] { onlooker().run_script(std::string("alter table altered alter column n type ") + type); });
        const auto answers = all(std::move(calls));
        alters.join();
        for (const auto& answer : answers) EXPECT_TRUE(answer && *answer == 7) << (answer ? "" : answer.error().what());
        EXPECT_EQ(async.call(all_of_it).get(), 7);
    }
}

// --- sizes

TEST_P(Pipelined, LargeArgumentsAndResultsDoNotWaitForEachOther) {
    std::vector<pg::Async<pg::Expected<std::string>>> calls;
    const std::string large(100'000, 'a');
    for (int at = 0; at < 120; ++at) {
        if (at % 3 == 0)
            calls.push_back(async.try_query_one<std::string>("select $1::text || $2::int", large, at));
        else if (at % 3 == 1 && at < 100)
            calls.push_back(async.try_query_one<std::string>("select repeat('b', 2000000) || $1::int", at));
        else
            calls.push_back(async.try_query_one<std::string>("select $1::int::text", at));
    }
    const auto answers = all(std::move(calls));
    for (int at = 0; at < 120; ++at) {
        const auto& answer = answers[static_cast<std::size_t>(at)];
        ASSERT_TRUE(answer) << answer.error().what();
        const std::string number = std::to_string(at);
        const std::size_t before = at % 3 == 0 ? large.size() : at % 3 == 1 && at < 100 ? 2'000'000u : 0u;
        EXPECT_EQ(answer->size(), before + number.size());
        EXPECT_TRUE(answer->ends_with(number));
    }
}

TEST_P(Pipelined, CallsAreRunInTheOrderOfTheirBeginning) {
    onlooker().run_script("drop table if exists ordered; create table ordered (place serial, n int, t text)");
    std::vector<pg::Async<pg::Expected<std::uint64_t>>> calls;
    for (int at = 0; at < 90; ++at)
        calls.push_back(async.try_exec("insert into ordered (n, t) values ($1::int, $2)", at,
                                       std::string(at % 10 == 0 ? 20'000 : 1, 'x')));
    for (const auto& answer : all(std::move(calls))) EXPECT_EQ(answer.value(), 1u);
    EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from ordered where n <> place - 1"), 0);
}

// --- blocking calls, and the end of the client

TEST_P(Pipelined, BlockingCallsOfOtherThreadsAndAwaitedOnesAllGetAnswers) {
    for (const std::size_t sessions : {1u, 3u}) {
        pg::Client shared = open(sessions);
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&shared, thread] {
                for (int at = 0; at < 50; ++at)
                    EXPECT_EQ(shared.query_one<int>("select $1::int + $2::int", thread, at), thread + at);
            });
        std::vector<pg::Async<pg::Expected<std::int32_t>>> calls;
        for (int at = 0; at < 200; ++at)
            calls.push_back(shared.async().try_query_one<std::int32_t>("select $1::int", at));
        const auto answers = all(std::move(calls));
        for (int at = 0; at < 200; ++at) EXPECT_EQ(answers[static_cast<std::size_t>(at)].value(), at);
    }
}

pg::Task<void> call_until(pg::AsyncClient async, std::atomic<int>& calls, std::atomic<bool>& is_over) {
    for (; !is_over; ++calls) co_await async.exec("select 1");
}

TEST_P(Pipelined, AStreamOfAwaitedCallsDoesNotStarveABlockingOne) {
    std::atomic<int> calls{0};
    std::atomic<bool> is_over{false};
    std::jthread blocking([&] {
        while (calls == 0) std::this_thread::yield();
        for (int at = 0; at < 50; ++at) EXPECT_EQ(db.query_one<int>("select 2"), 2);
        is_over = true;
    });
    std::vector<pg::Task<void>> streams;
    for (int at = 0; at < 20; ++at) streams.push_back(call_until(async, calls, is_over));
    pg::sync_wait(pg::when_all(std::move(streams)));
}

/// Neither of two calls is in time, and the second is gone before its own answer comes.
pg::Task<bool> lose_both(pg::AsyncClient async) {
    const pg::AsyncExecutor hasty = async.with({.timeout = 100ms});
    try {
        co_await pg::when_any(hasty.query_one<std::int32_t>("select 1 from pg_sleep(5)"),
                              hasty.query_one<std::int32_t>("select 2"));
    } catch (const pg::Error& error) {
        co_return error.kind() == pg::ErrorKind::timeout;
    }
    co_return false;
}
pg::Task<std::int32_t> call_patiently(pg::AsyncClient async) {
    co_return co_await async.query_one<std::int32_t>("select 3");
}

TEST_P(Pipelined, ACallMayBeGivenUpAgainWhileItsAnswerIsAwaited) {
    const auto [lost, patient] = pg::sync_wait(pg::when_all(lose_both(async), call_patiently(async)));
    EXPECT_TRUE(lost);
    EXPECT_EQ(patient, 3);
    EXPECT_EQ(db.query_one<std::int32_t>("select 4"), 4);
    expect_nothing_left_busy();
}

/// Calls that are begun while the session waits for a lock, and how many of them have no place in its pipeline.
struct Crowd {
    int calls;
    std::size_t bytes_of_each;
    std::size_t waiting;
};

TEST_P(Pipelined, ACallWaitsForThePoolWhereItsPipelineIsFull) {
    for (const Crowd crowd : {Crowd{.calls = 150, .bytes_of_each = 1, .waiting = 51},
                              Crowd{.calls = 20, .bytes_of_each = 16 * 1024, .waiting = 16}}) {
        pg::Connection keeper = onlooker().connection();
        keeper.exec("select pg_advisory_lock(78)");
        const std::string text(crowd.bytes_of_each, 'x');
        std::latch answered(crowd.calls + 1);
        async.try_exec("select 1 from pg_advisory_xact_lock(78)").start([&](const auto& done) {
            EXPECT_TRUE(done) << done.error().what();
            answered.count_down();
        });
        for (int at = 0; at < crowd.calls; ++at)
            async.try_query_one<std::string>("select $1::text", text).start([&](const pg::Expected<std::string>& same) {
                EXPECT_TRUE(same && *same == text);
                answered.count_down();
            });
        const auto until = std::chrono::steady_clock::now() + 60s;
        while (db.pool().stats().waiting != crowd.waiting && std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
        EXPECT_EQ(db.pool().stats().waiting, crowd.waiting);
        keeper.exec("select pg_advisory_unlock(78)");
        answered.wait();
    }
}

TEST_P(Pipelined, NobodyStandsBehindAStatementThatWaitsForALockWhereThereIsAnotherSession) {
    pg::Client wide = open(2);
    const pg::AsyncClient its = wide.async();
    pg::Connection keeper = onlooker().connection();
    keeper.exec("select pg_advisory_lock(79)");
    std::latch answered(1);
    its.try_exec("select 1 from pg_advisory_xact_lock(79)").start([&](const auto& done) {
        EXPECT_TRUE(done) << done.error().what();
        answered.count_down();
    });
    EXPECT_TRUE(
        soon("select exists (select from pg_stat_activity where datname = current_database() and wait_event = "
             "'advisory' and query_start < clock_timestamp() - interval '50 ms')"));
    const auto beside = its.with({.timeout = 10s}).try_query_one<std::int32_t>("select 1").get();
    EXPECT_TRUE(beside) << beside.error().what();
    keeper.exec("select pg_advisory_unlock(79)");
    answered.wait();
}

TEST_P(Pipelined, ClosingTheClientAnswersEveryCall) {
    std::latch answered(150);
    std::atomic<int> good{0};
    for (int at = 0; at < 150; ++at)
        async.try_query_one<std::int32_t>("select $1::int from pg_sleep(0.001)", at)
            .start([&, at](pg::Expected<std::int32_t> answer) {
                if (answer)
                    EXPECT_EQ(*answer, at);
                else
                    EXPECT_EQ(answer.error().kind(), pg::ErrorKind::usage) << answer.error().what();
                good += answer ? 1 : 0;
                answered.count_down();
            });
    db.close();
    answered.wait();
    const auto after = async.try_exec("select 1").get();
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().kind(), pg::ErrorKind::usage);
    EXPECT_TRUE(
        soon("select count(*) <= 1 from pg_stat_activity where datname = current_database() and pid <> "
             "pg_backend_pid() and backend_type = 'client backend'"));
}

TEST_P(Pipelined, CallsAreAnsweredAfterTheLastCopyOfTheClientIsGone) {
    for (int round = 0; round < 10; ++round) {
        auto answered = std::make_shared<std::latch>(120);
        {
            const pg::Client last = open(2);
            for (int at = 0; at < 120; ++at)
                last.async()
                    .query_one<std::int32_t>("select $1::int", at)
                    .start([=](pg::Expected<std::int32_t> answer) {
                        EXPECT_TRUE(answer && *answer == at) << (answer ? "another" : answer.error().what());
                        answered->count_down();
                    });
        }
        answered->wait();
    }
}

}  // namespace
