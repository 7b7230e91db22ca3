// What interceptors are shown, what they may change, and how a tenant goes with a request.
#include "pg/spi/interceptor.hpp"

#include <functional>
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "tests/recording_observer.hpp"

namespace {

using namespace std::chrono_literals;
using fake::affected;
using fake::Lines;
using fake::rows;
using fake::server_error;
using pg::spi::InterceptedRequest;
using Said = pg::Expected<std::optional<pg::Result>>;

Said pass() { return std::optional<pg::Result>(); }

/// Writes down what it is shown, and says what a test wants.
class Scripted final : public pg::spi::Interceptor {
public:
    Scripted(std::string name, Lines& log) : name_(std::move(name)), log_(log) {}

    std::function<Said(InterceptedRequest&)> says;
    std::function<void(pg::Expected<pg::Result>&)> changes;
    std::function<void(const InterceptedRequest&)> on_end;

private:
    Said do_before(InterceptedRequest& request) noexcept override {
        log_.push_back(name_ + " before " + std::string(to_string(request.kind)) + " " + std::string(request.sql) +
                       (request.is_in_batch ? " in a batch" : ""));
        return says ? says(request) : pass();
    }
    void do_after(const InterceptedRequest& request, pg::Expected<pg::Result>& answer) noexcept override {
        log_.push_back(name_ + " after " + std::string(request.sql) +
                       (answer ? "" : ": " + std::string(to_string(answer.error().kind()))));
        if (changes) changes(answer);
    }
    void do_ended(const InterceptedRequest& request, const pg::Error* error) noexcept override {
        EXPECT_EQ(request.params, nullptr) << "a stream outlives those of its call";
        if (on_end) on_end(request);
        log_.push_back(name_ + " ended " + std::string(to_string(request.kind)) +
                       (error ? ": " + std::string(to_string(error->kind())) : ""));
    }

    const std::string name_;
    Lines& log_;
};

class Intercepting : public testing::Test {
protected:
    template <class Work>
    Lines shown_of(Work work) {
        log.clear();
        static_cast<void>(server.take_log());
        work();
        return log;
    }
    static Said refuse(InterceptedRequest&) { return pg::Error({.kind = pg::ErrorKind::usage, .message = "no"}); }
    static Said set(InterceptedRequest& request) {
        request.settings.push_back({"app.a", "1"});
        return pass();
    }
    /// The statements that arrived since this was asked last.
    Lines arrived() {
        Lines texts;
        for (const auto& asked : std::exchange(server.asked, {})) texts.push_back(asked.sql);
        return texts;
    }

    Lines log;
    std::shared_ptr<Scripted> outer = std::make_shared<Scripted>("outer", log);
    std::shared_ptr<Scripted> inner = std::make_shared<Scripted>("inner", log);
    std::shared_ptr<RecordingObserver> heard = std::make_shared<RecordingObserver>();
    fake::Database db{
        1, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.observer = heard, .interceptors = {outer, inner}})};
    fake::Server& server = *db.server;
    pg::Client& client = db.client;
    const std::string set_a = "select set_config($1, $2, true)";
};

TEST_F(Intercepting, GoesFromTheOutsideInAndBack) {
    EXPECT_EQ(shown_of([&] { client.exec("delete from t"); }),
              (Lines{"outer before query delete from t", "inner before query delete from t",
                     "inner after delete from t", "outer after delete from t"}));
    EXPECT_EQ(arrived(), Lines{"delete from t"});
}

TEST_F(Intercepting, RefusesBeforeASessionIsTaken) {
    inner->says = refuse;
    EXPECT_EQ(shown_of([&] { EXPECT_FALSE(client.try_exec("delete from t")); }),
              (Lines{"outer before query delete from t", "inner before query delete from t",
                     "inner after delete from t: usage", "outer after delete from t: usage"}));
    EXPECT_EQ(server.opened, 0);
    EXPECT_EQ(heard->take(), (Lines{"exec delete from t on no, 0 rows: usage not_sent",
                                    "error in exec delete from t: usage not_sent"}));
    outer->says = refuse;
    EXPECT_EQ(shown_of([&] { EXPECT_FALSE(client.try_exec("delete from t")); }),
              (Lines{"outer before query delete from t", "outer after delete from t: usage"}))
        << "whoever was not asked is not told";
}

TEST_F(Intercepting, AnswersInThePlaceOfTheServer) {
    outer->says = [](InterceptedRequest&) -> Said { return std::optional(rows({{"n", 23}}, {{"7"}})); };
    EXPECT_EQ(client.query_one<int>("select n"), 7);
    EXPECT_EQ(server.opened, 0);
}

TEST_F(Intercepting, ChangesAnAnswer) {
    server.answer("select n", rows({{"n", 23}}, {{"1"}}));
    inner->changes = [](pg::Expected<pg::Result>& answer) { answer = rows({{"n", 23}}, {{"2"}, {"3"}}); };
    EXPECT_EQ(client.query_all<int>("select n"), (std::vector<int>{2, 3}));
}

TEST_F(Intercepting, ChangesTextArgumentsAndOptions) {
    inner->says = [](InterceptedRequest& request) -> Said {
        request.replace_text("select $1, $2");
        request.options.max_result_bytes = 17;
        request.options.label = "renamed";
        EXPECT_FALSE(request.params->add(2));
        return pass();
    };
    client.query("select $1", 1);
    ASSERT_EQ(server.asked.size(), 1u);
    EXPECT_EQ(server.asked[0].sql, "select $1, $2");
    EXPECT_EQ(server.asked[0].arguments.size(), 2u);
    EXPECT_EQ(server.asked[0].max_result_bytes, 17u);
    EXPECT_EQ(heard->take("exec"), Lines{"exec select $1, $2 as renamed on fake, 0 rows"});
    auto prepared = client.prepare<pg::Affected(int)>("delete from t where a = $1");
    prepared(1);
    EXPECT_EQ(server.asked[1].sql, "select $1, $2");
    EXPECT_TRUE(server.asked[1].prepared) << "the new text, which came again, has a name of its own";
    inner->says = [](InterceptedRequest& request) -> Said {
        request.replace_text("select 1; select 2");
        return pass();
    };
    EXPECT_FALSE(client.try_query("select 1")) << "it is checked";
    EXPECT_FALSE(client.try_stream<int>("select 1"));
    EXPECT_EQ(server.asked.size(), 2u);
}

TEST_F(Intercepting, HasTheTextToldThatIsSent) {
    inner->says = [](InterceptedRequest& request) -> Said {
        request.replace_text("select m");
        return pass();
    };
    server.answer("select m", fake::connection_lost(pg::Outcome::not_sent));
    server.answer("select m", rows({{"m", 23}}, {{"1"}}));
    client.query("update t set a = 1");
    EXPECT_EQ(arrived(), (Lines{"select m", "select m"}));
    Lines told = heard->take();
    std::erase_if(told, [](const std::string& line) { return !line.ends_with("rows") && !line.starts_with("retry"); });
    EXPECT_EQ(told, (Lines{"retry select m 2: connection_lost not_sent", "query select m on fake, 1 rows"}));
    server.answer("select m", rows({{"m", 23}}));
    static_cast<void>(client.stream<int>("select n"));
    EXPECT_EQ(heard->take("stream"), Lines{"stream select m on fake, 0 rows"});
    pg::Batch batch(client);
    batch.exec("delete from t");
    batch.run();
    EXPECT_EQ(heard->take("batch"), Lines{"batch select m on fake, 0 rows"});
    pg::CopyWriter(client, "copy t from stdin").finish();
    EXPECT_EQ(heard->take("copy"), Lines{"copy_in copy t from stdin on fake, 7 rows"}) << "it keeps its own";
}

TEST_F(Intercepting, IsShownEveryKindOfRequest) {
    EXPECT_EQ(shown_of([&] { client.run_script("select 1; select 2"); }).front(),
              "outer before script select 1; select 2");
    EXPECT_EQ(log.back(), "outer ended script");
    EXPECT_EQ(shown_of([&] { client.begin().commit(); }),
              (Lines{"outer before begin begin", "inner before begin begin", "inner ended begin", "outer ended begin",
                     "inner ended commit", "outer ended commit"}));
    EXPECT_EQ(shown_of([&] { static_cast<void>(client.begin()); }).back(), "outer ended rollback");
    EXPECT_EQ(shown_of([&] { pg::CopyWriter(client, "copy t from stdin").finish(); }).back(), "outer ended copy_in");
    EXPECT_EQ(shown_of([&] { static_cast<void>(pg::CopyReader(client, "copy t to stdout").read()); }).back(),
              "outer ended copy_out");
    EXPECT_EQ(shown_of([&] { EXPECT_FALSE(client.try_stream<int>("select n")); }).back(), "outer ended stream");
}

TEST_F(Intercepting, RefusesEveryKindOfRequest) {
    inner->says = refuse;
    EXPECT_FALSE(client.try_run_script("select 1"));
    EXPECT_EQ(log.back(), "outer ended script: usage");
    EXPECT_FALSE(client.try_begin());
    EXPECT_FALSE(pg::CopyWriter::try_open(client, "copy t from stdin"));
    EXPECT_EQ(log.back(), "outer ended copy_in: usage");
    EXPECT_FALSE(pg::CopyReader::try_open(client, "copy t to stdout"));
    EXPECT_FALSE(client.try_stream<int>("select n"));
    EXPECT_EQ(log.back(), "outer ended stream: usage");
    pg::Batch batch(client);
    const auto n = batch.exec("delete from t");
    EXPECT_FALSE(batch.try_run());
    EXPECT_EQ(arrived(), Lines{});
}

TEST_F(Intercepting, RefusesACopyBeforeItsColumnsAreAskedFor) {
    inner->says = refuse;
    EXPECT_EQ(shown_of([&] { EXPECT_FALSE(pg::CopyIn<int>::try_open(client, "t")); }),
              (Lines{"outer before copy_in copy t from stdin (format binary)",
                     "inner before copy_in copy t from stdin (format binary)", "inner ended copy_in: usage",
                     "outer ended copy_in: usage"}));
    EXPECT_EQ(shown_of([&] { EXPECT_FALSE(pg::CopyOut<int>::try_open(client, "t")); }).back(),
              "outer ended copy_out: usage");
    EXPECT_EQ(server.take_log(), Lines{}) << "nothing was sent";
    inner->says = nullptr;
    server.descriptions.emplace_back(server_error("42P01"));
    EXPECT_EQ(shown_of([&] { EXPECT_FALSE(pg::CopyIn<int>::try_open(client, "t")); }).back(),
              "outer ended copy_in: server");
}

TEST_F(Intercepting, DescribesTheColumnsOfACopyUnderItsSettings) {
    inner->says = set;
    server.descriptions.emplace_back(std::vector<fake::Column>{{"a", 23}});
    static_cast<void>(server.take_log());
    EXPECT_TRUE(pg::CopyOut<int>::try_open(client, "t"));
    const Lines said = server.take_log();
    const auto place = [&](std::string_view line) { return std::find(said.begin(), said.end(), line) - said.begin(); };
    EXPECT_LT(place("batch of 2"), place("describe select * from t"));
}

TEST_F(Intercepting, AnswersStatementsOnly) {
    outer->says = [](InterceptedRequest&) -> Said { return std::optional(rows({{"n", 23}}, {{"7"}})); };
    EXPECT_FALSE(client.try_begin());
    EXPECT_FALSE(client.try_run_script("select 1"));
    EXPECT_EQ(arrived(), Lines{});
}

TEST_F(Intercepting, IsShownABatchAndEachOfItsStatements) {
    pg::Batch batch(client);
    batch.exec("delete from t");
    const auto refused = batch.exec("delete from u");
    const auto answered = batch.query_one<int>("select n");
    const auto changed = batch.exec("delete from v");
    inner->says = [](InterceptedRequest& request) -> Said {
        if (!request.is_in_batch) return pass();
        if (request.sql == "delete from u") return refuse(request);
        if (request.sql == "select n") return std::optional(rows({{"n", 23}}, {{"7"}}));
        if (request.sql == "delete from v") request.replace_text("delete from w");
        return pass();
    };
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(log.front(), "outer before batch delete from t");
    EXPECT_EQ(log[2], "outer before query delete from t in a batch");
    EXPECT_EQ(log.back(), "outer ended batch");
    EXPECT_EQ(arrived(), (Lines{"delete from t", "delete from w"}));
    EXPECT_FALSE(refused.try_get());
    EXPECT_EQ(answered.get(), 7);
    EXPECT_TRUE(changed.try_get());

    const auto early = batch.exec(pg::runtime("select 1; select 2"));
    const auto bad = batch.exec("delete from x");
    inner->says = [](InterceptedRequest& request) -> Said {
        if (request.sql == "delete from x") request.replace_text("select 1; select 2");
        return pass();
    };
    batch.run(pg::BatchMode::each);
    EXPECT_FALSE(early.try_get());
    EXPECT_FALSE(bad.try_get());
    EXPECT_EQ(arrived(), Lines{});
}

TEST_F(Intercepting, KeepsTheTextsOfABatchThatAreReplaced) {
    const std::string long_one = "delete from t where a = 'quite a long text that lies in memory of its own'";
    inner->says = [&](InterceptedRequest& request) -> Said {
        if (request.is_in_batch) request.replace_text(long_one + " or b = 'and one that is longer than the other was'");
        return pass();
    };
    std::vector<std::string> ended;
    inner->on_end = [&](const InterceptedRequest& request) { ended.emplace_back(request.sql); };
    pg::Batch batch(client);
    for (int round = 0; round < 2; ++round) {
        static_cast<void>(batch.exec(pg::runtime(long_one)));
        batch.run();
        {
            const auto prepared = client.prepare<pg::Affected()>(pg::runtime(long_one));
            static_cast<void>(batch.add(prepared));
        }
        batch.run();
        batch.clear();
    }
    EXPECT_EQ(ended, Lines(4, long_one));
}

TEST_F(Intercepting, TakesAnEmptyTextForWhatItIs) {
    inner->says = [](InterceptedRequest& request) -> Said {
        request.replace_text("");
        return pass();
    };
    EXPECT_FALSE(client.try_query("select 1"));
    EXPECT_FALSE(client.try_stream<int>("select 1"));
    EXPECT_EQ(arrived(), Lines{}) << "a statement that was taken away was sent";
}

TEST_F(Intercepting, GivesSettingsToATransactionBehindItsBegin) {
    inner->says = set;
    pg::Connection connection = client.connection();
    connection.exec("begin isolation level serializable");
    EXPECT_EQ(arrived(), (Lines{"begin isolation level serializable", set_a})) << "it cannot come behind a query";
    connection.exec("commit");
    static_cast<void>(arrived());
    connection.run_script("begin isolation level serializable; select 1; commit");
    EXPECT_EQ(arrived(), (Lines{"begin isolation level serializable; ", set_a, "commit"}));
    connection.exec("call p()");
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "call p()", "commit"})) << "older servers let it commit in between";
}

TEST_F(Intercepting, GivesSettingsToTheTransactionOfARequestAlone) {
    inner->says = set;
    client.exec("delete from t");
    EXPECT_EQ(server.take_log(), Lines{"batch of 2"});
    EXPECT_EQ(arrived(), (Lines{set_a, "delete from t"}));
    client.run_script("select 1");
    Lines said = server.take_log();
    said.resize(3);  // the rest is the cleaning of the session
    EXPECT_EQ(said, (Lines{"batch of 2", "script select 1", "commit"}));
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "commit"}));
    client.run_script("commit");
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "commit"})) << "it has ended its transaction itself";
    pg::Transaction transaction = client.begin();
    transaction.exec("delete from t");
    transaction.commit();
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "delete from t", "commit"})) << "they were set when it began";
}

TEST_F(Intercepting, GivesOtherSettingsWithinATransaction) {
    inner->says = set;
    pg::Transaction transaction = client.begin();
    static_cast<void>(arrived());
    inner->says = [](InterceptedRequest& request) -> Said {
        request.settings = {{"app.a", "2"}, {"app.b", "3"}};
        return pass();
    };
    transaction.exec("delete from t");
    EXPECT_EQ(arrived(), (Lines{"select set_config($1, $2, true), set_config($3, $4, true)", "delete from t"}));
    inner->says = set;
    for (int round = 0; round < 2; ++round) transaction.exec("delete from u");
    EXPECT_EQ(arrived(), (Lines{set_a, "delete from u", set_a, "delete from u"})) << "what it began with was replaced";
}

TEST_F(Intercepting, RefusesABatchAndWithItWhatIsAskedOfIt) {
    inner->says = [](InterceptedRequest& request) -> Said { return request.is_in_batch ? pass() : refuse(request); };
    pg::Batch batch(client);
    const auto one = batch.exec("select 1");
    const auto two = batch.query_all<int>("select 2");
    EXPECT_EQ(batch.try_run().error().message(), "no");
    EXPECT_EQ(one.try_get().error().message(), "no");
    EXPECT_EQ(two.try_get().error().message(), "no");
}

TEST_F(Intercepting, GivesSettingsToBatches) {
    inner->says = set;
    pg::Batch batch(client);
    batch.exec("delete from t");
    batch.exec("delete from u");
    batch.run();
    EXPECT_EQ(server.take_log(), Lines{"batch of 3"});
    batch.clear();
    batch.exec("delete from t");
    batch.exec("delete from u");
    batch.run(pg::BatchMode::each);
    EXPECT_EQ(server.take_log(), (Lines{"batch of 2", "batch of 2"}));
    server.answer(set_a, server_error("42704"));
    batch.clear();
    const auto n = batch.exec("delete from t");
    EXPECT_FALSE(batch.try_run());
    EXPECT_EQ(n.try_get().error().sqlstate(), "42704") << "that is why";
}

TEST_F(Intercepting, PutsATransactionAroundAStreamThatHasSettings) {
    inner->says = set;
    server.answer("select n", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}}));
    for (int n : client.stream<int>("select n")) static_cast<void>(n);
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "select n", "commit"}));
    server.answer("select n", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}}));
    static_cast<void>(client.stream<int>("select n"));
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "select n", "rollback"}));
    server.answer("select $1", server_error("42883"));
    server.answer("select $1", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}}));
    for (int n : client.stream<int>("select $1", std::int64_t{1})) static_cast<void>(n);
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "select $1", "rollback", "begin", set_a, "select $1", "commit"}));
}

TEST_F(Intercepting, SaysWhenTheTransactionAroundAStreamDoesNotCommit) {
    inner->says = set;
    server.answer("select n", rows({{"n", 23}}));
    server.chunks.push_back(rows({{"n", 23}}, {{"1"}}));
    server.answer("commit", server_error("23503"));
    auto stream = client.stream<int>("select n");
    EXPECT_TRUE(stream.try_next());
    EXPECT_EQ(stream.try_next().error().sqlstate(), "23503");
    EXPECT_EQ(log.back(), "outer ended stream: server");
}

TEST_F(Intercepting, LeavesNoTransactionWhoseCommitWasNotSent) {
    inner->says = set;
    pg::Connection connection = client.connection();
    server.answer("commit", pg::Error({.kind = pg::ErrorKind::cancelled, .outcome = pg::Outcome::not_sent}));
    EXPECT_FALSE(connection.try_run_script("select 1"));
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "commit", "rollback"}));
}

TEST_F(Intercepting, PutsATransactionAroundACopyThatHasSettings) {
    inner->says = set;
    pg::CopyWriter(client, "copy t from stdin").finish();
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "copy t from stdin", "commit"}));
    pg::CopyWriter(client, "copy t from stdin").fail("no more");
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "copy t from stdin", "rollback"}));
    EXPECT_EQ(pg::CopyReader(client, "copy t to stdout").read(), std::nullopt);
    EXPECT_EQ(arrived(), (Lines{"begin", set_a, "copy t to stdout", "commit"}));
    server.answer("commit", server_error("23503"));
    pg::CopyWriter writer(client, "copy t from stdin");
    EXPECT_EQ(writer.try_finish().error().sqlstate(), "23503");
    server.answer("commit", server_error("23503"));
    pg::CopyReader reader(client, "copy t to stdout");
    EXPECT_EQ(reader.try_read().error().sqlstate(), "23503");
}

TEST_F(Intercepting, LeavesNoTransactionWhenTheSettingsAreRefused) {
    inner->says = set;
    pg::Connection connection = client.connection();
    const auto refuses_settings = [&] { server.answer(set_a, server_error("42704")); };
    refuses_settings();
    EXPECT_FALSE(connection.try_begin());
    refuses_settings();
    EXPECT_FALSE(connection.try_run_script("select 1"));
    refuses_settings();
    EXPECT_FALSE(connection.try_stream<int>("select n"));
    refuses_settings();
    EXPECT_FALSE(connection.try_exec("delete from t"));
    EXPECT_TRUE(connection.try_begin()) << "none is open";
}

TEST_F(Intercepting, GivesSettingsToATransactionThatATextBegan) {
    pg::Connection connection = client.connection();
    connection.exec("begin");
    inner->says = set;
    static_cast<void>(arrived());
    connection.exec("delete from t");
    EXPECT_EQ(arrived(), (Lines{set_a, "delete from t"}));
    connection.run_script("select 1");
    EXPECT_EQ(arrived(), Lines{set_a}) << "which goes on";
    server.answer(set_a, server_error("42704"));
    EXPECT_FALSE(connection.try_run_script("select 1"));
}

TEST_F(Intercepting, RefusesASettingThatCannotBeSent) {
    inner->says = [](InterceptedRequest& request) -> Said {
        request.settings.push_back({"app.a", std::string("a\0b", 3)});
        return pass();
    };
    const auto answer = client.try_exec("delete from t");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(answer.error().message().find("the setting app.a cannot be sent: "), 0u);
}

TEST_F(Intercepting, LetsPassWhatNobodyStops) {
    class Silent final : public pg::spi::Interceptor {};
    const std::vector<std::shared_ptr<pg::spi::Interceptor>> silent{nullptr, std::make_shared<Silent>()};
    const auto hooks = pg::detail::make_hooks(nullptr, &silent);
    EXPECT_EQ(hooks->interceptors.size(), 1u);
    fake::Database quiet(1, hooks);
    quiet.client.exec("delete from t");
    quiet.client.begin().commit();
    quiet.server->answer("commit", server_error("40001", pg::ErrorKind::conflict, pg::RetryScope::transaction));
    quiet.client.transaction([](pg::Transaction&) {});
    quiet.server->answer("delete from t", fake::connection_lost(pg::Outcome::not_sent));
    quiet.client.exec("delete from t");
}

}  // namespace
