// What the pool costs and how busy it keeps its sessions: one line for each figure, beside a pool written by hand.
//
// pgclient_load [PART]: starts a server of its own, runs for some minutes. PART: latency, lending, saturation,
// adaptive, awaited or round_trips alone. Ends with the targets of what was measured, and with 1 when one is missed.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include "bench/adaptive_load.hpp"
#include "bench/awaiting.hpp"
#include "bench/latency.hpp"
#include "bench/raw_libpq.hpp"
#include "bench/round_trips_load.hpp"
#include "bench/targets.hpp"
#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/pool/pool.hpp"
#include "pg/task.hpp"
#include "pg/testing/test_server.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

double cpu_of_thread() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void spend(std::chrono::nanoseconds time) {
    const auto end = Clock::now() + time;
    while (Clock::now() < end) {
    }
}

/// What somebody writes who has an afternoon for it.
template <class Thing>
class HandWritten {
public:
    void add(Thing thing) { idle_.push_back(std::move(thing)); }
    Thing take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !idle_.empty(); });
        Thing taken = std::move(idle_.back());
        idle_.pop_back();
        return taken;
    }
    void give(Thing thing) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(thing));
        changed_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Thing> idle_;
};

/// The same, for who wants that nobody starves: in the order of coming.
template <class Thing>
class HandWrittenInOrder {
public:
    void add(Thing thing) { idle_.push_back(std::move(thing)); }
    Thing take() {
        std::unique_lock lock(mutex_);
        if (idle_.empty()) {
            Waiter waiter;
            queue_.push_back(&waiter);
            waiter.changed.wait(lock, [&] { return waiter.thing.has_value(); });
            return *std::move(waiter.thing);
        }
        Thing taken = std::move(idle_.back());
        idle_.pop_back();
        return taken;
    }
    void give(Thing thing) {
        const std::lock_guard lock(mutex_);
        if (queue_.empty()) return idle_.push_back(std::move(thing));
        Waiter& first = *queue_.front();
        queue_.pop_front();
        first.thing = std::move(thing);
        first.changed.notify_one();
    }

private:
    struct Waiter {
        std::condition_variable changed;
        std::optional<Thing> thing;
    };
    std::mutex mutex_;
    std::deque<Waiter*> queue_;
    std::vector<Thing> idle_;
};

/// By so much two runs of one and the same thing differ.
constexpr double same = 0.05;

/// Whether anything came unasked, as a pool wants to know of an idle session.
void look_at(int socket) {
    pollfd look{socket, POLLIN, 0};
    ::poll(&look, 1, 0);
}

/// How often `step` runs in a second, by so many threads.
template <class Step>
double rate(int threads, Step step) {
    std::atomic<bool> over = false;
    std::atomic<std::uint64_t> steps = 0;
    std::vector<std::thread> all;
    const auto begin = Clock::now();
    for (int i = 0; i < threads; ++i)
        all.emplace_back([&] {
            std::uint64_t mine = 0;
            for (; !over.load(std::memory_order_relaxed); ++mine) step();
            steps += mine;
        });
    std::this_thread::sleep_for(200ms);
    over = true;
    for (std::thread& one : all) one.join();
    return static_cast<double>(steps) / seconds(Clock::now() - begin);
}

/// The middle of several ratios, for a machine that others use too.
template <class Ratio>
double median_of(Ratio ratio) {
    std::array<double, 5> all{};
    for (double& one : all) one = ratio();
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}

void measure_lending(pg::Client& db, bench::Targets& targets) {
    constexpr int times = 500'000;
    pg::Pool& pool = db.pool();
    pool.wait_ready(2, 30s).value();
    const auto lend = [&] { static_cast<void>(pool.acquire({}).value()); };
    const double before = cpu_of_thread();
    for (int i = 0; i < times; ++i) lend();
    const double each = (cpu_of_thread() - before) / times * 1e9;
    std::printf("acquire and release, a look at the socket included: %.0f ns of CPU\n", each);
    targets.at_most("acquire and release, ns of CPU", each, 300);

    HandWritten<int> by_hand;
    std::array<std::array<int, 2>, 2> pairs{};  // sockets as those of the server are
    for (auto& pair : pairs) {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0)
            throw std::system_error(errno, std::generic_category(), "socketpair");
        by_hand.add(pair[0]);
    }
    const auto lend_by_hand = [&](std::chrono::nanoseconds work) {
        const int taken = by_hand.take();
        look_at(taken);
        spend(work);
        by_hand.give(taken);
    };
    const auto lend_for = [&](std::chrono::nanoseconds work) {
        const pg::spi::Lease lease = pool.acquire({}).value();
        spend(work);
    };
    for (const std::chrono::nanoseconds work : {0ns, 2000ns}) {
        const auto ours = [&](int threads) { return rate(threads, [&] { lend_for(work); }); };
        const auto theirs = [&](int threads) { return rate(threads, [&] { lend_by_hand(work); }); };
        const double one = median_of([&] { return ours(1) / theirs(1); });
        const double two = median_of([&] { return ours(2) / theirs(2); });
        const double both = median_of([&] { return ours(2) / ours(1); });
        std::printf(
            "held for %lld ns: one thread %.2f times a pool by hand, two threads %.2f times, and %.2f times one\n",
            static_cast<long long>(work.count()), one, two, both);
        if (work != 0ns) {
            targets.at_least("two threads with 2 us of work beside one", both, 1.5);
            continue;
        }
        targets.at_least("one thread, bare, beside a pool by hand", one, 1 - same);
        targets.at_least("two threads, bare, beside a pool by hand", two, 1 - same);
    }
    for (const auto& pair : pairs)
        for (const int socket : pair) ::close(socket);
}

constexpr int clients = 64;
constexpr std::size_t sessions = 8;
constexpr auto busy_for = 3s;

/// A millisecond of the server, and how much it was in truth, in seconds.
constexpr pg::Sql<0> statement(
    "select extract(epoch from clock_timestamp() - statement_timestamp())::float8 from pg_sleep(0.001)");

/// How often threads of this process went to sleep of themselves, so far.
long sleeps() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return used.ru_nvcsw;
}

double report_utilisation(const char* who, double busy, Clock::duration elapsed) {
    const double share = busy / (static_cast<double>(sessions) * seconds(elapsed));
    std::printf("%d %s on %zu sessions, statements of 1 ms: %.1f %% busy\n", clients, who, sessions, 100 * share);
    return share;
}

/// So many threads call `step` over and over, which says how long the server was busy with it.
template <class Step>
double saturate(const char* who, Step step) {
    std::mutex mutex;
    double busy = 0;
    std::uint64_t steps = 0;
    std::vector<std::thread> all;
    const long slept = sleeps();
    const auto begin = Clock::now();
    for (int i = 0; i < clients; ++i)
        all.emplace_back([&] {
            double mine = 0;
            std::uint64_t count = 0;
            for (; Clock::now() - begin < busy_for; ++count) mine += step();
            const std::lock_guard lock(mutex);
            busy += mine;
            steps += count;
        });
    for (std::thread& one : all) one.join();
    const auto elapsed = Clock::now() - begin;
    std::printf("%.2f sleeps for each statement; ", static_cast<double>(sleeps() - slept) / static_cast<double>(steps));
    return report_utilisation(who, busy, elapsed);
}

double saturate_with_threads(pg::Client& db) {
    db.pool().wait_ready(sessions, 30s).value();
    return saturate("threads", [&] { return db.query_one<double>(statement); });
}

/// The same over libpq, with a pool by hand.
template <class Pool>
double saturate_by_hand(const char* who, const std::string& conninfo) {
    Pool pool;
    for (std::size_t i = 0; i < sessions; ++i) {
        bench::raw::Connection connection = bench::raw::connect(conninfo);
        bench::raw::prepare(connection.get(), "busy", statement.text().data(), {});
        pool.add(std::move(connection));
    }
    return saturate(who, [&] {
        bench::raw::Connection connection = pool.take();
        look_at(PQsocket(connection.get()));
        const bench::raw::Result result(PQexecPrepared(connection.get(), "busy", 0, nullptr, nullptr, nullptr, 1));
        bench::raw::expect(connection.get(), result.get(), PGRES_TUPLES_OK);
        std::uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>(PQgetvalue(result.get(), 0, 0)[i]);
        pool.give(std::move(connection));
        return std::bit_cast<double>(bits);
    });
}

pg::Task<double> keep_busy(pg::AsyncClient db, Clock::time_point end) {
    double busy = 0;
    while (Clock::now() < end) busy += co_await db.query_one<double>(statement);
    co_return busy;
}

double saturate_with_coroutines(pg::Client& db) {
    db.pool().wait_ready(sessions, 30s).value();
    const auto begin = Clock::now();
    std::vector<pg::Task<double>> all;
    for (int i = 0; i < clients; ++i) all.push_back(keep_busy(db.async(), begin + busy_for));
    double busy = 0;
    for (const double one : pg::sync_wait(pg::when_all(std::move(all)))) busy += one;
    return report_utilisation("coroutines", busy, Clock::now() - begin);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const std::string_view part = argc > 1 ? argv[1] : "all";
        constexpr std::array<std::string_view, 7> parts{"all",      "latency", "lending",    "saturation",
                                                        "adaptive", "awaited", "round_trips"};
        if (std::find(parts.begin(), parts.end(), part) == parts.end())
            throw std::runtime_error(
                "the parts are latency, lending, saturation, adaptive, awaited and round_trips, not " +
                std::string(part));
        bench::Targets targets;
        const auto server = pg::testing::TestServer::start();
        const auto is_wanted = [&](std::string_view name) { return part == name || part == "all"; };
        if (is_wanted("latency")) measure_latency(server.conninfo(), targets);
        if (is_wanted("lending")) {
            pg::Client two = pg::connect(server.conninfo(), {.pool_max_size = 2});
            measure_lending(two, targets);
        }
        if (is_wanted("saturation")) {
            using bench::raw::Connection;
            const double any =
                saturate_by_hand<HandWritten<Connection>>("threads by hand, any order,", server.conninfo());
            const double in_order =
                saturate_by_hand<HandWrittenInOrder<Connection>>("threads by hand, in order,", server.conninfo());
            pg::Client threads = pg::connect(server.conninfo(), {.pool_max_size = sessions});
            const double ours = saturate_with_threads(threads);
            std::printf("threads: %.3f times a pool by hand in any order, %.3f times one in order\n", ours / any,
                        ours / in_order);
            pg::Client coroutines = pg::connect(server.conninfo() + " provider=async", {.pool_max_size = sessions});
            targets.at_least("sessions busy, by coroutines", saturate_with_coroutines(coroutines), 0.95);
            targets.at_least("sessions busy, by threads, or as busy as by hand", ours, std::min(0.95, in_order));
        }
        if (is_wanted("adaptive")) measure_adaptive(server.conninfo());
        if (is_wanted("awaited")) measure_awaiting(server.conninfo(), targets);
        if (is_wanted("round_trips")) measure_round_trips(server, targets);
        return targets.conclude() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
