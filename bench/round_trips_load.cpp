// Round trips, bytes and connections, counted by a proxy in front of the server.
#include "bench/round_trips_load.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/connection.hpp"
#include "pg/pool/options.hpp"
#include "pg/pool/pool.hpp"
#include "pg/testing/fault_proxy.hpp"
#include "pg/testing/test_server.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using pg::testing::Direction;
using pg::testing::FaultProxy;

constexpr auto one_way = 20ms;

double milliseconds(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

void delay(FaultProxy& proxy, std::chrono::nanoseconds each_way) {
    proxy.set(Direction::to_server, {.delay = each_way});
    proxy.set(Direction::to_client, {.delay = each_way});
}

/// Prints how long `step` took, in times of there and back, which it gives, and what it sent.
template <class Step>
double report(FaultProxy& proxy, const char* what, Step step, Clock::duration each_way = one_way) {
    const auto before = proxy.stats().to_server.bytes_in;
    const auto begin = Clock::now();
    step();
    const double trips = milliseconds(Clock::now() - begin) / milliseconds(2 * each_way);
    std::printf("  %s: %.2f round trips, %llu bytes to the server\n", what, trips,
                static_cast<unsigned long long>(proxy.stats().to_server.bytes_in - before));
    return trips;
}

void measure_statements(const pg::testing::TestServer& server, const std::string& engine, bench::Targets& targets) {
    FaultProxy proxy = FaultProxy::start(server);
    pg::Client db = pg::connect(proxy.conninfo(server) + " engine=" + engine, {.pool_max_size = 1});
    std::printf("engine=%s\n", engine.c_str());
    db.exec("select 1");
    delay(proxy, one_way);
    const auto add = [&] { return db.query_one<int>("select $1::int + $2::int", 1, 2); };
    const double first = report(proxy, "a typed statement with parameters, the first time", add);
    targets.at_most("a new statement with parameters, round trips", first, 1.5);
    report(proxy, "the second time", add);
    report(proxy, "the third time", add);
    const auto lend = [&] { static_cast<void>(db.pool().acquire({}).value()); };
    const double lent = report(proxy, "a session that was just used, lent and given back clean", lend);
    targets.at_most("a session lent and given back, round trips", lent, 0.5);
    std::this_thread::sleep_for(1700ms);  // a second, and half of one in which the pool does not look
    report(proxy, "one that was idle for 1.7 seconds", lend);
    report(proxy, "the same again at once", lend);
    report(proxy, "a session that is given back with a setting, the statement included", [&] {
        pg::Connection session = db.connection();
        session.exec("set work_mem = '5MB'");
    });
}

/// Many callers, one connection, and a line that is slow.
void measure_awaited(const pg::testing::TestServer& server, const std::string& engine, bench::Targets& targets) {
    constexpr auto each_way = 5ms;
    FaultProxy proxy = FaultProxy::start(server);
    pg::Client db = pg::connect(proxy.conninfo(server) + " provider=async engine=" + engine, {.pool_max_size = 1});
    const pg::AsyncClient async = db.async();
    const auto ask = [&] {
        std::vector<pg::Async<int>> calls;
        for (int at = 0; at < 64; ++at) calls.push_back(async.query_one<int>("select $1::int", at));
        static_cast<void>(pg::sync_wait(pg::when_all(std::move(calls))));
    };
    ask();
    delay(proxy, each_way);
    const double trips = report(proxy, "64 awaited at once on one connection, 5 ms each way", ask, each_way);
    targets.at_most("64 awaited at once, round trips", trips, 3);
}

/// 50 callers come at once to a pool with 5 idle sessions, and a connect takes 150 ms.
void measure_spike(const pg::testing::TestServer& server, bench::Targets& targets) {
    constexpr int callers = 50;
    FaultProxy proxy = FaultProxy::start(server);
    const pg::PoolOptions options{.min_idle = 5};
    pg::Client db = pg::open(proxy.conninfo(server), {.pool_max_size = callers, .pool = &options});
    db.pool().wait_ready(5, 30s).value();
    const auto idle = proxy.stats().accepted;
    delay(proxy, 25ms);  // three round trips to connect; nothing is sent over the sessions that are there
    std::atomic<int> served = 0;
    std::vector<std::thread> all;
    all.reserve(callers);
    const auto begin = Clock::now();
    for (int i = 0; i < callers; ++i)
        all.emplace_back([&] {
            const auto lease = db.pool().acquire({pg::Deadline::after(30s)});
            std::this_thread::sleep_for(2ms);
            served += lease.has_value();
        });
    for (std::thread& one : all) one.join();
    const auto took = Clock::now() - begin;
    std::printf(
        "spike: %d callers, %llu sessions were there, 2 ms of work each: %d served in %.0f ms, %llu connections "
        "opened meanwhile\n",
        callers, static_cast<unsigned long long>(idle), served.load(), milliseconds(took),
        static_cast<unsigned long long>(proxy.stats().accepted - idle));
    targets.at_most("a spike of 50 on 5 sessions, connections in all", static_cast<double>(proxy.stats().accepted), 6);
}

/// 1000 wait for a server that refuses for 10 seconds, and is back then. Whoever is told so comes again.
void measure_herd(const pg::testing::TestServer& server, bench::Targets& targets) {
    constexpr int herd = 1000;
    constexpr auto away = 10s;
    FaultProxy proxy = FaultProxy::start(server);
    proxy.refuse();
    pg::Client db = pg::open(proxy.conninfo(server), {.pool_max_size = 20, .timeout = 60s});
    std::atomic<int> told = 0, served = 0;
    std::vector<std::thread> all;
    all.reserve(herd);
    for (int i = 0; i < herd; ++i)
        all.emplace_back([&] {
            for (; !db.try_exec("select 1"); ++told) std::this_thread::sleep_for(100ms);
            ++served;
        });
    std::this_thread::sleep_for(away);
    const auto knocked = db.pool().stats().failed_to_open;
    const int refused = told;
    proxy.heal();
    const auto begin = Clock::now();
    for (std::thread& one : all) one.join();
    std::printf(
        "herd: %d callers, a server that refuses for 10 s: %llu attempts to connect, callers told %d times; all "
        "served %.0f ms after it was back (%d), over %llu connections\n",
        herd, static_cast<unsigned long long>(knocked), refused, milliseconds(Clock::now() - begin), served.load(),
        static_cast<unsigned long long>(proxy.stats().accepted));
    targets.at_most("1000 callers refused for 10 s, attempts to connect", static_cast<double>(knocked), 40);
    targets.at_least("callers of the herd that were served", served.load(), herd);
}

}  // namespace

void measure_round_trips(const pg::testing::TestServer& server, bench::Targets& targets) {
    for (const char* engine : {"direct", "libpq"}) {
        measure_statements(server, engine, targets);
        measure_awaited(server, engine, targets);
    }
    measure_spike(server, targets);
    measure_herd(server, targets);
}
