// Batches: every statement has its own outcome, whatever happens to the others.
#include <future>

#include "pg/sqlstate.hpp"
#include "pg/stop.hpp"
#include "tests/db/libpq/open_session.hpp"
#include "tests/outcomes_of.hpp"

namespace pg::libpq {
namespace {

std::vector<Expected<Result>> run_texts(spi::Session& session, const std::vector<std::string>& texts,
                                        spi::BatchSync sync, const spi::Wait& wait = soon()) {
    std::vector<spi::Request> requests;
    requests.reserve(texts.size());
    for (const std::string& text : texts) requests.push_back({.sql = text});
    return pg::testing::outcomes_of(session, requests, sync, wait);
}

TEST(Batch, OfNothingIsNothing) {
    const auto session = open_session();
    EXPECT_TRUE(pg::testing::outcomes_of(*session, {}, spi::BatchSync::once, soon()).empty());
}

TEST(Batch, PairsEveryStatementWithItsResult) {
    const auto session = open_session();
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        std::vector<std::string> texts;
        for (int i = 0; i < 1000; ++i) texts.push_back("select '" + std::to_string(i) + "'::text");
        const auto outcomes = run_texts(*session, texts, sync);
        ASSERT_EQ(outcomes.size(), texts.size());
        for (std::size_t i = 0; i < outcomes.size(); ++i) ASSERT_EQ(bytes_of(*outcomes[i], 0), std::to_string(i));
        EXPECT_EQ(text_of(*session, "select 1"), "1");
    }
}

TEST(Batch, RunsAfterRowsThatCameOneByOne) {
    const auto session = open_session();
    {
        auto rows = session->stream({.sql = "select 1"}, soon());
        ASSERT_TRUE(rows);
        while ((*rows)->next(soon()).value().size() > 0) {
        }
    }
    const auto outcomes = run_texts(*session, {"select '7'::text"}, spi::BatchSync::once);
    ASSERT_TRUE(outcomes[0]) << outcomes[0].error().what();
    EXPECT_EQ(bytes_of(*outcomes[0], 0), "7");
}

TEST(Batch, KnowsWhoseEndFailedAfterRowsThatCameOneByOne) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table late (n int unique deferrable initially deferred)"));
    {
        auto rows = session->stream({.sql = "select 1"}, soon());
        ASSERT_TRUE(rows);
        while ((*rows)->next(soon()).value().size() > 0) {
        }
    }
    const auto outcomes = run_texts(
        *session, {"insert into late values (1), (1)", "select '7'::text", "select '8'::text"}, spi::BatchSync::each);
    ASSERT_EQ(outcomes.size(), 3u);
    ASSERT_FALSE(outcomes[0]);
    EXPECT_EQ(outcomes[0].error().sqlstate(), "23505");
    EXPECT_EQ(bytes_of(outcomes[1].value(), 0), "7");
    EXPECT_EQ(bytes_of(outcomes[2].value(), 0), "8");
}

TEST(Batch, SendsArgumentsAndPreparedStatements) {
    const auto session = open_session();
    ASSERT_TRUE(session->prepare("plus", "select ($1::int4 + 1)::text", {}, soon()));
    Params two, three;
    ASSERT_FALSE(two.add(std::int32_t{2}) || three.add(std::int32_t{3}));
    const spi::Request requests[] = {{.sql = "plus", .statement = "plus", .params = &two},
                                     {.sql = "select ($1 * 2)::text", .params = &three}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::once, soon());
    EXPECT_EQ(bytes_of(*outcomes[0], 0), "3");
    EXPECT_EQ(bytes_of(*outcomes[1], 0), "6");
}

TEST(Batch, StopsAtTheFirstFailureWithOneSync) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    const auto outcomes = run_texts(*session, {"insert into t values (1)", "select 1/0", "insert into t values (2)"},
                                    spi::BatchSync::once);
    EXPECT_TRUE(outcomes[0]);
    EXPECT_EQ(outcomes[1].error().sqlstate(), "22012");
    EXPECT_EQ(outcomes[1].error().sql(), "select 1/0");
    EXPECT_EQ(outcomes[2].error().message(), "not run because an earlier statement of the batch failed");
    EXPECT_EQ(outcomes[2].error().outcome(), Outcome::not_applied);
    EXPECT_EQ(text_of(*session, "select count(*) from t"), "0");
}

TEST(Batch, GoesOnAfterAFailureWithASyncEach) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    const auto outcomes = run_texts(*session, {"insert into t values (1)", "select 1/0", "insert into t values (2)"},
                                    spi::BatchSync::each);
    EXPECT_TRUE(outcomes[0]);
    EXPECT_EQ(outcomes[1].error().sqlstate(), "22012");
    EXPECT_TRUE(outcomes[2]);
    EXPECT_EQ(text_of(*session, "select count(*) from t"), "2");
}

TEST(Batch, TellsTheErrorOfAStatementBehindWhichMoreIsSent) {
    for (const std::size_t size : {std::size_t{70'000}, std::size_t{3'000}}) {
        const std::string more = "/*" + std::string(size, 'x') + "*/";
        std::vector<std::string> texts{"select 1 / 0 " + more};
        while (texts.size() < 200) texts.push_back("select '7'::text " + more);
        for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
            const auto session = open_session();
            const auto outcomes = run_texts(*session, texts, sync);
            ASSERT_FALSE(outcomes[0]);
            EXPECT_EQ(outcomes[0].error().sqlstate(), sqlstate::division_by_zero) << outcomes[0].error().what();
            for (std::size_t i = 1; i < outcomes.size(); ++i)
                ASSERT_EQ(outcomes[i].has_value(), sync == spi::BatchSync::each) << i;
            ASSERT_TRUE(session->usable());
            EXPECT_EQ(text_of(*session, "select 1"), "1");
        }
    }
}

TEST(Batch, FailsAsAWholeWhenItsEndFails) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int primary key deferrable initially deferred)"));
    const auto outcomes =
        run_texts(*session, {"insert into t values (1)", "insert into t values (1)"}, spi::BatchSync::once);
    for (const auto& outcome : outcomes) {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind(), ErrorKind::unique_violation);
    }
    EXPECT_EQ(text_of(*session, "select count(*) from t"), "0");
}

TEST(Batch, OfManyLargeStatementsAndResultsDoesNotDeadlock) {
    const auto session = open_session();
    // Both directions carry more than the sockets buffer: 10,000 statements of 8 KiB, each answered by as much.
    const std::string padding(8000, 'p');
    const std::string text = "select repeat('r', 8000) /* " + padding + " */";
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        const std::vector<spi::Request> requests(10000, spi::Request{.sql = text});
        const auto outcomes = pg::testing::outcomes_of(*session, requests, sync, in(120s));
        for (const auto& outcome : outcomes) {
            ASSERT_TRUE(outcome) << outcome.error().what();
            ASSERT_EQ(bytes_of(*outcome, 0).size(), 8000u);
        }
    }
}

TEST(Batch, ExpiresWithAnOutcomeForEach) {
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        until_kept(testing::shared_server().conninfo(), [&](spi::Session& session) {
            EXPECT_TRUE(run(session, "create temp table t (n int)"));
            const auto outcomes = within(300ms, [&] {
                return run_texts(session,
                                 {"insert into t values (1)", "select pg_sleep(60)", "insert into t values (2)"}, sync,
                                 in(300ms));
            });
            if (!outcomes[0] || !session.usable()) return false;  // the server was not at the second by then
            EXPECT_EQ(outcomes[1].error().kind(), ErrorKind::timeout);
            EXPECT_TRUE(outcomes[1].error().connection_usable());
            EXPECT_EQ(outcomes[1].error().outcome(), Outcome::not_applied);
            EXPECT_EQ(outcomes[2].has_value(), sync == spi::BatchSync::each);
            EXPECT_EQ(text_of(session, "select count(*) from t"), sync == spi::BatchSync::each ? "2" : "0");
            return true;
        });
    }
}

/// Holds up a statement on a server, and sees what becomes of the session that runs it.
class Gate {
public:
    /// The statement that is held up while the gate is closed.
    static constexpr const char* passing = "select pg_advisory_xact_lock_shared(4711)";

    explicit Gate(const testing::TestServer& server) : session_(open_session(server.conninfo())) {}
    void close() { text_of(*session_, "select pg_advisory_lock(4711)"); }
    /// In half a second: who was asked to stop sees that before, unless the machine is busy.
    void open() { text_of(*session_, "select pg_advisory_unlock(4711) from pg_sleep(0.5)"); }
    /// Waits until the session of that process is in such a state, by a statement like this, or gone.
    void wait_until(int process, std::string_view wanted, std::string_view like = "%") {
        const std::string state =
            "select coalesce((select case when query like $$" + std::string(like) +
            "$$ then state else 'elsewhere' end from pg_stat_activity where pid = " + std::to_string(process) +
            "), 'gone')";
        for (const Deadline patience = Deadline::after(60s);;) {
            const std::string is = text_of(*session_, state);
            if (is == wanted || is == "gone") return;
            if (patience.passed()) return ADD_FAILURE() << "the session is never " << wanted;
        }
    }
    [[nodiscard]] std::string rows_of(std::string_view table) {
        return text_of(*session_, "select count(*) from " + std::string(table));
    }

private:
    std::unique_ptr<spi::Session> session_;
};

TEST(Batch, EndsWithItsCancelRequestWhenItWasAnsweredBefore) {
    const testing::TestServer server = testing::TestServer::start();
    Gate gate(server);
    const std::string last = "select '7'::text";
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        until_kept(server.conninfo(), [&](spi::Session& session) {
            const int process = session.backend_process();
            std::stop_source source;
            const StopToken token(source.get_token());
            std::future<std::vector<Expected<Result>>> running;
            gate.close();
            {
                const DeafToCancels deaf(server);
                running = std::async(std::launch::async, [&] {
                    return run_texts(session, {Gate::passing, last}, sync,
                                     {.deadline = Deadline::after(30s), .stop = &token});
                });
                gate.wait_until(process, "active");
                source.request_stop();
                gate.open();
                gate.wait_until(process, "idle", last);
            }
            const auto outcomes = within(2000ms, [&] { return running.get(); });
            if (!session.usable()) return false;
            EXPECT_TRUE(outcomes[1]) << outcomes[1].error().what();
            if (outcomes[1]) {
                EXPECT_EQ(bytes_of(*outcomes[1], 0), "7");
            }
            return true;
        });
    }
}

TEST(Batch, CommitsNoPartOfATransactionWhoseTimeIsOverBeforeAllWasSent) {
    const testing::TestServer server = testing::TestServer::start();
    Gate gate(server);
    ASSERT_TRUE(run(*open_session(server.conninfo()), "create table t (n int, more text)"));
    std::vector<std::string> texts{"insert into t values (1)", Gate::passing};
    // More than the socket takes while nobody reads from it.
    for (int i = 0; i < 20; ++i) texts.push_back("insert into t values (2, '" + std::string(1 << 20, 'x') + "')");
    until_kept(server.conninfo(), [&](spi::Session& session) {
        const int process = session.backend_process();
        std::stop_source source;
        const StopToken token(source.get_token());
        std::future<std::vector<Expected<Result>>> running;
        gate.close();
        {
            const DeafToCancels deaf(server);  // as one whose requests to cancel are lost on the way
            running = std::async(std::launch::async, [&] {
                return run_texts(session, texts, spi::BatchSync::once,
                                 {.deadline = Deadline::after(30s), .stop = &token});
            });
            gate.wait_until(process, "active");
            source.request_stop();
            gate.open();
            gate.wait_until(process, "idle");
        }
        const auto outcomes = running.get();
        EXPECT_EQ(gate.rows_of("t"), "0");
        if (!session.usable()) return false;
        for (const Expected<Result>& outcome : outcomes) {
            EXPECT_FALSE(outcome);
            if (outcome) continue;
            EXPECT_EQ(outcome.error().kind(), ErrorKind::cancelled) << outcome.error().what();
            EXPECT_NE(outcome.error().outcome(), Outcome::applied);
        }
        return true;
    });
}

TEST(Batch, SendsNothingOfATransactionThatCannotBeSentInFull) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table t (n int)"));
    const auto outcomes =
        run_texts(*session, {"insert into t values (1)", std::string("select\0 1", 9)}, spi::BatchSync::once);
    for (const Expected<Result>& outcome : outcomes) {
        EXPECT_EQ(outcome.error().kind(), ErrorKind::usage);
        EXPECT_EQ(outcome.error().outcome(), Outcome::not_sent);
    }
    EXPECT_EQ(text_of(*session, "select count(*) from t"), "0");
}

TEST(Batch, SaysWhatIsUnknownWhenTheConnectionBreaks) {
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        const auto session = open_session();
        const auto outcomes =
            run_texts(*session, {"select 1", "select pg_terminate_backend(pg_backend_pid())", "select 3"}, sync);
        EXPECT_EQ(outcomes[0].has_value(), sync == spi::BatchSync::each);
        for (const std::size_t i : {1u, 2u}) {
            ASSERT_FALSE(outcomes[i]);
            EXPECT_EQ(outcomes[i].error().kind(), ErrorKind::connection_lost) << outcomes[i].error().what();
            EXPECT_EQ(outcomes[i].error().outcome(), Outcome::unknown);
        }
        EXPECT_FALSE(session->usable());
    }
}

TEST(Batch, RefusesAZeroByteAndRunsTheOthers) {
    const auto session = open_session();
    const auto outcomes =
        run_texts(*session, {"select 'a'::text", std::string("select\0 1", 9), "select 2"}, spi::BatchSync::each);
    EXPECT_EQ(bytes_of(*outcomes[0], 0), "a");
    ASSERT_FALSE(outcomes[1]);
    EXPECT_EQ(outcomes[1].error().kind(), ErrorKind::usage);
    EXPECT_EQ(outcomes[1].error().outcome(), Outcome::not_sent);
    ASSERT_TRUE(outcomes[2]) << outcomes[2].error().what();
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Batch, RefusesACopy) {
    const auto session = open_session();
    const auto outcomes = run_texts(*session, {"select 1", "copy pg_class to stdout"}, spi::BatchSync::once);
    EXPECT_EQ(outcomes[1].error().kind(), ErrorKind::usage);
    EXPECT_FALSE(session->usable());
}

TEST(Batch, RemembersAStatementWithoutBinaryForm) {
    const auto session = open_session();
    const std::vector<std::string> texts = {"select relacl from pg_class where relacl is not null"};
    const auto refused = run_texts(*session, texts, spi::BatchSync::each);
    EXPECT_NE(refused[0].error().hint().find("Format::text"), std::string_view::npos);
    EXPECT_TRUE(run_texts(*session, texts, spi::BatchSync::each)[0]);
}

TEST(Batch, RefusesMoreArgumentsThanTheProtocolCounts) {
    const auto session = open_session();
    Params many;
    for (int i = 0; i < 65536; ++i) ASSERT_FALSE(many.add(i));
    const spi::Request requests[] = {{.sql = "select 1"}, {.sql = "select 2", .params = &many}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, soon());
    ASSERT_EQ(outcomes.size(), 2u);
    ASSERT_FALSE(outcomes[1]);
    EXPECT_EQ(outcomes[1].error().kind(), ErrorKind::usage) << outcomes[1].error().what();
}

}  // namespace
}  // namespace pg::libpq
