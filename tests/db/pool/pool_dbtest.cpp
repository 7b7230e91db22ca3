// The pool of a client on a real server: sizes, ages, order, and the end.
#include <atomic>
#include <latch>
#include <map>
#include <pg/async.hpp>
#include <pg/task.hpp>
#include <pg/tenancy.hpp>
#include <set>
#include <stop_token>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

class ClientPool : public PoolTest {
protected:
    ~ClientPool() override {
        EXPECT_TRUE(soon([] { return sessions() == 0; })) << "a client that is gone leaves no session";
    }
};

TEST_P(ClientPool, OpensNothingBeforeItIsAskedUnlessItIsToKeepSome) {
    const pg::Client lazy = open(conninfo(), 5);
    EXPECT_EQ(lazy.pool().stats().size(), 0u);
    const pg::Client eager = open(conninfo(), 5, {.min_size = 3});
    EXPECT_TRUE(soon([&] { return eager.pool().stats().idle == 3; }));
    EXPECT_EQ(sessions(), 3);
}

TEST_P(ClientPool, IsReadyWhenSoManyAreOpen) {
    const pg::Client db = open(conninfo(), 4);
    db.pool().wait_ready(3, 20s).value();
    EXPECT_GE(db.pool().stats().idle, 3u);
    EXPECT_GE(sessions(), 3);
    EXPECT_EQ(db.pool().wait_ready(5, 1s).error().kind(), pg::ErrorKind::usage);
}

TEST_P(ClientPool, SaysWhyItIsNotReadyInTime) {
    const pg::Client db = open("host=127.0.0.1 port=1 dbname=x user=x", 4);
    EXPECT_TRUE(soon([&] { return !db.pool().wait_ready(1, 1ms) && db.pool().stats().failed_to_open > 0; }));
    const auto late = db.pool().wait_ready(1, 100ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), pg::ErrorKind::timeout);
    EXPECT_NE(late.error().message().find("the last attempt to open one failed"), std::string_view::npos)
        << late.error().what();
}

TEST_P(ClientPool, KeepsIdleOnesBesideTheBusy) {
    pg::Client db = open(conninfo(), 3, {.min_idle = 1});
    const pg::Connection busy = db.connection();
    EXPECT_TRUE(soon([&] { return db.pool().stats().idle == 1; }));
}

TEST_P(ClientPool, UsesASessionNoMoreOftenThanItMay) {
    pg::Client db = open(conninfo(), 1, {.max_uses = 1});
    std::set<int> processes;
    for (int i = 0; i < 3; ++i) processes.insert(process_of(db));
    EXPECT_EQ(processes.size(), 3u);
    EXPECT_GE(db.pool().stats().expired, 2u);
}

TEST_P(ClientPool, ReplacesWhatIsTooOld) {
    pg::Client db = open(conninfo(), 1, {.max_lifetime = 1ms});
    const int first = process_of(db);
    EXPECT_TRUE(soon([&] { return process_of(db) != first; }));
}

TEST_P(ClientPool, ClosesWhatIsIdleForLong) {
    pg::Client db = open(conninfo(), 2, {.idle_timeout = 1ms});
    process_of(db);
    EXPECT_TRUE(soon([&] { return db.pool().stats().size() == 0; }));
    EXPECT_GE(db.pool().stats().spare, 1u);
    process_of(db);
}

TEST_P(ClientPool, AsksIdleSessionsSoThatNothingForgetsThem) {
    const auto is_asked_and_kept = [] {
        pg::Client db = open(conninfo(), 1, {.keepalive = 1ms});
        const int process = process_of(db);
        std::optional<bool> asked;
        const bool is_over = soon([&] {
            asked = onlooker().query_maybe<bool>(
                "select query = '' and state = 'idle' from pg_stat_activity where pid = $1", process);
            return asked.value_or(true);
        });
        return is_over && asked && process_of(db) == process;
    };
    EXPECT_TRUE(soon(is_asked_and_kept))
        << "a busy machine may answer too late, which costs the session, but not always";
}

TEST_P(ClientPool, ReplacesEverySessionAtARefresh) {
    pg::Client db = open(conninfo(), 1);
    const int first = process_of(db);
    db.pool().refresh();
    const int second = process_of(db);
    EXPECT_NE(second, first);
    pg::Connection busy = db.connection();
    db.pool().refresh();
    EXPECT_EQ(process_of(busy), second) << "what is in use goes on";
    {
        const pg::Connection gone = std::move(busy);
    }
    EXPECT_NE(process_of(db), second);
}

TEST_P(ClientPool, LendsNothingWhileItIsSuspended) {
    pg::Client db = open(conninfo(), 1);
    process_of(db);
    db.pool().suspend();
    const auto refused = db.with({.timeout = 50ms}).try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("suspended"), std::string_view::npos) << refused.error().what();
    std::thread waiting([&] { EXPECT_EQ(db.query_one<int>("select 1"), 1); });
    EXPECT_TRUE(soon([&] { return db.pool().stats().waiting == 1; }));
    db.pool().resume();
    waiting.join();
}

TEST_P(ClientPool, GrowsAndShrinks) {
    pg::Client db = open(conninfo(), 1);
    pg::Connection first = db.connection();
    EXPECT_EQ(db.with({.timeout = 50ms}).try_exec("select 1").error().kind(), pg::ErrorKind::pool_timeout);
    db.pool().resize(2, 0, 0);
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
    db.pool().resize(1, 0, 0);
    EXPECT_TRUE(soon([&] { return db.pool().stats().size() == 1; }));
}

TEST_P(ClientPool, RefusesWhenTooManyWait) {
    pg::Client db = open(conninfo(), 1, {.max_waiting = 1});
    pg::Connection busy = db.connection();
    std::thread waiting([&] { EXPECT_EQ(db.query_one<int>("select 1"), 1); });
    EXPECT_TRUE(soon([&] { return db.pool().stats().waiting == 1; }));
    const auto refused = db.try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::pool_timeout);
    {
        const pg::Connection gone = std::move(busy);
    }
    waiting.join();
}

TEST_P(ClientPool, RefusesAtOnceWhoWouldBeLateIfItIsTo) {
    pg::Client db = open(conninfo(), 1, {.refuse_early = true});
    for (int i = 0; i < 16; ++i) db.query("select pg_sleep(0.02)");
    pg::Connection busy = db.connection();
    const auto expect_refused = [&](const pg::Expected<std::uint64_t>& refused) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind(), pg::ErrorKind::pool_timeout);
        EXPECT_NE(refused.error().message().find("no session would come free in time"), std::string_view::npos)
            << refused.error().what();
    };
    expect_refused(db.with({.timeout = 10ms}).try_exec("select 1"));
    if (is_awaited()) expect_refused(db.async().with({.timeout = 10ms}).try_exec("select 1").get());
    EXPECT_EQ(db.pool().stats().refused, is_awaited() ? 2u : 1u);
    EXPECT_EQ(db.pool().stats().given_up, 0u);
    std::thread in_time([&] { EXPECT_EQ(db.query_one<int>("select 1"), 1); });
    EXPECT_TRUE(soon([&] { return db.pool().stats().waiting == 1; }));
    {
        const pg::Connection gone = std::move(busy);
    }
    in_time.join();
}

TEST_P(ClientPool, UsesNoMoreSessionsThanServeBestIfItIsToLearnThat) {
    pg::Client db = open(conninfo() + " pool_adaptive=on", 20);
    std::vector<std::thread> crowd;
    for (int i = 0; i < 20; ++i) crowd.emplace_back([&] { db.query("select pg_sleep(0.2)"); });
    for (std::thread& one : crowd) one.join();
    // In the windows of ten loans that there are it learns twice at most.
    EXPECT_LE(db.pool().stats().opened, 13u) << "it begins with ten, and moves one or two at a time";
    EXPECT_LE(db.pool().stats().limit, 13u);
}

TEST_P(ClientPool, CallsItsHooksWithEachNewSession) {
    const pg::PoolHooks hooks{
        .before_connect = [](void*, pg::Config& config) noexcept { return config.set("options", "-c work_mem=123MB"); },
        .after_connect =
            [](void*, pg::spi::Session& session, const pg::Deadline& until) noexcept {
                return session.run_script("create temporary table scratch as select 17 as n", {until});
            },
        .on_release = [](void*, pg::spi::Session&) noexcept { return false; }};
    pg::Client db = open(conninfo(), 2, {.hooks = &hooks});
    EXPECT_EQ(db.query_one<int>("select n from scratch"), 17);
    EXPECT_EQ(db.query_one<std::string>("show work_mem"), "123MB");
    EXPECT_TRUE(soon([&] { return db.pool().stats().size() == 0; })) << "none is kept";
    EXPECT_GE(db.pool().stats().lost, 2u);
}

TEST_P(ClientPool, TellsACrowdApart) {
    pg::Client db = open(conninfo(), 3);
    std::vector<std::thread> crowd;
    std::atomic<int> answers = 0;
    for (int number = 0; number < 12; ++number)
        crowd.emplace_back([&, number] {
            for (int i = 0; i < 50; ++i)
                answers += db.query_one<int>("select $1::int + $2::int", number * 1000, i) == number * 1000 + i;
        });
    for (std::thread& one : crowd) one.join();
    EXPECT_EQ(answers, 600);
    const pg::PoolStats stats = db.pool().stats();
    EXPECT_EQ(stats.acquired, 600u);
    EXPECT_EQ(stats.lent, 0u);
    EXPECT_EQ(stats.waiting, 0u);
    EXPECT_LE(stats.size(), 3u);
}

TEST_P(ClientPool, EndsWhileSessionsAreOutAndOthersWait) {  // fault 53
    pg::Client db = open(conninfo(), 1);
    pg::Connection out = db.connection();
    std::atomic<int> told = 0;
    const auto tell = [&told](const pg::Expected<std::uint64_t>& why) {
        EXPECT_EQ(why ? pg::ErrorKind() : why.error().kind(), pg::ErrorKind::usage);
        ++told;
    };
    std::vector<std::thread> blocked;
    for (int i = 0; i < 5; ++i) {
        blocked.emplace_back([&] { tell(db.try_exec("select 1")); });
        if (is_awaited()) db.async().try_exec("select 1").start(tell);
    }
    const std::size_t waiting = is_awaited() ? 10 : 5;
    EXPECT_TRUE(soon([&] { return db.pool().stats().waiting == waiting; }));
    const auto begin = std::chrono::steady_clock::now();
    db.close();
    for (std::thread& one : blocked) one.join();
    EXPECT_TRUE(soon([&] { return told == static_cast<int>(waiting); }));
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(0ms));
    EXPECT_EQ(db.pool().drain(1ms), 1u);
    EXPECT_EQ(out.query_one<int>("select 1"), 1);
    {
        const pg::Connection gone = std::move(out);
    }
    EXPECT_EQ(db.pool().drain(20s), 0u);
}

TEST_P(ClientPool, IsRefusedInACopyOfTheProcess) {
    pg::Client db = open(conninfo(), 1);
    process_of(db);
    const pg::Connection out = db.connection();
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        const auto refused = db.try_exec("select 1");
        ::_exit(!refused && refused.error().kind() == pg::ErrorKind::usage ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(ClientPoolOnALoop, RefusesAwaitedCallsInACopyOfTheProcess) {
    pg::Client db = pg::open(pg::testing::shared_server().conninfo() + " provider=async");
    const pg::AsyncClient async = db.async();
    EXPECT_EQ(async.query_one<int>("select 1").get(), 1);
    const auto is_refused = [](const auto& outcome) {
        return !outcome && outcome.error().kind() == pg::ErrorKind::usage;
    };
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        bool is_well = is_refused(async.try_query_one<int>("select 1").get());
        is_well &= is_refused(pg::sync_wait(async.try_begin()));
        auto both = pg::when_all(async.try_exec("select 1"), async.try_exec("select 2"));
        const auto [one, other] = pg::sync_wait(std::move(both));
        is_well &= is_refused(one) && is_refused(other);
        std::stop_source source;
        const pg::StopToken stop(source.get_token());
        auto stopped = async.with({.stop = &stop}).try_exec("select 1");
        stopped.stop();
        is_well &= is_refused(std::move(stopped).get());
        for (const pg::Client& made : {db, pg::for_tenant(db, "ann")}) try {
                static_cast<void>(made.async());
                is_well = false;
            } catch (const pg::UsageError&) {
            }
        db.pool().refresh();
        is_well &= db.pool().stats().size() == 0 && db.pool().drain(20s) == 0;
        ::_exit(is_well ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(ClientPoolOnALoop, UsesASessionNoMoreOftenThanItMayForAwaitedCalls) {
    const pg::PoolOptions options{.max_uses = 2};
    pg::Client db =
        pg::open(pg::testing::shared_server().conninfo() + " provider=async", {.pool_max_size = 1, .pool = &options});
    std::vector<pg::Async<int>> calls;
    for (int i = 0; i < 8; ++i) calls.push_back(db.async().query_one<int>("select pg_backend_pid()"));
    std::map<int, int> uses;
    for (const int process : pg::sync_wait(pg::when_all(std::move(calls)))) ++uses[process];
    for (const auto& [process, times] : uses) EXPECT_LE(times, 2);
    EXPECT_EQ(db.pool().stats().given_up, 0u) << "whoever joined another one's session has not given up";
}

/// Notes when a session was opened in full.
struct Opening {
    std::latch begun{1}, may_end{1};
    std::atomic<bool> is_over{false};

    pg::PoolHooks hooks() {
        return {.context = this,
                .after_connect = [](void* self, pg::spi::Session& session, const pg::Deadline& until) noexcept {
                    auto& opening = *static_cast<Opening*>(self);
                    opening.begun.count_down();
                    opening.may_end.wait();
                    const auto slept = session.run_script("select pg_sleep(0.05)", {until});
                    opening.is_over = true;
                    return slept ? pg::Expected<void>() : pg::Expected<void>(slept.error());
                }};
    }
};

TEST_P(ClientPool, GoesAfterTheHookThatIsBeingCalled) {
    Opening opening;
    const pg::PoolHooks hooks = opening.hooks();
    std::optional<pg::Client> db = open(conninfo(), 1, {.min_size = 1, .hooks = &hooks});
    opening.begun.wait();
    std::thread ending([&] {
        db.reset();
        EXPECT_TRUE(opening.is_over);
    });
    opening.may_end.count_down();
    ending.join();
}

TEST_P(ClientPool, TellsARefusedUserAtOnce) {
    pg::Client db = open(conninfo() + " user=nobody_of_that_name", 2);
    const auto refused = db.try_exec("select 1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate(), "28000");
    const auto again = db.with({.timeout = 1ms}).try_exec("select 1");
    ASSERT_FALSE(again) << "the pause after a failure ends, or the error is told again";
}

pg::Task<pg::Expected<std::uint64_t>> block_on_the_loop(pg::Client& db, pg::Client& other) {
    static_cast<void>(co_await db.async().query_one<int>("select 1"));
    co_return other.try_exec("select 1");
}

TEST(ClientPoolOnALoop, RefusesWhoWouldHoldUpTheThreadThatOpensItsSession) {
    const std::string where = pg::testing::shared_server().conninfo() + " provider=async";
    pg::Client db = pg::open(where), other = pg::open(where);
    const auto refused = pg::sync_wait(block_on_the_loop(db, other));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::usage);
    EXPECT_NE(refused.error().message().find("may wait for itself"), std::string_view::npos);
    EXPECT_EQ(other.query_one<int>("select 1"), 1);
}

TEST_P(ClientPool, FollowsTheRulesOfTheApplication) {
    const std::vector<pg::PoolRule> rules{{.code = "22012"}};
    pg::Client db = open(conninfo(), 1, {.rules = &rules});
    int process = process_of(db);
    const auto is_replaced = [&] { return std::exchange(process, process_of(db)) != process; };
    EXPECT_FALSE(db.try_exec("select 1 from missing"));
    EXPECT_FALSE(is_replaced());
    EXPECT_FALSE(db.try_exec("select 1 / 0"));
    EXPECT_TRUE(is_replaced());
    if (GetParam() != std::string_view("async")) return;
    EXPECT_FALSE(pg::sync_wait([](pg::AsyncClient async) -> pg::Task<pg::Expected<std::uint64_t>> {
        co_return co_await async.try_exec("select 1 / 0");
    }(db.async())));
    EXPECT_TRUE(is_replaced());
}

INSTANTIATE_TEST_SUITE_P(Providers, ClientPool, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
