// The direct engine and a server that says what it may not say, or what concerns no statement.
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "pg/executor.hpp"
#include "pg/stop.hpp"
#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/nonsense.hpp"

namespace pg::libpq {
namespace {

using namespace std::string_view_literals;

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

constexpr Oid text{25};

/// A session that was taken over, with a server that goes on by a script. Whoever else comes is sent away.
class Session final : public ScriptedSession {
public:
    explicit Session(testing::Script script) : ScriptedSession("direct", std::move(script), {.unix_socket = true}) {}
};

/// Answers the first message of that kind, and nothing after it.
testing::Script answer(MessageKind kind, Reply reply) {
    return [kind, reply = std::move(reply)](Conversation& client) {
        client.receive_until(kind);
        client.send(reply);
        client.ignore();
    };
}
Session answered_by(Reply reply, MessageKind kind = MessageKind::execute) {
    return Session(answer(kind, std::move(reply)));
}

Reply bound() { return Reply().parse_complete().bind_complete(); }
Reply described(std::size_t columns = 1) {
    return bound().columns(std::vector<testing::FakeColumn>(columns, {"n", text, Format::binary}));
}

TEST(DirectViolation, EndsAStatement) {
    for (const auto& [reply, reason] : nonsense()) {
        const Session session = answered_by(bound().raw(reply.bytes()));
        const Expected<Result> result = session->run({.sql = "select"}, soon());
        ASSERT_FALSE(result) << reason;
        expect_violation(result.error(), session, reason);
    }
}

TEST(DirectViolation, EndsABatch) {
    for (const auto& [reply, reason] : nonsense()) {
        for (const auto sync : {spi::BatchSync::once, spi::BatchSync::each}) {
            const Session session = answered_by(bound().raw(reply.bytes()));
            const auto outcomes =
                pg::testing::outcomes_of(*session, std::vector<spi::Request>(2, {.sql = "select"}), sync, soon());
            ASSERT_EQ(outcomes.size(), 2u);
            for (const auto& outcome : outcomes) {
                ASSERT_FALSE(outcome) << reason;
                expect_violation(outcome.error(), session, reason);
            }
        }
    }
}

TEST(DirectViolation, EndsAStream) {
    for (const auto& [reply, reason] : nonsense()) {
        const Session session = answered_by(bound().raw(reply.bytes()));
        const auto stream = session->stream({.sql = "select"}, soon());
        ASSERT_FALSE(stream) << reason;
        expect_violation(stream.error(), session, reason);
        EXPECT_EQ(session->run({.sql = "select"}, soon()).error().kind(), ErrorKind::connection_lost) << reason;
    }
}

TEST(DirectViolation, EndsAStreamBehindItsFirstRows) {
    const std::pair<Reply, std::string_view> ends[] = {
        {Reply().row({"a", "b"}), "a row that is not as its columns were described"},
        {Reply().message('C', "SELECT 1"), "a malformed command tag"},
        {Reply().message('q'), "a message of a kind that does not exist"}};
    for (const auto& [end, reason] : ends) {
        const Session session = answered_by(described().row({"a"}).raw(end.bytes()));
        auto stream = session->stream({.sql = "select"}, soon());
        std::optional<Error> error;
        if (!stream) {
            error = stream.error();
        } else {
            Expected<Result> chunk = (*stream)->next(soon());
            while (chunk && !chunk->empty()) chunk = (*stream)->next(soon());
            if (!chunk) error = chunk.error();
        }
        ASSERT_TRUE(error) << reason;
        expect_violation(*error, session, reason);
    }
}

TEST(DirectViolation, EndsWhatPreparesAStatement) {
    const std::pair<Reply, std::string_view> answers[] = {
        {Reply().parse_complete().message('t', "\0\2"sv), "a malformed description of parameters"},
        {Reply().parse_complete().parameters({}).message('T', "\0\1"sv), "a malformed description of columns"},
        {Reply().no_data(), "an answer out of order"}};
    for (const auto& [reply, reason] : answers) {
        const Session session = answered_by(reply, MessageKind::describe);
        const auto described = session->prepare("p", "select", {}, soon());
        ASSERT_FALSE(described) << reason;
        expect_violation(described.error(), session, reason);
    }
}

TEST(DirectViolation, EndsACopy) {
    const std::pair<Reply, std::string_view> answers[] = {
        {Reply().message('G', "\0"sv), "a malformed answer to COPY"},
        {Reply().copy_in(1).no_data(), "an answer out of order"},
        {Reply().copy_in(1).message('C', "COPY 1"), "a malformed command tag"}};
    for (const auto& [reply, reason] : answers) {
        const Session session = answered_by(reply, MessageKind::query);
        auto copy = session->copy_in("copy t from stdin", soon());
        if (copy) {
            const Expected<std::uint64_t> finished = (*copy)->finish(soon());
            ASSERT_FALSE(finished) << reason;
            expect_violation(finished.error(), session, reason);
        } else {
            expect_violation(copy.error(), session, reason);
        }
    }
}

TEST(DirectViolation, EndsACommand) {
    const Session session = answered_by(Reply().message('C', "BEGIN"), MessageKind::query);
    const Expected<spi::CommandTag> tag = session->run_command("begin", soon());
    ASSERT_FALSE(tag);
    expect_violation(tag.error(), session, "a malformed command tag");
}

TEST(DirectCommand, GivesTheTagOfItsLastStatement) {
    const std::string long_tag(100, 'X');
    const Session session([&](Conversation& client) {
        client.expect(MessageKind::query);
        client.send(Reply().tag("BEGIN").tag("COMMIT").ready());
        client.expect(MessageKind::query);
        client.send(Reply().empty_query().ready());
        client.expect(MessageKind::query);
        client.send(Reply().tag(long_tag).ready());
        client.ignore();
    });
    const auto tag_of = [&](std::string_view command) {
        const spi::CommandTag tag = session->run_command(command, soon()).value();
        return std::string(tag.text());
    };
    EXPECT_EQ(tag_of("begin; commit"), "COMMIT");
    EXPECT_EQ(tag_of(""), "");
    EXPECT_EQ(tag_of("x"), long_tag.substr(0, 63)) << "what there is room for";
}

TEST(DirectViolation, IsAnAnswerInTheMiddleOfACopy) {
    const Session session = answered_by(Reply().copy_in(1).tag("COPY 0").ready(), MessageKind::query);
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    const std::string bytes(4 << 20, 'x');  // more than the sockets hold at once
    const Expected<void> written = copy->write(bytes, soon());
    ASSERT_FALSE(written);
    expect_violation(written.error(), session, "an answer in the middle of a COPY");
}

TEST(DirectViolation, IsAReadyThatEndsNoCopy) {
    const Session session =
        answered_by(Reply().copy_in(1).error("57014", "stopped").ready().ready(), MessageKind::query);
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    EXPECT_EQ(copy->finish(soon()).error().sqlstate(), "57014");
    const Expected<Result> next = session->run({.sql = "select"}, soon());
    ASSERT_FALSE(next);
    expect_violation(next.error(), session, "ready, where a statement is to be answered");
}

TEST(DirectCopy, HearsAFailureWhileItStillSends) {
    const Session session = answered_by(Reply().copy_in(1).error("22P02", "no number").ready(), MessageKind::query);
    const auto copy = session->copy_in("copy t from stdin", soon()).value();
    const std::string bytes(4 << 20, 'x');
    const Expected<void> written = copy->write(bytes, soon());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().sqlstate(), "22P02");
    EXPECT_EQ(written.error().outcome(), Outcome::not_applied);
    EXPECT_TRUE(session->usable());
    EXPECT_EQ(copy->finish(soon()).error().kind(), ErrorKind::usage) << "it is over";
}

TEST(DirectCopy, SaysWhatTheServerMadeOfItsGivingUp) {
    for (const bool obeyed : {true, false}) {
        const Session session =
            answered_by(Reply().copy_in(1).error(obeyed ? "57014" : "23505", "it ended").ready(), MessageKind::query);
        const auto copy = session->copy_in("copy t from stdin", soon()).value();
        const Expected<void> end = copy->fail("enough", soon());
        EXPECT_EQ(end.has_value(), obeyed);
        if (!obeyed) {
            EXPECT_EQ(end.error().kind(), ErrorKind::unique_violation) << end.error().what();
        }
        EXPECT_TRUE(session->usable());
    }
}

// ---- whole answers ----------------------------------------------------------------------------------

TEST(DirectAnswer, HasItsTagWhenItsBytesAreGone) {
    const std::shared_ptr<const ResultStorage> no_columns;
    const spi::Request request{.sql = "update", .statement = "s", .description = &no_columns};
    for (const auto& [tag, affected] : {std::pair("UPDATE 7", 7U), std::pair("INSERT 0 1", 1U),
                                        std::pair("DELETE 123", 123U), std::pair("BEGIN", 0U)}) {
        const Session session = answered_by(Reply().bind_complete().tag(tag).ready(), MessageKind::sync);
        const Result result = session->run(request, soon()).value();
        EXPECT_EQ(result.tag(), tag);
        EXPECT_EQ(result.affected(), affected);
    }
}

TEST(DirectAnswer, IsNotWaitedForBehindAFarewellThatHasArrived) {
    constexpr auto farewell = "SFATAL\0VFATAL\0C57P01\0Mgone\0\0"sv;
    const std::shared_ptr<const ResultStorage> no_columns;
    const spi::Request request{.sql = "update", .statement = "s", .description = &no_columns};
    const Session session =
        answered_by(Reply().bind_complete().tag("UPDATE 1").ready().message('E', farewell), MessageKind::sync);
    ASSERT_TRUE(session->run(request, soon()));
    const Expected<Result> result = session->run(request, soon());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().sqlstate(), "57P01");
}

// ---- rows that are taken as they come --------------------------------------------------------------

/// Joins the values of what it takes; reads only the first `most` rows.
class Joined final : public RowSink {
public:
    explicit Joined(std::size_t most = 1000) : most_(most) {}
    [[nodiscard]] const std::string& values() const { return values_; }

private:
    Expected<void> do_begin(const ResultStorage&) override { return {}; }
    bool do_take_received(const char*, const ResultStorage&) override { return false; }
    std::size_t do_take(const ResultStorage& rows, std::size_t before) override {
        std::size_t row = 0;
        for (; row < rows.rows() && before + row < most_; ++row)
            for (std::size_t column = rows.columns().size(); column-- != 0;) {
                const Cell cell = rows.cell(row, column);
                values_ += cell.is_null() ? "-" : std::string(cell.bytes());
            }
        return row;
    }

    std::size_t most_;
    std::string values_;
};

TEST(DirectSink, TakesRowsInAnyOrderOfTheirColumns) {
    const Session session =
        answered_by(described(3).row({"a", std::nullopt, "c"}).row({"d", "", "f"}).tag("SELECT 2").ready());
    Joined sink;
    const Result result = session->run({.sql = "select", .sink = &sink}, soon()).value();
    EXPECT_EQ(sink.values(), "c-afd");
    EXPECT_EQ(result.size(), 0u) << "the sink has them";
}

/// As a row type or a codec does that somebody wrote without a thought of where it is called.
class Throwing final : public RowSink {
public:
    explicit Throwing(bool an_exception) : an_exception_(an_exception) {}
    [[nodiscard]] const Error& error() const { return state_.error(); }

private:
    Expected<void> do_begin(const ResultStorage&) override { return {}; }
    bool do_take_received(const char*, const ResultStorage&) override { throw 7; }
    std::size_t do_take(const ResultStorage&, std::size_t) override {
        if (an_exception_) throw std::runtime_error("no room");
        throw 7;
    }

    bool an_exception_;
};

TEST(DirectSink, MayThrowInTheMiddleOfAnExchange) {
    for (const bool an_exception : {true, false}) {
        const Session session = answered_by(described().row({"a"}).row({"b"}).tag("SELECT 2").ready());
        Throwing sink(an_exception);
        ASSERT_TRUE(session->run({.sql = "select", .sink = &sink}, soon()));
        EXPECT_EQ(sink.error().kind(), ErrorKind::decode);
        EXPECT_EQ(sink.error().outcome(), Outcome::applied);
        EXPECT_EQ(sink.error().message(), an_exception ? "a codec or a row type threw an exception: no room"
                                                       : "a codec or a row type threw something that is no "
                                                         "std::exception");
        EXPECT_TRUE(session->usable());
    }
}

/// Bodies of rows that are none, where two columns were described.
constexpr std::string_view senseless_rows[] = {"",
                                               "\0"sv,
                                               "\0\1\0\0\0\1x"sv,
                                               "\0\3\0\0\0\1x\0\0\0\1x\0\0\0\1x"sv,
                                               "\0\2\0\0\0\1x\0\0\0\2x"sv,
                                               "\0\2\0\0\0\1x\0\0"sv,
                                               "\0\2\0\0\0\1x\x7f\xff\xff\xff"sv,
                                               "\0\2\0\0\0\1x\xff\xff\xff\xfe"sv,
                                               "\0\2\xff\xff\xff\xff\xff\xff\xff\xffx"sv};

TEST(DirectSink, LeavesAServerWhoseRowsMakeNoSense) {
    for (const std::string_view body : senseless_rows) {
        for (const std::size_t most : {0, 1, 2}) {  // it is seen in rows that the sink does not read, too
            const Session session =
                answered_by(described(2).row({"a", "b"}).message('D', body).tag("SELECT 2").ready());
            Joined sink(most);
            const Expected<Result> result = session->run({.sql = "select", .sink = &sink}, soon());
            ASSERT_FALSE(result) << ::testing::PrintToString(body);
            expect_violation(result.error(), session, "a row that is not as its columns were described");
        }
    }
}

template <class Rows>
void expect_senseless_rows_seen() {
    for (const std::string_view body : senseless_rows) {
        const Session session = answered_by(described(2).row({"a", "b"}).message('D', body).tag("SELECT 2").ready());
        Rows sink(Extra::refuse);
        const Expected<Result> result = session->run({.sql = "select", .sink = &sink}, soon());
        ASSERT_FALSE(result) << ::testing::PrintToString(body);
        expect_violation(result.error(), session, "a row that is not as its columns were described");
    }
}

TEST(DirectSink, OfARowTypeLeavesAServerWhoseRowsMakeNoSense) {
    using Texts = std::tuple<std::string, std::string>;
    using MaybeTexts = std::tuple<std::optional<std::string>, std::optional<std::string>>;
    expect_senseless_rows_seen<detail::AllRows<Texts>>();
    expect_senseless_rows_seen<detail::AllRows<MaybeTexts>>();
    expect_senseless_rows_seen<detail::OneRow<Texts>>();
    expect_senseless_rows_seen<detail::OneRow<MaybeTexts>>();
}

TEST(DirectSink, IsBoundByTheLimitOfAResult) {
    Reply rows = described();
    for (int i = 0; i < 10; ++i) rows.row({std::string(1000, 'x')});
    const Session session = answered_by(rows.tag("SELECT 10").ready());
    Joined sink;
    const Expected<Result> result = session->run({.sql = "select", .sink = &sink, .max_result_bytes = 5000}, soon());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::result_too_large);
}

TEST(DirectSink, ThatOnlyCountsHasWhatTheTagSays) {
    for (const auto& [tag, affected] :
         {std::pair("UPDATE 5", 5U), std::pair("INSERT 0 12", 12U), std::pair("CALL", 0U), std::pair("SELECT 2", 2U)}) {
        const Session session = answered_by(described().row({"a"}).row({"b"}).tag(tag).ready());
        detail::AffectedRows<std::uint64_t> sink(Extra::refuse);
        const Expected<Result> result = session->run({.sql = "call", .sink = &sink}, soon());
        ASSERT_TRUE(result);
        EXPECT_TRUE(result->empty());
        EXPECT_EQ(result->tag(), spi::tells(tag, true) ? tag : "") << "one that says more is kept";
        EXPECT_EQ(sink.answer("").value(), affected);
    }
}

TEST(DirectSink, IsThatOfItsOwnStatementInABatch) {
    const Session session = Session([](Conversation& client) {
        client.receive_until(MessageKind::sync);
        client.send(
            described().row({"a"}).tag("SELECT 1").parse_complete().bind_complete().no_data().tag("UPDATE 7").ready());
        client.ignore();
    });
    Joined sink;
    const spi::Request requests[] = {{.sql = "select", .sink = &sink}, {.sql = "update"}};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::once, soon());
    ASSERT_TRUE(outcomes[0]);
    ASSERT_TRUE(outcomes[1]);
    EXPECT_EQ(sink.taken(), 1U);
    EXPECT_EQ(outcomes[1]->affected(), 7U);
}

// ---- cancel requests --------------------------------------------------------------------------------

// PQcancel of libpq before 17 writes to a socket that such a server has closed, which raises SIGPIPE.
TEST(DirectCancel, SurvivesAServerThatSendsItAway) {
    for (int i = 0; i < 5; ++i) {
        const Session session = answered_by(Reply());
        const Expected<Result> result = session->run({.sql = "select"}, in(1ms));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::timeout);
    }
}

// ---- what concerns no statement --------------------------------------------------------------------

TEST(DirectAside, KeepsParametersAsTheServerLastReportedThem) {
    const Session session = answered_by(bound()
                                            .parameter("TimeZone", "Mars/Olympus")
                                            .no_data()
                                            .parameter("TimeZone", "Mars/Tharsis")
                                            .parameter("of.mine", "1")
                                            .tag("SET")
                                            .ready());
    ASSERT_TRUE(session->run({.sql = "set"}, soon()));
    EXPECT_EQ(session->parameter("TimeZone"), "Mars/Tharsis");
    EXPECT_EQ(session->parameter("of.mine"), "1");
    EXPECT_EQ(session->parameter("server_version"), "15.1") << "as libpq heard it";
    EXPECT_EQ(session->parameter("nothing"), "");
}

TEST(DirectAside, SaysThatNotificationsAreLostBehindThoseThatAreKept) {
    Reply reply = bound().no_data();
    for (int i = 0; i <= 10'000; ++i) reply.notification(7, "channel", std::to_string(i));
    const Session session = answered_by(reply.tag("SELECT 0").ready());
    ASSERT_TRUE(session->run({.sql = "select"}, soon()));
    std::stop_source source;
    source.request_stop();
    const StopToken stop(source.get_token());
    const auto stopped = session->wait_notification({.deadline = Deadline::after(10s), .stop = &stop});
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind(), ErrorKind::cancelled) << stopped.error().what();
    ASSERT_TRUE(session->usable());
    const auto first = session->wait_notification(soon()).value();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->payload, "0");
    EXPECT_EQ(first->process, 7);
    for (int i = 1; i < 9'999; ++i) ASSERT_TRUE(session->wait_notification(soon()).value());
    EXPECT_EQ(session->wait_notification(soon()).value()->payload, "9999");
    const auto lost = session->wait_notification(soon());
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind(), ErrorKind::connection_lost) << lost.error().what();
    EXPECT_FALSE(lost.error().connection_usable());
    EXPECT_FALSE(session->usable());
}

TEST(DirectAside, KnowsAnIdleSessionWhoseServerSaidFarewell) {
    ErrorFields farewell{.message = "terminating connection due to administrator command"};
    farewell.severity = "FATAL";
    farewell.sqlstate = "57P01";
    const Session session([farewell](Conversation& client) {
        client.receive_until(MessageKind::execute);
        client.send(bound().no_data().tag("SELECT 0").ready().error(farewell));
        client.close();
    });
    ASSERT_TRUE(session->run({.sql = "select"}, soon()));
    EXPECT_FALSE(session->alive());
    EXPECT_FALSE(session->usable());
}

}  // namespace
}  // namespace pg::libpq
