// Turns on a session that somebody holds: what the next call knows of those that were taken out of the queue.
#include <coroutine>
#include <gtest/gtest.h>
#include <optional>

#include "fake_session.hpp"
#include "src/core/async_held.hpp"

namespace {

using pg::Expected;
using pg::detail::AsyncTarget;
using pg::detail::HeldQueue;
using pg::detail::Site;

/// Has the first turn, until the test says so.
class Holder final : public pg::spi::LeaseWaiter {
public:
    void give_back() { turn_.give_back(); }

private:
    void do_settle(Expected<pg::spi::Lease> turn) noexcept override { turn_ = *std::move(turn); }
    pg::spi::Lease turn_;
};

/// The queue, whose turn comes free on the loop of its session at the very moment that a call is taken out.
class Turns final : public pg::spi::SessionSource {
public:
    Turns(std::shared_ptr<HeldQueue> queue, Holder& holder) : queue_(std::move(queue)), holder_(holder) {
        queue_->request(holder_, pg::Deadline::never());
    }

private:
    Expected<pg::spi::Lease> do_acquire(const pg::spi::Wait& wait) noexcept override { return queue_->acquire(wait); }
    void do_request(pg::spi::LeaseWaiter& waiter, const pg::Deadline& until) noexcept override {
        queue_->request(waiter, until);
    }
    bool do_withdraw(pg::spi::LeaseWaiter& waiter) noexcept override {
        const bool is_out = queue_->withdraw(waiter);
        holder_.give_back();
        return is_out;
    }
    std::shared_ptr<pg::spi::Reactor> do_reactor() noexcept override { return queue_->home(); }
    pg::Error do_no_session(const pg::spi::LeaseWaiter& waiter) const override { return queue_->no_session(waiter); }
    void do_release(pg::spi::SessionSlot&) noexcept override {}
    void do_close() noexcept override {}

    const std::shared_ptr<HeldQueue> queue_;
    Holder& holder_;
};

class Target final : public AsyncTarget {
public:
    Target(const fake::Database& db, const std::shared_ptr<HeldQueue>& turns, Holder& holder)
        : AsyncTarget(db.context, turns->home(), nullptr, turns), source_(turns, holder) {}

private:
    pg::spi::SessionSource& source() override { return source_; }
    const std::shared_ptr<pg::spi::Reactor>& reactor_of(const pg::spi::Lease&) override { return home; }
    pg::Error no_turn(const pg::spi::LeaseWaiter& operation) const override { return queue->no_session(operation); }
    void work(pg::spi::Lease, const pg::spi::Wait&, pg::detail::Operation& operation, Work call) override {
        call(operation, pg::detail::no_executor());
    }
    Turns source_;
};

/// A part of what the target has.
struct Write {
    Expected<void> operator()(pg::Executor&, const Site&) const { return {}; }
    void not_begun(AsyncTarget& target) const noexcept { pg::detail::lose_part(target); }
};
/// Whether all parts are there.
struct Finish {
    Expected<bool> operator()(pg::Executor&, const Site& site) const { return !pg::detail::lost_part(site.target); }
};

class HeldTurns : public testing::Test {
protected:
    template <class A, class Function>
    pg::Async<Expected<A>> call(Function function) {
        pg::Async<Expected<A>> made(pg::detail::make_operation<A>(target, {.timeout = pg::no_timeout}, function));
        made.await_suspend(std::noop_coroutine());
        return made;
    }

    fake::Database db;
    Holder holder;
    std::shared_ptr<HeldQueue> queue = std::make_shared<HeldQueue>(db.provider->reactor());
    std::shared_ptr<AsyncTarget> target = std::make_shared<Target>(db, queue, holder);
};

TEST_F(HeldTurns, BehindAWriteThatIsStoppedKnowOfItsGap) {
    auto write = call<void>(Write());
    auto finish = call<bool>(Finish());
    write.stop();
    EXPECT_FALSE(finish.await_resume().value());
    EXPECT_EQ(write.await_resume().error().kind(), pg::ErrorKind::cancelled);
}

TEST_F(HeldTurns, BehindAWriteThatIsAbandonedKnowOfItsGap) {
    std::optional write(call<void>(Write()));
    auto finish = call<bool>(Finish());
    write.reset();
    EXPECT_FALSE(finish.await_resume().value());
}

}  // namespace
