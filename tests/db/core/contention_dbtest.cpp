// Transactions that get in each other's way on a server, and run again until each has its turn.
#include <atomic>
#include <thread>

#include "pg/transaction.hpp"
#include "tests/db/core/database.hpp"

namespace {

using namespace std::chrono_literals;

class ContentionDb : public Database {
protected:
    void SetUp() override {
        db.run_script(
            "drop table if exists counters; create table counters(name text primary key, n int not null);"
            "insert into counters values ('a', 0), ('b', 0)");
    }
    void add(pg::Transaction& transaction, std::string_view name) {
        transaction.exec("update counters set n = n + 1 where name = $1", name);
    }
    int sum() { return db.query_one<int>("select sum(n)::int from counters"); }
};

TEST_F(ContentionDb, RunsAgainWhatCouldNotBeSerialized) {
    for (const auto isolation : {pg::Isolation::repeatable_read, pg::Isolation::serializable}) {
        int runs = 0;
        const int before = sum();
        db.transaction({.isolation = isolation}, [&](pg::Transaction& transaction) {
            static_cast<void>(transaction.query_one<int>("select n from counters where name = 'a'"));
            if (++runs == 1) db.exec("update counters set n = n + 1 where name = 'a'");
            add(transaction, "a");
        });
        EXPECT_EQ(runs, 2);
        EXPECT_EQ(sum(), before + 2) << "nothing of the first run stays";
    }
}

TEST_F(ContentionDb, SaysOfATransactionByHandThatItMayRunAgain) {
    pg::Transaction transaction = db.begin({.isolation = pg::Isolation::repeatable_read});
    static_cast<void>(transaction.query_one<int>("select n from counters where name = 'a'"));
    db.exec("update counters set n = n + 1 where name = 'a'");
    const auto refused = transaction.try_exec("update counters set n = n + 1 where name = 'a'");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate(), "40001");
    EXPECT_EQ(refused.error().retry_scope(), pg::RetryScope::transaction);
}

TEST_F(ContentionDb, RunsTheVictimOfADeadlockAgain) {
    std::atomic<int> runs{0};
    std::atomic<int> have_their_first{0};
    const auto take_both = [&](std::string_view first, std::string_view second) {
        db.transaction([&](pg::Transaction& transaction) {
            ++runs;
            transaction.exec("set local deadlock_timeout = '10ms'");
            add(transaction, first);
            ++have_their_first;
            while (have_their_first < 2) std::this_thread::yield();
            add(transaction, second);
        });
    };
    std::thread one(take_both, "a", "b"), other(take_both, "b", "a");
    one.join();
    other.join();
    EXPECT_GE(runs, 3) << "more where the one that runs again is there before the other one was woken";
    EXPECT_EQ(sum(), 4);
}

TEST_F(ContentionDb, StopsRunningAgainAfterSoManyTimes) {
    int runs = 0;
    const auto body = [&](pg::Transaction& transaction) {
        ++runs;
        static_cast<void>(transaction.query_one<int>("select n from counters where name = 'a'"));
        db.exec("update counters set n = n + 1 where name = 'a'");
        add(transaction, "a");
    };
    try {
        db.transaction({.isolation = pg::Isolation::repeatable_read, .retries = 2}, body);
        ADD_FAILURE() << "it cannot have gone well";
    } catch (const pg::ServerError& error) {
        EXPECT_EQ(error.sqlstate(), "40001");
    }
    EXPECT_EQ(runs, 3);
    EXPECT_EQ(sum(), 3) << "what others did meanwhile";
}

}  // namespace
