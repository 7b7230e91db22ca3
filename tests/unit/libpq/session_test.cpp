// An established session and a server that answers from a script: what is made of its reports, results and silence.
#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <stop_token>
#include <utility>
#include <vector>

#include "pg/stop.hpp"
#include "pg/types/unsigned.hpp"
#include "tests/outcomes_of.hpp"
#include "tests/slowness.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

// ---- what a server says ----------------------------------------------------------------------------

/// The answer to Parse and Bind.
Reply bound() { return Reply().parse_complete().bind_complete(); }
/// The answer to them and Describe, of columns of these types.
Reply described(std::initializer_list<std::uint32_t> types) {
    std::vector<testing::FakeColumn> columns;
    for (const std::uint32_t type : types) columns.push_back({"n", Oid{type}, Format::binary});
    return bound().columns(columns);
}
/// All of what a statement without rows answers, but the end of its transaction.
Reply done(std::string_view tag) { return bound().no_data().tag(tag); }

// ---- sessions --------------------------------------------------------------------------------------

enum class Then : std::uint8_t { stay, leave };

/// A session with a server that answers its first request like this.
class Scripted final : public ScriptedSession {
public:
    Scripted(std::string_view engine, const Reply& answer, Then then = Then::stay)
        : ScriptedSession(engine, [answer, then](Conversation& client) {
              client.receive_until(MessageKind::execute);
              client.send(answer);
              if (then == Then::stay) client.ignore();
          }) {}

    [[nodiscard]] std::vector<Expected<Result>> run_batch(std::size_t count, spi::BatchSync sync) const {
        return pg::testing::outcomes_of(**this, std::vector<spi::Request>(count, {.sql = "insert"}), sync, in(10s));
    }
};

/// The description of a column that somebody kept.
class OneColumn final : public ResultStorage {
public:
    explicit OneColumn(Oid type) : column_{.name = "n", .type = {type}} { columns_ = {&column_, 1}; }

private:
    void do_read(std::size_t, std::span<const std::uint16_t>, Cell*) const noexcept override {}
    Cell do_cell(std::size_t, std::size_t) const noexcept override { return {}; }

    Column column_;
};

class OnBothEngines : public ::testing::TestWithParam<const char*> {
protected:
    static Scripted answered_by(const Reply& answer, Then then = Then::stay) {
        return Scripted(GetParam(), answer, then);
    }
};
class Session : public OnBothEngines {};
class Stream : public OnBothEngines {};
class Batch : public OnBothEngines {};
INSTANTIATE_TEST_SUITE_P(Engines, Session, ::testing::Values("libpq", "direct"));
INSTANTIATE_TEST_SUITE_P(Engines, Stream, ::testing::Values("libpq", "direct"));
INSTANTIATE_TEST_SUITE_P(Engines, Batch, ::testing::Values("libpq", "direct"));

TEST_P(Session, PreparesAStatementWithItsExecutionWhateverFormItsValuesCome) {
    for (const Format format : {Format::binary, Format::text}) {
        const bool is_text = format == Format::text;
        const Scripted session = answered_by(Reply()
                                                 .parse_complete()
                                                 .bind_complete()
                                                 .columns({{"n", Oid{23}, format}})
                                                 .row({is_text ? "7" : "\0\0\0\7"s})
                                                 .tag("SELECT 1")
                                                 .ready());
        std::shared_ptr<const ResultStorage> description;
        const auto result =
            session->run({.sql = "select n", .statement = "s", .prepare = &description, .format = format}, soon());
        ASSERT_TRUE(result) << result.error().what();
        EXPECT_EQ((*result)[0].get<int>(0), 7);
        ASSERT_TRUE(description);
        EXPECT_EQ(description->columns()[0].type.format, Format::binary) << "of results to come";
    }
}

TEST_P(Session, IsServedByTheEngineThatWasAskedFor) { EXPECT_EQ(answered_by(Reply())->engine(), GetParam()); }

TEST_P(Session, SaysThatItGoes) {
    ScriptedSession session(GetParam(), [](Conversation& client) {
        if (client.receive().kind != MessageKind::terminate) client.report("it went without a word");
        if (client.receive().kind != MessageKind::left) client.report("it did not go");
    });
    session.close();
    EXPECT_TRUE(session.server().wait_for_clients(1, Deadline::after(10s)));
    EXPECT_EQ(session.server().failures(), std::vector<std::string>());
}

TEST_P(Session, TellsNullFromEmpty) {
    const Scripted session = answered_by(described({25, 25}).row({std::nullopt, ""}).tag("SELECT 1").ready());
    const Result result = session->run({.sql = "select"}, in(10s)).value();
    Cell cells[2];
    constexpr std::uint16_t both[] = {0, 1};
    result.storage()->read(0, both, cells);
    EXPECT_TRUE(cells[0].is_null());
    EXPECT_FALSE(cells[1].is_null());
    EXPECT_TRUE(result[0].is_null(0));
    EXPECT_FALSE(result[0].is_null(1));
}

TEST_P(Session, PassesOnEveryFieldOfAReport) {
    const Scripted session =
        answered_by(Reply()
                        .message('E',
                                 "SFEHLER\0VERROR\0C23505\0Mmessage\0Ddetail\0Hhint\0P17\0Wcontext\0"
                                 "sschema\0ttable\0ccolumn\0dtype\0nconstraint\0Rroutine\0\0"sv)
                        .ready());
    const Expected<Result> result = session->run({.sql = "insert"}, in(10s));
    ASSERT_FALSE(result);
    const Error& error = result.error();
    EXPECT_EQ(error.kind(), ErrorKind::unique_violation);
    EXPECT_EQ(error.outcome(), Outcome::not_applied);
    EXPECT_EQ(error.severity(), "ERROR");
    EXPECT_EQ(error.sqlstate(), "23505");
    EXPECT_EQ(error.message(), "message");
    EXPECT_EQ(error.detail(), "detail");
    EXPECT_EQ(error.hint(), "hint");
    EXPECT_EQ(error.position(), 17u);
    EXPECT_EQ(error.context(), "context");
    EXPECT_EQ(error.schema(), "schema");
    EXPECT_EQ(error.table(), "table");
    EXPECT_EQ(error.column(), "column");
    EXPECT_EQ(error.type(), "type");
    EXPECT_EQ(error.constraint(), "constraint");
    EXPECT_EQ(error.routine(), "routine");
    EXPECT_EQ(error.sql(), "insert");
    EXPECT_TRUE(session->usable());
}

TEST_P(Session, HearsAReportBehindTheCommandTag) {
    const Scripted session = answered_by(done("INSERT 0 1").error("23505", "refused").ready());
    const Expected<Result> result = session->run({.sql = "insert"}, in(10s));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::unique_violation);
}

// A server that meets the end of its client inside of a COPY says what happened as if its statement had failed, and
// then why it ends the session.
TEST_P(Session, IsLostWhenItsServerSaysThatAMessageBrokeOff) {
    const Reply answer =
        Reply()
            .error("08006", "unexpected EOF on client connection with an open transaction")
            .message('E', "SFATAL\0VFATAL\0C08P01\0Mprotocol synchronization was lost\0RPostgresMain\0\0"sv);
    const Scripted session = answered_by(answer, Then::leave);
    const Expected<Result> result = session->run({.sql = "insert"}, in(10s));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::connection_lost) << result.error().what();
    EXPECT_EQ(result.error().sqlstate(), "08P01");
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    EXPECT_FALSE(result.error().connection_usable());
    EXPECT_FALSE(session->usable());
}

// The direct engine does not ask for a description where it has one.
TEST(Link, ReadsAResultByItsDescriptionWhileThatHolds) {
    for (const std::uint32_t type : {20u, 25u}) {
        const std::shared_ptr<const ResultStorage> kept = std::make_shared<OneColumn>(Oid{20});
        const Scripted session("libpq", described({type}).row({"12345678"}).tag("SELECT 1").ready());
        const Result result = session->run({.sql = "select", .description = &kept}, in(10s)).value();
        EXPECT_EQ(result.columns()[0].type.oid, Oid{type});
        EXPECT_EQ(result.columns().data() == kept->columns().data(), type == 20);
    }
}

TEST_P(Session, LeavesAServerWhoseRowsMakeNoSense) {
    constexpr std::string_view bodies[] = {
        "\0\1\0\0\0\1x"sv,     "\0\3\0\0\0\1x\0\0\0\1x\0\0\0\1x"sv, "\0\2\0\0\0\1x\0\0\0\2x"sv,
        "\0\2\0\0\0\1x\0\0"sv, "\0\2\0\0\0\1x\x7f\xff\xff\xff"sv,   "\0\2\xff\xff\xff\xff\xff\xff\xff\xffx"sv};
    for (const std::string_view body : bodies) {
        const Scripted session = answered_by(described({25, 25}).message('D', body).tag("SELECT 1").ready());
        const Expected<Result> result = session->run({.sql = "select"}, in(10s));
        ASSERT_FALSE(result) << ::testing::PrintToString(body);
        EXPECT_EQ(result.error().outcome(), Outcome::unknown) << result.error().what();
        EXPECT_FALSE(session->usable());
    }
}

// libpq takes any negative length for a null.
TEST(DirectLink, LeavesAServerThatSendsAnotherNegativeLengthThanThatOfNull) {
    const Scripted session("direct", described({25}).message('D', "\0\1\xff\xff\xff\xfe"sv).tag("SELECT 1").ready());
    EXPECT_EQ(session->run({.sql = "select"}, in(10s)).error().kind(), ErrorKind::protocol);
}

TEST_P(Session, SaysWhatBecameOfAStatementWhoseResultIsTooLarge) {
    const Reply rows = described({25}).row({std::string(1000, 'x')});
    const std::pair<Reply, Outcome> ends[] = {{Reply(rows).tag("SELECT 1"), Outcome::applied},
                                              {Reply(rows).error("22012", "refused"), Outcome::not_applied}};
    for (const auto& [answer, outcome] : ends) {
        const Scripted session = answered_by(Reply(answer).ready(), Then::leave);
        const Expected<Result> result = session->run({.sql = "select", .max_result_bytes = 100}, in(10s));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::result_too_large);
        EXPECT_EQ(result.error().outcome(), outcome);
    }
}

TEST_P(Session, CountsRowsThatHaveNoBytesTowardsTheLimitOfAResult) {
    Reply rows = described({25, 25});
    for (int i = 0; i < 1000; ++i) rows.row({std::nullopt, ""});
    const Scripted session = answered_by(Reply(rows).tag("SELECT 1000").ready(), Then::leave);
    const Expected<Result> result = session->run({.sql = "select", .max_result_bytes = 5000}, in(10s));
    ASSERT_FALSE(result) << result->size();
    EXPECT_EQ(result.error().kind(), ErrorKind::result_too_large);
}

TEST_P(Session, SaysThatItIsClosedWhereNothingCameBehindAnError) {
    for (const bool is_stream : {false, true}) {
        for (const Deadline patience = Deadline::after(60s);;) {
            const Scripted session = answered_by(bound().no_data().error("23505", "refused"));
            const Expected<Result> result = [&]() -> Expected<Result> {
                if (!is_stream) return session->run({.sql = "insert"}, in(50ms));
                const auto stream = session->stream({.sql = "insert"}, in(50ms));
                return stream ? (*stream)->next(in(50ms)) : stream.error();
            }();
            ASSERT_FALSE(result);
            if (result.error().kind() == ErrorKind::timeout && !patience.passed()) continue;  // a busy machine
            EXPECT_EQ(result.error().sqlstate(), "23505") << result.error().what();
            EXPECT_EQ(result.error().outcome(), Outcome::not_applied);
            EXPECT_FALSE(session->usable());
            EXPECT_FALSE(result.error().connection_usable()) << result.error().what();
            break;
        }
    }
}

TEST_P(Session, SaysWhatTheServerReportedBeforeItLeft) {
    const auto reported_by = [](auto request, MessageKind last) {
        const ScriptedSession session(GetParam(), [last](Conversation& client) {
            client.receive_until(last);
            client.send(Reply().error("40001", "try again"));
        });
        const Error error = request(*session).error();
        EXPECT_EQ(error.sqlstate(), "40001") << error.what();
        EXPECT_EQ(error.outcome(), Outcome::not_applied);
        EXPECT_FALSE(error.connection_usable());
    };
    reported_by([](spi::Session& session) { return session.run_command("commit", soon()); }, MessageKind::query);
    reported_by([](spi::Session& session) { return session.prepare("s", "select 1", {}, soon()); }, MessageKind::sync);
    reported_by([](spi::Session& session) { return session.run({.sql = "select 1"}, soon()); }, MessageKind::sync);
}

TEST_P(Session, SaysThatItIsClosedWhereNothingCameBehindTheErrorOfACopy) {
    const Deadline patience = Deadline::after(60s);
    for (bool in_it = true, is_last = false; !is_last;) {
        const Reply begun = in_it ? Reply().copy_in(1) : Reply().copy_out(1);
        const ScriptedSession session(GetParam(), [&](Conversation& client) {
            static_cast<void>(client.receive());
            client.send(Reply(begun).error("22P02", "no number"));
            client.ignore();
        });
        Expected<void> told;
        if (in_it) {
            auto copy = session->copy_in("copy t from stdin", soon());
            const auto ended = copy ? (*copy)->finish(in(50ms)) : Expected<std::uint64_t>(copy.error());
            if (!ended) told = ended.error();
        } else {
            auto copy = session->copy_out("copy t to stdout", soon());
            const auto ended = copy ? (*copy)->read(in(50ms)) : Expected<std::optional<std::string_view>>(copy.error());
            if (!ended) told = ended.error();
        }
        ASSERT_FALSE(told);
        EXPECT_FALSE(session->usable());
        EXPECT_FALSE(told.error().connection_usable()) << told.error().what();
        if (told.error().kind() == ErrorKind::timeout && !patience.passed()) continue;  // a busy machine
        EXPECT_EQ(told.error().sqlstate(), "22P02") << told.error().what();
        EXPECT_EQ(told.error().outcome(), Outcome::not_applied);
        is_last = !std::exchange(in_it, false);
    }
}

TEST_P(Session, DoesNotKnowWhatBecameOfACommitThatNobodyAnswers) {
    const Scripted session = answered_by(Reply());
    const Expected<Result> result = session->run({.sql = "commit"}, in(200ms));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::commit_unknown);
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    EXPECT_FALSE(session->usable());
}

// The socket can be read all the time, so that waiting alone never meets the deadline. The rows have no columns: libpq
// frees a large result in so many pieces that it takes longer than the bound.
TEST_P(Session, SaysNotOfAScriptThatCommittedThatItHadNoEffect) {
    const auto fail_behind = [](std::string_view tag) {
        const ScriptedSession session(GetParam(), [tag](Conversation& client) {
            client.receive_until(MessageKind::query);
            client.send(Reply().tag("BEGIN").tag("INSERT 0 1").tag(tag).error("40001", "not now").ready());
            client.ignore();
        });
        return session->run_script("begin; insert …; …; select …", in(10s)).error();
    };
    for (const char* tag : {"COMMIT", "PREPARE TRANSACTION"}) {
        const Error error = fail_behind(tag);
        EXPECT_EQ(error.outcome(), Outcome::unknown) << error.what();
        EXPECT_EQ(error.retry_scope(), RetryScope::none) << "the part before it must not be run again";
    }
    const Error undone = fail_behind("ROLLBACK");
    EXPECT_EQ(undone.outcome(), Outcome::not_applied);
    EXPECT_EQ(undone.retry_scope(), RetryScope::transaction);
}

TEST_P(Session, EndsAResultThatHasAlwaysMoreRows) {
    std::atomic<bool> over{false};
    const ScriptedSession session(GetParam(), [&](Conversation& client) {
        client.receive_until(MessageKind::execute);
        client.send(described({}));
        Reply rows;
        for (int i = 0; i < 10'000; ++i) rows.row({});
        for (const Deadline end = Deadline::after(30s); !over && !end.passed();) client.send(rows);
    });
    const auto begin = std::chrono::steady_clock::now();
    const Expected<Result> result = session->run({.sql = "select"}, in(100ms));
    over = true;
    EXPECT_LE(std::chrono::steady_clock::now() - begin, testing_support::bound_on_hang(100ms));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::timeout) << result.error().what();
    EXPECT_FALSE(session->usable());
}

TEST_P(Stream, HandsOutTheRowsThatCameBeforeAFailure) {
    const Scripted session = answered_by(described({25}).row({"a"}).row({"b"}).error("22012", "refused").ready());
    const auto stream = session->stream({.sql = "select"}, in(10s)).value();
    std::string rows;
    Expected<Result> chunk = stream->next(in(10s));
    for (; chunk && !chunk->empty(); chunk = stream->next(in(10s)))
        for (std::size_t row = 0; row < chunk->size(); ++row) rows += chunk->storage()->cell(row, 0).bytes();
    ASSERT_FALSE(chunk);
    EXPECT_EQ(chunk.error().sqlstate(), "22012");
    EXPECT_EQ(rows, "ab");
}

TEST_P(Stream, KeepsItsTextWhateverIsRefusedMeanwhile) {
    ScriptedSession session(GetParam(), [](Conversation& client) {
        client.receive_until(MessageKind::execute);
        client.send(described({25}).row({"a"}));
        if (client.wait_for_cue()) client.send(Reply().error("22012", "refused").ready());
        client.ignore();
    });
    const auto stream = session->stream({.sql = "select of the stream"}, in(10s)).value();
    EXPECT_EQ(stream->next(in(10s)).value().size(), 1u);
    EXPECT_EQ(session->run({.sql = "another"}, in(10s)).error().sql(), "another");
    EXPECT_EQ(session->wait_notification(in(10s)).error().kind(), ErrorKind::usage);
    session.server().cue();
    EXPECT_EQ(stream->next(in(10s)).error().sql(), "select of the stream");
}

TEST_P(Stream, OfAnEmptyStatementHasNoRows) {
    const Scripted session = answered_by(bound().no_data().empty_query().ready());
    const auto stream = session->stream({.sql = ";"}, in(10s)).value();
    const Expected<Result> end = stream->next(in(10s));
    ASSERT_TRUE(end) << end.error().what();
    EXPECT_TRUE(end->empty());
    EXPECT_EQ(stream->next(in(10s)).error().kind(), ErrorKind::usage) << "it is over";
    EXPECT_TRUE(session->usable());
}

// The libpq engine has every result described.
TEST(DirectStream, ReadsThePreparedByItsDescription) {
    const std::shared_ptr<const ResultStorage> kept = std::make_shared<OneColumn>(Oid{25});
    const Scripted session("direct", Reply().bind_complete().row({"a"}).row({"b"}).tag("SELECT 2").ready());
    const auto stream = session->stream({.sql = "select", .statement = "p", .description = &kept}, in(10s)).value();
    const Result rows = stream->next(in(10s)).value();
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows.storage()->cell(1, 0).bytes(), "b");
    EXPECT_EQ(rows.columns()[0].name, "n");
    const Result end = stream->next(in(10s)).value();
    EXPECT_EQ(end.tag(), "SELECT 2");
}

TEST_P(Session, IsStoppedWhileItWaitsForANotification) {
    const Scripted session = answered_by(Reply());
    std::stop_source source;
    source.request_stop();
    const StopToken stop(source.get_token());
    const auto waited = session->wait_notification({.deadline = Deadline::after(10s), .stop = &stop});
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().kind(), ErrorKind::cancelled);
    EXPECT_TRUE(session->usable());
}

TEST_P(Session, HearsWhatCameBeforeTheFarewellOfItsServer) {
    ErrorFields farewell{.message = "terminating connection due to administrator command"};
    farewell.severity = "FATAL";
    farewell.sqlstate = "57P01";
    const Reply first = Reply().notification(7, "channel", "2"), last = Reply().notification(7, "channel", "3");
    for (const bool in_an_answer : {false, true}) {
        Reply all = Reply().notification(7, "channel", "1");
        if (in_an_answer) all = bound().no_data().raw(all.bytes()).tag("SELECT 0").ready();
        const ScriptedSession session(GetParam(), [&](Conversation& client) {
            if (in_an_answer) client.receive_until(MessageKind::sync);
            client.send(all.raw(first.bytes()).raw(last.bytes()).error(farewell));
            client.close();
        });
        if (in_an_answer) {
            ASSERT_TRUE(session->run({.sql = "select"}, in(10s)));
        }
        for (const char* payload : {"1", "2", "3"}) {
            const auto heard = session->wait_notification(in(10s));
            ASSERT_TRUE(heard) << heard.error().what();
            ASSERT_TRUE(*heard);
            EXPECT_EQ((*heard)->payload, payload);
        }
        for (int i = 0; i < 2; ++i) {
            const auto end = session->wait_notification(in(10s));
            ASSERT_FALSE(end);
            EXPECT_EQ(end.error().kind(), ErrorKind::connection_lost) << end.error().what();
            EXPECT_FALSE(end.error().connection_usable());
        }
    }
}

TEST_P(Stream, IsLimitedInAllOfItsChunksTogether) {
    Reply answer = described({25});
    for (int i = 0; i < 6; ++i) answer.row({std::string(40'000, 'x')});
    const Scripted session = answered_by(answer.tag("SELECT 6").ready(), Then::leave);
    const auto stream = session->stream({.sql = "select", .max_result_bytes = 150'000}, in(10s)).value();
    Expected<Result> chunk = stream->next(in(10s));
    while (chunk && !chunk->empty()) chunk = stream->next(in(10s));
    ASSERT_FALSE(chunk);
    EXPECT_EQ(chunk.error().kind(), ErrorKind::result_too_large);
}

TEST_P(Batch, SaysWhatWasNotRunAfterAFailure) {
    const Scripted session =
        answered_by(done("INSERT 0 1").raw(bound().no_data().error("22012", "refused").ready().bytes()));
    const auto outcomes = session.run_batch(3, spi::BatchSync::once);
    EXPECT_TRUE(outcomes[0]);
    EXPECT_EQ(outcomes[1].error().sqlstate(), "22012");
    EXPECT_EQ(outcomes[2].error().kind(), ErrorKind::server);
    EXPECT_EQ(outcomes[2].error().outcome(), Outcome::not_applied);
}

TEST_P(Batch, HasNoEffectWhenItsEndFails) {
    const Scripted session =
        answered_by(done("INSERT 0 1").raw(done("INSERT 0 1").error("23505", "refused").ready().bytes()));
    for (const auto& outcome : session.run_batch(2, spi::BatchSync::once)) {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind(), ErrorKind::unique_violation);
    }
}

TEST_P(Batch, FailsAStatementBehindItsCommandTag) {
    const Scripted session = answered_by(
        done("INSERT 0 1").error("23505", "deferred").ready().raw(bound().no_data().empty_query().ready().bytes()));
    const auto outcomes = session.run_batch(2, spi::BatchSync::each);
    EXPECT_EQ(outcomes[0].error().kind(), ErrorKind::unique_violation) << outcomes[0].error().what();
    ASSERT_TRUE(outcomes[1]) << outcomes[1].error().what();
    EXPECT_EQ(outcomes[1]->size(), 0u) << "an empty statement";
    EXPECT_TRUE(session->usable());
}

TEST_P(Batch, KnowsOnlyWhatWasEndedBeforeTheConnectionBroke) {
    for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
        const bool each = sync == spi::BatchSync::each;
        const Scripted session = answered_by(each ? done("INSERT 0 1").ready() : done("INSERT 0 1"), Then::leave);
        const auto outcomes = session.run_batch(2, sync);
        EXPECT_EQ(outcomes[0].has_value(), each);
        if (!each) {
            EXPECT_EQ(outcomes[0].error().outcome(), Outcome::unknown);
        }
        EXPECT_EQ(outcomes[1].error().outcome(), Outcome::unknown);
    }
}

TEST_P(Batch, SaysWhatWasNotSentBeforeTheConnectionBroke) {
    const Scripted session = answered_by(Reply(), Then::leave);
    const std::string long_text(10'000, ' ');  // far more of them than the sockets hold
    const auto outcomes = pg::testing::outcomes_of(*session, std::vector<spi::Request>(2000, {.sql = long_text}),
                                                   spi::BatchSync::once, in(10s));
    EXPECT_EQ(outcomes.front().error().outcome(), Outcome::unknown);
    EXPECT_EQ(outcomes.back().error().outcome(), Outcome::not_sent);
}

}  // namespace
}  // namespace pg::libpq
