// ReactorSession: every operation is done at home, whoever asks for it, and refused where it would wait for itself.
#include <future>

#include "providers/async/provider.hpp"
#include "tests/in_a_copy.hpp"
#include "tests/outcomes_of.hpp"
#include "tests/unit/async/inner_provider.hpp"
#include "tests/unit/fibers/hand_reactor.hpp"

namespace pg::async {

using namespace fibers;
namespace {

using Names = std::vector<std::string>;

class Sessions : public ::testing::Test {
protected:
    Sessions() {
        auto opened = provider->open(Config(), {}, wait);
        if (!opened) throw std::runtime_error("no session");
        session = *std::move(opened);
        home = session->reactor();
        on_home([this] { home_thread = std::this_thread::get_id(); });
        static_cast<void>(account->take());
    }
    /// Runs `function` on the loop's thread, where it must not wait.
    void on_home(std::function<void()> function) { run_there(std::move(function), &spi::Reactor::post); }
    void on_fiber(std::function<void()> function) { run_there(std::move(function), &spi::Reactor::spawn); }
    /// What was done since the last call; each of it was done at home.
    Names done_at_home() {
        Names names;
        for (Account::Line& line : account->take()) {
            EXPECT_EQ(line.thread, home_thread) << line.what;
            EXPECT_TRUE(line.on_fiber) << line.what;
            names.push_back(std::move(line.what));
        }
        return names;
    }
    /// All that was spawned by now has run.
    void settle() {
        for (int round = 0; round < 3; ++round) on_fiber([] {});
    }
    static spi::Request request(std::string_view sql) { return {.sql = sql}; }

    template <class T>
    static void expect_refused(const Expected<T>& outcome) {
        ASSERT_FALSE(outcome.has_value());
        EXPECT_EQ(outcome.error().kind(), ErrorKind::usage);
        EXPECT_EQ(outcome.error().outcome(), Outcome::not_sent);
        EXPECT_TRUE(outcome.error().connection_usable());
    }

    const AccountPtr account = std::make_shared<Account>();
    const std::shared_ptr<spi::Provider> provider = make_async_provider(std::make_shared<InnerProvider>(account), 1);
    std::unique_ptr<spi::Session> session;
    std::shared_ptr<spi::Reactor> home;
    std::thread::id home_thread;
    const spi::Wait wait{};

private:
    void run_there(std::function<void()> function, void (spi::Reactor::*hand_over)(spi::Job&) noexcept) {
        Event done;
        FunctionJob job([&] {
            function();
            done.happen();
        });
        ((*home).*hand_over)(job);
        done.wait();
    }
};

TEST_F(Sessions, DoAtHomeWhatAnotherThreadAsksFor) {
    const auto ran = session->run(request("select 1"), wait);
    ASSERT_TRUE(ran);
    EXPECT_EQ(ran->tag(), "INNER 1");
    EXPECT_TRUE(session->run_script("script;", wait));
    const Oid types[] = {Oid{23}};
    const auto described = session->prepare("s1", "select $1", types, wait);
    ASSERT_TRUE(described);
    EXPECT_EQ(described->parameters, std::vector{Oid{23}});
    const auto notification = session->wait_notification(wait);
    ASSERT_TRUE(notification);
    ASSERT_TRUE(*notification);
    EXPECT_EQ((*notification)->payload, "payload");
    EXPECT_EQ(done_at_home(),
              (Names{"run select 1", "script script;", "prepare s1 as select $1", "wait_notification"}));
}

TEST_F(Sessions, DoBatchesAtHome) {
    const spi::Request requests[] = {request("a"), request("b")};
    const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::each, wait);
    ASSERT_EQ(outcomes.size(), 2u);
    for (const auto& outcome : outcomes) EXPECT_TRUE(outcome);
    EXPECT_EQ(done_at_home(), (Names{"batch a", "batch b"}));
}

TEST_F(Sessions, ReadRowsAtHomeAndEndTheirStreamThere) {
    auto stream = session->stream(request("select"), wait);
    ASSERT_TRUE(stream);
    EXPECT_TRUE((*stream)->next(wait));
    stream->reset();
    EXPECT_EQ(done_at_home(), (Names{"stream select", "next", "~stream"}));
}

TEST_F(Sessions, CopyAtHomeAndEndTheirCopiesThere) {
    auto in = session->copy_in("copy in", wait);
    ASSERT_TRUE(in);
    EXPECT_EQ((*in)->columns(), 3u);
    EXPECT_TRUE((*in)->write("bytes", wait));
    const auto rows = (*in)->finish(wait);
    ASSERT_TRUE(rows);
    EXPECT_EQ(*rows, 7u);
    EXPECT_TRUE((*in)->fail("because", wait));
    in->reset();
    EXPECT_EQ(done_at_home(), (Names{"copy_in copy in", "write bytes", "finish", "fail because", "~copy_in"}));

    auto out = session->copy_out("copy out", wait);
    ASSERT_TRUE(out);
    const auto piece = (*out)->read(wait);
    ASSERT_TRUE(piece);
    EXPECT_EQ(*piece, "piece");
    out->reset();
    EXPECT_EQ(done_at_home(), (Names{"copy_out copy out", "read", "~copy_out"}));
}

TEST_F(Sessions, EndAtHome) {
    session.reset();
    EXPECT_EQ(done_at_home(), Names{"~session"});
}

TEST_F(Sessions, HandOnTheErrorsOfWhatTheyDo) {
    account->refuses = Error({.kind = ErrorKind::server, .outcome = Outcome::not_applied, .sqlstate = "42601"});
    const auto refused = [](const auto& outcome) {
        return !outcome && outcome.error().kind() == ErrorKind::server && outcome.error().sqlstate() == "42601";
    };
    const spi::Request requests[] = {request("a")};
    EXPECT_TRUE(refused(session->run(request("a"), wait)));
    EXPECT_TRUE(refused(pg::testing::outcomes_of(*session, requests, spi::BatchSync::once, wait).at(0)));
    EXPECT_TRUE(refused(session->run_script("a", wait)));
    EXPECT_TRUE(refused(session->stream(request("a"), wait)));
    EXPECT_TRUE(refused(session->copy_in("a", wait)));
    EXPECT_TRUE(refused(session->copy_out("a", wait)));
    EXPECT_TRUE(refused(session->prepare("a", "a", {}, wait)));
    EXPECT_TRUE(refused(session->wait_notification(wait)));
    EXPECT_EQ(done_at_home().size(), 8u);
}

TEST_F(Sessions, SayAtOnceWhatTheyKnow) {
    EXPECT_EQ(session->transaction_status(), spi::TransactionStatus::failed);
    EXPECT_FALSE(session->alive());
    EXPECT_EQ(session->parameter("TimeZone"), "UTC");
    EXPECT_EQ(session->backend_process(), 4711);
    EXPECT_EQ(session->server_version(), 150018);
    EXPECT_EQ(session->node(), "nowhere:5432");
    EXPECT_EQ(session->engine(), "inner");
    ASSERT_NE(session->reactor(), nullptr);
    EXPECT_EQ(session->reactor(), home);
}

TEST_F(Sessions, RefuseOnTheLoopsOwnThreadWhatWouldWait) {
    on_home([&] {
        ASSERT_EQ(spi::Waiter::here(), nullptr);
        expect_refused(session->run(request("a"), wait));
        expect_refused(session->run_script("a", wait));
        expect_refused(session->stream(request("a"), wait));
        expect_refused(session->copy_in("a", wait));
        expect_refused(session->copy_out("a", wait));
        expect_refused(session->prepare("a", "a", {}, wait));
        expect_refused(session->wait_notification(wait));
        const std::vector<spi::Request> requests(3, request("a"));
        const auto outcomes = pg::testing::outcomes_of(*session, requests, spi::BatchSync::once, wait);
        ASSERT_EQ(outcomes.size(), 3u);
        for (const auto& outcome : outcomes) expect_refused(outcome);
        expect_refused(provider->open(Config(), {}, wait));
    });
    EXPECT_EQ(account->take_names(), Names{}) << "nothing of it was done";
    EXPECT_TRUE(session->run(request("b"), wait)) << "from here it is";
}

TEST_F(Sessions, RefuseTheSameOfStreamsAndCopies) {
    auto stream = *session->stream(request("a"), wait);
    auto in = *session->copy_in("a", wait);
    auto out = *session->copy_out("a", wait);
    static_cast<void>(account->take());
    on_home([&] {
        expect_refused(stream->next(wait));
        expect_refused(in->write("a", wait));
        expect_refused(in->finish(wait));
        expect_refused(in->fail("a", wait));
        EXPECT_EQ(in->columns(), 3u);
        expect_refused(out->read(wait));
    });
    EXPECT_EQ(account->take_names(), Names{});
}

TEST_F(Sessions, RefuseOnTheThreadOfAnotherLoopWhatCouldWaitForThat) {
    HandLoop loop;
    LoopReactor other(loop);
    auto stream = *session->stream(request("a"), wait);
    static_cast<void>(account->take());
    FunctionJob job([&] {
        ASSERT_EQ(spi::Waiter::here(), nullptr);
        expect_refused(session->run(request("a"), wait));
        expect_refused(stream->next(wait));
        expect_refused(provider->open(Config(), {}, wait));
    });
    other.post(job);
    loop.run();
    EXPECT_EQ(job.runs, 1);
    EXPECT_EQ(account->take_names(), Names{}) << "nothing of it was done";
    EXPECT_TRUE(stream->next(wait)) << "what such a thread does beside its loop is its own affair";
}

TEST_F(Sessions, EndAtHomeAfterwardsWhatIsDestroyedOnTheThreadOfAnotherLoop) {
    HandLoop loop;
    LoopReactor other(loop);
    auto stream = *session->stream(request("a"), wait);
    auto in = *session->copy_in("a", wait);
    auto out = *session->copy_out("a", wait);
    static_cast<void>(account->take());
    std::promise<void> destroyed;
    bool is_destroyed_meanwhile = false;
    FunctionJob held_up([&] {
        is_destroyed_meanwhile = destroyed.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready;
    });
    FunctionJob job([&] {
        stream.reset();
        in.reset();
        out.reset();
        session.reset();
        destroyed.set_value();
    });
    home->post(held_up);
    other.post(job);
    loop.run();
    settle();
    EXPECT_TRUE(is_destroyed_meanwhile) << "as its loop may be held up by who waits for this one";
    EXPECT_EQ(done_at_home(), (Names{"~stream", "~copy_in", "~copy_out", "~session"}));
}

TEST_F(Sessions, EndOnAFiberAfterwardsWhatIsDestroyedOnTheLoopsOwnThread) {
    auto stream = *session->stream(request("a"), wait);
    auto in = *session->copy_in("a", wait);
    auto out = *session->copy_out("a", wait);
    static_cast<void>(account->take());
    on_home([&] {
        stream.reset();
        in.reset();
        out.reset();
        EXPECT_EQ(account->take_names(), Names{}) << "not inside of the call";
    });
    settle();
    EXPECT_EQ(done_at_home(), (Names{"~stream", "~copy_in", "~copy_out"}));
    on_home([&] {
        session.reset();
        EXPECT_EQ(account->take_names(), Names{"~session"}) << "an idle one closes without waiting";
    });
}

TEST_F(Sessions, DoNothingElseBeforeTheEndOfWhatIsBeingBuried) {
    auto stream = *session->stream(request("a"), wait);
    static_cast<void>(account->take());
    on_home([&] {
        stream.reset();
        EXPECT_FALSE(session->alive());
        EXPECT_FALSE(session->usable());
    });
    EXPECT_TRUE(session->run(request("b"), wait));
    EXPECT_EQ(done_at_home(), (Names{"~stream", "run b"}));
    EXPECT_TRUE(session->usable());
}

TEST_F(Sessions, DoAtOnceWhatAFiberOfTheirsAsksFor) {
    on_fiber([&] {
        EXPECT_TRUE(session->run(request("a"), wait));
        auto stream = *session->stream(request("b"), wait);
        EXPECT_TRUE(stream->next(wait));
        stream.reset();
        EXPECT_EQ(account->take_names(), (Names{"run a", "stream b", "next", "~stream"}));
        session.reset();
        EXPECT_EQ(account->take_names(), Names{"~session"});
    });
}

/// Requests from a list.
class ListedFeed final : public spi::RequestFeed {
public:
    explicit ListedFeed(std::span<const spi::Request> requests) : left_(requests) {}
    int answers = 0;

private:
    const spi::Request* do_next() noexcept override {
        if (left_.empty()) return nullptr;
        const spi::Request* const next = left_.data();
        left_ = left_.subspan(1);
        return next;
    }
    void do_answer(Expected<Result>&& outcome) noexcept override { answers += outcome ? 1 : 0; }
    const spi::Wait* do_given_up() const noexcept override { return nullptr; }
    spi::Wait do_wait() const noexcept override { return {}; }

    std::span<const spi::Request> left_;
};

TEST_F(Sessions, RunAPipelineOfTheInnerSession) {
    const spi::Request requests[] = {request("a"), request("b")};
    ListedFeed feed(requests);
    on_fiber([&] { session->run_pipeline(feed); });
    EXPECT_EQ(feed.answers, 2);
    EXPECT_EQ(done_at_home(), (Names{"pipeline a", "pipeline b"}));
}

TEST_F(Sessions, AreUsedByManyThreadsOneAfterTheOther) {
    for (int round = 0; round < 50; ++round) std::thread([&] { EXPECT_TRUE(session->run(request("a"), wait)); }).join();
    EXPECT_EQ(done_at_home(), Names(50, "run a"));
}

TEST_F(Sessions, AskNoOtherThreadInACopyOfTheProcess) {
    auto stream = *session->stream(request("a"), wait);
    static_cast<void>(account->take());
    EXPECT_TRUE(testing_support::in_a_copy([&] {
        bool right = session->run(request("b"), wait).has_value();
        stream.reset();
        for (const Account::Line& line : account->take())
            right = right && line.thread == std::this_thread::get_id() && !line.on_fiber;
        return right;
    }));
}

}  // namespace
}  // namespace pg::async
