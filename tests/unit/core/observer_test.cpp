// What observers are told, of everything that a client does.
#include "pg/spi/observer.hpp"

#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/savepoint.hpp"
#include "tests/recording_observer.hpp"

namespace {

using namespace std::chrono_literals;
using fake::affected;
using fake::Lines;
using fake::rows;
using fake::server_error;

class Observing : public testing::Test {
protected:
    ~Observing() override { EXPECT_TRUE(heard->durations_add_up()); }

    /// What is told of `work` beside the session that it takes and gives back.
    template <class Work>
    Lines told_of(Work work) {
        static_cast<void>(heard->take());
        work();
        Lines lines = heard->take();
        std::erase_if(lines, [](const std::string& line) {
            return line == "acquire fake" || line == "release fake" || line == "connect fake";
        });
        return lines;
    }

    std::shared_ptr<RecordingObserver> heard = std::make_shared<RecordingObserver>();
    fake::Database db{1, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.observer = heard})};
    fake::Server& server = *db.server;
    pg::Client& client = db.client;
};

TEST_F(Observing, TellsOfASessionFromItsBeginningToItsEnd) {
    client.exec("delete from t");
    EXPECT_EQ(heard->take(),
              (Lines{"connect fake", "acquire fake", "release fake", "exec delete from t on fake, 0 rows"}));
    client.exec("delete from t");
    EXPECT_EQ(heard->take(), (Lines{"acquire fake", "release fake", "exec delete from t on fake, 0 rows"}));
    client.pool().refresh();
    EXPECT_EQ(heard->take(), Lines{"close fake expired"});
    server.answer("select 1", fake::connection_lost(pg::Outcome::unknown));
    EXPECT_FALSE(client.try_exec("select 1"));
    EXPECT_EQ(heard->take("close"), Lines{"close fake lost"});
    client.exec("delete from t");
    client.close();
    EXPECT_EQ(heard->take("close"), Lines{"close fake spare"});
}

TEST_F(Observing, TellsOfASessionThatDoesNotOpen) {
    server.refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect, .message = "nobody is there"});
    EXPECT_FALSE(client.try_exec("delete from t"));
    EXPECT_EQ(heard->take(),
              (Lines{"connect: connect not_sent", "error in connect: connect not_sent", "acquire: connect not_sent",
                     "error in acquire: connect not_sent", "exec delete from t on no, 0 rows: connect not_sent",
                     "error in exec delete from t: connect not_sent"}));
}

TEST_F(Observing, TellsOfATransactionThatGetsNoSession) {
    server.refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect, .message = "nobody is there"});
    EXPECT_FALSE(client.try_begin());
    EXPECT_EQ(heard->take("begin"), Lines{"begin begin on no, 0 rows: connect not_sent"});
}

TEST_F(Observing, TellsQueriesFromOtherStatements) {
    server.answer("insert into t returning a", rows({{"a"}}, {{"1"}, {"2"}}));
    server.answer("update t", affected("UPDATE 7", 7));
    const auto error = server_error("42601");
    for (const char* text : {"insert into t", "Show x", "/* a */ with t as (select 1) table t", "values (1)", "table t",
                             "explain analyze delete from t", "fetch all from c", "(select 1)"})
        server.answer(text, error);
    EXPECT_EQ(told_of([&] { client.query("insert into t returning a"); }),
              Lines{"query insert into t returning a on fake, 2 rows"});
    EXPECT_EQ(told_of([&] { client.exec("update t"); }), Lines{"exec update t on fake, 7 rows"});
    server.answer("show x", rows({{"x"}}, {{"1"}}));
    EXPECT_EQ(told_of([&] { client.query("show x"); }), Lines{"query show x on fake, 1 rows"});
    const auto failed = [&](const char* text) {
        return told_of([&] { static_cast<void>(client.try_query(pg::runtime(text))); }).front().substr(0, 5);
    };
    EXPECT_EQ(failed("insert into t"), "exec ");
    EXPECT_EQ(failed("Show x"), "query");
    EXPECT_EQ(failed("/* a */ with t as (select 1) table t"), "query");
    EXPECT_EQ(failed("values (1)"), "query");
    EXPECT_EQ(failed("table t"), "query");
    EXPECT_EQ(failed("explain analyze delete from t"), "query");
    EXPECT_EQ(failed("fetch all from c"), "query");
    EXPECT_EQ(failed("(select 1)"), "exec ") << "its first word is none";
}

TEST_F(Observing, TellsTheLabelOfARequest) {
    EXPECT_EQ(told_of([&] { client.with({.label = "cleaner"}).exec("delete from t"); }),
              Lines{"exec delete from t as cleaner on fake, 0 rows"});
    EXPECT_EQ(told_of([&] { client.exec(pg::Query{.sql = "delete from t", .label = "sweeper"}); }),
              Lines{"exec delete from t as sweeper on fake, 0 rows"});
}

TEST_F(Observing, TellsOfATextThatIsRefusedBeforeItIsSent) {
    EXPECT_EQ(told_of([&] { static_cast<void>(client.try_query(pg::runtime("select 1; select 2"))); }),
              (Lines{"query select 1; select 2 on no, 0 rows: usage not_sent",
                     "error in query select 1; select 2: usage not_sent"}));
}

TEST_F(Observing, TellsOfEveryPartOfATransaction) {
    EXPECT_EQ(
        told_of([&] { client.transaction([](pg::Transaction& transaction) { transaction.exec("delete from t"); }); }),
        (Lines{"begin begin on fake, 0 rows", "exec delete from t on fake, 0 rows", "commit commit on fake, 0 rows"}));
    EXPECT_EQ(told_of([&] { static_cast<void>(client.begin({.access = pg::Access::read_only})); }),
              (Lines{"begin begin read only on fake, 0 rows", "rollback rollback on fake, 0 rows"}));
    EXPECT_EQ(told_of([&] { client.begin().rollback(); }),
              (Lines{"begin begin on fake, 0 rows", "rollback rollback on fake, 0 rows"}));
}

TEST_F(Observing, TellsOfTheSavepointsOfATransaction) {
    pg::Transaction transaction = client.begin();
    EXPECT_EQ(told_of([&] { transaction.savepoint().release(); }),
              (Lines{"savepoint savepoint pgclient_1 on fake, 0 rows",
                     "release release savepoint pgclient_1 on fake, 0 rows"}));
    EXPECT_EQ(told_of([&] { static_cast<void>(transaction.savepoint()); }),
              (Lines{"savepoint savepoint pgclient_2 on fake, 0 rows",
                     "rollback_to rollback to savepoint pgclient_2; release savepoint pgclient_2 on fake, 0 rows"}));
    server.answer("savepoint pgclient_3", server_error("25P02"));
    EXPECT_EQ(told_of([&] { static_cast<void>(transaction.try_savepoint()); }),
              (Lines{"savepoint savepoint pgclient_3 on fake, 0 rows: server not_applied",
                     "error in savepoint savepoint pgclient_3: server not_applied"}));
}

TEST_F(Observing, TellsHowACommitEnds) {
    server.answer("commit", server_error("40001", pg::ErrorKind::conflict, pg::RetryScope::transaction));
    EXPECT_EQ(told_of([&] { static_cast<void>(client.begin().try_commit()); }),
              (Lines{"begin begin on fake, 0 rows", "commit commit on fake, 0 rows: conflict not_applied",
                     "error in commit commit: conflict not_applied"}));
    server.answer("rollback", fake::connection_lost(pg::Outcome::unknown));
    static_cast<void>(client.begin().try_rollback());
    EXPECT_EQ(heard->take("rollback"), Lines{"rollback rollback on fake, 0 rows: connection_lost unknown"});
}

TEST_F(Observing, TellsOfATransactionThatIsRunAgain) {
    server.answer("commit", server_error("40001", pg::ErrorKind::conflict, pg::RetryScope::transaction));
    client.transaction([](pg::Transaction&) {});
    EXPECT_EQ(heard->take("retry"), Lines{"retry transaction 2: conflict not_applied"});
}

TEST_F(Observing, TellsOfAStatementThatIsRunAgain) {
    server.answer("update t", fake::connection_lost(pg::Outcome::not_sent));
    client.exec("update t");
    EXPECT_EQ(heard->take("retry"), Lines{"retry update t 2: connection_lost not_sent"});
    server.answer("select $1", server_error("42883"));
    client.query("select $1", std::int64_t{1});
    EXPECT_EQ(heard->take("retry"), Lines{"retry select $1 2: server not_applied"});
}

TEST_F(Observing, TellsOfWhatIsCalledOnAHeldSession) {
    pg::Connection connection = client.connection();
    pg::Connection moved(std::move(connection));
    EXPECT_EQ(told_of([&] { moved.exec("delete from t"); }), Lines{"exec delete from t on fake, 0 rows"});
    EXPECT_EQ(told_of([&] { moved.begin().commit(); }),
              (Lines{"begin begin on fake, 0 rows", "commit commit on fake, 0 rows"}));
    EXPECT_EQ(told_of([&] { moved.run_script("select 1; select 2"); }),
              Lines{"script select 1; select 2 on fake, 0 rows"});
    pg::Transaction transaction = moved.begin();
    const pg::Savepoint savepoint = transaction.savepoint();
    pg::Transaction other = std::move(transaction);
    EXPECT_EQ(told_of([&] { other.exec("delete from t"); }), Lines{"exec delete from t on fake, 0 rows"});
    const pg::Client copy = client;
    moved = pg::Connection(std::move(moved));
    other.rollback();
}

TEST_F(Observing, FollowsWhatIsAssigned) {
    fake::Database silent;
    pg::Client chosen = silent.client;
    chosen = client;
    EXPECT_EQ(told_of([&] { chosen.exec("delete from t"); }), Lines{"exec delete from t on fake, 0 rows"});
    chosen = silent.client;
    EXPECT_EQ(told_of([&] { chosen.exec("delete from t"); }), Lines{});
    pg::Connection connection = silent.client.connection();
    connection = client.connection();
    EXPECT_EQ(told_of([&] { connection.exec("delete from t"); }), Lines{"exec delete from t on fake, 0 rows"});
    pg::Transaction transaction = silent.client.begin();
    transaction = connection.begin();
    EXPECT_EQ(told_of([&] { transaction.exec("delete from t"); }), Lines{"exec delete from t on fake, 0 rows"});
}

TEST_F(Observing, TellsOfABatchAsAWhole) {
    pg::Batch batch(client);
    batch.exec("delete from t");
    batch.exec("delete from u");
    server.answer("delete from t", fake::affected("DELETE 3", 3));
    server.answer("delete from u", fake::affected("DELETE 4", 4));
    EXPECT_EQ(told_of([&] { batch.run(); }), Lines{"batch delete from t on fake, 7 rows of 2 statements"});
    server.answer("delete from v", server_error("42P01"));
    batch.exec("delete from v");
    batch.exec("delete from w");
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(batch.try_run()); }),
              (Lines{"batch delete from v on fake, 0 rows of 2 statements: server not_applied",
                     "error in batch delete from v: server not_applied"}));
}

TEST_F(Observing, TellsOfTheFirstFailureOfABatchWhoseStatementsFailAlone) {
    pg::Batch batch(client);
    server.answer("delete from t", fake::affected("DELETE 3", 3));
    server.answer("delete from v", server_error("42P01"));
    for (const char* sql : {"delete from t", "delete from v", "delete from t"}) batch.exec(pg::runtime(sql));
    EXPECT_EQ(told_of([&] { EXPECT_TRUE(batch.try_run(pg::BatchMode::each)); }),
              (Lines{"batch delete from t on fake, 3 rows of 3 statements: server not_applied",
                     "error in batch delete from t: server not_applied"}));
}

TEST_F(Observing, TellsOfABatchThatIsSentAgain) {
    pg::Batch batch(client);
    server.answer("delete from t", fake::connection_lost(pg::Outcome::not_sent));
    batch.exec("delete from t");
    batch.run();
    EXPECT_EQ(heard->take("retry"), Lines{"retry delete from t 2: connection_lost not_sent"});
    server.answer("select $1", server_error("42883"));
    batch.exec("select $1", std::int64_t{1});
    batch.run();
    EXPECT_EQ(heard->take("retry"), Lines{"retry select $1 2: server not_applied"});
}

TEST_F(Observing, TellsOfAStreamAtItsEnd) {
    server.answer("select n", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}, {"2"}}));
    EXPECT_EQ(told_of([&] {
                  const std::string text = "select n";
                  auto stream = client.with({.label = "all"}).stream<int>(pg::runtime(text));
                  EXPECT_EQ(heard->take("stream"), Lines{}) << "it goes on";
                  for (int n : stream) static_cast<void>(n);
              }),
              Lines{"stream select n as all on fake, 2 rows"});
}

TEST_F(Observing, TellsOfAStreamThatIsLeft) {
    server.answer("select n", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}, {"2"}}));
    EXPECT_EQ(told_of([&] { static_cast<void>(client.stream<int>("select n")); }),
              Lines{"stream select n on fake, 2 rows"});
}

TEST_F(Observing, TellsOfAStreamThatFails) {
    server.answer("select n", server_error("42P01"));
    EXPECT_EQ(
        told_of([&] { EXPECT_FALSE(client.try_stream<int>("select n")); }),
        (Lines{"stream select n on fake, 0 rows: server not_applied", "error in stream select n: server not_applied"}));
    server.answer("select n", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}}));
    server.chunks.push_back(server_error("57014"));
    EXPECT_EQ(told_of([&] {
                  auto stream = client.stream<int>("select n");
                  EXPECT_TRUE(stream.try_next());
                  EXPECT_FALSE(stream.try_next());
              })[0],
              "stream select n on fake, 1 rows: server not_applied");
}

TEST_F(Observing, TellsOfAStreamThatIsRunAgain) {
    server.answer("select $1", server_error("42883"));
    server.answer("select $1", rows({{"n", 23}}));
    static_cast<void>(client.stream<int>("select $1", std::int64_t{1}));
    EXPECT_EQ(heard->take("retry"), Lines{"retry select $1 2: server not_applied"});
}

TEST_F(Observing, TellsOfAStreamThatIsNotBegun) {
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(client.try_stream<int>(pg::runtime("select 1; select 2"))); }),
              (Lines{"stream select 1; select 2 on no, 0 rows: usage not_sent",
                     "error in stream select 1; select 2: usage not_sent"}));
    pg::Transaction transaction = client.begin();
    server.answer("select n", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}}));
    const auto open = transaction.stream<int>("select n");
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(transaction.try_stream<int>("select m")); })[0],
              "stream select m on fake, 0 rows: usage not_sent");
    EXPECT_FALSE(client.with({.timeout = 1ns, .label = "late"}).try_stream<int>("select n"));
    EXPECT_EQ(heard->take("stream"), Lines{"stream select n as late on no, 0 rows: pool_timeout not_sent"});
}

TEST_F(Observing, TellsOfACopyThatIsNotBegun) {
    const auto first_of = [&](auto work) { return told_of(work).front(); };
    EXPECT_EQ(
        first_of([&] { EXPECT_FALSE(pg::CopyWriter::try_open(client, pg::runtime("copy t from stdin; table t"))); }),
        "copy_in copy t from stdin; table t on no, 0 rows: usage not_sent");
    EXPECT_EQ(first_of([&] { EXPECT_FALSE(pg::CopyIn<int>::try_open(client, "(table t)")); }),
              "copy_in copy (table t) from stdin (format binary) on no, 0 rows: usage not_sent");
    EXPECT_EQ(first_of([&] { EXPECT_FALSE(pg::CopyOut<int>::try_open(client, "t (a")); }),
              "copy_out copy t (a to stdout (format binary) on no, 0 rows: usage not_sent");
    pg::Transaction transaction = client.begin();
    const pg::CopyWriter open(transaction, "copy t from stdin");
    EXPECT_EQ(first_of([&] { EXPECT_FALSE(pg::CopyReader::try_open(transaction, "copy t to stdout")); }),
              "copy_out copy t to stdout on fake, 0 rows: usage not_sent");
    pg::Tuned hasty = client.with({.timeout = 1ns, .label = "late"});
    EXPECT_FALSE(pg::CopyWriter::try_open(hasty, "copy t from stdin"));
    EXPECT_EQ(heard->take("copy"), Lines{"copy_in copy t from stdin as late on no, 0 rows: pool_timeout not_sent"});
    EXPECT_FALSE(pg::CopyOut<int>::try_open(hasty, "t"));
    EXPECT_EQ(heard->take("copy"),
              Lines{"copy_out copy t to stdout (format binary) as late on no, 0 rows: pool_timeout not_sent"});
}

TEST_F(Observing, TellsOfACopyWhoseColumnsCannotBeDescribed) {
    server.descriptions.emplace_back(server_error("42P01"));
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(pg::CopyIn<int>::try_open(client, "t")); })[0],
              "copy_in copy t from stdin (format binary) on fake, 0 rows: server not_sent");
    server.descriptions.emplace_back(server_error("42P01"));
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(pg::CopyOut<int>::try_open(client, "t")); })[0],
              "copy_out copy t to stdout (format binary) on fake, 0 rows: server not_sent");
    server.descriptions.emplace_back(std::vector<fake::Column>{{"a", 25}});
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(pg::CopyIn<int>::try_open(client, "t")); })[0],
              "copy_in copy t from stdin (format binary) on fake, 0 rows: shape not_sent");
    server.descriptions.emplace_back(std::vector<fake::Column>{{"a", 25}});
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(pg::CopyOut<int>::try_open(client, "t")); })[0],
              "copy_out copy t to stdout (format binary) on fake, 0 rows: shape not_sent");
}

TEST_F(Observing, TellsOfACopyAtItsEnd) {
    EXPECT_EQ(told_of([&] {
                  auto writer = pg::CopyWriter(client, "copy t from stdin");
                  writer.write("1\n");
                  EXPECT_EQ(heard->take("copy"), Lines{}) << "it goes on";
                  EXPECT_EQ(writer.finish(), 7u);
              }),
              Lines{"copy_in copy t from stdin on fake, 7 rows"});
    EXPECT_EQ(told_of([&] {
                  auto writer = pg::CopyWriter(client, "copy t from stdin");
                  writer.fail("no more");
              }),
              Lines{"copy_in copy t from stdin on fake, 0 rows"});
    server.pieces = {"1\n"};
    EXPECT_EQ(told_of([&] {
                  auto reader = pg::CopyReader(client, "copy t to stdout");
                  while (reader.read()) {
                  }
              }),
              Lines{"copy_out copy t to stdout on fake, 0 rows"});
}

TEST_F(Observing, TellsOfACopyThatFails) {
    const auto in = [&](auto work) {
        return told_of([&] {
                   auto writer = pg::CopyWriter(client, "copy t from stdin");
                   server.copy_error = server_error("22P02");
                   work(writer);
               })
            .front();
    };
    const std::string refused = "copy_in copy t from stdin on fake, 0 rows: server not_applied";
    EXPECT_EQ(in([](auto& writer) { static_cast<void>(writer.try_write("x")); }), refused);
    EXPECT_EQ(in([](auto& writer) { static_cast<void>(writer.try_finish()); }), refused);
    EXPECT_EQ(in([](auto& writer) { static_cast<void>(writer.try_fail("no more")); }), refused);
    EXPECT_EQ(told_of([&] {
                  auto reader = pg::CopyReader(client, "copy t to stdout");
                  server.copy_error = server_error("57014");
                  static_cast<void>(reader.try_read());
              })[0],
              "copy_out copy t to stdout on fake, 0 rows: server not_applied");
    server.answer("copy t from stdin", server_error("42P01"));
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(pg::CopyWriter::try_open(client, "copy t from stdin")); })[0], refused);
    server.answer("copy t to stdout", server_error("42P01"));
    EXPECT_EQ(told_of([&] { EXPECT_FALSE(pg::CopyReader::try_open(client, "copy t to stdout")); })[0],
              "copy_out copy t to stdout on fake, 0 rows: server not_applied");
}

TEST_F(Observing, TellsOfRowsOfACopyThatMakeNoSense) {
    const auto out = [&](std::deque<std::string> pieces) {
        server.descriptions.emplace_back(std::vector<fake::Column>{{"a", 23}});
        server.pieces = std::move(pieces);
        return told_of([&] {
                   pg::CopyOut<int> copy(client, "t");
                   EXPECT_FALSE(copy.try_next());
               })
            .front();
    };
    const std::string told = "copy_out copy t to stdout (format binary) on fake, 0 rows: ";
    const std::string header("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    EXPECT_EQ(out({"1\n"}), told + "protocol applied");
    EXPECT_EQ(out({header + std::string("\0\2\0\0\0\0\0\0\0\0", 10)}), told + "protocol applied");
    EXPECT_EQ(out({header + std::string("\0\0", 2)}), told + "protocol applied");
    EXPECT_EQ(out({header + "\377\377", "more"}), told + "protocol applied");
    EXPECT_EQ(out({header}), told + "protocol applied");
}

TEST_F(Observing, TellsOfACopyThatGivesFewerColumnsThanItWasDescribedWith) {
    server.descriptions.emplace_back(std::vector<fake::Column>{{"a", 23}, {"b", 23}});
    server.pieces = {std::string("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4\0\0\0\1", 29)};
    EXPECT_EQ(told_of([&] {
                  pg::CopyOut<int, int> copy(client, "t");
                  EXPECT_FALSE(copy.try_next());
              })[0],
              "copy_out copy t to stdout (format binary) on fake, 0 rows: shape applied");
}

TEST(Observers, AreToldInTheirOrder) {
    const auto first = std::make_shared<RecordingObserver>();
    const auto second = std::make_shared<RecordingObserver>();
    const std::vector<std::shared_ptr<pg::spi::Observer>> both{first, nullptr, second};
    const auto all = pg::detail::make_hooks(&both, nullptr)->observer;
    const auto error = server_error("42P01");
    all->tell(pg::spi::RequestEvent{.sql = "select 1", .error = &error});
    all->tell(pg::spi::ConnectEvent{.error = &error});
    all->tell(pg::spi::AcquireEvent{.error = &error});
    all->tell(pg::spi::ReleaseEvent{.engine = "direct"});
    all->tell(pg::spi::CloseEvent{.engine = "direct"});
    all->tell(pg::spi::RetryEvent{.sql = "select 1", .error = &error});
    all->tell_notice(error);
    const Lines lines = first->take();
    EXPECT_EQ(lines,
              (Lines{"query select 1 on no, 0 rows: server not_applied", "error in query select 1: server not_applied",
                     "connect: server not_applied", "error in connect: server not_applied",
                     "acquire: server not_applied", "error in acquire: server not_applied", "release direct",
                     "close direct expired", "retry select 1 2: server not_applied", "notice  refused as 42P01"}))
        << "each hears of an error once";
    EXPECT_EQ(second->take(), lines);
}

TEST(Observers, AreNoneWhereNoneIsGiven) {
    EXPECT_EQ(pg::detail::make_hooks(nullptr, nullptr), nullptr);
    const std::vector<std::shared_ptr<pg::spi::Observer>> none{nullptr};
    EXPECT_EQ(pg::detail::make_hooks(&none, nullptr), nullptr);
    const std::vector<std::shared_ptr<pg::spi::Observer>> one{std::make_shared<RecordingObserver>()};
    EXPECT_EQ(pg::detail::make_hooks(&one, nullptr)->observer, one[0]) << "with nothing in between";
}

TEST(Observers, HearNoticesBesideTheHandlerOfTheClient) {
    class Handler final : public pg::spi::NoticeHandler {
    public:
        void on_notice(const pg::Error& notice) noexcept override { heard = notice.message(); }
        std::string heard;
    };
    const auto handler = std::make_shared<Handler>();
    const auto observer = std::make_shared<RecordingObserver>();
    const auto hooks = std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.observer = observer});
    EXPECT_EQ(pg::detail::notices_for(nullptr, handler), handler);
    EXPECT_EQ(pg::detail::notices_for(std::make_shared<pg::detail::Hooks>(), handler), handler);
    const pg::Error notice({.message = "mind this", .severity = "WARNING"});
    pg::detail::notices_for(hooks, handler)->on_notice(notice);
    pg::detail::notices_for(hooks, nullptr)->on_notice(notice);
    EXPECT_EQ(handler->heard, "mind this");
    EXPECT_EQ(observer->take(), (Lines{"notice WARNING mind this", "notice WARNING mind this"}));
}

TEST(Observers, DoNothingUnlessToldTo) {
    class Deaf final : public pg::spi::Observer {};
    Deaf deaf;
    const auto error = server_error("42P01");
    deaf.tell(pg::spi::RequestEvent{.error = &error});
    deaf.tell(pg::spi::ConnectEvent{.error = &error});
    deaf.tell(pg::spi::AcquireEvent{.error = &error});
    deaf.tell(pg::spi::ReleaseEvent{});
    deaf.tell(pg::spi::CloseEvent{});
    deaf.tell(pg::spi::RetryEvent{.error = &error});
    deaf.tell_notice(error);
}

TEST(Observers, HaveNamesForKindsAndReasons) {
    using enum pg::spi::RequestKind;
    std::string kinds;
    for (const auto kind : {query, exec, stream, script, batch, begin, commit, rollback, copy_in, copy_out})
        kinds += std::string(to_string(kind)) + " ";
    EXPECT_EQ(kinds, "query exec stream script batch begin commit rollback copy_in copy_out ");
    using enum pg::spi::CloseReason;
    std::string reasons;
    for (const auto reason : {lost, expired, spare}) reasons += std::string(to_string(reason)) + " ";
    EXPECT_EQ(reasons, "lost expired spare ");
}

}  // namespace
