// Sessions that are lent on: what one borrower began, gave up or ended badly is no business of the next.
#include <atomic>
#include <csignal>
#include <future>
#include <map>
#include <mutex>
#include <stop_token>
#include <vector>

#include "pg/pool/pool.hpp"
#include "pg/sqlstate.hpp"
#include "pg/task.hpp"
#include "pg/testing/fault_proxy.hpp"
#include "tests/db/regression/every_way.hpp"

namespace regression_tests {
namespace {

using pg::testing::Direction;
using pg::testing::FaultProxy;

class LentSession : public EveryWay {
protected:
    LentSession() { onlooker().run_script("drop table if exists ledger; create table ledger (n int)"); }

    static std::int64_t in_ledger() { return onlooker().query_one<std::int64_t>("select count(*) from ledger"); }
    static std::string through(FaultProxy& proxy) { return proxy.conninfo(pg::testing::shared_server(), "regression"); }
};

// --- a COMMIT that was a ROLLBACK

pg::Task<pg::Expected<void>> commit_what_failed(pg::AsyncClient db) {
    pg::AsyncTransaction transaction = co_await db.begin();
    co_await transaction.exec("insert into ledger values (1)");
    static_cast<void>(co_await transaction.try_exec("select 1 / 0"));
    co_return co_await transaction.try_commit();
}

pg::Expected<void> commit_what_failed(pg::Client& db) {
    pg::Transaction transaction = db.begin();
    transaction.exec("insert into ledger values (1)");
    static_cast<void>(transaction.try_exec("select 1 / 0"));
    return transaction.try_commit();
}

TEST_P(LentSession, ACommitThatTheServerAnsweredByRollbackIsNoSuccess) {
    pg::Client db = open(1);
    const auto said = awaited() ? pg::sync_wait(commit_what_failed(db.async())) : commit_what_failed(db);
    EXPECT_EQ(in_ledger(), 0);
    ASSERT_FALSE(said) << "it was told that a transaction is committed which is not";
    EXPECT_EQ(said.error().kind(), pg::ErrorKind::commit_rolled_back);
    EXPECT_EQ(said.error().outcome(), pg::Outcome::not_applied);
}

pg::Task<void> swallow_the_failure(pg::AsyncTransaction& transaction) {
    co_await transaction.exec("insert into ledger values (1)");
    static_cast<void>(co_await transaction.try_exec("select 1 / 0"));
}

TEST_P(LentSession, ATransactionWhoseBodySwallowsAFailureIsNoSuccess) {
    pg::Client db = open(1);
    const auto run = [&] {
        if (awaited()) return pg::sync_wait(db.async().transaction(&swallow_the_failure));
        db.transaction([](pg::Transaction& transaction) {
            transaction.exec("insert into ledger values (1)");
            static_cast<void>(transaction.try_exec("select 1 / 0"));
        });
    };
    EXPECT_THROW(run(), pg::CommitRolledBack);
    EXPECT_EQ(in_ledger(), 0);
}

// --- settings that a function changed

/// What the server reports of its settings, in a line.
constexpr const char* reported =
    "select concat_ws(',', current_setting('TimeZone'), current_setting('DateStyle'), "
    "current_setting('IntervalStyle'), session_user, current_user)";

TEST_P(LentSession, WhatAFunctionSetsIsNoBusinessOfTheNext) {
    onlooker().run_script(
        "do $$ begin create role bystander; exception when duplicate_object then null; end $$; "
        "create or replace function sets(name text, value text) returns int language plpgsql as "
        "$$ begin perform set_config(name, value, false); return 1; end $$");
    pg::Client db = open(1);
    const auto at_rest = ask<std::string>(db, reported).value();
    const std::pair<const char*, const char*> changes[] = {{"TimeZone", "Asia/Tokyo"},
                                                           {"DateStyle", "German"},
                                                           {"IntervalStyle", "iso_8601"},
                                                           {"role", "bystander"},
                                                           {"session_authorization", "bystander"}};
    for (const auto& [name, value] : changes) {
        EXPECT_EQ(ask<int>(db, "select sets($1, $2)", name, value).value(), 1);
        EXPECT_EQ(ask<std::string>(db, reported).value(), at_rest) << name;
    }
    EXPECT_EQ(ask<int>(db, "select sets('TimeZone', 'Asia/Tokyo')").value(), 1);
    EXPECT_EQ(ask<int>(db, "select 1 from sets('DateStyle', 'German')").value(), 1) << "again, once it was reset";
    EXPECT_EQ(ask<std::string>(db, reported).value(), at_rest);
}

TEST_P(LentSession, WhatAFunctionSetsWithinATransactionIsNoBusinessOfTheNext) {
    onlooker().run_script(
        "create or replace function sets(name text, value text) returns int language plpgsql as "
        "$$ begin perform set_config(name, value, false); return 1; end $$");
    pg::Client db = open(1);
    const auto at_rest = ask<std::string>(db, reported).value();
    if (awaited()) {
        const auto body = [](pg::AsyncTransaction& transaction) -> pg::Task<void> {
            co_await transaction.exec("select sets('TimeZone', 'Asia/Tokyo')");
        };
        pg::sync_wait(db.async().transaction(body));
    } else {
        db.transaction([](pg::Transaction& transaction) { transaction.exec("select sets('TimeZone', 'Asia/Tokyo')"); });
    }
    EXPECT_EQ(ask<std::string>(db, reported).value(), at_rest);
}

// --- a transaction that is run again

TEST_P(LentSession, ATransactionIsNotRunAgainForWhatCameOfItsFirstError) {
    onlooker().run_script("create unique index on ledger (n); insert into ledger values (1)");
    pg::Client db = open(1);
    int runs = 0;
    std::optional<pg::Error> told;
    try {
        if (awaited()) {
            const auto body = [&](pg::AsyncTransaction& transaction) -> pg::Task<void> {
                ++runs;
                static_cast<void>(co_await transaction.try_exec("insert into ledger values (1)"));
                co_await transaction.exec("select 1");
            };
            pg::sync_wait(db.async().transaction(body));
        } else {
            db.transaction([&](pg::Transaction& transaction) {
                ++runs;
                static_cast<void>(transaction.try_exec("insert into ledger values (1)"));
                transaction.exec("select 1");
            });
        }
    } catch (const pg::Error& error) {
        told = error;
    }
    ASSERT_TRUE(told);
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(told->sqlstate(), pg::sqlstate::in_failed_sql_transaction);
    EXPECT_NE(told->detail().find("23505"), std::string_view::npos) << told->what();
}

// --- a BEGIN that was given up

/// Begins a transaction that nobody waits for longer than that.
pg::Expected<void> begin_within(pg::Client& db, bool awaited, std::chrono::nanoseconds timeout) {
    if (awaited) {
        auto begun = db.async().try_begin({.timeout = timeout}).get();
        return begun ? pg::Expected<void>() : std::move(begun).error();
    }
    auto begun = db.try_begin({.timeout = timeout});
    return begun ? pg::Expected<void>() : std::move(begun).error();
}

TEST_P(LentSession, ABeginThatIsGivenUpLeavesNoTransactionInThePool) {
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    pg::Client db = open(1, through(proxy));
    for (int round = 0; round < 4; ++round) {
        ASSERT_TRUE(ask<int>(db, "select 1"));
        // The server begins it, and what it says comes late, or not before the session was given up.
        proxy.set(Direction::to_client, {.delay = round % 2 == 0 ? 150ms : 10s});
        EXPECT_FALSE(begin_within(db, awaited(), 50ms) && round % 2 == 1) << "the other one may come in time";
        proxy.heal();
        const auto inserted = run_within(db, 20s, "insert into ledger values (1)");
        ASSERT_TRUE(inserted) << told(inserted);
        EXPECT_EQ(in_ledger(), round + 1) << "what ran alone is in a transaction of the borrower before";
        EXPECT_TRUE(soon([] { return open_transactions() == 0; }));
    }
}

// --- a cancel request that comes late

TEST_P(LentSession, ALateCancelRequestDoesNotHitTheNextBorrower) {
    pg::testing::TestServer server = pg::testing::TestServer::start();
    pg::Client db = open(1, server.conninfo());
    pg::Client watching = pg::connect(server.conninfo());
    pg::Connection watch = watching.connection();
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(ask<int>(db, "select 1"));
        // The request to cancel it waits where connections are accepted, and it ends by itself meanwhile.
        ::kill(server.pid(), SIGSTOP);
        static_cast<void>(run_within(db, 50ms, "select pg_sleep(0.12)"));  // an answer in time proves nothing
        std::promise<pg::Expected<std::uint64_t>> promise;
        std::thread borrower([&] { promise.set_value(run_within(db, 20s, "select pg_sleep(0.3)")); });
        const bool under_way = soon([&] {
            return db.pool().stats().opening > 0 || watch.query_one<bool>(
                                                        "select exists (select from pg_stat_activity where query "
                                                        "= 'select pg_sleep(0.3)')");
        });
        ::kill(server.pid(), SIGCONT);
        EXPECT_TRUE(under_way);
        borrower.join();
        const auto next = promise.get_future().get();
        EXPECT_TRUE(next) << told(next);
    }
}

// --- one session, two transactions

/// Who is in a transaction on which server process: nobody is where somebody else is. And how many went to their end.
class Register {
public:
    std::atomic<int> whole = 0;

    bool enter(int process) {
        const std::lock_guard lock(mutex_);
        return ++inside_[process] == 1;
    }
    void leave(int process) {
        const std::lock_guard lock(mutex_);
        --inside_[process];
    }

private:
    std::mutex mutex_;
    std::map<int, int> inside_;
};

constexpr auto who_and_what =
    "select pg_backend_pid() as process, txid_current() as transaction, (select count(*) from ledger where n = $1) as "
    "rows";
struct Seen {
    std::int32_t process;
    std::int64_t transaction;
    std::int64_t rows;
};

/// True unless somebody else's statement was among those of this transaction.
bool is_alone(const Seen& first, const Seen& later, std::int64_t rows) {
    return later.process == first.process && later.transaction == first.transaction && later.rows == rows;
}

pg::Task<int> transact(pg::AsyncClient db, Register& inside, int number, int rounds) {
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
        auto transaction = co_await db.try_begin();
        if (!transaction) continue;
        const auto first = co_await transaction->try_query_one<Seen>(pg::runtime(who_and_what), number);
        if (!first) continue;
        wrong += inside.enter(first->process) ? 0 : 1;
        std::int64_t rows = 0;
        for (int at = 0; at < 3; ++at) {
            if (!co_await transaction->try_exec("insert into ledger values ($1)", number)) break;
            const auto later = co_await transaction->try_query_one<Seen>(pg::runtime(who_and_what), number);
            if (!later) break;
            wrong += is_alone(*first, *later, ++rows) ? 0 : 1;
        }
        inside.leave(first->process);
        inside.whole += rows == 3 ? 1 : 0;
        if (auto over = co_await transaction->try_rollback(); !over) continue;
    }
    co_return wrong;
}

int transact(pg::Client& db, Register& inside, int number, int rounds) {
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
        auto transaction = db.try_begin();
        if (!transaction) continue;
        const auto first = transaction->try_query_one<Seen>(pg::runtime(who_and_what), number);
        if (!first) continue;
        wrong += inside.enter(first->process) ? 0 : 1;
        std::int64_t rows = 0;
        for (int at = 0; at < 3; ++at) {
            if (!transaction->try_exec("insert into ledger values ($1)", number)) break;
            const auto later = transaction->try_query_one<Seen>(pg::runtime(who_and_what), number);
            if (!later) break;
            wrong += is_alone(*first, *later, ++rows) ? 0 : 1;
        }
        inside.leave(first->process);
        inside.whole += rows == 3 ? 1 : 0;
        static_cast<void>(transaction->try_rollback());
    }
    return wrong;
}

/// Breaks a connection whenever so many were lent again, in one of two ways.
class Breaker {
public:
    Breaker(pg::Pool& pool, FaultProxy& proxy, pg::Client& onlooker)
        : thread_([&] {
              for (bool closes = true; !over_; closes = !closes) {
                  const auto before = pool.stats().acquired;
                  while (!over_ && pool.stats().acquired < before + 10) std::this_thread::yield();
                  if (closes)
                      proxy.half_close(Direction::to_client);
                  else
                      onlooker.exec(
                          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tested' "
                          "limit 1");
              }
          }) {}
    Breaker(const Breaker&) = delete;
    Breaker& operator=(const Breaker&) = delete;
    ~Breaker() {
        over_ = true;
        thread_.join();
    }

private:
    std::atomic<bool> over_ = false;
    std::thread thread_;
};

int transact_in_a_crowd(pg::Client& db, bool awaited, int crowd) {
    constexpr int rounds = 40;
    Register inside;
    std::atomic<int> wrong = 0;
    if (awaited) {
        std::vector<pg::Task<int>> all;
        for (int number = 0; number < crowd; ++number) all.push_back(transact(db.async(), inside, number, rounds));
        for (const int one : pg::sync_wait(pg::when_all(std::move(all)))) wrong += one;
    } else {
        std::vector<std::thread> all;
        for (int number = 0; number < crowd; ++number)
            all.emplace_back([&, number] { wrong += transact(db, inside, number, rounds); });
        for (std::thread& one : all) one.join();
    }
    EXPECT_GT(inside.whole, 0) << "none of them came to anything";
    return wrong;
}

TEST_P(LentSession, AConnectionThatIsReplacedIsNeverLentToTwoTransactions) {
    FaultProxy proxy = FaultProxy::start(pg::testing::shared_server());
    pg::Client db = open(3, through(proxy));
    for (const int crowd : {2, 8}) {
        const Breaker breaker(db.pool(), proxy, onlooker());
        EXPECT_EQ(transact_in_a_crowd(db, awaited(), crowd), 0) << "statements of others in a transaction";
    }
    EXPECT_EQ(in_ledger(), 0) << "every transaction was rolled back";
}

INSTANTIATE_TEST_SUITE_P(Ways, LentSession,
                         testing::Values(Way{"direct", false}, Way{"libpq", false}, Way{"direct", true},
                                         Way{"libpq", true}),
                         name_of);

using AwaitedSession = LentSession;

pg::Task<void> begin_for_nobody(pg::AsyncClient db) {
    pg::AsyncTransaction transaction = co_await db.begin();
    co_await transaction.exec("select pg_sleep(600)");
}
pg::Task<void> rest_a_little(pg::AsyncClient db) { co_await db.exec("select pg_sleep(0.001)"); }

/// All of it on one loop, as parts that are destroyed are to be.
pg::Task<void> race(pg::Client& db, pg::Client& timer) {
    co_await db.async().exec("select 1");
    std::vector<pg::Task<void>> parts;
    parts.push_back(begin_for_nobody(db.async()));
    parts.push_back(rest_a_little(timer.async()));
    co_await pg::when_any(std::move(parts));
}

TEST_P(AwaitedSession, ABeginWhoseCoroutineIsDestroyedLeavesNoTransactionInThePool) {
    pg::Client db = open(2), timer = open(1);
    for (int round = 0; round < 50; ++round) {
        pg::sync_wait(race(db, timer));
        const auto inserted = run_within(db, 20s, "insert into ledger values (1)");
        ASSERT_TRUE(inserted) << told(inserted);
        EXPECT_EQ(in_ledger(), round + 1);
    }
    EXPECT_TRUE(soon([] { return open_transactions() == 0; }));
}

// --- a place in a pipeline

TEST_P(AwaitedSession, APlaceInAPipelineIsFreedOnlyByItsOwnReadyForQuery) {
    pg::Client db = open(1);
    const pg::AsyncClient async = db.async();
    pg::Connection gate = onlooker().connection();
    for (int round = 0; round < 10; ++round) {
        gate.exec("select pg_advisory_lock(77)");
        auto first = std::make_shared<std::promise<bool>>();
        async.try_exec("select pg_advisory_xact_lock_shared(77)").start([first](auto answer) {
            first->set_value(answer.has_value());
        });
        std::vector<std::stop_source> sources(40);
        std::vector<pg::StopToken> tokens;
        for (auto& source : sources) tokens.emplace_back(source.get_token());
        std::vector<std::future<pg::Expected<int>>> answers;
        for (std::size_t at = 0; at < sources.size(); ++at) {
            auto promise = std::make_shared<std::promise<pg::Expected<int>>>();
            answers.push_back(promise->get_future());
            async.with({.stop = &tokens[at]})
                .try_query_one<int>("select $1::int", static_cast<int>(at))
                .start([promise](pg::Expected<int> answer) { promise->set_value(std::move(answer)); });
        }
        ASSERT_TRUE(soon([] {
            return onlooker().query_one<bool>(
                "select exists (select from pg_locks where locktype = 'advisory' and objid = 77 and not granted)");
        }));
        for (std::size_t at = 0; at < sources.size(); at += 2) {
            sources[at].request_stop();
            EXPECT_EQ(answers[at].get().error().kind(), pg::ErrorKind::cancelled);
        }
        gate.exec("select pg_advisory_unlock(77)");
        for (std::size_t at = 1; at < sources.size(); at += 2) {
            const auto answer = answers[at].get();
            ASSERT_TRUE(answer) << told(answer);
            EXPECT_EQ(*answer, static_cast<int>(at)) << "somebody else's answer";
        }
        EXPECT_TRUE(first->get_future().get());
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, AwaitedSession, testing::Values(Way{"direct", true}, Way{"libpq", true}), name_of);

}  // namespace
}  // namespace regression_tests
