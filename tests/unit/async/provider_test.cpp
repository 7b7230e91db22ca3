// The provider "async": what it says of itself, where its sessions live, and an application's loop as their home.
#include "providers/async/provider.hpp"

#include <atomic>
#include <set>

#include "tests/in_a_copy.hpp"
#include "tests/unit/async/inner_provider.hpp"
#include "tests/unit/fibers/hand_reactor.hpp"

namespace pg::async {

using namespace fibers;
namespace {

using Names = std::vector<std::string>;
using SessionPtr = std::unique_ptr<spi::Session>;

class AsyncProviders : public ::testing::Test {
protected:
    [[nodiscard]] std::shared_ptr<spi::Provider> make(std::size_t reactors) const {
        return make_async_provider(std::make_shared<InnerProvider>(account), reactors);
    }
    static SessionPtr open(const std::shared_ptr<spi::Provider>& provider) {
        auto session = provider->open(Config(), {}, {});
        EXPECT_TRUE(session);
        return session ? *std::move(session) : nullptr;
    }
    const AccountPtr account = std::make_shared<Account>();
};

TEST_F(AsyncProviders, SayWhatTheyAreAndWhatTheirInnerOneCan) {
    const auto provider = make(1);
    EXPECT_EQ(provider->name(), "async");
    EXPECT_EQ(provider->version(), "inner 1.2");
    EXPECT_TRUE(provider->capabilities().awaitable);
    EXPECT_TRUE(provider->capabilities().copy);
    EXPECT_TRUE(provider->capabilities().streaming);
    EXPECT_FALSE(provider->capabilities().notifications) << "as the inner one";
}

TEST_F(AsyncProviders, OpenTheirSessionsAtHome) {
    const auto provider = make(1);
    const SessionPtr session = open(provider);
    const std::vector<Account::Line> lines = account->take();
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0].what, "open");
    EXPECT_TRUE(lines[0].on_fiber);
    EXPECT_NE(lines[0].thread, std::this_thread::get_id());
}

TEST_F(AsyncProviders, HandOnWhyNoSessionCouldBeOpened) {
    account->refuses = Error({.kind = ErrorKind::connect, .message = "nobody there"});
    const auto session = make(1)->open(Config(), {}, {});
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().kind(), ErrorKind::connect);
}

TEST_F(AsyncProviders, StartNoMoreReactorsThanTheyMay) {
    const auto provider = make(3);
    std::vector<SessionPtr> sessions;
    std::map<spi::Reactor*, int> count;
    for (int number = 0; number < 9; ++number) {
        sessions.push_back(open(provider));
        ++count[sessions.back()->reactor().get()];
        EXPECT_EQ(count.size(), std::min<std::size_t>(static_cast<std::size_t>(number) + 1, 3u));
    }
    for (const auto& [reactor, lives] : count) EXPECT_EQ(lives, 3) << "they are spread evenly";
}

TEST_F(AsyncProviders, PutTheNextSessionWhereFewestLive) {
    const auto provider = make(2);
    std::vector<SessionPtr> sessions;
    for (int number = 0; number < 4; ++number) sessions.push_back(open(provider));
    const std::shared_ptr<spi::Reactor> emptier = sessions[1]->reactor();
    for (SessionPtr& session : sessions)
        if (session->reactor() == emptier) session.reset();
    EXPECT_EQ(provider->reactor(), emptier);
    EXPECT_EQ(open(provider)->reactor(), emptier);
}

TEST_F(AsyncProviders, HaveOneReactorAtLeast) {
    const auto provider = make(0);
    const SessionPtr one = open(provider), other = open(provider);
    EXPECT_EQ(one->reactor(), other->reactor());
}

TEST_F(AsyncProviders, KeepWhoeverIsOnAReactorThere) {
    const auto provider = make(2);
    const SessionPtr one = open(provider), other = open(provider);
    ASSERT_NE(one->reactor(), other->reactor());
    SessionPtr third;
    for (const SessionPtr* of : {&one, &other}) {
        std::shared_ptr<spi::Reactor> chosen;
        Event done;
        FunctionJob job([&] {
            third = open(provider);
            chosen = provider->reactor();
            done.happen();
        });
        (*of)->reactor()->spawn(job);
        done.wait();
        EXPECT_EQ(chosen, (*of)->reactor());
        EXPECT_EQ(third->reactor(), (*of)->reactor());
    }
}

TEST_F(AsyncProviders, LetAReactorGoWithItsLastSessionAndStartAnother) {
    const auto provider = make(1);
    SessionPtr session = open(provider);
    const std::weak_ptr<spi::Reactor> first = session->reactor();
    session.reset();
    EXPECT_TRUE(first.expired());
    session = open(provider);
    EXPECT_TRUE(session->run({.sql = "again"}, {}));
}

TEST_F(AsyncProviders, MayGoBeforeTheirSessions) {
    auto provider = make(1);
    const SessionPtr session = open(provider);
    provider.reset();
    EXPECT_TRUE(session->run({.sql = "still"}, {}));
}

TEST_F(AsyncProviders, HaveReactorsOfTheirOwnInACopyOfTheProcess) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "ThreadSanitizer ends a copy of the process that begins threads of its own";
#endif
    const auto provider = make(1);
    const SessionPtr before = open(provider);
    EXPECT_TRUE(testing_support::in_a_copy([&] {
        const SessionPtr session = open(provider);
        return session && session->reactor() != before->reactor() && session->run({.sql = "a"}, {});
    }));
    EXPECT_TRUE(before->run({.sql = "still"}, {}));
}

TEST_F(AsyncProviders, OpenSessionsForManyThreadsAtOnce) {
    const auto provider = make(2);
    constexpr int threads = 4, each = 10;
    std::mutex mutex;
    std::set<spi::Reactor*> homes;
    std::vector<SessionPtr> sessions;
    std::vector<std::thread> openers;
    for (int thread = 0; thread < threads; ++thread)
        openers.emplace_back([&] {
            for (int number = 0; number < each; ++number) {
                SessionPtr session = open(provider);
                EXPECT_TRUE(session->run({.sql = "a"}, {}));
                const std::lock_guard lock(mutex);
                homes.insert(session->reactor().get());
                sessions.push_back(std::move(session));
            }
        });
    for (std::thread& opener : openers) opener.join();
    EXPECT_EQ(sessions.size(), std::size_t{threads * each});
    EXPECT_LE(homes.size(), 2u);
}

/// On a loop that the test drives, on whose thread it is.
class OnAnApplicationsLoop : public HandReactor {
protected:
    /// Opens a session on a fiber of the loop.
    SessionPtr open() {
        SessionPtr session;
        on_home([&] { session = *provider->open(Config(), {}, {}); });
        return session;
    }
    void on_home(std::function<void()> function) {
        provider->reactor()->spawn(job(std::move(function)));
        loop.run();
    }
    /// Runs `function` on another thread, and the loop meanwhile.
    void elsewhere(std::function<void()> function) {
        std::atomic<bool> over{false};
        std::thread other([&] {
            function();
            over = true;
        });
        while (!over) loop.run_posted();
        other.join();
        loop.run();
    }
    static constexpr auto no_alarm = Deadline::Clock::time_point::max();
    const AccountPtr account = std::make_shared<Account>();
    std::shared_ptr<spi::Provider> provider = make_async_provider(std::make_shared<InnerProvider>(account), loop);
};

TEST_F(OnAnApplicationsLoop, SessionsLiveThere) {
    const std::shared_ptr<spi::Reactor> home = provider->reactor();
    ASSERT_NE(home, nullptr);
    EXPECT_TRUE(home->here());
    SessionPtr one = open(), other = open();
    EXPECT_EQ(one->reactor(), home);
    EXPECT_EQ(other->reactor(), home);
    EXPECT_EQ(provider->reactor(), home) << "however many there are";
    for (const Account::Line& line : account->take()) {
        EXPECT_EQ(line.thread, std::this_thread::get_id());
        EXPECT_TRUE(line.on_fiber);
    }
    one.reset();
    EXPECT_EQ(account->take_names(), Names{"~session"}) << "an idle one closes without waiting";
    elsewhere([&] { other.reset(); });
    EXPECT_EQ(account->take_names(), Names{"~session"});
}

TEST_F(OnAnApplicationsLoop, TheReactorGoesWithTheLastSessionAndNotBefore) {
    SessionPtr session = open();
    const std::weak_ptr<spi::Reactor> home = session->reactor();
    std::unique_ptr<spi::RowStream> stream;
    on_home([&] { stream = *session->stream({.sql = "a"}, {}); });
    provider.reset();
    stream.reset();   // in the background
    session.reset();  // after that
    EXPECT_FALSE(home.expired());
    loop.run();
    EXPECT_TRUE(home.expired());
    const Names names = account->take_names();
    EXPECT_EQ((Names{names.end() - 2, names.end()}), (Names{"~stream", "~session"}));
}

TEST_F(OnAnApplicationsLoop, TheReactorStaysUntilTheWorkOnItHasEnded) {
    Pipe pipe;
    bool over = false;
    on_home([&] {
        EXPECT_EQ(wait_for(pipe.reader(), {far_away()}), Woken::ready);
        over = true;
    });
    const std::weak_ptr<spi::Reactor> home = provider->reactor();
    provider.reset();
    EXPECT_TRUE(home.expired());
    const int alarms = loop.alarms;
    loop.run();
    EXPECT_FALSE(over);
    EXPECT_EQ(loop.alarms, alarms) << "it need not look again";
    pipe.write();
    loop.look();
    EXPECT_TRUE(over);
    EXPECT_EQ(loop.alarm, no_alarm) << "it has gone, and its alarm with it";
}

TEST_F(OnAnApplicationsLoop, AReactorWithWorkLeftIsThatOfTheNextClient) {
    Pipe pipe;
    bool over = false;
    on_home([&] {
        EXPECT_EQ(wait_for(pipe.reader(), {far_away()}), Woken::ready);
        over = true;
    });
    provider.reset();
    loop.run();
    provider = make_async_provider(std::make_shared<InnerProvider>(account), loop);
    FunctionJob late;
    spi::Timer timer;
    provider->reactor()->set(timer, Deadline::Clock::now() + 2h, late);
    EXPECT_LT(*loop.alarm, timer.when) << "the work that is left has its time, too";
    provider->reactor()->cancel(timer);
    pipe.write();
    loop.look();
    EXPECT_TRUE(over);
    EXPECT_NE(loop.alarm, no_alarm) << "it is in use";
    provider.reset();
    loop.run();
    EXPECT_EQ(loop.alarm, no_alarm);
}

TEST_F(OnAnApplicationsLoop, AReactorWhoseEndTheLoopHasNotRunGoesBesideThatOfTheNextClient) {
    Pipe pipe;
    bool over = false;
    on_home([&] {
        EXPECT_EQ(wait_for(pipe.reader(), {far_away()}), Woken::ready);
        over = true;
    });
    on_other_thread([&] { provider.reset(); });
    provider = make_async_provider(std::make_shared<InnerProvider>(account), loop);
    FunctionJob late;
    spi::Timer timer;
    provider->reactor()->set(timer, Deadline::Clock::now() + 2h, late);
    for (int turn = 0; turn < 3; ++turn) EXPECT_NE(loop.run_posted(), 0u) << "they look at their time in turns";
    pipe.write();
    loop.look();
    EXPECT_TRUE(over);
    EXPECT_EQ(loop.alarm, timer.when) << "that of the one that is left";
    provider->reactor()->cancel(timer);
}

TEST_F(OnAnApplicationsLoop, TwoClientsShareItsReactorAndItsAlarm) {
    const auto other = make_async_provider(std::make_shared<InnerProvider>(account), loop);
    const std::shared_ptr<spi::Reactor> shared = provider->reactor();
    EXPECT_EQ(other->reactor(), shared);
    FunctionJob early, late;
    spi::Timer first, second;
    shared->set(first, Deadline::Clock::now() - 1s, early);
    other->reactor()->set(second, Deadline::Clock::now() + 1h, late);
    loop.fire_alarm();
    EXPECT_EQ(early.runs, 1);
    EXPECT_EQ(loop.alarm, second.when);
    shared->cancel(second);
}

TEST_F(OnAnApplicationsLoop, AReactorThatEndsLeavesTheNextOneItsAlarm) {
    const std::weak_ptr<spi::Reactor> before = provider->reactor();
    FunctionJob job_of_one, job_of_next;
    spi::Timer of_one, of_next;
    provider->reactor()->set(of_one, Deadline::Clock::now() + 1h, job_of_one);
    provider->reactor()->cancel(of_one);
    elsewhere([&] { provider.reset(); });  // it goes by a job of the loop
    EXPECT_TRUE(before.expired());
    provider = make_async_provider(std::make_shared<InnerProvider>(account), loop);
    const std::shared_ptr<spi::Reactor> next = provider->reactor();
    next->set(of_next, Deadline::Clock::now() + 2h, job_of_next);
    loop.run();
    EXPECT_EQ(loop.alarm, of_next.when);
    next->cancel(of_next);
}

TEST_F(OnAnApplicationsLoop, ACopyOfTheProcessHasAReactorOfItsOwn) {
    const SessionPtr before = open();
    EXPECT_TRUE(testing_support::in_a_copy([&] {
        const std::shared_ptr<spi::Reactor> home = provider->reactor();
        provider = make_async_provider(std::make_shared<InnerProvider>(account), loop);
        const bool is_another = provider->reactor() != home;
        SessionPtr session = open();
        const bool lives_there = session && session->reactor() == provider->reactor();
        session.reset();
        return is_another && lives_there;
    }));
}

TEST_F(OnAnApplicationsLoop, TheReactorGoesOnItsLoopWhenTheLastShareGoesElsewhere) {
    SessionPtr session = open();
    elsewhere([&] {
        session.reset();
        provider.reset();
    });
    loop.run();
    EXPECT_EQ(account->take_names().back(), "~session");
}

TEST_F(OnAnApplicationsLoop, AnotherThreadHasItsCallsDoneThere) {
    SessionPtr session;
    elsewhere([&] {
        session = *provider->open(Config(), {}, {});
        EXPECT_TRUE(session->run({.sql = "a"}, {}));
        session.reset();
    });
    const std::vector<Account::Line> lines = account->take();
    ASSERT_EQ(lines.size(), 3u);
    for (const Account::Line& line : lines) {
        EXPECT_EQ(line.thread, std::this_thread::get_id()) << line.what;
        EXPECT_TRUE(line.on_fiber) << line.what;
    }
}

TEST_F(OnAnApplicationsLoop, TheLoopsOwnThreadIsNotMadeToWait) {
    const auto refused = provider->open(Config(), {}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::usage);
    SessionPtr session = open();
    const auto ran = session->run({.sql = "a"}, {});
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().kind(), ErrorKind::usage);
    session.reset();
    loop.run();
}

TEST_F(OnAnApplicationsLoop, TheHomeOutlivesItsSessions) {
    const std::weak_ptr<spi::Reactor> home = provider->reactor();
    SessionPtr session = open();
    session.reset();
    loop.run();
    EXPECT_FALSE(home.expired());
    session = open();
    on_home([&] { EXPECT_TRUE(session->run({.sql = "a"}, {})); });
    session.reset();
    loop.run();
}

}  // namespace
}  // namespace pg::async
