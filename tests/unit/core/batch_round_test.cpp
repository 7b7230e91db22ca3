// Awaited runs of a batch whose caller goes on with the batch before they have ended.
#include <coroutine>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <stop_token>

#include "fake_session.hpp"
#include "pg/async.hpp"
#include "pg/connection.hpp"
#include "pg/spi/observer.hpp"
#include "pg/stop.hpp"

namespace {

using fake::Lines;
using GivenRun = pg::Async<pg::Expected<void>>;

/// A client whose batches are given up, and more, while they are at work.
class GivenUpBatch : public testing::Test {
protected:
    GivenUpBatch() { db.server->reactor = db.provider->reactor(); }
    /// Begins a run of it, and calls `meanwhile` when its statements have been sent.
    template <class Meanwhile>
    void run(Meanwhile meanwhile) {
        db.server->during_batch = meanwhile;
        start();
    }
    void start() {
        under_way.emplace(async.try_run(batch));
        under_way->await_suspend(std::noop_coroutine());
    }
    void give_up() { under_way.reset(); }
    void run_again() { async.run(batch).get(); }
    std::vector<std::string> sent() {
        std::vector<std::string> texts;
        for (const fake::Asked& asked : std::exchange(db.server->asked, {})) texts.push_back(asked.sql);
        return texts;
    }

    fake::Database db{2};
    pg::AsyncClient async = db.client.async();
    pg::Batch batch = async.batch();
    std::optional<GivenRun> under_way;
};

/// An observer that its client lets go of with the first request, and that goes when that has been refused, with a
/// word.
class LastToGo final : public pg::spi::Observer {
public:
    LastToGo(pg::detail::Context& context, std::function<void()> last) : context_(context), last_(std::move(last)) {}
    LastToGo(const LastToGo&) = delete;
    LastToGo& operator=(const LastToGo&) = delete;
    ~LastToGo() override { last_(); }

private:
    void on_request(const pg::spi::RequestEvent&) noexcept override { context_.hooks.reset(); }

    pg::detail::Context& context_;
    const std::function<void()> last_;
};

TEST_F(GivenUpBatch, TakesWhatIsAddedToItMeanwhile) {
    db.provider->spot().runs_in_turn = true;
    batch.exec("delete from t");
    batch.exec("delete from u");
    run([&] {
        give_up();
        for (int i = 0; i < 100; ++i) batch.exec("delete from w");
    });
    EXPECT_EQ(sent(), (Lines{"delete from t", "delete from u"}));
    run_again();
    EXPECT_EQ(sent(), Lines(100, "delete from w"));
    EXPECT_EQ(batch.size(), 102u);
}

TEST_F(GivenUpBatch, HasTheOptionsOfTheExecutorThatItIsOf) {
    db.provider->spot().runs_in_turn = true;
    for (int round = 0; round < 2; ++round)
        db.server->answer("select a, b", fake::rows({{"a", 23}, {"b", 23}}, {{"1", "2"}}));
    pg::Batch lenient = async.with({.extra = pg::Extra::ignore}).batch();
    const auto one = lenient.query_one<std::tuple<int>>("select a, b");
    const auto none = batch.query_one<std::tuple<int>>("select a, b");
    async.run(lenient).get();
    run_again();
    EXPECT_EQ(one.get(), std::tuple(1));
    EXPECT_EQ(none.try_get().error().kind(), pg::ErrorKind::shape);
}

TEST_F(GivenUpBatch, HasNoOutcomesForWhatComesAfterAClear) {
    db.provider->spot().runs_in_turn = true;
    db.server->answer("delete from t", fake::affected("DELETE 7", 7));
    db.server->answer("insert into t values (1)", fake::affected("INSERT 0 1", 1));
    const auto deleted = batch.exec("delete from t");
    std::optional<pg::Deferred<std::uint64_t>> inserted;
    run([&] {
        give_up();
        batch.clear();
        inserted = batch.exec("insert into t values (1)");
    });
    EXPECT_FALSE(inserted->try_get());
    EXPECT_EQ(sent(), Lines{"delete from t"});
    run_again();
    EXPECT_EQ(sent(), Lines{"insert into t values (1)"});
    EXPECT_EQ(inserted->get(), 1u);
    EXPECT_EQ(deleted.try_get().error().kind(), pg::ErrorKind::usage);
}

TEST_F(GivenUpBatch, SaysWhatBecameOfItsStatementsWhenItHasEnded) {
    db.provider->spot().runs_in_turn = true;
    db.server->answer("delete from t", fake::affected("DELETE 7", 7));
    const auto deleted = batch.exec("delete from t");
    run([&] {
        give_up();
        EXPECT_EQ(deleted.try_get().error().kind(), pg::ErrorKind::usage);
        EXPECT_EQ(deleted.try_get().error().outcome(), pg::Outcome::unknown);
    });
    EXPECT_EQ(deleted.get(), 7u);
}

TEST_F(GivenUpBatch, MayBeGone) {
    db.provider->spot().runs_in_turn = true;
    std::optional<pg::Batch> own(std::move(batch));
    batch = async.batch();
    own->exec("delete from t");
    db.server->during_batch = [&] {
        give_up();
        own.reset();
    };
    under_way.emplace(async.try_run(*own));
    under_way->await_suspend(std::noop_coroutine());
    EXPECT_EQ(sent(), Lines{"delete from t"});
}

TEST_F(GivenUpBatch, MayHaveAnotherRunUnderWay) {
    db.server->answer("delete from t", fake::affected("DELETE 1", 1));
    db.server->answer("delete from u", fake::affected("DELETE 2", 2));
    const auto first = batch.exec("delete from t");
    std::optional<pg::Deferred<std::uint64_t>> second;
    run([&] {
        second = batch.exec("delete from u");
        run_again();
        EXPECT_EQ(second->get(), 2u);
        EXPECT_FALSE(first.try_get());
    });
    EXPECT_EQ(first.get() + second->get(), 3u);
}

TEST_F(GivenUpBatch, IsNotSentByTheNextRunWhenItHadNoSession) {
    std::optional<pg::AsyncConnection> holders[] = {async.connection().get(), async.connection().get()};
    const auto deleted = batch.exec("delete from t");
    start();
    give_up();
    batch.exec("delete from u");
    for (auto& holder : holders) holder.reset();
    run_again();
    EXPECT_EQ(sent(), Lines{"delete from u"});
    EXPECT_EQ(deleted.try_get().error().kind(), pg::ErrorKind::cancelled);
    EXPECT_EQ(deleted.try_get().error().outcome(), pg::Outcome::not_sent);
}

TEST_F(GivenUpBatch, IsNotSentByTheNextRunWhenItWasGivenUpAsItWasRefused) {
    std::optional<pg::AsyncConnection> holders[] = {async.connection().get(), async.connection().get()};
    batch.exec("delete from t");
    const auto go_on = [&] {
        give_up();
        batch.exec("delete from u");
        for (auto& holder : holders) holder.reset();
        run_again();
    };
    db.context->hooks = std::make_shared<const pg::detail::Hooks>(
        pg::detail::Hooks{.observer = std::make_shared<LastToGo>(*db.context, go_on)});
    start();
    under_way->stop();
    EXPECT_EQ(sent(), Lines{"delete from u"});
}

TEST_F(GivenUpBatch, IsSentByTheNextRunWhenItWasNotStarted) {
    batch.exec("delete from t");
    under_way.emplace(async.try_run(batch));
    give_up();
    batch.exec("delete from u");
    run_again();
    EXPECT_EQ(sent(), (Lines{"delete from t", "delete from u"}));
}

TEST_F(GivenUpBatch, IsSentByTheNextRunWhenItWasRefused) {
    std::stop_source source;
    source.request_stop();
    const pg::StopToken stop(source.get_token());
    const auto stopped = async.with({.stop = &stop});
    for (const char* text : {"delete from t", "delete from u"}) {
        batch.exec(pg::runtime(text));
        EXPECT_EQ(stopped.try_run(batch).get().error().kind(), pg::ErrorKind::cancelled);
    }
    run_again();
    EXPECT_EQ(sent(), (Lines{"delete from t", "delete from u"}));
}

TEST_F(GivenUpBatch, IsSentByTheNextRunWithAnotherThatWasRefused) {
    std::optional<pg::AsyncConnection> holders[] = {async.connection().get(), async.connection().get()};
    batch.exec("delete from t");
    start();
    batch.exec("delete from u");
    GivenRun another = async.try_run(batch);
    another.await_suspend(std::noop_coroutine());
    under_way->stop();
    another.stop();
    for (auto& holder : holders) holder.reset();
    run_again();
    EXPECT_EQ(sent(), (Lines{"delete from t", "delete from u"}));
}

}  // namespace
