// Errors: one class for each thing a caller may want to catch, with the server's fields and an honest outcome.
#include <pg/sqlstate.hpp>
#include <pg/stop.hpp>
#include <thread>

#include "conformance.hpp"
#include "tests/slowness.hpp"

namespace conformance {
namespace {

class Errors : public Conformance {};

TEST_P(Errors, NamesTheConstraintThatWasViolated) {
    db.run_script(
        "create table parent (id int primary key, n int check (n > 0), m int not null default 1);"
        "create table child (parent int references parent)");
    db.exec("insert into parent values (1, 1)");
    try {
        db.exec("insert into parent values (1, 1)");
        FAIL() << "a violation was due";
    } catch (const pg::UniqueViolation& error) {
        EXPECT_EQ(error.constraint(), "parent_pkey");
        EXPECT_EQ(error.table(), "parent");
        EXPECT_EQ(error.schema(), "public");
        EXPECT_EQ(error.severity(), "ERROR");
        EXPECT_EQ(error.sqlstate(), pg::sqlstate::unique_violation);
        EXPECT_EQ(error.outcome(), pg::Outcome::not_applied);
        EXPECT_NE(error.detail().find("(id)=(1)"), std::string_view::npos);
        EXPECT_EQ(error.sql(), "insert into parent values (1, 1)");
        EXPECT_FALSE(error.node().empty());
    }
    EXPECT_THROW(db.exec("insert into parent values (2, -1)"), pg::CheckViolation);
    EXPECT_THROW(db.exec("insert into parent values (2, 1, null)"), pg::NotNullViolation);
    EXPECT_THROW(db.exec("insert into child values (9)"), pg::ForeignKeyViolation);
    EXPECT_THROW(db.exec("insert into child values (9)"), pg::ConstraintViolation);
}

TEST_P(Errors, PointsAtTheMistakeInAStatement) {
    try {
        db.exec("select nothing_of_the_kind");
        FAIL() << "an error was due";
    } catch (const pg::ServerError& error) {
        EXPECT_EQ(error.sqlstate(), "42703");
        EXPECT_EQ(error.position(), 8u);
        EXPECT_FALSE(error.routine().empty());
    }
}

TEST_P(Errors, CancelsTheStatementWhenItsTimeIsUpAndKeepsTheSession) {
    // A busy server may not give it up in the time that it has for that, and then the session is lost.
    const auto patience = std::chrono::steady_clock::now() + 60s;
    for (bool is_kept = false; !is_kept;) {
        ASSERT_LT(std::chrono::steady_clock::now(), patience) << "no session was kept";
        const Connection session = db.connection();
        const int process = session.backend_process();
        const auto start = std::chrono::steady_clock::now();
        try {
            session.with({.timeout = 50ms}).exec("select pg_sleep(60)");
            FAIL() << "its time was up";
        } catch (const pg::Timeout& late) {
            is_kept = late.connection_usable();
        }
        EXPECT_LT(std::chrono::steady_clock::now() - start, testing_support::bound_on_hang(50ms));
        if (is_kept) {
            EXPECT_EQ(session.query_one<int>("select pg_backend_pid()"), process);
        }
    }
}

TEST_P(Errors, StopsWhenAskedTo) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    const Connection session = db.connection();
    // Asks to stop once the statement is seen running.
    const int process = session.backend_process();
    std::jthread stopper([&] {
        pg::Client other = db.client();
        while (
            other.query_one<std::int64_t>("select count(*) from pg_stat_activity where pid = $1 and state = 'active' "
                                          "and query like '%pg_sleep(60)%'",
                                          process) == 0) {
        }
        source.request_stop();
    });
    EXPECT_THROW(session.with({.stop = &stop}).exec("select pg_sleep(60)"), pg::Cancelled);
    const auto after = session.try_query_one<int>("select 1");
    // Or the server did not give it up in the two seconds that it has for that.
    EXPECT_TRUE(after || after.error().kind() == pg::ErrorKind::connection_lost) << after.error().what();
}

// As a foreign server's connection does that breaks.
TEST_P(Errors, KeepTheSessionOfAStatementThatRaisesAConnectionsCode) {
    const Connection connection = db.connection();
    const int process = connection.backend_process();
    for (const char* code : {"08006", "08P01", "28000", "57P01", "57P03", "53300"}) {
        const std::string body = std::string("raise 'as a connection would' using errcode = '") + code + "'";
        const std::string text = "do $$ begin " + body + "; end $$";
        const auto raised = connection.try_exec(pg::runtime(text));
        ASSERT_FALSE(raised) << code;
        EXPECT_EQ(raised.error().sqlstate(), code);
        EXPECT_EQ(raised.error().kind(), pg::ErrorKind::server) << raised.error().what();
        EXPECT_TRUE(raised.error().connection_usable()) << raised.error().what();
        EXPECT_EQ(connection.query_one<int>("select pg_backend_pid()"), process) << code;
    }
}

TEST_P(Errors, SaysWhenTheSessionWasTerminated) {
    const Connection session = db.connection();
    db.exec("select pg_terminate_backend($1)", session.backend_process());
    const auto lost = session.try_exec("select 1");
    ASSERT_FALSE(lost);
    EXPECT_FALSE(lost.error().connection_usable());
    EXPECT_NE(lost.error().outcome(), pg::Outcome::applied);
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

TEST_P(Errors, RefusesAnArgumentWithoutAWireForm) {
    using namespace std::string_literals;
    try {
        db.exec("select $1::text", "a\0b"s);
        FAIL() << "an encode error was due";
    } catch (const pg::EncodeError& error) {
        EXPECT_EQ(error.outcome(), pg::Outcome::not_sent);
        EXPECT_NE(std::string(error.what()).find("$1"), std::string::npos);
    }
}

TEST_P(Errors, BoundsTheBytesOfAResult) {
    EXPECT_THROW(
        static_cast<void>(
            db.with({.max_result_bytes = 100'000}).query("select repeat('x', 1000) from generate_series(1, 10000)")),
        pg::ResultTooLarge);
    EXPECT_EQ(db.query_one<int>("select 1"), 1);
}

TEST_P(Errors, RefusesAClosedClient) {
    Client closing = connect();
    closing.close();
    EXPECT_THROW(closing.exec("select 1"), pg::UsageError);
}

TEST_P(Errors, TellsAServerThatIsNotThere) {
    const auto nowhere = pg::try_connect("host=127.0.0.1 port=1 timeout=2s user=app dbname=x", options());
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().kind(), pg::ErrorKind::connect);
    EXPECT_NE(std::string(nowhere.error().what()).find("127.0.0.1:1"), std::string::npos) << nowhere.error().what();
}

PGCLIENT_CONFORMANCE(Errors);

}  // namespace
}  // namespace conformance
