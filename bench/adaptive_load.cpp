// The limit that a pool learns from a real server, and what it serves with it.
#include "bench/adaptive_load.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "pg/client.hpp"
#include "pg/pool/options.hpp"
#include "pg/pool/pool.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int clients = 64;
constexpr std::size_t most = 32;
constexpr auto to_settle = 4s, measured = 3s;

struct Kind {
    const char* competes_for;
    pg::Sql<0> statement;
};
constexpr Kind kinds[] = {
    {"nothing: 2 ms of sleep", "select count(*) from pg_sleep(0.002)"},
    {"the processor", "select sum(n) from generate_series(1, 10000) n"},
    {"one row", "update turns set n = n + 1 where id = 1"},
};

struct Outcome {
    double rate = 0;        // statements in a second
    double hold = 0;        // how long a session was held on average, in ms
    std::size_t least = 0;  // limits that were seen. @{
    std::size_t greatest = 0;
    double mean = 0;  /// @}
};

Outcome run(const std::string& conninfo, const Kind& kind, std::size_t size, bool adaptive) {
    const pg::PoolOptions options{.adaptive = adaptive};
    pg::Client db = pg::connect(conninfo, {.pool_max_size = size, .pool = &options});
    db.pool().wait_ready(1, 30s).value();
    std::atomic<bool> is_over = false;
    std::atomic<std::uint64_t> done = 0;
    std::vector<std::thread> all;
    for (int i = 0; i < clients; ++i)
        all.emplace_back([&] {
            while (!is_over.load(std::memory_order_relaxed)) {
                static_cast<void>(db.exec(kind.statement));
                done.fetch_add(1, std::memory_order_relaxed);
            }
        });
    std::this_thread::sleep_for(to_settle);
    Outcome outcome{.least = most};
    const std::uint64_t before = done;
    const auto begin = Clock::now();
    double limits = 0, lent = 0;
    int looks = 0;
    for (; Clock::now() - begin < measured; ++looks) {
        const pg::PoolStats stats = db.pool().stats();
        outcome.least = std::min(outcome.least, stats.limit);
        outcome.greatest = std::max(outcome.greatest, stats.limit);
        limits += static_cast<double>(stats.limit);
        lent += static_cast<double>(stats.lent);
        std::this_thread::sleep_for(10ms);
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    outcome.rate = static_cast<double>(done - before) / seconds;
    outcome.mean = limits / looks;
    outcome.hold = outcome.rate == 0 ? 0 : lent / looks / outcome.rate * 1e3;
    is_over = true;
    for (std::thread& one : all) one.join();
    return outcome;
}

}  // namespace

void measure_adaptive(const std::string& conninfo) {
    pg::Client db = pg::connect(conninfo);
    db.exec("create table turns (id int primary key, n bigint)");
    db.exec("insert into turns values (1, 0)");
    for (const Kind& kind : kinds) {
        const Outcome learned = run(conninfo, kind, most, true);
        std::printf(
            "%d threads, statements that compete for %s: a limit of %.0f (%zu to %zu) of %zu is learned; %.0f a "
            "second, "
            "held for %.2f ms\n",
            clients, kind.competes_for, learned.mean, learned.least, learned.greatest, most, learned.rate,
            learned.hold);
        for (const std::size_t size : {std::size_t{2}, std::size_t{8}, most}) {
            const Outcome fixed = run(conninfo, kind, size, false);
            std::printf("  a pool of %zu: %.0f a second, held for %.2f ms\n", size, fixed.rate, fixed.hold);
        }
    }
}
