// A fake server that behaves, as libpq finds it.
#include "pg/testing/answers.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "pg/testing/fake_server.hpp"
#include "tests/bound_arguments.hpp"
#include "tests/db/testing/session.hpp"
#include "tests/unit/testing/raw_client.hpp"

namespace pg::testing {
namespace {

using namespace std::string_literals;

using Outcome = std::unique_ptr<PGresult, void (*)(PGresult*)>;

Outcome exec(Session& session, const std::string& sql) { return {PQexec(session.get(), sql.c_str()), &PQclear}; }
std::string tag(Session& session, const std::string& sql) { return PQcmdStatus(exec(session, sql).get()); }
std::string state(const Outcome& outcome) {
    const char* code = PQresultErrorField(outcome.get(), PG_DIAG_SQLSTATE);
    return code != nullptr ? code : "";
}

// [answers]
TEST(Answers, GiveEachStatementWhatTheTestWants) {
    const auto server = FakeServer::start(Answers()
                                              .on("select name from users", {.columns = {{"name"}},  //
                                                                             .rows = {{"ann"}, {"ben"}}})
                                              .fail("delete from users", "42501", "permission denied"));
    Session session(server.conninfo());
    EXPECT_EQ(session.value("select name from users"), "ann");
    EXPECT_TRUE(contains(session.value("delete from users"), "permission denied"));

    const auto statements = server.statements();
    ASSERT_EQ(statements.size(), 2u);
    EXPECT_EQ(statements[1].sql, "delete from users");
    EXPECT_TRUE(server.failures().empty());
}
// [answers]

TEST(Answers, ComeInOrderAndTheLastOneStays) {
    const auto server =
        FakeServer::start(Answers()
                              .fail("update jobs set done = true", "40001", "could not serialize access")
                              .on("update jobs set done = true", {.tag = "UPDATE 3"}));
    Session session(server.conninfo());
    EXPECT_EQ(state(exec(session, "update jobs set done = true")), "40001");
    EXPECT_EQ(tag(session, "update jobs set done = true"), "UPDATE 3");
    EXPECT_EQ(tag(session, " update jobs set done = true;\n"), "UPDATE 3");
}

TEST(Answers, ServeTheExtendedProtocolInTheFormatThatIsAskedFor) {
    const auto server =
        FakeServer::start(Answers().on("select id, name from users where id = $1",
                                       {.columns = {{"id", Oid{23}}, {"name"}, {"raw", Oid{600}, Format::binary}},
                                        .rows = {{"7", "ann", "as it is"}, {std::nullopt, "", "x"}}}));
    Session session(server.conninfo());
    const Oid int4{23};
    for (const int binary : {0, 1}) {
        const ::Oid types[] = {static_cast<::Oid>(int4)};
        const char* values[] = {"\0\0\0\7"};
        const int lengths[] = {4}, formats[] = {1};
        const Outcome outcome(PQexecParams(session.get(), "select id, name from users where id = $1", 1, types, values,
                                           lengths, formats, binary),
                              &PQclear);
        ASSERT_EQ(PQresultStatus(outcome.get()), PGRES_TUPLES_OK) << session.error();
        ASSERT_EQ(PQntuples(outcome.get()), 2);
        EXPECT_EQ(
            std::string(PQgetvalue(outcome.get(), 0, 0), static_cast<std::size_t>(PQgetlength(outcome.get(), 0, 0))),
            binary != 0 ? "\0\0\0\7"s : "7");
        EXPECT_EQ(PQgetvalue(outcome.get(), 0, 1), "ann"s);
        EXPECT_EQ(PQfformat(outcome.get(), 1), binary);
        EXPECT_EQ(PQgetvalue(outcome.get(), 0, 2), "as it is"s) << "binary columns travel as they are";
        EXPECT_EQ(PQfformat(outcome.get(), 2), 1);
        EXPECT_EQ(PQgetisnull(outcome.get(), 1, 0), 1);
        EXPECT_EQ(PQcmdStatus(outcome.get()), "SELECT 2"s);
    }
    const auto statements = server.statements();
    ASSERT_EQ(statements.size(), 2u);
    EXPECT_EQ(statements[0].arguments, FakeValues{"7"});
}

TEST(Answers, DescribeWhatIsPrepared) {
    const auto server =
        FakeServer::start(Answers()
                              .on("select $2", {.columns = {{"x", Oid{23}}}, .rows = {{"1"}}, .parameters = {Oid{16}}})
                              .on("insert into t values ($1)", {.tag = "INSERT 0 1"}));
    Session session(server.conninfo());
    EXPECT_EQ(Outcome(PQprepare(session.get(), "s", "select $2", 0, nullptr), &PQclear) != nullptr, true);
    const Outcome described(PQdescribePrepared(session.get(), "s"), &PQclear);
    ASSERT_EQ(PQnparams(described.get()), 2);
    EXPECT_EQ(PQparamtype(described.get(), 0), 16u);
    EXPECT_EQ(PQparamtype(described.get(), 1), 25u) << "text, where nobody says";
    EXPECT_EQ(PQftype(described.get(), 0), 23u);

    const char* values[] = {"t", nullptr};
    const Outcome run(PQexecPrepared(session.get(), "s", 2, values, nullptr, nullptr, 0), &PQclear);
    EXPECT_EQ(PQgetvalue(run.get(), 0, 0), "1"s);
    EXPECT_EQ(server.statements().back().arguments, (FakeValues{"t", std::nullopt}));
    const Outcome inserted(
        PQexecParams(session.get(), "insert into t values ($1)", 1, nullptr, values, nullptr, nullptr, 0), &PQclear);
    EXPECT_EQ(PQcmdTuples(inserted.get()), "1"s);
}

TEST(Answers, ServeAFewRowsAtATime) {
    const auto server = FakeServer::start(Answers().on("table t", {.columns = {{"n"}}, .rows = {{"1"}, {"2"}, {"3"}}}));
    RawClient client(server.host(), server.port());
    client.send(startup_packet() + said([](auto& out) {
                    wire::put_parse(out, "", "table t", {});
                    wire::put_bind(out, "", {}, {});
                    wire::put_describe(out, wire::Named::portal, "");
                    wire::put_execute(out, 2);
                    wire::put_execute(out, 2);
                    wire::put_close(out, wire::Named::portal, "");
                    wire::put_empty(out, wire::ClientType::flush);
                    wire::put_empty(out, wire::ClientType::terminate);
                }));
    const auto all = client.receive_all();
    const auto expected = Reply()
                              .parse_complete()
                              .bind_complete()
                              .columns({{"n"}})
                              .row({"1"})
                              .row({"2"})
                              .portal_suspended()
                              .row({"3"})
                              .tag("SELECT 3")
                              .close_complete()
                              .bytes();
    EXPECT_TRUE(all.ends_with(expected)) << "of " << all.size() << " bytes";
}

TEST(Answers, FollowTheTransaction) {
    const auto server = FakeServer::start(Answers()
                                              .on("select 1", {.columns = {{"n"}}, .rows = {{"1"}}})
                                              .fail("select 1/0", "22012", "division by zero"));
    Session session(server.conninfo());
    const auto transaction = [&] { return PQtransactionStatus(session.get()); };
    EXPECT_EQ(tag(session, "begin"), "BEGIN");
    EXPECT_EQ(transaction(), PQTRANS_INTRANS);
    EXPECT_EQ(session.value("select 1"), "1");
    EXPECT_EQ(tag(session, "savepoint s"), "SAVEPOINT");
    EXPECT_EQ(state(exec(session, "select 1/0")), "22012");
    EXPECT_EQ(transaction(), PQTRANS_INERROR);
    EXPECT_EQ(state(exec(session, "select 1")), "25P02");
    EXPECT_EQ(tag(session, "rollback to savepoint s"), "ROLLBACK");
    EXPECT_EQ(transaction(), PQTRANS_INTRANS);
    EXPECT_EQ(tag(session, "commit"), "COMMIT");
    EXPECT_EQ(transaction(), PQTRANS_IDLE);

    EXPECT_EQ(tag(session, "start transaction"), "START TRANSACTION");
    EXPECT_EQ(state(exec(session, "select 1/0")), "22012");
    const Outcome refused(PQexecParams(session.get(), "select 1", 0, nullptr, nullptr, nullptr, nullptr, 0), &PQclear);
    EXPECT_EQ(state(refused), "25P02");
    EXPECT_EQ(tag(session, "end"), "ROLLBACK") << "a failed transaction does not commit";
    EXPECT_EQ(tag(session, "abort"), "ROLLBACK");
    EXPECT_EQ(tag(session, "discard all"), "DISCARD ALL");
    EXPECT_EQ(tag(session, "set x = 1"), "SET");
    EXPECT_EQ(server.failures(), std::vector<std::string>());
}

TEST(Answers, LetACommitFail) {
    const auto server = FakeServer::start(Answers().fail("commit", "40001", "could not serialize access"));
    Session session(server.conninfo());
    exec(session, "begin");
    EXPECT_EQ(state(exec(session, "commit")), "40001");
    EXPECT_EQ(PQtransactionStatus(session.get()), PQTRANS_IDLE);
}

TEST(Answers, SendNoticesRowsAndThenTheError) {
    ErrorFields notice, error;
    notice.message = "careful";
    error.sqlstate = "22012";
    error.message = "division by zero";
    const auto server = FakeServer::start(
        Answers().on("select x", {.columns = {{"x"}}, .rows = {{"1"}}, .error = error, .notices = {notice}}));
    Session session(server.conninfo());
    std::string heard;
    PQsetNoticeProcessor(
        session.get(), [](void* text, const char* message) { *static_cast<std::string*>(text) += message; }, &heard);
    EXPECT_EQ(state(exec(session, "select x")), "22012");
    EXPECT_TRUE(contains(heard, "careful")) << heard;
}

TEST(Answers, RefuseWhatNobodyGaveAnAnswerTo) {
    Answers answers;
    const auto server = FakeServer::start(answers);
    Session session(server.conninfo());
    EXPECT_EQ(state(exec(session, "select 1")), "0A000");
    EXPECT_TRUE(contains(session.error(), "the fake server has no answer to: select 1")) << session.error();
    EXPECT_EQ(server.failures(), std::vector{"client 1: the fake server has no answer to: select 1"s});

    EXPECT_EQ(state(exec(session, "begin; insert; commit")), "0A000") << "more than what needs no answer";
    EXPECT_EQ(PQtransactionStatus(session.get()), PQTRANS_IDLE);

    answers.otherwise({.tag = "ANYTHING"});
    EXPECT_EQ(tag(session, "select 1"), "ANYTHING") << "the list is shared with the copy that the server has";
    EXPECT_EQ(PQresultStatus(exec(session, " ; ").get()), PGRES_EMPTY_QUERY);
    const Outcome empty(PQexecParams(session.get(), "", 0, nullptr, nullptr, nullptr, nullptr, 0), &PQclear);
    EXPECT_EQ(PQresultStatus(empty.get()), PGRES_EMPTY_QUERY);
    Answers others;
    others = answers;
    const auto second = FakeServer::start(others);
    EXPECT_EQ(Session(second.conninfo()).value("select 1"), "");
}

TEST(Answers, SayWhichValueHasNoBinaryForm) {
    const auto server =
        FakeServer::start(Answers().on("select p", {.columns = {{"p", Oid{600}}}, .rows = {{"(1,2)"}}}));
    Session session(server.conninfo());
    const Outcome outcome(PQexecParams(session.get(), "select p", 0, nullptr, nullptr, nullptr, nullptr, 1), &PQclear);
    EXPECT_EQ(state(outcome), "0A000");
    EXPECT_EQ(server.failures(), std::vector{"client 1: the value of column p has no binary form of type 600 that the "
                                             "fake server knows"s});
    EXPECT_EQ(session.value("select p"), "(1,2)") << "as text it needs none";
}

TEST(Answers, EndASessionThatTheyCannotFollow) {
    const auto server = FakeServer::start(Answers());
    RawClient client(server.host(), server.port());
    client.send(startup_packet() + said([](auto& out) { wire::put_empty(out, wire::ClientType::copy_done); }));
    EXPECT_TRUE(contains(client.receive_all(), "SFATAL"));
    EXPECT_EQ(server.failures(), std::vector{"client 1: CopyDone is not what a server waits for here"s});
}

TEST(Answers, PassOverWhatFollowsAnErrorUpToTheSync) {
    const auto server = FakeServer::start(Answers().fail("select 1", "22012", "no"));
    RawClient client(server.host(), server.port());
    client.send(startup_packet() + said([](auto& out) {
                    wire::put_parse(out, "", "select 1", {});
                    wire::put_bind(out, "", {}, {});
                    wire::put_execute(out);
                    wire::put_execute(out);
                    wire::put_query(out, "select 1");
                    wire::put_sync(out);
                    wire::put_empty(out, wire::ClientType::terminate);
                }));
    EXPECT_TRUE(
        client.receive_all().ends_with(Reply().parse_complete().bind_complete().error("22012", "no").ready().bytes()));
}

TEST(Answers, ReachLibpqThroughAUnixSocket) {
    const auto server =
        FakeServer::start(Answers().on("select 1", {.columns = {{"n"}}, .rows = {{"1"}}}), {.unix_socket = true});
    EXPECT_EQ(Session(server.conninfo()).value("select 1"), "1");
}

TEST(Answers, CopyIsForAScript) {
    std::string taken;
    const auto server = FakeServer::start([&](Conversation& client) {
        client.let_in();
        client.expect(MessageKind::query);
        client.send(Reply().copy_in(1));
        for (;;) {
            const auto message = client.receive();
            if (message.kind != MessageKind::copy_data) break;
            taken += message.data;
        }
        client.send(Reply().tag("COPY 2").ready());
        client.expect(MessageKind::query);
        client.send(Reply().copy_out(1).copy_data("x\n").copy_done().tag("COPY 1").ready());
        client.receive_until(MessageKind::terminate);
    });
    {
        Session session(server.conninfo());
        EXPECT_EQ(PQresultStatus(exec(session, "copy t from stdin").get()), PGRES_COPY_IN);
        EXPECT_EQ(PQputCopyData(session.get(), "a\nb\n", 4), 1);
        EXPECT_EQ(PQputCopyEnd(session.get(), nullptr), 1);
        EXPECT_EQ(PQcmdStatus(Outcome(PQgetResult(session.get()), &PQclear).get()), "COPY 2"s);
        EXPECT_EQ(PQgetResult(session.get()), nullptr);
        EXPECT_EQ(PQresultStatus(exec(session, "copy t to stdout").get()), PGRES_COPY_OUT);
        char* row = nullptr;
        EXPECT_EQ(PQgetCopyData(session.get(), &row, 0), 2);
        EXPECT_EQ(row, "x\n"s);
        PQfreemem(row);
    }
    EXPECT_TRUE(server.wait_for_clients(1, in_time()));
    EXPECT_EQ(taken, "a\nb\n");
    EXPECT_EQ(server.failures(), std::vector<std::string>());
}

}  // namespace
}  // namespace pg::testing
