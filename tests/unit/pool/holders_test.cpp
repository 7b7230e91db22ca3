// Who holds the sessions of a client, as its pool says.
#include <gtest/gtest.h>

#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/listener.hpp"
#include "pg/pool/pool.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;

/// What was reported, by the text of each report.
struct Reports {
    fake::Lines lines;
    static void add(void* context, const pg::Loan& loan) noexcept {
        static_cast<Reports*>(context)->lines.push_back(std::string(loan.site.file) + " " + loan.statement);
    }
};

class Holders : public testing::Test {
protected:
    static pg::pool::Limits limits(Reports& reports, std::chrono::nanoseconds threshold) {
        pg::pool::Limits limits;
        limits.leak_threshold = threshold;
        limits.on_leak = &Reports::add;
        limits.leak_context = &reports;
        return limits;
    }
    /// The one loan of the client.
    pg::Loan loan() {
        const std::vector<pg::Loan> all = db.client.pool().loans();
        EXPECT_EQ(all.size(), 1u);
        return all.empty() ? pg::Loan() : all.front();
    }
    void expect_here(std::uint32_t line) {
        EXPECT_STREQ(loan().site.file, __FILE__);
        EXPECT_EQ(loan().site.line, line);
    }

    Reports reports;
    fake::Database db{limits(reports, 1h)};
};

TEST_F(Holders, AreConnections) {
    pg::Connection connection = db.client.connection();
    expect_here(__LINE__ - 1);
    EXPECT_EQ(loan().process, connection.backend_process());
    connection.exec("select a");
    EXPECT_EQ(loan().statement, "select a");
    connection.run_script("select b; select c");
    EXPECT_EQ(loan().statement, "select b; select c");
}

TEST_F(Holders, AreTransactions) {
    pg::Transaction transaction = db.client.begin();
    expect_here(__LINE__ - 1);
    transaction.rollback();
    EXPECT_TRUE(db.client.pool().loans().empty());
    const std::uint32_t line = __LINE__ + 1;
    db.client.transaction([&](pg::Transaction&) { expect_here(line); });
    db.client.transaction({.retries = 1}, [&](pg::Transaction&) { expect_here(line + 1); });
}

TEST_F(Holders, AreListeners) {
    const pg::Listener listener(db.client);
    expect_here(__LINE__ - 1);
}

TEST_F(Holders, AreStreamsAndCopies) {
    {
        db.server->chunks.emplace_back(fake::rows({{"n", 23}}, {{"17"}}));
        const auto stream = db.client.stream<int>("select n");
        expect_here(__LINE__ - 1);
        EXPECT_EQ(loan().statement, "select n");
    }
    {
        db.server->chunks.emplace_back(fake::rows({{"n", 23}}, {{"17"}}));
        const std::string text = "select 2";
        const auto stream = db.client.stream<int>(pg::runtime(text));
        expect_here(__LINE__ - 1);
    }
    {
        db.server->chunks.emplace_back(fake::rows({{"n", 23}}, {{"17"}}));
        const auto stream = db.client.stream<int>(pg::Query{.sql = "select 3", .timeout = 5s});
        expect_here(__LINE__ - 1);
    }
    {
        const pg::CopyWriter in(db.client, "copy t from stdin");
        expect_here(__LINE__ - 1);
        EXPECT_EQ(loan().statement, "copy t from stdin");
    }
    const pg::CopyReader out(db.client, "copy t to stdout");
    expect_here(__LINE__ - 1);
    EXPECT_EQ(loan().statement, "copy t to stdout");
}

TEST_F(Holders, AreConnectionsWhateverIsOpenOnThem) {
    pg::Connection connection = db.client.connection();
    const std::uint32_t line = __LINE__ - 1;
    {
        db.server->chunks.emplace_back(fake::rows({{"n", 23}}, {{"17"}}));
        const auto stream = connection.stream<int>("select 1");
        expect_here(line);
    }
    const pg::CopyWriter in(connection, "copy t from stdin");
    expect_here(line);
}

TEST_F(Holders, SayTheLastStatementOfABatch) {
    pg::Connection connection = db.client.connection();
    pg::Batch batch(connection);
    batch.exec("select 1");
    batch.exec("select b");
    batch.run();
    EXPECT_EQ(loan().statement, "select b");
}

TEST_F(Holders, AreNobodyOnceTheSessionIsBack) {
    db.client.exec("select 1");
    EXPECT_TRUE(db.client.pool().loans().empty()) << "it stands in front of the books";
    EXPECT_EQ(db.client.pool().stats().idle, 1u);
}

TEST_F(Holders, AreReportedWhenTheyHoldASessionForLong) {
    fake::Database hasty{limits(reports, 1ns)};
    pg::Connection connection = hasty.client.connection();
    connection.exec("select a from t where b = 'secret'");
    hasty.provider->spot().ring();
    hasty.provider->spot().ring();
    const std::string line = std::string(__FILE__) + " select a from t where b = ?";
    EXPECT_EQ(reports.lines, (fake::Lines{line, line}));
    EXPECT_EQ(hasty.client.pool().stats().leaked, 1u);
}

TEST_F(Holders, AreOnlyCountedWhenNobodyHearsOfThem) {
    pg::pool::Limits silent;
    silent.leak_threshold = 1ns;
    fake::Database hasty{silent};
    const pg::Connection connection = hasty.client.connection();
    hasty.provider->spot().ring();
    EXPECT_EQ(hasty.client.pool().stats().leaked, 1u);
    EXPECT_EQ(hasty.client.pool().loans(1ns).size(), 1u);
    EXPECT_TRUE(hasty.client.pool().loans(1h).empty());
}

TEST_F(Holders, AreNamedByAPoolTimeout) {
    pg::pool::Limits one = limits(reports, 1h);
    one.max_size = 1;
    fake::Database narrow{one};
    pg::Connection connection = narrow.client.connection();
    connection.exec("select 1");
    try {
        narrow.client.with({.timeout = 1ns}).exec("select 2");
        FAIL() << "a session was lent";
    } catch (const pg::PoolTimeout& error) {
        ASSERT_NE(error.details(), nullptr);
        EXPECT_EQ(error.details()->obstacle, pg::PoolObstacle::exhausted);
        EXPECT_GT(error.details()->waited, 0ns);
        EXPECT_LT(error.details()->waited, 1h);
        EXPECT_EQ(error.details()->stats.lent, 1u);
        ASSERT_TRUE(error.details()->oldest);
        EXPECT_STREQ(error.details()->oldest->site.file, __FILE__);
        EXPECT_EQ(error.details()->oldest->statement, "select ?");
    }
}

TEST_F(Holders, AreUnknownWhereNoPoolRefused) {
    EXPECT_EQ(pg::PoolTimeout(pg::Error({.kind = pg::ErrorKind::pool_timeout})).details(), nullptr);
}

}  // namespace
