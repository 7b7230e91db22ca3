// What many awaiting clients cost, hold and get, beside libpq by hand: by threads that block, and by a pipeline.
//
// CPU is that of this process, user and system; the server's is not in it.
#include "bench/awaiting.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <malloc.h>
#include <optional>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "bench/poll_loop.hpp"
#include "bench/raw_libpq.hpp"
#include "bench/workload.hpp"
#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/connection.hpp"
#include "pg/pool/pool.hpp"
#include "pg/task.hpp"
#include "pg/types/datetime.hpp"

namespace {

using namespace std::chrono_literals;
using bench::Record;
using Clock = std::chrono::steady_clock;

constexpr int clients = 64;
constexpr std::size_t sessions = 8;
constexpr int rounds = 7;
constexpr auto round_time = 700ms;
constexpr bench::Scale scale{};

/// In seconds.
struct Cpu {
    double user, system;

    [[nodiscard]] double all() const { return user + system; }
    static Cpu of_process() {
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
        };
        return {seconds(used.ru_utime), seconds(used.ru_stime)};
    }
};

/// What a round came to.
struct Round {
    double queries_per_second;
    Cpu per_query;
};
/// Runs `work(end)`, which says how many queries it did until then.
template <class Work>
Round measure(Work work) {
    const Cpu before = Cpu::of_process();
    const auto begin = Clock::now();
    const auto queries = static_cast<double>(work(begin + round_time));
    const double elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    const Cpu after = Cpu::of_process();
    return {queries / elapsed, {(after.user - before.user) / queries, (after.system - before.system) / queries}};
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}
/// The median of what `value` says of each round.
template <class Value>
double median_of(const std::vector<Round>& all, Value value) {
    std::vector<double> values;
    for (const Round& one : all) values.push_back(value(one));
    return median(std::move(values));
}
void print(const char* name, const std::vector<Round>& all) {
    std::printf("%-52s %9.0f queries/s  %6.2f us of CPU for each, %5.2f of them the kernel's\n", name,
                median_of(all, [](const Round& one) { return one.queries_per_second; }),
                median_of(all, [](const Round& one) { return one.per_query.all(); }) * 1e6,
                median_of(all, [](const Round& one) { return one.per_query.system; }) * 1e6);
}
/// Both, one after the other in each round, and the medians of the ratios within a round; that of the rates.
template <class Ours, class Theirs>
double compare(const char* ours_name, Ours ours, const char* theirs_name, Theirs theirs) {
    std::vector<Round> our_rounds, their_rounds;
    std::vector<double> rate, cpu;
    measure(ours);  // warm
    measure(theirs);
    for (int i = 0; i < rounds; ++i) {
        const Round mine = our_rounds.emplace_back(measure(ours)), other = their_rounds.emplace_back(measure(theirs));
        rate.push_back(mine.queries_per_second / other.queries_per_second);
        cpu.push_back(mine.per_query.all() / other.per_query.all());
    }
    print(ours_name, our_rounds);
    print(theirs_name, their_rounds);
    std::printf("%-52s %9.2f times      %6.2f times\n\n", "  the first beside the second", median(rate), median(cpu));
    return median(rate);
}

// --- 64 clients on 8 connections, beside 8 threads with a connection each

pg::Task<std::uint64_t> ask_until(pg::AsyncClient db, const pg::Prepared<Record(std::int32_t)>& select_one,
                                  std::int32_t first, Clock::time_point end) {
    std::uint64_t queries = 0;
    for (std::int32_t n = first; Clock::now() < end; n += clients, ++queries)
        static_cast<void>(co_await db.call(select_one, bench::scattered(scale, n)));
    co_return queries;
}

std::uint64_t coroutines_until(const pg::Client& db, const pg::Prepared<Record(std::int32_t)>& select_one,
                               Clock::time_point end) {
    std::vector<pg::Task<std::uint64_t>> all;
    all.reserve(clients);
    const pg::AsyncClient async = db.async();
    for (std::int32_t i = 0; i < clients; ++i) all.push_back(ask_until(async, select_one, i, end));
    std::uint64_t queries = 0;
    for (const std::uint64_t one : pg::sync_wait(pg::when_all(std::move(all)))) queries += one;
    return queries;
}

class BlockingThreads {
public:
    explicit BlockingThreads(const std::string& conninfo) {
        for (std::size_t i = 0; i < sessions; ++i) {
            connections_.push_back(bench::raw::connect(conninfo));
            bench::raw::prepare(connections_.back().get(), "select_one", bench::select_one, {23});
        }
    }
    [[nodiscard]] std::uint64_t until(Clock::time_point end) const {
        std::atomic<std::uint64_t> queries = 0;
        std::vector<std::thread> all;
        all.reserve(sessions);
        for (std::size_t i = 0; i < sessions; ++i)
            all.emplace_back(
                [&, i] { queries += ask_until(connections_[i].get(), static_cast<std::int32_t>(i), end); });
        for (std::thread& one : all) one.join();
        return queries;
    }

private:
    static std::uint64_t ask_until(PGconn* connection, std::int32_t first, Clock::time_point end) {
        Record record{};
        std::uint64_t queries = 0;
        for (std::int32_t n = first; Clock::now() < end; n += static_cast<std::int32_t>(sessions), ++queries) {
            const std::uint32_t key = __builtin_bswap32(static_cast<std::uint32_t>(bench::scattered(scale, n)));
            const char* const values[] = {reinterpret_cast<const char*>(&key)};
            const int lengths[] = {sizeof key}, formats[] = {1};
            const bench::raw::Result result(PQexecPrepared(connection, "select_one", 1, values, lengths, formats, 1));
            bench::raw::expect(connection, result.get(), PGRES_TUPLES_OK);
            bench::raw::read_record(result.get(), 0, record);
        }
        return queries;
    }

    std::vector<bench::raw::Connection> connections_;
};

// --- 64 at once on one connection: W4b

const bench::Workload& find(const std::vector<bench::Workload>& all, std::string_view operation) {
    return *std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.operation == operation; });
}
std::uint64_t run_until(const bench::Workload& workload, Clock::time_point end) {
    std::uint64_t queries = 0;
    for (; Clock::now() < end; queries += static_cast<std::uint64_t>(workload.items)) workload.run();
    return queries;
}

// --- what somebody holds who waits for a session

template <class R>
bench::Detached ask_once(pg::AsyncClient db, const pg::Prepared<R(std::int32_t)>& statement, std::int32_t argument,
                         std::atomic<std::size_t>& answers) {
    static_cast<void>(co_await db.call(statement, argument));
    answers.fetch_add(1, std::memory_order_release);
}

std::size_t allocated() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

template <class R>
std::size_t weigh_waiters(const char* name, const std::string& conninfo, const char* sql) {
    constexpr std::size_t waiters = 10'000;
    pg::Client db = pg::connect(conninfo + " engine=direct provider=async", {.pool_max_size = 1});
    const auto statement = db.prepare<R(std::int32_t)>(pg::runtime(sql));
    std::atomic<std::size_t> answers = 0;
    std::optional<pg::Connection> held(db.connection());
    const pg::AsyncClient async = db.async();
    const std::size_t before = allocated();
    for (std::size_t i = 0; i < waiters; ++i) ask_once(async, statement, static_cast<std::int32_t>(i + 1), answers);
    while (db.pool().stats().waiting != waiters) std::this_thread::yield();
    const std::size_t each = (allocated() - before) / waiters;
    std::printf("a coroutine that waits for a session, with its call for %s: %zu bytes\n", name, each);
    held.reset();
    while (answers.load(std::memory_order_acquire) != waiters) std::this_thread::yield();
    return each;
}

}  // namespace

void measure_awaiting(const std::string& conninfo, bench::Targets& targets) {
    bench::raw::execute(bench::raw::connect(conninfo).get(), bench::tables_sql(scale).c_str());
    {
        const pg::Client db = pg::connect(conninfo + " engine=direct provider=async", {.pool_max_size = sessions});
        const auto select_one = db.prepare<Record(std::int32_t)>(pg::runtime(bench::select_one));
        db.pool().wait_ready(sessions, 30s).value();
        const BlockingThreads threads(conninfo);
        const double beside = compare(
            "64 awaiting clients on 8 sessions", [&](auto end) { return coroutines_until(db, select_one, end); },
            "8 threads, each with a connection of libpq", [&](auto end) { return threads.until(end); });
        targets.at_least("64 awaiting clients on 8 sessions, beside 8 threads", beside, 1);
    }
    const std::size_t number = weigh_waiters<std::int32_t>("a number", conninfo, "select $1::int");
    targets.at_most("a waiter for a number, bytes", static_cast<double>(number), 1024);
    const std::size_t change =
        weigh_waiters<pg::Affected>("a change", conninfo, "delete from bench_inserts where id = $1");
    targets.at_most("a waiter for a change, bytes", static_cast<double>(change), 1024);
    const std::size_t row = weigh_waiters<Record>("a row of seven columns", conninfo, bench::select_one);
    targets.at_most("a waiter for a row of seven columns, bytes", static_cast<double>(row), 1136);  // decision 17
    const auto ours = bench::client_workloads(conninfo, scale), theirs = bench::raw_libpq_workloads(conninfo, scale);
    const auto run = [](const std::vector<bench::Workload>& peer, std::string_view operation) {
        return [&workload = find(peer, operation)](auto end) { return run_until(workload, end); };
    };
    const auto awaited = run(ours, bench::operation::awaited_select);
    const auto pipeline = run(theirs, bench::operation::batch_select);
    compare("W4b, 64 awaited at once on one session", awaited, "W4b, 64 in a pipeline of libpq, a Sync behind each",
            run(theirs, bench::operation::awaited_select));
    compare("W4b, 64 awaited at once on one session", awaited, "W4b, 64 in a pipeline of libpq, one transaction",
            pipeline);
    compare("W4b, a batch of 64", run(ours, bench::operation::batch_select),
            "W4b, 64 in a pipeline of libpq, one transaction", pipeline);
}
