// The pool of a client under load: every session busy, nobody starved, sessions that die all the time, and crowds that
// come at once. Orders and counts are looked at, not times.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <pg/async.hpp>
#include <pg/task.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <set>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

using pg::testing::Direction;
using pg::testing::FaultProxy;
using pg::testing::TestServer;

class PoolLoad : public PoolTest {
protected:
    /// Runs `call(number)` for so many clients at once: threads, or coroutines.
    template <class Blocking, class Awaited>
    static void crowd(int clients, Blocking blocking, Awaited awaited) {
        if (is_awaited()) {
            std::vector<pg::Task<void>> all;
            for (int number = 0; number < clients; ++number) all.push_back(awaited(number));
            return pg::sync_wait(pg::when_all(std::move(all)));
        }
        std::vector<std::thread> all;
        for (int number = 0; number < clients; ++number) all.emplace_back([&blocking, number] { blocking(number); });
        for (std::thread& one : all) one.join();
    }

    static void meet_a_spike(const pg::Client& db, FaultProxy& proxy);

    const std::string& known = conninfo();  // so that the database is there
};

// --- saturation

struct Busy {
    std::int32_t process;
    std::int64_t number;
};
constexpr pg::Sql<1> a_millisecond("select pg_backend_pid() as process, $1::bigint as number from pg_sleep(0.001)");

/// Which server processes do something for this crowd.
class Processes {
public:
    void enter(int process) {
        const std::lock_guard lock(mutex_);
        seen_.insert(process);
    }
    [[nodiscard]] std::size_t seen() const {
        const std::lock_guard lock(mutex_);
        return seen_.size();
    }

private:
    mutable std::mutex mutex_;
    std::set<int> seen_;
};

pg::Task<void> saturate(pg::AsyncClient db, int client, int rounds, Processes& processes, std::atomic<int>& right) {
    for (int i = 0; i < rounds; ++i) {
        const std::int64_t number = client * 1000 + i;
        const Busy busy = co_await db.query_one<Busy>(a_millisecond, number);
        processes.enter(busy.process);
        right += busy.number == number;
    }
}

TEST_P(PoolLoad, SaturatedSessionsServeEachClientItsOwn) {
    constexpr int clients = 64, rounds = 20;
    constexpr std::size_t sessions = 8;
    pg::Client db = open(conninfo(), sessions);
    db.pool().wait_ready(sessions, 20s).value();
    Processes processes;
    std::atomic<int> right = 0;
    crowd(
        clients,
        [&](int client) {
            for (int i = 0; i < rounds; ++i) {
                const std::int64_t number = client * 1000 + i;
                const Busy busy = db.query_one<Busy>(a_millisecond, number);
                processes.enter(busy.process);
                right += busy.number == number;
            }
        },
        [&](int client) { return saturate(db.async(), client, rounds, processes, right); });
    EXPECT_EQ(right, clients * rounds);
    EXPECT_EQ(processes.seen(), sessions) << "all of them, and no others";
    EXPECT_TRUE(soon([&] { return db.pool().stats().lent == 0; }));
    const pg::PoolStats stats = db.pool().stats();
    EXPECT_EQ(stats.opened, sessions);
    EXPECT_EQ(stats.idle, sessions);
    EXPECT_EQ(stats.waiting, 0u);
    EXPECT_EQ(stats.lost + stats.refused + stats.given_up, 0u);
}

// --- starvation

/// In which order they were served.
class Order {
public:
    void add(int number) {
        const std::lock_guard lock(mutex_);
        served_.push_back(number);
    }
    [[nodiscard]] std::vector<int> served() const {
        const std::lock_guard lock(mutex_);
        return served_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<int> served_;
};

/// Takes a session in a transaction, and gives it back. The same, awaited. @{
void take_a_turn(pg::Client& db, Order& order, int number, std::atomic<int>& ended) {
    if (const auto transaction = db.try_begin())
        order.add(number);
    else
        ADD_FAILURE() << transaction.error().what();
    ++ended;
}
void await_a_turn(pg::Client& db, Order& order, int number, std::atomic<int>& ended) {
    db.async().try_begin().start([&order, &ended, number](const pg::Expected<pg::AsyncTransaction>& transaction) {
        if (transaction)
            order.add(number);
        else
            ADD_FAILURE() << transaction.error().what();
        ++ended;
    });
}  /// @}

TEST_P(PoolLoad, WhoCameFirstIsServedFirstHoweverTheyWait) {
    constexpr int count = 40;
    pg::Client db = open(conninfo(), 1);
    Order order;
    pg::Connection busy = db.connection();
    std::vector<std::thread> threads;
    std::atomic<int> ended = 0;
    for (int number = 0; number < count; ++number) {
        if (is_awaited() && number % 2 == 0)
            await_a_turn(db, order, number, ended);
        else
            threads.emplace_back([&, number] { take_a_turn(db, order, number, ended); });
        EXPECT_TRUE(soon([&] { return db.pool().stats().waiting == static_cast<std::size_t>(number) + 1; })) << number;
    }
    {
        const pg::Connection gone = std::move(busy);
    }
    EXPECT_TRUE(soon([&] { return ended == count; }));
    for (std::thread& thread : threads) thread.join();
    const std::vector<int> served = order.served();
    EXPECT_EQ(served.size(), static_cast<std::size_t>(count));
    EXPECT_TRUE(std::is_sorted(served.begin(), served.end()));
}

// --- churn

std::size_t descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

/// What became of inserts, as their callers were told, and of how many sessions.
struct Told {
    static constexpr int fewest_killed = 6;

    std::atomic<int> settled = 0, applied = 0, unknown = 0, untyped = 0, killed = 0;

    /// For 200 inserts at least, and as long as too few sessions died: a busy machine may favour who inserts.
    [[nodiscard]] bool goes_on(int done) const { return done < 200 || (killed < fewest_killed && done < 20'000); }
    void settle(const pg::Expected<std::uint64_t>& said) {
        ++settled;
        applied += said ? 1 : 0;
        if (said) return;
        unknown += said.error().outcome() == pg::Outcome::unknown;
        untyped += said.error().kind() != pg::ErrorKind::connection_lost &&
                   said.error().kind() != pg::ErrorKind::connect && said.error().kind() != pg::ErrorKind::pool_timeout;
    }
};

pg::Task<void> insert(pg::AsyncClient db, Told& told) {
    for (int done = 0; told.goes_on(done); ++done) told.settle(co_await db.try_exec("insert into churned values (1)"));
}

TEST_P(PoolLoad, SessionsThatDieAllTheTimeAreReplacedAndNothingIsDoneTwice) {
    constexpr int clients = 8;
    onlooker().run_script("drop table if exists churned; create table churned (n int)");
    const std::size_t before = descriptors();
    {
        pg::Client db = open(conninfo(), 4);
        Told told;
        std::atomic<bool> over = false;
        std::thread killer([&] {
            while (!over) {
                const int settled = told.settled;
                told.killed += onlooker().query_one<int>(
                    "select count(pg_terminate_backend(pid))::int from (select pid from pg_stat_activity where "
                    "application_name = 'tested' order by random() limit 1) victim");
                while (!over && told.settled < settled + 20) std::this_thread::yield();
            }
        });
        crowd(
            clients,
            [&](int) {
                for (int done = 0; told.goes_on(done); ++done)
                    told.settle(db.try_exec("insert into churned values (1)"));
            },
            [&](int) { return insert(db.async(), told); });
        over = true;
        killer.join();
        const auto rows = onlooker().query_one<std::int64_t>("select count(*) from churned");
        EXPECT_GE(rows, told.applied);
        EXPECT_LE(rows, told.applied + told.unknown) << "an insert ran twice";
        EXPECT_EQ(told.untyped, 0);
        EXPECT_GE(told.killed, Told::fewest_killed);
        EXPECT_TRUE(soon([&] { return db.pool().stats().lent == 0; }));
        EXPECT_LE(db.pool().stats().size(), 4u);
        std::vector<pg::Connection> all;
        while (all.size() < 4) {
            pg::Connection one = db.connection();
            if (one.try_query_one<int>("select 1")) all.push_back(std::move(one));
        }
        EXPECT_TRUE(soon([] { return sessions() == 4; })) << "no more, no fewer than the pool counts";
    }
    EXPECT_TRUE(soon([] { return sessions() == 0; }));
    EXPECT_TRUE(soon([&] { return descriptors() <= before + 2; })) << before << " before, now " << descriptors();
}

// --- crowds

/// So many at a time, and as many more for each second in which nobody was let in.
std::uint64_t most_attempts_since(std::chrono::steady_clock::time_point begin, std::size_t at_a_time = 2) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
    return at_a_time * (1 + static_cast<std::uint64_t>(seconds.count()));
}

/// 50 callers on 5 idle sessions, while to open another one takes longer than to serve everybody.
void PoolLoad::meet_a_spike(const pg::Client& db, FaultProxy& proxy) {
    constexpr std::size_t callers = 50, idle = 5;
    db.pool().wait_ready(idle, 20s).value();
    std::vector<pg::spi::Lease> busy;
    while (busy.size() < idle) busy.push_back(db.pool().acquire({pg::Deadline::after(20s)}).value());
    EXPECT_EQ(proxy.stats().accepted, idle);
    proxy.set(Direction::to_client, {.frozen = true});
    const auto begin = std::chrono::steady_clock::now();
    std::atomic<std::size_t> served = 0;
    std::vector<std::thread> spike;
    for (std::size_t i = 0; i < callers; ++i)
        spike.emplace_back([&] { served += db.pool().acquire({pg::Deadline::after(20s)}).has_value() ? 1 : 0; });
    EXPECT_TRUE(soon([&] { return db.pool().stats().waiting == callers; }));
    EXPECT_TRUE(proxy.wait_for_connections(idle + 1, pg::Deadline::after(20s)));
    busy.clear();
    for (std::thread& one : spike) one.join();
    EXPECT_EQ(served, callers);
    EXPECT_LE(proxy.stats().accepted, idle + most_attempts_since(begin, 1));
    EXPECT_EQ(db.pool().stats().opened, idle) << "none of the others was needed";
}

TEST_P(PoolLoad, ASpikeIsServedByTheSessionsThatComeBack) {  // fault 55, B7: 6 connections
    for (const std::size_t at_a_time : {0, 1, 5}) {
        FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
        const pg::Client db =
            open(proxy.conninfo(pg::testing::shared_server(), "pool"), 50, {.max_connecting = at_a_time});
        meet_a_spike(db, proxy);
    }
}

/// How many who came before somebody were served after them, at most.
std::ptrdiff_t most_overtaken(const std::vector<int>& served) {
    std::ptrdiff_t most = 0;
    for (auto at = served.begin(); at != served.end(); ++at)
        most = std::max(most, std::count_if(at, served.end(), [&](int later) { return later < *at; }));
    return most;
}

TEST_P(PoolLoad, AHerdThatWaitsKnocksAsOftenAsOneDoesAndIsServedInOrder) {  // fault 54, B8
    const int herd = is_awaited() ? 1000 : 100;
    constexpr int sessions = 20;
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    proxy.set(Direction::to_client, {.frozen = true});
    const std::string where = proxy.conninfo(pg::testing::shared_server(), "pool");
    pg::Client db = open(where, sessions, {.connect_timeout = 200s}, 200s);  // the first waits until the last is there
    const auto begin = std::chrono::steady_clock::now();
    Order order;
    std::atomic<int> ended = 0;
    std::vector<std::thread> threads;
    for (int number = 0; number < herd; ++number) {
        if (is_awaited())
            await_a_turn(db, order, number, ended);
        else
            threads.emplace_back([&, number] { take_a_turn(db, order, number, ended); });
        EXPECT_TRUE(soon([&] { return db.pool().stats().waiting == static_cast<std::size_t>(number) + 1; })) << number;
    }
    EXPECT_LE(proxy.stats().accepted, most_attempts_since(begin));
    proxy.heal();
    EXPECT_TRUE(soon([&] { return ended == herd; }));
    for (std::thread& thread : threads) thread.join();
    const std::vector<int> served = order.served();
    EXPECT_EQ(served.size(), static_cast<std::size_t>(herd));
    EXPECT_LT(most_overtaken(served), sessions) << "more than those who had a session by then";
    EXPECT_LE(proxy.stats().accepted, std::uint64_t{sessions});
    EXPECT_EQ(db.pool().stats().given_up, 0u);
}

INSTANTIATE_TEST_SUITE_P(Providers, PoolLoad, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
