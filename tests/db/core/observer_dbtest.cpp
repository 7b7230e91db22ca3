// What observers are told of a real server, by each engine, blocking and awaited.
#include <future>
#include <gtest/gtest.h>
#include <map>

#include "async_database.hpp"
#include "pg/async_savepoint.hpp"
#include "pg/connection.hpp"
#include "pg/pool/pool.hpp"
#include "pg/spi/observer.hpp"
#include "tests/recording_observer.hpp"

namespace {

using namespace std::chrono_literals;
using Lines = RecordingObserver::Lines;

/// Remembers when things began and ended.
class Moments final : public pg::spi::Observer {
public:
    struct Span {
        pg::spi::Moment began, ended;
    };
    /// The request with that text that ended last.
    Span of(const std::string& sql) {
        const std::lock_guard lock(mutex_);
        return requests_.at(sql);
    }
    /// All waits for a session so far; asking clears them.
    std::vector<Span> take_waits() {
        const std::lock_guard lock(mutex_);
        return std::exchange(waits_, {});
    }

private:
    void on_request(const pg::spi::RequestEvent& event) noexcept override {
        const std::lock_guard lock(mutex_);
        requests_[std::string(event.sql)] = {event.began, event.began + event.duration};
    }
    void on_acquire(const pg::spi::AcquireEvent& event) noexcept override {
        const std::lock_guard lock(mutex_);
        waits_.push_back({event.began, event.began + event.duration});
    }

    std::mutex mutex_;  // guards what follows
    std::map<std::string, Span> requests_;
    std::vector<Span> waits_;
};

class Observed : public AsyncDatabase {
protected:
    ~Observed() override { EXPECT_TRUE(heard->durations_add_up()); }

    [[nodiscard]] pg::Client open(const std::string& provider) const {
        const std::vector<std::shared_ptr<pg::spi::Observer>> observers{heard, moments};
        return pg::connect(conninfo() + " provider=" + provider + " engine=" + GetParam(),
                           {.pool_max_size = 1, .observers = &observers});
    }
    /// The lines, in which this engine is "E".
    Lines told(std::string_view beginning) {
        Lines lines = heard->take(beginning);
        for (std::string& line : lines)
            if (const auto at = line.find(" " + std::string(GetParam())); at != std::string::npos)
                line.replace(at + 1, std::string_view(GetParam()).size(), "E");
        return lines;
    }

    /// Without those of a session that is opened beside the first, where that opens slowly.
    static Lines of_one_session(Lines lines, bool is_open) {
        std::erase_if(lines, [&](const std::string& line) {
            return line == "close E spare" || (line == "connect E" && std::exchange(is_open, true));
        });
        return lines;
    }

    std::shared_ptr<RecordingObserver> heard = std::make_shared<RecordingObserver>();
    std::shared_ptr<Moments> moments = std::make_shared<Moments>();
};
INSTANTIATE_TEST_SUITE_P(Engine, Observed, testing::Values("direct", "libpq"), name_of_engine);

TEST_P(Observed, BlockingCalls) {
    const pg::Client opened = open("libpq");
    EXPECT_EQ(of_one_session(told(""), false), (Lines{"connect E", "acquire E", "release E"}));
    pg::Client client = opened;
    EXPECT_EQ(client.with({.label = "sum"}).query_one<int>("select 1 + $1", 1), 2);
    EXPECT_EQ(of_one_session(told(""), true),
              (Lines{"acquire E", "release E", "query select 1 + $1 as sum on E, 1 rows"}));
    EXPECT_FALSE(client.try_exec("delete from nowhere"));
    EXPECT_EQ(told("exec"), Lines{"exec delete from nowhere on E, 0 rows: server not_applied"});
    client.run_script("do $$ begin raise warning 'mind this'; end $$");
    EXPECT_EQ(told("notice"), Lines{"notice WARNING mind this"});
    for (auto n : client.stream<int>("select * from generate_series(1, 3)")) static_cast<void>(n);
    EXPECT_EQ(told("stream"), Lines{"stream select * from generate_series(1, 3) on E, 3 rows"});
    client.close();
    EXPECT_EQ(told("close"), Lines{"close E spare"});
}

TEST_P(Observed, AwaitedCalls) {
    const pg::Client client = open("async");
    const pg::AsyncClient calls = client.async();
    static_cast<void>(heard->take());
    EXPECT_EQ(calls.with({.label = "sum"}).query_one<int>("select 1 + $1", 1).get(), 2);
    EXPECT_EQ(told("acquire"), Lines{"acquire E"});
    EXPECT_EQ(calls.with({.label = "sum"}).query_one<int>("select 1 + $1", 1).get(), 2);
    EXPECT_EQ(told("query"), Lines{"query select 1 + $1 as sum on E, 1 rows"});
    EXPECT_FALSE(calls.try_exec("delete from nowhere").get());
    EXPECT_EQ(told("exec"), Lines{"exec delete from nowhere on E, 0 rows: server not_applied"});
    calls.run_script("select 1; select 2").get();
    EXPECT_EQ(told("script"), Lines{"script select 1; select 2 on E, 0 rows"});
    calls.exec("set work_mem = '1MB'").get();
    EXPECT_EQ(told("exec"), Lines{"exec set work_mem = '1MB' on E, 0 rows"}) << "it shares no session";
    pg::sync_wait([](pg::AsyncClient on) -> pg::Task<void> {
        auto rows = co_await on.stream<int>("select * from generate_series(1, 3)");
        while (co_await rows.next()) {
        }
        pg::AsyncTransaction transaction = co_await on.begin();
        co_await transaction.exec("select 1");
        co_await transaction.commit();
    }(calls));
    EXPECT_EQ(
        of_one_session(told(""), true),
        (Lines{"acquire E", "release E", "stream select * from generate_series(1, 3) on E, 3 rows", "acquire E",
               "begin begin on E, 0 rows", "query select 1 on E, 1 rows", "release E", "commit commit on E, 0 rows"}));
}

TEST_P(Observed, AwaitedCallsWhoseLabelGoesBeforeTheirEnd) {
    const pg::Client client = open("async");
    const pg::AsyncClient calls = client.async();
    for (int time = 0; time < 3; ++time) {
        std::string label = "sum";
        auto call = calls.with({.label = label}).query_one<int>("select 1 + $1", 1);
        label = "off";
        EXPECT_EQ(std::move(call).get(), 2);
        EXPECT_EQ(told("query"), Lines{"query select 1 + $1 as sum on E, 1 rows"});
    }
}

TEST_P(Observed, AwaitedCallsThatGetNoSession) {
    pg::Client client = open("async");
    const pg::AsyncClient calls = client.async();
    const pg::Connection taken = client.connection();
    static_cast<void>(heard->take());
    EXPECT_FALSE(calls.with({.timeout = 1ms}).try_exec("select 1").get());
    EXPECT_EQ(of_one_session(told(""), true),
              (Lines{"acquire: pool_timeout not_sent", "error in acquire: pool_timeout not_sent",
                     "query select 1 on no, 0 rows: pool_timeout not_sent",
                     "error in query select 1: pool_timeout not_sent"}));
    std::stop_source source;
    source.request_stop();
    const pg::StopToken stopped(source.get_token());
    EXPECT_FALSE(calls.with({.stop = &stopped}).try_exec("select 1").get());
    EXPECT_EQ(told("query"), Lines{"query select 1 on no, 0 rows: cancelled not_sent"});
    client.close();
    EXPECT_FALSE(calls.try_exec("select 1").get());
    EXPECT_EQ(told("acquire"), Lines{"acquire: usage not_sent"});
}

TEST_P(Observed, AwaitedCallsThatStopWaiting) {
    pg::Client client = open("async");
    const pg::AsyncClient calls = client.async();
    const pg::Connection taken = client.connection();
    static_cast<void>(heard->take());
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    std::promise<pg::ErrorKind> end;
    calls.with({.stop = &stop}).try_exec("select 1").start([&](pg::Expected<std::uint64_t> answer) {
        end.set_value(answer.error().kind());
    });
    while (client.pool().stats().waiting == 0) std::this_thread::yield();
    source.request_stop();
    EXPECT_EQ(end.get_future().get(), pg::ErrorKind::cancelled);
    EXPECT_EQ(told("acquire"), Lines{"acquire: cancelled not_sent"});
}

TEST_P(Observed, AwaitedCallsThatTheServerRefusesFirst) {
    const pg::Client client = open("async");
    EXPECT_EQ(client.async().query_one<std::string>("select repeat('x', $1)", std::int64_t{1}).get(), "x");
    EXPECT_EQ(told("retry"), (Lines{"retry select repeat('x', $1) 2: server not_applied",
                                    "retry select repeat('x', $1) 3: server not_applied"}));
}

TEST_P(Observed, AwaitedCallsThatLoseTheirConnection) {
    const pg::Client client = open("async");
    const pg::AsyncClient calls = client.async();
    ASSERT_EQ(calls.query_one<int>("select 1").get(), 1);
    static_cast<void>(heard->take());
    static_cast<void>(moments->take_waits());
    std::promise<bool> end;
    pg::Connection gate = onlooker().connection();
    gate.exec("select pg_advisory_lock(1)");
    calls.with({.idempotent = true})
        .try_exec("select pg_advisory_xact_lock_shared(1)")
        .start([&](const pg::Expected<std::uint64_t>& answer) { end.set_value(answer.has_value()); });
    await_wait("advisory");
    const pg::spi::Moment lost = std::chrono::steady_clock::now();
    gate.exec(
        "select pg_terminate_backend(pid, 20000) from pg_stat_activity where datname = current_database() and "
        "wait_event = 'advisory'");
    gate.exec("select pg_advisory_unlock_all()");
    EXPECT_TRUE(end.get_future().get());
    EXPECT_EQ(told("retry"), Lines{"retry select pg_advisory_xact_lock_shared(1) 2: connection_lost unknown"});
    const auto waits = moments->take_waits();
    ASSERT_EQ(waits.size(), 2u);
    EXPECT_GE(waits[1].began, lost) << "what came before is no part of its wait";
    EXPECT_LE(moments->of("select pg_advisory_xact_lock_shared(1)").began, waits[0].began) << "but of the call";
}

TEST_P(Observed, AwaitedCallsThatWaitForTheirTurn) {
    const pg::Client client = open("async");
    pg::spi::Moment before_last;
    pg::sync_wait([](pg::AsyncClient on, pg::spi::Moment& last) -> pg::Task<void> {
        pg::AsyncTransaction transaction = co_await on.begin();
        co_await pg::when_all(transaction.try_exec("select pg_sleep(0.2)"), transaction.try_exec("select 1"),
                              transaction.try_run_script("select 2; select 3"), transaction.try_savepoint(),
                              transaction.try_stream<int>("select 4"));
        last = std::chrono::steady_clock::now();
        co_await transaction.exec("select 5");
        co_await transaction.commit();
    }(client.async(), before_last));
    const auto first = moments->of("select pg_sleep(0.2)");
    for (const char* text : {"select 1", "select 2; select 3", "savepoint pgclient_1", "select 4"})
        EXPECT_LT(moments->of(text).began, first.ended) << text << " was called before the first had its answer";
    for (const char* text : {"rollback to savepoint pgclient_1; release savepoint pgclient_1", "select 5", "commit"})
        EXPECT_GT(moments->of(text).began, first.ended) << text << " was called afterwards";
    for (const char* text : {"select 5", "commit"}) EXPECT_GE(moments->of(text).began, before_last) << text;

    pg::sync_wait([](pg::AsyncClient on) -> pg::Task<void> {
        pg::AsyncConnection connection = co_await on.connection();
        auto [slept, begun] =
            co_await pg::when_all(connection.try_exec("select pg_sleep(0.1)"), connection.try_begin());
        co_await begun.value().rollback();
    }(client.async()));
    EXPECT_LT(moments->of("begin").began, moments->of("select pg_sleep(0.1)").ended);
    EXPECT_GT(moments->of("rollback").began, moments->of("select pg_sleep(0.1)").ended);
}

TEST_P(Observed, AwaitedTransactionsThatAreRunAgain) {
    const pg::Client client = open("async");
    pg::sync_wait([](pg::AsyncClient on) -> pg::Task<void> {
        int runs = 0;
        auto body = [&runs](pg::AsyncTransaction& transaction) -> pg::Task<void> {
            if (runs++ == 0) co_await transaction.run_script("do $$ begin raise sqlstate '40001'; end $$");
        };
        co_await on.transaction(body);
        EXPECT_EQ(runs, 2);
    }(client.async()));
    EXPECT_EQ(told("retry"), Lines{"retry transaction 2: conflict not_applied"});
}

}  // namespace
