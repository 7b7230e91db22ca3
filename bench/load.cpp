// What the pool costs and how busy it keeps its sessions: one line for each figure, beside a pool written by hand.
//
// pgclient_load: starts a server of its own, runs for some ten seconds.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <exception>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

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

/// What somebody writes who has an afternoon for it: it looks at the socket as well.
class HandWritten {
public:
    HandWritten() {
        for (int& end : ends_) idle_.push_back(end = ::eventfd(0, EFD_CLOEXEC));
    }
    HandWritten(const HandWritten&) = delete;
    HandWritten& operator=(const HandWritten&) = delete;
    ~HandWritten() {
        for (const int end : ends_) ::close(end);
    }
    int take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !idle_.empty(); });
        const int taken = idle_.back();
        idle_.pop_back();
        lock.unlock();
        pollfd look{taken, POLLIN, 0};
        ::poll(&look, 1, 0);
        return taken;
    }
    void give(int taken) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(taken);
        changed_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::array<int, 2> ends_{};
    std::vector<int> idle_;
};

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
    std::this_thread::sleep_for(500ms);
    over = true;
    for (std::thread& one : all) one.join();
    return static_cast<double>(steps) / seconds(Clock::now() - begin);
}

void measure_lending(pg::Client& db) {
    constexpr int times = 500'000;
    pg::Pool& pool = db.pool();
    pool.wait_ready(2, 30s).value();
    const auto lend = [&] { static_cast<void>(pool.acquire({}).value()); };
    const double before = cpu_of_thread();
    for (int i = 0; i < times; ++i) lend();
    std::printf("acquire and release, a look at the socket included: %.0f ns of CPU\n",
                (cpu_of_thread() - before) / times * 1e9);

    HandWritten by_hand;
    const auto lend_by_hand = [&](std::chrono::nanoseconds work) {
        const int taken = by_hand.take();
        spend(work);
        by_hand.give(taken);
    };
    const auto lend_for = [&](std::chrono::nanoseconds work) {
        const pg::spi::Lease lease = pool.acquire({}).value();
        spend(work);
    };
    for (const std::chrono::nanoseconds work : {0ns, 2000ns}) {
        const double one = rate(1, [&] { lend_for(work); }), two = rate(2, [&] { lend_for(work); });
        const double hand = rate(2, [&] { lend_by_hand(work); });
        std::printf("held for %lld ns: two threads %.2f times one, %.2f times a pool by hand\n",
                    static_cast<long long>(work.count()), two / one, two / hand);
    }
}

constexpr int clients = 64;
constexpr std::size_t sessions = 8;
constexpr auto busy_for = 3s;

/// A millisecond of the server, and how much it was in truth, in seconds.
constexpr pg::Sql<0> statement(
    "select extract(epoch from clock_timestamp() - statement_timestamp())::float8 from pg_sleep(0.001)");

void report_utilisation(const char* who, double busy, Clock::duration elapsed) {
    std::printf("%d %s on %zu sessions, statements of 1 ms: %.1f %% busy\n", clients, who, sessions,
                100 * busy / (static_cast<double>(sessions) * seconds(elapsed)));
}

void saturate_with_threads(pg::Client& db) {
    db.pool().wait_ready(sessions, 30s).value();
    std::mutex mutex;
    double busy = 0;
    std::vector<std::thread> all;
    const auto begin = Clock::now();
    for (int i = 0; i < clients; ++i)
        all.emplace_back([&] {
            double mine = 0;
            while (Clock::now() - begin < busy_for) mine += db.query_one<double>(statement);
            const std::lock_guard lock(mutex);
            busy += mine;
        });
    for (std::thread& one : all) one.join();
    report_utilisation("threads", busy, Clock::now() - begin);
}

pg::Task<double> keep_busy(pg::AsyncClient db, Clock::time_point end) {
    double busy = 0;
    while (Clock::now() < end) busy += co_await db.query_one<double>(statement);
    co_return busy;
}

void saturate_with_coroutines(pg::Client& db) {
    db.pool().wait_ready(sessions, 30s).value();
    const auto begin = Clock::now();
    std::vector<pg::Task<double>> all;
    for (int i = 0; i < clients; ++i) all.push_back(keep_busy(db.async(), begin + busy_for));
    double busy = 0;
    for (const double one : pg::sync_wait(pg::when_all(std::move(all)))) busy += one;
    report_utilisation("coroutines", busy, Clock::now() - begin);
}

}  // namespace

int main() {
    try {
        const auto server = pg::testing::TestServer::start();
        pg::Client two = pg::connect(server.conninfo(), {.pool_max_size = 2});
        measure_lending(two);
        pg::Client threads = pg::connect(server.conninfo(), {.pool_max_size = sessions});
        saturate_with_threads(threads);
        pg::Client coroutines = pg::connect(server.conninfo() + " provider=async", {.pool_max_size = sessions});
        saturate_with_coroutines(coroutines);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
