// A mixed load over pools while a network and a server fail, and a verdict for each of the invariants.
//
//     pgclient_soak [--minutes N] [--seed N]
//
// Runs in rounds. At the end of each the faults are healed, what the workers were told is compared with the tables, and
// the clients are destroyed, so that whatever is left of them is a leak. Exits with 1 when an invariant was broken.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <list>
#include <malloc.h>
#include <thread>

#include "bench/soak/faults.hpp"
#include "bench/soak/load.hpp"
#include "pg/pool/options.hpp"
#include "pg/pool/pool.hpp"
#include "tests/slowness.hpp"

namespace {

using namespace std::chrono_literals;
using soak::Clock;
using soak::Told;

constexpr std::size_t sessions_of_each = 4, least_idle = 2;
constexpr int workers_of_each = 6;
constexpr auto round_time = 15s;
constexpr int least_rounds = 3;  // of which the second says what is at rest

/// What a process holds at rest.
struct Holding {
    std::size_t heap = 0, resident = 0, descriptors = 0, threads = 0;

    static Holding now() {
        const auto entries = [](const char* folder) {
            std::size_t count = 0;
            for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
            return count;
        };
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages >> pages;
        // What a thread keeps of freed memory for itself counts as used, up to a quarter of a MiB for each of those
        // that stay: it grows by some KiB a round for a long time. Without (GLIBC_TUNABLES=glibc.malloc.tcache_count=0)
        // the heap stays where it is.
        const struct mallinfo2 info = ::mallinfo2();
        return {info.uordblks + info.hblkhd, pages * 4096, entries("/proc/self/fd"), entries("/proc/self/task")};
    }
    [[nodiscard]] std::string text() const {
        return std::to_string(heap / 1024) + " KiB of heap, " + std::to_string(resident / 1024) + " KiB resident, " +
               std::to_string(descriptors) + " descriptors, " + std::to_string(threads) + " threads";
    }
};

template <class Condition>
bool soon(Condition condition) {
    for (const auto until = Clock::now() + 20s; !condition(); std::this_thread::sleep_for(5ms))
        if (Clock::now() > until) return false;
    return true;
}

class Soak {
public:
    explicit Soak(std::uint32_t seed)
        : findings_(testing_support::bound_on_hang(0ms)), random_(seed), faults_(server_, proxy_, seed) {
        soak::make_tables(onlooker_);
    }

    void round() {
        soak::Load load(findings_);
        {
            std::list<pg::Client> clients;
            run(load, clients);
            for (pg::Client& client : clients) check_pool(client.pool());
        }
        check_sessions_are_gone();
        check_tables();
        // What is closed in the background, as a cancel request is that came to nothing, is given time.
        soon([&] { return rounds_ < 2 || Holding::now().descriptors <= first_.descriptors; });
        ::malloc_trim(0);
        ++rounds_;
        const Holding holding = Holding::now();
        std::fprintf(stderr, "round %d: %llu calls so far; %s\n", rounds_,
                     static_cast<unsigned long long>(findings_.calls()), holding.text().c_str());
        if (rounds_ <= 2) first_ = holding;  // what a process pays once is paid by then
        last_ = holding;
    }

    /// True when nothing was broken that could be judged.
    bool tell() {
        check_growth();
        std::printf("%d rounds, %llu calls; faults: %s\n", rounds_, static_cast<unsigned long long>(findings_.calls()),
                    faults_.done().c_str());
        std::printf("failures by kind: %s\n", findings_.failures().c_str());
        bool sound = true;
        for (std::size_t number = 1; number <= soak::invariants; ++number) {
            const auto broken = findings_.times_broken(number);
            sound &= broken == 0;
            const char* const verdict = broken != 0 ? "FAIL" : is_judged(number) ? "PASS" : "NOT JUDGED";
            std::printf("I%zu %s %.*s: %s\n", number, verdict, static_cast<int>(soak::titles[number].size()),
                        soak::titles[number].data(),
                        (broken == 0 ? numbers(number) : std::to_string(broken) + " times").c_str());
            for (const std::string& how : findings_.words(number)) std::printf("   %s\n", how.c_str());
        }
        std::printf("%s\n", !sound ? "FAIL" : is_judged(8) ? "PASS" : "PASS, but for I8");
        return sound;
    }

private:
    void run(soak::Load& load, std::list<pg::Client>& clients) {
        std::vector<std::thread> threads;
        std::vector<pg::Task<void>> tasks;
        const pg::PoolOptions pool{.min_idle = least_idle, .max_lifetime = 5s, .connect_timeout = 2s};
        for (const char* provider : {"libpq", "async"})
            for (const char* engine : {"direct", "libpq"})
                clients.push_back(pg::open(
                    proxy_.conninfo(server_) + " application_name=soak provider=" + provider + " engine=" + engine,
                    {.pool_max_size = sessions_of_each, .pool = &pool}));
        for (pg::Client& client : clients) {
            const bool awaited = tasks.size() + threads.size() >= 2 * workers_of_each;
            for (int i = 0; i < workers_of_each; ++i) {
                const auto seed = static_cast<std::uint32_t>(random_());
                if (awaited)
                    tasks.push_back(soak::work(load, client.async(), seed));
                else
                    threads.emplace_back([&load, &client, seed] { soak::work(load, client, seed); });
            }
        }
        tasks.push_back(soak::listen(load, clients.back()));
        std::atomic<bool> all_ended = false;
        threads.emplace_back([&] {
            pg::sync_wait(pg::when_all(std::move(tasks)));
            all_ended = true;
        });
        threads.emplace_back([&] {
            for (; !all_ended; std::this_thread::sleep_for(soak::rest)) load.wake();
        });
        threads.emplace_back([&] { send_numbers(load); });
        for (const auto end = Clock::now() + round_time; Clock::now() < end;) fail_once(clients);
        load.over = true;
        for (std::thread& thread : threads) thread.join();
    }

    /// I7: while nobody is let in, a pool knocks as its governor says: by chance less than 50, 100, 200 ms… apart.
    void fail_once(std::list<pg::Client>& clients) {
        std::vector<std::uint64_t> before;
        for (pg::Client& client : clients) before.push_back(client.pool().stats().failed_to_open);
        const auto begin = Clock::now();
        if (faults_.next() == soak::Faults::Door::open) return;
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        std::size_t at = 0;
        for (pg::Client& client : clients) {
            const auto attempts = client.pool().stats().failed_to_open - before[at++];
            most_attempts_ = std::max(most_attempts_, static_cast<double>(attempts) / seconds);
            if (static_cast<double>(attempts) > 10 + 20 * seconds)
                findings_.broken(7, std::to_string(attempts) + " attempts in " + std::to_string(seconds) + " s");
        }
    }

    /// Tells each number until the server has taken it, so that only a lost connection explains a missing one.
    void send_numbers(soak::Load& load) {
        while (!load.over) {
            const std::string text = std::to_string(message_ + 1);
            const auto sent = onlooker_.with({.timeout = 1s}).try_exec("select pg_notify('numbers', $1)", text);
            // One that may have been sent is not sent again: the listener would hear it twice.
            if (sent || sent.error().outcome() == pg::Outcome::unknown) ++message_;
            std::this_thread::sleep_for(10ms);
        }
    }

    void check_pool(pg::Pool& pool) {
        const auto begin = Clock::now();
        const auto is_at_rest = [&] {
            const pg::PoolStats now = pool.stats();
            return now.lent == 0 && now.waiting == 0 && now.size() <= now.max_size;
        };
        if (!soon(is_at_rest)) {
            const pg::PoolStats now = pool.stats();
            findings_.broken(2, "a pool at rest has " + std::to_string(now.lent) + " lent, " +
                                    std::to_string(now.waiting) + " waiting, " + std::to_string(now.size()) + " of " +
                                    std::to_string(now.max_size));
        }
        // Two of the longest pauses between attempts.
        if (!soon([&] { return pool.stats().idle >= least_idle; }))
            findings_.broken(2, "a healed pool does not open its idle sessions again");
        if (const auto ready = pool.wait_ready(sessions_of_each, 20s); !ready)
            findings_.broken(2, std::string("a healed pool is not ready: ") + ready.error().what());
        longest_heal_ = std::max(longest_heal_, Clock::now() - begin);
    }

    void check_sessions_are_gone() {
        const auto count = [&](pg::Sql<0> sql) { return onlooker_.try_query_one<std::int64_t>(sql).value_or(-1); };
        if (!soon([&] {
                return count(
                           "select count(*) from pg_stat_activity where application_name = 'soak' and state like "
                           "'idle in transaction%'") == 0;
            }))
            findings_.broken(5, "a transaction is left open");
        if (!soon([&] { return count("select count(*) from pg_stat_activity where application_name = 'soak'") == 0; }))
            findings_.broken(2, "sessions are left at the server after their clients are gone");
    }

    void check_tables() {
        std::unordered_map<std::int64_t, std::int64_t> found;
        for (const auto& [number, times] : onlooker_.query_all<std::tuple<std::int64_t, std::int64_t>>(
                 "select number, count(*) from transfers group by number"))
            found.emplace(number, times);
        for (const auto& [number, told] : findings_.take_changes()) {
            const auto place = found.find(number);
            const std::int64_t times = place == found.end() ? 0 : place->second;
            if (times > 1) findings_.broken(6, "change " + std::to_string(number) + " is there more than once");
            if (told == Told::applied && times == 0)
                findings_.broken(4, "change " + std::to_string(number) + " was told to be applied and is not there");
            if (told == Told::not_applied && times != 0)
                findings_.broken(4, "change " + std::to_string(number) + " was told not to be applied and is there");
        }
        const auto sum = onlooker_.query_one<std::int64_t>("select sum(balance)::bigint from accounts");
        if (sum != soak::accounts * soak::balance)
            findings_.broken(4, "the accounts hold " + std::to_string(sum) + " together");
        const auto parts = onlooker_.query_one<std::int64_t>(
            "select count(*) from (select number from copied group by number having count(*) <> max(row)) parts");
        if (parts != 0) findings_.broken(4, "parts of a COPY are there");
        onlooker_.run_script("truncate transfers; truncate copied");
    }

    /// I8 looks at what comes after what is at rest.
    [[nodiscard]] bool is_judged(std::size_t invariant) const { return invariant != 8 || rounds_ >= least_rounds; }

    void check_growth() {
        if (!is_judged(8)) return;
        if (last_.heap > first_.heap + (2U << 20U)) findings_.broken(8, "the heap has grown");
        if (last_.resident > first_.resident + (24U << 20U)) findings_.broken(8, "the process has grown");
        if (last_.descriptors > first_.descriptors + 4) findings_.broken(8, "descriptors are left open");
        if (last_.threads > first_.threads + 4) findings_.broken(8, "threads are left");
        if (findings_.times_broken(8) != 0) findings_.broken(8, first_.text() + ", then " + last_.text());
    }

    [[nodiscard]] std::string numbers(std::size_t invariant) const {
        switch (invariant) {
            case 1: return "the latest " + std::to_string(findings_.longest_over_microseconds() / 1000) + " ms";
            case 2:
                return "ready after " +
                       std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(longest_heal_).count()) +
                       " ms at most";
            case 3:
                return std::to_string(findings_.replies) + " replies, " + std::to_string(findings_.messages) +
                       " messages, " + std::to_string(findings_.gaps) + " gaps";
            case 4:
            case 6:
                return std::to_string(findings_.changes) + " changes, " + std::to_string(findings_.unknown) +
                       " of unknown outcome";
            case 5: return std::to_string(findings_.borrowed) + " borrowers looked around";
            case 7: return "at most " + std::to_string(static_cast<int>(most_attempts_)) + " a second of one pool";
            case 8:
                return is_judged(8) ? first_.text() + ", then " + last_.text() + ", over " +
                                          std::to_string(faults_.count()) + " faults"
                                    : "it takes " + std::to_string(least_rounds) + " rounds";
            default: return "see the kinds above";
        }
    }

    soak::Findings findings_;
    std::mt19937 random_;
    pg::testing::TestServer server_ = pg::testing::TestServer::start({.settings = {"max_connections = 60"}});
    pg::testing::FaultProxy proxy_ = pg::testing::FaultProxy::start(server_);
    soak::Faults faults_;
    pg::Client onlooker_ = pg::open(server_.conninfo() + " application_name=onlooker", {.pool_max_size = 2});
    Holding first_, last_;
    int rounds_ = 0;
    std::int64_t message_ = 0;
    double most_attempts_ = 0;
    Clock::duration longest_heal_{};
};

}  // namespace

int main(int argc, char** argv) {
    double minutes = 5;
    std::uint32_t seed = 1;
    for (int at = 1; at + 1 < argc; at += 2) {
        if (std::strcmp(argv[at], "--minutes") == 0)
            minutes = std::atof(argv[at + 1]);
        else if (std::strcmp(argv[at], "--seed") == 0)
            seed = static_cast<std::uint32_t>(std::strtoul(argv[at + 1], nullptr, 10));
        else
            minutes = -1;
    }
    if (minutes <= 0 || argc % 2 == 0) {
        std::fputs("usage: pgclient_soak [--minutes N] [--seed N]\n", stderr);
        return 2;
    }
    ::setenv("PGCLIENT_TEST_SLOWNESS", "1", 0);  // unless somebody says that the machine is a busy one: 250 ms
    try {
        std::printf("seed %u, %g minutes\n", seed, minutes);
        Soak soak(seed);
        for (const auto end = Clock::now() + std::chrono::duration<double>(60 * minutes); Clock::now() < end;)
            soak.round();
        return soak.tell() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
