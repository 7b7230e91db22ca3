// Pipelines: each statement has its own Sync, and its own answer whatever becomes of its neighbours.
#include <deque>

#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

/// Requests that are taken as fast as the session likes, and what was said of each.
class Feed final : public spi::RequestFeed {
public:
    spi::Request& add(std::string_view sql) { return requests_.emplace_back(spi::Request{.sql = sql}); }
    /// Called with the number of each that has its answer.
    void (*then)(void* context, std::size_t number) = nullptr;
    void* context = nullptr;
    std::vector<Expected<Result>> answers;

private:
    const spi::Request* do_next() noexcept override {
        return next_ == requests_.size() ? nullptr : &requests_[next_++];
    }
    void do_answer(Expected<Result>&& outcome) noexcept override {
        answers.push_back(std::move(outcome));
        if (then) then(context, answers.size() - 1);
    }
    const spi::Wait* do_given_up() const noexcept override { return nullptr; }
    spi::Wait do_wait() const noexcept override { return soon(); }

    std::deque<spi::Request> requests_;
    std::size_t next_ = 0;
};

std::vector<Expected<Result>> run_all(spi::Session& session, const std::vector<std::string_view>& texts) {
    Feed feed;
    for (const std::string_view text : texts) feed.add(text);
    session.run_pipeline(feed);
    return std::move(feed.answers);
}

TEST(Pipeline, PairsEveryStatementWithItsResultAlsoBehindFailures) {
    const auto session = open_session();
    std::vector<std::string> texts;
    for (int i = 0; i < 500; ++i)
        texts.push_back(i % 7 == 0 ? "select 1 / 0" : "select '" + std::to_string(i) + "'::text");
    const auto answers = run_all(*session, {texts.begin(), texts.end()});
    ASSERT_EQ(answers.size(), texts.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (i % 7 == 0)
            ASSERT_EQ(answers[i].error().sqlstate(), "22012");
        else
            ASSERT_EQ(bytes_of(*answers[i], 0), std::to_string(i));
    }
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Pipeline, KnowsWhoseEndFailedAfterRowsThatCameOneByOne) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "create temp table late (n int unique deferrable initially deferred)"));
    {
        auto rows = session->stream({.sql = "select 1"}, soon());
        ASSERT_TRUE(rows);
        while ((*rows)->next(soon()).value().size() > 0) {
        }
    }
    const auto answers =
        run_all(*session, {"insert into late values (1), (1)", "select '7'::text", "insert into late values (2)"});
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_EQ(answers[0].error().sqlstate(), "23505");
    EXPECT_EQ(answers[0].error().outcome(), Outcome::not_applied);
    EXPECT_EQ(bytes_of(answers[1].value(), 0), "7");
    EXPECT_EQ(answers[2].value().affected(), 1u);
}

TEST(Pipeline, OfLargeAnswersAndArgumentsDoesNotDeadlock) {
    const auto session = open_session();
    const std::string large(1 << 20, 'x');
    Params params;
    ASSERT_FALSE(params.add(large));
    Feed feed;
    for (int i = 0; i < 60; ++i) feed.add("select $1::text").params = &params;
    within(60s, [&] { session->run_pipeline(feed); });
    ASSERT_EQ(feed.answers.size(), 60u);
    for (const auto& answer : feed.answers) ASSERT_EQ(bytes_of(answer.value(), 0).size(), large.size());
}

TEST(Pipeline, PreparesStatementsAlong) {
    const auto session = open_session();
    std::shared_ptr<const ResultStorage> rows, nothing, none;
    Feed feed;
    spi::Request& good = feed.add("select '7'::text as seven");
    good.statement = "good";
    good.prepare = &rows;
    spi::Request& bad = feed.add("select nothing");
    bad.statement = "bad";
    bad.prepare = &nothing;
    spi::Request& command = feed.add("delete from pg_class where false");
    command.statement = "command";
    command.prepare = &none;
    spi::Request& again = feed.add("select '7'::text as seven");
    again.statement = "good";
    session->run_pipeline(feed);
    ASSERT_EQ(feed.answers.size(), 4u);
    EXPECT_EQ(bytes_of(feed.answers[0].value(), 0), "7");
    EXPECT_EQ(feed.answers[1].error().sqlstate(), "42703")
        << "why it could not be prepared, not that it was passed over";
    EXPECT_EQ(feed.answers[2].value().affected(), 0u);
    EXPECT_EQ(bytes_of(feed.answers[3].value(), 0), "7");
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->columns()[0].name, "seven");
    EXPECT_FALSE(nothing);
    EXPECT_EQ(text_of(*session, "select string_agg(name, ',' order by name) from pg_prepared_statements"),
              "command,good");
}

TEST(Pipeline, ClosesWhatIsForgottenOnTheWay) {
    const auto session = open_session();
    ASSERT_TRUE(session->prepare("old", "select 1", {}, soon()));
    session->forget("never \"there\"");
    struct Forgetting {
        spi::Session& session;
        Feed feed;
    } here{*session, {}};
    // More than are in flight at once: the last ones are sent after the first was answered.
    for (int i = 0; i < 300; ++i)
        here.feed.add("select coalesce(string_agg(name, ','), 'none') from pg_prepared_statements");
    here.feed.context = &here;
    here.feed.then = [](void* context, std::size_t number) {
        if (number == 0) static_cast<Forgetting*>(context)->session.forget("old");
    };
    session->run_pipeline(here.feed);
    ASSERT_EQ(here.feed.answers.size(), 300u);
    EXPECT_EQ(bytes_of(here.feed.answers.front().value(), 0), "old");
    EXPECT_EQ(bytes_of(here.feed.answers.back().value(), 0), "none");
    EXPECT_EQ(text_of(*session, "select count(*) from pg_prepared_statements"), "0");
}

TEST(Pipeline, RefusesAZeroByteAndRunsItsNeighbours) {
    using namespace std::string_view_literals;
    const auto session = open_session();
    const auto answers = run_all(*session, {"select '1'::text", "select\0 2"sv, "select '3'::text"});
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_EQ(bytes_of(answers[0].value(), 0), "1");
    EXPECT_EQ(answers[1].error().outcome(), Outcome::not_sent);
    EXPECT_EQ(bytes_of(answers[2].value(), 0), "3");
}

TEST(Pipeline, RefusesACopy) {
    const auto session = open_session();
    const auto answers = run_all(*session, {"select 1", "copy (select 1) to stdout", "select 3"});
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_TRUE(answers[0]);
    EXPECT_EQ(answers[1].error().kind(), ErrorKind::usage);
    EXPECT_EQ(answers[2].error().outcome(), Outcome::unknown);
    EXPECT_FALSE(session->usable());
}

TEST(Pipeline, SaysOfEachWhatIsUnknownWhenTheConnectionBreaks) {
    const auto session = open_session();
    const auto answers = run_all(*session, {"select 1", "select pg_terminate_backend(pg_backend_pid())", "select 3"});
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_TRUE(answers[0]);
    for (const std::size_t lost : {1, 2}) {
        ASSERT_FALSE(answers[lost]);
        EXPECT_EQ(answers[lost].error().kind(), ErrorKind::connection_lost);
        EXPECT_FALSE(answers[lost].error().connection_usable());
    }
    EXPECT_FALSE(session->usable());
    for (const auto& answer : run_all(*session, {"select 1", "select 2"}))
        EXPECT_EQ(answer.error().outcome(), Outcome::not_sent);
}

}  // namespace
}  // namespace pg::libpq
