// The pool over fake sessions: who gets a session, who waits, and in what state sessions come back.
#include <array>
#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "pg/pool/pool.hpp"
#include "src/pool/make_pool.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace {

using namespace std::chrono_literals;
using fake::Lines;
using pg::Deadline;
using pg::spi::Lease;
using pg::spi::TransactionStatus;
using pg::spi::Wait;

const Wait at_once{pg::Deadline::at({}), nullptr};
const Wait whatever_it_takes{};

class SessionPool : public testing::Test {
protected:
    void open_set(std::size_t max_size) { set = std::make_unique<fake::Database>(max_size); }
    pg::spi::SessionSource& source() { return *set->context->source; }
    fake::Server& server() { return *set->server; }
    Lease take() { return source().acquire(at_once).value(); }
    pg::Error refusal(const Wait& wait = at_once) {
        auto lease = source().acquire(wait);
        if (lease) {
            ADD_FAILURE() << "a session was lent";
            return fake::server_error("00000");
        }
        return lease.error();
    }

    /// Until so many wait for a session.
    void await_waiters(std::size_t number) const {
        while (set->client.pool().stats().waiting != number) std::this_thread::yield();
    }

    std::unique_ptr<fake::Database> set = std::make_unique<fake::Database>(2);
};

TEST_F(SessionPool, OpensASessionOnlyWhenNoneIsIdle) {
    take().give_back();
    take().give_back();
    EXPECT_EQ(server().opened, 1);
    const Lease first = take();
    const Lease second = take();
    EXPECT_EQ(server().opened, 2);
    EXPECT_NE(&first.session(), &second.session());
}

TEST_F(SessionPool, LendsTheMostRecentlyReturnedSessionFirst) {
    Lease first = take();
    Lease second = take();
    const int last = first.session().backend_process();
    second.give_back();
    first.give_back();
    EXPECT_EQ(take().session().backend_process(), last);
}

TEST_F(SessionPool, SaysThatAllAreBusy) {
    const Lease first = take();
    const Lease second = take();
    const pg::Error error = refusal();
    EXPECT_EQ(error.kind(), pg::ErrorKind::pool_timeout);
    EXPECT_EQ(error.outcome(), pg::Outcome::not_sent);
    const std::string message(error.message());
    EXPECT_TRUE(message.starts_with("no session came free in time: all 2 are busy, the longest for ")) << message;
    EXPECT_TRUE(
        message.ends_with("; hold them for less time, or raise pool_max_size [2 of 2 open (2 lent, 0 idle, 0 being "
                          "opened, 0 being checked, 0 "
                          "closing), 0 requests waiting]"))
        << message;
}

TEST_F(SessionPool, GivesUpAfterTheAcquireTimeoutEvenIfTheRequestHasLonger) {
    open_set(1);
    const Lease only = take();
    set->context->acquire_timeout = 1ns;
    EXPECT_THROW(set->client.exec("select 1"), pg::PoolTimeout);
}

TEST_F(SessionPool, MovesLeases) {
    open_set(1);
    Lease first = take();
    Lease second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
    first = std::move(second);
    EXPECT_EQ(refusal().kind(), pg::ErrorKind::pool_timeout);
    first = Lease();
    EXPECT_TRUE(take());
}

TEST_F(SessionPool, HandsASessionThatComesBackToWhoeverWaits) {
    open_set(1);
    Lease only = take();
    std::thread waiting(
        [&] { EXPECT_TRUE(source().acquire({pg::Deadline::after(20s), nullptr})) << "nobody gave it the session"; });
    while (!source().has_waiters()) std::this_thread::yield();
    only.give_back();
    waiting.join();
}

/// Keeps the session that it is lent.
class Taker final : public pg::spi::LeaseWaiter {
public:
    Lease lease;

private:
    void do_settle(pg::Expected<Lease> lent) noexcept override { lease = std::move(lent).value(); }
};

TEST_F(SessionPool, LooksAtTheTimeAgainSoonAfterALongRestHoweverASessionIsTaken) {
    using Clock = pg::Deadline::Clock;
    pg::pool::Limits limits;
    limits.ping_after = 1h;
    set = std::make_unique<fake::Database>(limits);
    take().give_back();
    EXPECT_LE(set->provider->spot().alarm(), Clock::now() + 500ms);
    set->provider->spot().ring();
    EXPECT_GT(set->provider->spot().alarm(), Clock::now() + 1min) << "nothing is in use";
    Taker taker;
    EXPECT_TRUE(source().request_idle(taker));
    EXPECT_LE(set->provider->spot().alarm(), Clock::now() + 500ms);
    taker.lease.give_back();
    set->provider->spot().ring();
    EXPECT_GT(set->provider->spot().alarm(), Clock::now() + 1min);
    const Lease lease = take();
    EXPECT_LE(set->provider->spot().alarm(), Clock::now() + 500ms);
}

std::atomic<std::chrono::nanoseconds::rep> slept{0};
std::chrono::nanoseconds say_slept() noexcept { return std::chrono::nanoseconds(slept.load()); }

TEST_F(SessionPool, AsksItsSessionsAfterTheMachineWasAsleep) {
    pg::pool::Limits limits;
    limits.time_asleep = &say_slept;
    set = std::make_unique<fake::Database>(limits);
    take().give_back();
    set->provider->spot().ring();  // it stands in front of the books no more
    EXPECT_EQ(server().take_log(), Lines{});
    slept += std::chrono::nanoseconds(10min).count();
    take().give_back();
    EXPECT_EQ(server().take_log(), Lines{"script "});
    take().give_back();
    EXPECT_EQ(server().take_log(), Lines{});
    set->provider->spot().ring();
    slept += std::chrono::nanoseconds(10min).count();
    Taker taker;
    EXPECT_FALSE(source().request_idle(taker)) << "there is none that may be lent unasked";
}

TEST_F(SessionPool, KeepsASessionWhoseServerWasConfiguredAnewWhileItRested) {
    pg::pool::Limits limits;
    limits.time_asleep = &say_slept;
    set = std::make_unique<fake::Database>(limits);
    take().give_back();
    set->provider->spot().ring();
    slept += std::chrono::nanoseconds(10min).count();
    server().was_configured_anew = true;  // which the server reports when it is asked something
    take().give_back();
    EXPECT_EQ(server().take_log(), Lines{"script "});
    EXPECT_EQ(set->client.pool().stats().lost, 0u);
    EXPECT_EQ(server().opened, 1);
}

TEST(ThePool, KnowsHowLongTheMachineWasAsleep) {
    const std::chrono::nanoseconds before = pg::pool::time_asleep();
    EXPECT_GT(before, -1s);
    EXPECT_GE(pg::pool::time_asleep(), before - 1s);
}

TEST_F(SessionPool, ReplacesADeadSession) {
    open_set(1);
    take().give_back();
    server().dead = 1;
    EXPECT_EQ(take().session().backend_process(), 2);
    EXPECT_EQ(server().closed, 1);
}

TEST_F(SessionPool, RollsBackWhatWasLeftOpen) {
    open_set(1);
    {
        const Lease lease = take();
        ASSERT_TRUE(lease.session().run({.sql = "begin"}, whatever_it_takes));
    }
    EXPECT_EQ(take().session().transaction_status(), TransactionStatus::idle);
    EXPECT_EQ(server().opened, 1);
    EXPECT_EQ(server().take_log(), (Lines{"begin", "rollback"}));
}

TEST_F(SessionPool, ClosesWhatCannotBeBroughtToRest) {
    {
        const Lease lease = take();
        ASSERT_TRUE(lease.session().run({.sql = "begin"}, whatever_it_takes));
        server().answer("rollback", fake::server_error("57014"));
    }
    EXPECT_EQ(server().closed, 1);
    {
        const Lease lease = take();
        lease.slot().dirty = true;
        server().refuses_scripts = fake::server_error("57014");
    }
    EXPECT_EQ(server().closed, 2);
    {
        const Lease lease = take();
        server().answer("select 1", fake::connection_lost(pg::Outcome::unknown));
        ASSERT_FALSE(lease.session().run({.sql = "select 1"}, whatever_it_takes));
    }
    EXPECT_EQ(server().closed, 3);
    {
        const Lease lease = take();
        ASSERT_TRUE(lease.session().run({.sql = "begin"}, whatever_it_takes));
        server().ignores_rollback = true;
    }
    EXPECT_EQ(server().closed, 4);
    EXPECT_EQ(take().session().backend_process(), 5);
}

TEST_F(SessionPool, ResetsADirtySessionOnce) {
    {
        const Lease lease = take();
        lease.slot().dirty = true;
    }
    EXPECT_EQ(server().take_log().size(), 1u);
    EXPECT_FALSE(server().last_wait.deadline.is_never()) << "nobody waits for it";
    take().give_back();
    EXPECT_EQ(server().take_log(), Lines{});
    EXPECT_EQ(server().closed, 0) << "it is the same session that is lent again";
}

TEST_F(SessionPool, ClosesASessionWhoseServerNotifiesWithoutAnEnd) {
    server().notifies_without_end = true;
    {
        const Lease lease = take();
        lease.slot().dirty = true;
        lease.slot().lent_until = Deadline::after(-1s);
    }
    EXPECT_EQ(server().closed, 1);
}

TEST_F(SessionPool, CleansWithinTheTimeOfTheRequestThatHadTheSession) {
    const auto cleaned_by = [this](Deadline lent_until) {
        {
            const Lease lease = take();
            lease.slot().dirty = true;
            lease.slot().lent_until = lent_until;
        }
        return server().last_wait.deadline;
    };
    const Deadline soon = Deadline::after(1900ms);
    EXPECT_EQ(cleaned_by(soon), soon);
    const Deadline long_after = Deadline::after(1h);
    EXPECT_LT(cleaned_by(long_after), long_after) << "it is given two seconds";
    const Deadline over = Deadline::after(-1s);
    EXPECT_GT(cleaned_by(over), over) << "and a little when the time is over";
    EXPECT_FALSE(cleaned_by(Deadline::never()).is_never());
}

TEST_F(SessionPool, ClosesIdleSessionsAtOnceAndBusyOnesWhenTheyComeBack) {
    Lease busy = take();
    take().give_back();
    source().close();
    EXPECT_EQ(server().closed, 1);
    EXPECT_EQ(refusal().kind(), pg::ErrorKind::usage);
    busy.give_back();
    EXPECT_EQ(server().closed, 2);
}

TEST_F(SessionPool, HandsAReturnedSessionToAWaiter) {
    open_set(1);
    Lease only = take();
    std::thread waiter([&] { EXPECT_TRUE(source().acquire(whatever_it_takes)); });
    await_waiters(1);
    only.give_back();
    waiter.join();
    EXPECT_EQ(server().opened, 1);
}

TEST_F(SessionPool, LetsAWaiterOpenASessionWhenOneBreaks) {
    open_set(1);
    Lease only = take();
    std::thread waiter([&] { EXPECT_TRUE(source().acquire({pg::Deadline::after(1h), nullptr})); });
    await_waiters(1);
    server().answer("select 1", fake::connection_lost(pg::Outcome::unknown));
    EXPECT_FALSE(only.session().run({.sql = "select 1"}, whatever_it_takes));
    only.give_back();
    waiter.join();
    EXPECT_EQ(server().opened, 2);
}

TEST_F(SessionPool, WakesAWaiterThatIsStopped) {
    open_set(1);
    const Lease only = take();
    std::stop_source source_of_stop;
    const pg::StopToken stop(source_of_stop.get_token());
    std::thread waiter([&] { EXPECT_EQ(refusal({pg::Deadline::never(), &stop}).kind(), pg::ErrorKind::cancelled); });
    await_waiters(1);
    source_of_stop.request_stop();
    waiter.join();
}

TEST_F(SessionPool, WakesEveryWaiterWhenItIsClosed) {
    open_set(1);
    Lease only = take();
    std::array<std::thread, 3> waiters;
    for (std::thread& waiter : waiters)
        waiter = std::thread([&] { EXPECT_EQ(refusal(whatever_it_takes).kind(), pg::ErrorKind::usage); });
    await_waiters(3);
    source().close();
    for (std::thread& waiter : waiters) waiter.join();
}

/// Several threads do whatever borrowers do; at any time the set keeps its invariants.
class SessionPoolModel : public SessionPool {
protected:
    static constexpr std::size_t max_size = 3;
    static constexpr int steps = 400;

    void borrow_and_return(unsigned seed) {
        std::minstd_rand random(seed);
        for (int step = 0; step < steps; ++step) {
            const Wait wait{random() % 2 ? pg::Deadline::never() : pg::Deadline::after(random() % 100 * 1us)};
            auto lease = source().acquire(wait);
            if (!lease) {
                EXPECT_EQ(lease.error().kind(), pg::ErrorKind::pool_timeout);
                continue;
            }
            EXPECT_LE(++lent_, max_size) << "(S1)";
            pg::spi::Session& session = lease->session();
            std::atomic<bool>& mine = taken_[static_cast<std::size_t>(session.backend_process()) % taken_.size()];
            EXPECT_FALSE(mine.exchange(true)) << "(S2): a session is nobody else's";
            EXPECT_EQ(session.transaction_status(), TransactionStatus::idle) << "(S2)";
            EXPECT_FALSE(lease->slot().dirty) << "(S2)";
            misuse(*lease, random);
            mine = false;
            --lent_;
            lease->give_back();
        }
    }

    void misuse(Lease& lease, std::minstd_rand& random) {
        switch (random() % 6) {
            case 0: lease.slot().dirty = true; break;
            case 1: EXPECT_TRUE(lease.session().run({.sql = "begin"}, whatever_it_takes)); break;
            case 2: {
                const std::string text = "lose " + std::to_string(lease.session().backend_process());
                server().answer(text, fake::connection_lost(pg::Outcome::unknown));
                EXPECT_FALSE(lease.session().run({.sql = text}, whatever_it_takes));
                break;
            }
            case 3: ++server().dead; break;
            default: EXPECT_TRUE(lease.session().run({.sql = "select 1"}, whatever_it_takes)); break;
        }
    }

    std::atomic<std::size_t> lent_{0};
    std::array<std::atomic<bool>, 4096> taken_{};
};

TEST_F(SessionPoolModel, KeepsItsInvariantsUnderManyThreads) {
    open_set(max_size);
    std::vector<std::thread> threads;
    for (unsigned seed = 1; seed <= 5; ++seed) threads.emplace_back([this, seed] { borrow_and_return(seed); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(static_cast<std::size_t>(server().opened - server().closed), max_size);
    source().close();
    EXPECT_EQ(server().opened, server().closed) << "none is lost";
}

}  // namespace
