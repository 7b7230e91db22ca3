// Who forgets sessions of a client on a real server: told in the background, with place and statement.
#include <mutex>
#include <pg/async.hpp>
#include <pg/async_copy.hpp>
#include <pg/async_listener.hpp>
#include <pg/task.hpp>

#include "tests/db/pool/pool_fixture.hpp"

namespace pool_tests {
namespace {

class PoolLeak : public PoolTest {
protected:
    /// Thread-safe.
    struct Reports {
        static void add(void* context, const pg::Loan& loan) noexcept {
            auto& self = *static_cast<Reports*>(context);
            const std::lock_guard lock(self.mutex);
            self.loans.push_back(loan);
        }
        std::vector<pg::Loan> all() {
            const std::lock_guard lock(mutex);
            return loans;
        }
        std::mutex mutex;  // guards the loans
        std::vector<pg::Loan> loans;
    };

    Reports reports;
};

TEST_P(PoolLeak, IsReportedAgainAndAgain) {
    pg::Client db = open(conninfo(), 2, {.leak_threshold = 1ms, .on_leak = &Reports::add, .leak_context = &reports});
    pg::Connection forgotten = db.connection();
    const std::uint32_t line = __LINE__ - 1;
    EXPECT_EQ(forgotten.query_one<int>("select 17"), 17);
    EXPECT_TRUE(soon([&] { return reports.all().size() >= 2; }));
    const pg::Loan first = reports.all().front();
    EXPECT_STREQ(first.site.file, __FILE__);
    EXPECT_EQ(first.site.line, line);
    EXPECT_EQ(first.statement, "select ?");
    EXPECT_EQ(first.process, forgotten.backend_process());
    EXPECT_EQ(db.pool().stats().leaked, 1u);
}

TEST_P(PoolLeak, IsReportedWhileAStatementTakesLong) {
    pg::Client db =
        open(conninfo() + " pool_leak_threshold=1ms", 1, {.on_leak = &Reports::add, .leak_context = &reports});
    std::thread slow([&] { static_cast<void>(db.try_exec("select pg_sleep(1000)")); });
    EXPECT_TRUE(soon([&] { return !reports.all().empty(); }));
    EXPECT_EQ(reports.all().front().statement, "select pg_sleep(?)");
    onlooker().exec("select pg_cancel_backend(pid) from pg_stat_activity where query = 'select pg_sleep(1000)'");
    slow.join();
}

pg::Task<void> hold_by_awaiting(pg::Client& db) {
    const auto holder = [&] { return db.pool().loans().at(0).site; };
    pg::AsyncClient async = db.async();
    std::uint32_t line = 0;
    {
        line = __LINE__ + 1;
        const pg::AsyncConnection connection = co_await async.connection();
        EXPECT_STREQ(holder().file, __FILE__);
        EXPECT_EQ(holder().line, line);
    }
    db.pool().refresh();
    {
        line = __LINE__ + 1;
        pg::AsyncTransaction transaction = co_await async.begin();
        const std::vector<pg::Loan> loans = db.pool().loans();
        EXPECT_TRUE(
            std::any_of(loans.begin(), loans.end(), [&](const pg::Loan& one) { return one.site.line == line; }));
        co_await transaction.rollback();
    }
    line = __LINE__ + 1;
    co_await async.transaction([&](pg::AsyncTransaction&) -> pg::Task<void> {
        const std::vector<pg::Loan> loans = db.pool().loans();
        EXPECT_TRUE(
            std::any_of(loans.begin(), loans.end(), [&](const pg::Loan& one) { return one.site.line == line; }));
        co_return;
    });
    co_await async.exec("create table if not exists copied (n int)");
    const auto is_held_here = [&] {
        const std::vector<pg::Loan> held = db.pool().loans();
        return std::any_of(held.begin(), held.end(), [&](const pg::Loan& one) {
            return one.site.line == line && std::string_view(one.site.file) == __FILE__;
        });
    };
    {
        line = __LINE__ + 1;
        auto rows = co_await async.stream<int>("select generate_series(1, 100000)");
        EXPECT_TRUE(is_held_here());
    }
    {
        line = __LINE__ + 1;
        auto copy = co_await pg::AsyncCopyIn<std::tuple<int>>::open(async, "copied");
        EXPECT_TRUE(is_held_here());
        co_await copy.finish();
    }
    {
        line = __LINE__ + 1;
        auto copy = co_await pg::AsyncCopyOut<int>::open(async, "copied");
        EXPECT_TRUE(is_held_here());
    }
    line = __LINE__ + 1;
    pg::AsyncListener listener(db);
    co_await listener.listen("somewhere");
    const std::vector<pg::Loan> loans = db.pool().loans();
    EXPECT_TRUE(std::any_of(loans.begin(), loans.end(), [&](const pg::Loan& one) { return one.site.line == line; }));
}

TEST(PoolLeakOnALoop, NamesWhoHoldsByAwaiting) {
    pg::Client db = pg::open(pg::testing::shared_server().conninfo() + " provider=async");
    pg::sync_wait(hold_by_awaiting(db));
}

TEST_P(PoolLeak, IsTakenBackSoThatAnotherSessionCanBeOpened) {
    pg::Client db = open(conninfo(), 1, {.reclaim_threshold = 3s, .on_leak = &Reports::add, .leak_context = &reports});
    pg::Connection forgotten = db.connection();
    EXPECT_TRUE(soon([&] { return !reports.all().empty(); }));
    EXPECT_TRUE(reports.all().front().reclaimed);
    EXPECT_EQ(db.pool().stats().reclaimed, 1u);
    EXPECT_NE(process_of(db), forgotten.backend_process()) << "one of one can be opened again";
    EXPECT_TRUE(soon([] { return sessions() == 1; })) << "the server knows that the other has ended";
    const auto lost = forgotten.try_exec("select 1");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind(), pg::ErrorKind::connection_lost) << lost.error().what();
    EXPECT_NE(lost.error().message().find("held for longer than reclaim_threshold"), std::string_view::npos)
        << lost.error().what();
}

TEST_P(PoolLeak, IsTakenBackFromWhoeverWaitsForTheServer) {
    pg::Client db = open(conninfo(), 1, {.reclaim_threshold = 3s});
    const auto lost = db.try_exec("select pg_sleep(1000)");
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind(), pg::ErrorKind::connection_lost) << lost.error().what();
    EXPECT_EQ(lost.error().outcome(), pg::Outcome::unknown);
    EXPECT_NE(lost.error().message().find("reclaim_threshold"), std::string_view::npos) << lost.error().what();
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
    onlooker().exec("select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(1000)'");
}

INSTANTIATE_TEST_SUITE_P(Providers, PoolLeak, testing::Values("libpq", "async"), name_of);

}  // namespace
}  // namespace pool_tests
