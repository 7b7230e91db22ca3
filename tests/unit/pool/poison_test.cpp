// What errors of requests mean for the sessions of a pool, whatever the request was.
#include <functional>
#include <gtest/gtest.h>

#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/pool/pool.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using pg::Connection;

pg::Error ended(const char* sqlstate) {
    return pg::Error({.kind = pg::ErrorKind::connection_lost,
                      .outcome = pg::Outcome::unknown,
                      .connection_usable = false,
                      .sqlstate = sqlstate,
                      .message = "terminating connection"});
}

class Poison : public testing::Test {
protected:
    /// A session that is in use while another one is idle.
    Connection one_of_two() {
        Connection first = db.client.connection();
        const Connection second = db.client.connection();
        return first;
    }
    static pg::Config writing() { return pg::Config::parse("target_session_attrs=read-write").value(); }

    static pg::pool::Limits two() {
        pg::pool::Limits limits = fake::Database::of_size(2);
        limits.ping_after = std::chrono::hours(1);
        return limits;
    }

    fake::Database db{two()};
    fake::Server& server = *db.server;
};

TEST_F(Poison, OfACrashedServerEndsWhatIsIdleThere) {
    {
        Connection connection = one_of_two();
        server.answer("select 1", ended("57P02"));
        EXPECT_FALSE(connection.try_exec("select 1"));
    }
    EXPECT_EQ(server.closed, 2);
    EXPECT_EQ(db.client.pool().stats().size(), 0u);
}

TEST_F(Poison, OfOneSessionLeavesTheOthersAlone) {
    {
        Connection connection = one_of_two();
        server.answer("select 1", ended("57P05"));
        EXPECT_FALSE(connection.try_exec("select 1"));
    }
    EXPECT_EQ(server.closed, 1);
    static_cast<void>(server.take_log());
    db.client.exec("select 2");
    EXPECT_EQ(server.take_log(), fake::Lines{"select 2"}) << "it is lent as it is";
}

TEST_F(Poison, OfAnEndThatNobodyExplainedHasTheOthersAsked) {
    {
        Connection connection = one_of_two();
        server.answer("select 1", fake::connection_lost(pg::Outcome::unknown));
        EXPECT_FALSE(connection.try_exec("select 1"));
    }
    static_cast<void>(server.take_log());
    db.client.exec("select 2");
    EXPECT_EQ(server.take_log(), (fake::Lines{"script ", "select 2"}));
}

TEST_F(Poison, IsTakenInByEveryKindOfRequest) {
    using Request = std::function<void(Connection&)>;
    const std::vector<Request> requests{
        [](Connection& connection) { static_cast<void>(connection.try_exec("die")); },
        [](Connection& connection) { static_cast<void>(connection.try_stream<int>("die")); },
        [](Connection& connection) { static_cast<void>(pg::CopyWriter::try_open(connection, "die")); },
        [](Connection& connection) { static_cast<void>(pg::CopyReader::try_open(connection, "die")); },
        [](Connection& connection) {
            pg::Batch batch(connection);
            batch.exec("die");
            static_cast<void>(batch.try_run());
        },
    };
    for (const Request& request : requests) {
        const int before = server.closed;
        {
            Connection connection = one_of_two();
            server.answer("die", ended("57P02"));
            request(connection);
        }
        EXPECT_EQ(server.closed, before + 2) << "request " << &request - requests.data();
    }
    const int before = server.closed;
    {
        pg::Transaction transaction = db.client.begin();
        static_cast<void>(db.client.connection());
        server.answer("commit", ended("57P02"));
        EXPECT_FALSE(transaction.try_commit());
    }
    EXPECT_EQ(server.closed, before + 2) << "a transaction";
}

// What is asked of a session that is gone is told no reason.
TEST_F(Poison, IsNotForgottenForWhatIsAskedBehindIt) {
    {
        pg::Transaction transaction = db.client.begin();
        static_cast<void>(db.client.connection());
        server.answer("select 1", ended("57P02"));
        EXPECT_FALSE(transaction.try_exec("select 1"));
        server.answer("rollback", fake::connection_lost(pg::Outcome::not_sent));
    }
    EXPECT_EQ(server.closed, 2) << "the transaction rolled back";
    {
        Connection connection = one_of_two();
        server.answer("select 1", ended("57P02"));
        EXPECT_FALSE(connection.try_exec("select 1"));
        server.answer("select 2", fake::connection_lost(pg::Outcome::not_sent));
        EXPECT_FALSE(connection.try_exec("select 2"));
    }
    EXPECT_EQ(server.closed, 4) << "somebody asked twice";
}

TEST_F(Poison, OfAServerThatTakesNoWritesEndsSessionsThatAreToWrite) {
    for (const char* standby : {"on", "off", ""}) {
        fake::Database other{fake::Database::of_size(2), writing()};
        other.server->in_hot_standby = standby;
        {
            Connection connection = other.client.connection();
            {
                const Connection idle = other.client.connection();
            }
            other.server->answer("insert", fake::server_error("25006", pg::ErrorKind::read_only));
            EXPECT_FALSE(connection.try_exec("insert"));
            other.server->answer("insert", fake::server_error("23505", pg::ErrorKind::unique_violation));
            EXPECT_FALSE(connection.try_exec("insert")) << "a later error does not hide it";
        }
        const std::string is = standby;
        EXPECT_EQ(other.server->closed, is == "on" ? 2 : is == "off" ? 0 : 1) << standby;
    }
}

TEST_F(Poison, IsNotWhatABorrowerHasSetOnItsSession) {
    for (const bool sets_it : {true, false}) {
        fake::Database other{fake::Database::of_size(2), writing()};
        other.server->in_hot_standby = "off";
        {
            Connection connection = other.client.connection();
            {
                const Connection idle = other.client.connection();
            }
            if (sets_it)
                connection.exec("set default_transaction_read_only = on");
            else
                other.server->read_only_by_default = "on";
            other.server->answer("insert", fake::server_error("25006", pg::ErrorKind::read_only));
            EXPECT_FALSE(connection.try_exec("insert"));
        }
        EXPECT_EQ(other.server->closed, sets_it ? 0 : 2);
    }
}

TEST_F(Poison, EndsSessionsThatAreToWriteAsTheEnvironmentSays) {
    ::setenv("PGTARGETSESSIONATTRS", "primary", 1);
    fake::Database other{2};
    ::unsetenv("PGTARGETSESSIONATTRS");
    {
        Connection connection = other.client.connection();
        {
            const Connection idle = other.client.connection();
        }
        other.server->in_hot_standby = "on";
        other.server->answer("insert", fake::server_error("25006", pg::ErrorKind::read_only));
        EXPECT_FALSE(connection.try_exec("insert"));
    }
    EXPECT_EQ(other.server->closed, 2);
}

TEST_F(Poison, DoesNotComeFromAServerThatNobodyAskedToWrite) {
    {
        Connection connection = db.client.connection();
        server.in_hot_standby = "on";
        server.answer("insert", fake::server_error("25006", pg::ErrorKind::read_only));
        EXPECT_FALSE(connection.try_exec("insert"));
    }
    EXPECT_EQ(server.closed, 0);
}

}  // namespace
