// Awaited calls on a session that somebody holds: they take turns on it. Internal to core.
//
//   (A1) One thing happens on a held session at a time: a call, or the end of something that was begun on it. Whatever
//        was made from one session shares its queue.
//   (A2) What holds a session is touched on the session's reactor only, by whoever has the turn. That includes its
//        destruction: whoever lets the last share go leaves the rest to a burial, and does not wait for it.
//   (A3) What nobody has any more ends in the next turn, before the calls that wait for theirs: none of them was made
//        on it, or it is on something that ends with it. An operation on it lets go of it in its own turn (O6), so that
//        no call comes between.
#pragma once

#include <deque>

#include "pg/async.hpp"
#include "src/core/async_target.hpp"
#include "src/core/held_session.hpp"

namespace pg::detail {

/// Whose turn it is on one held session. Thread-safe.
class HeldQueue final : public spi::SessionSource, public std::enable_shared_from_this<HeldQueue> {
public:
    explicit HeldQueue(std::shared_ptr<spi::Reactor> reactor) : reactor_(std::move(reactor)) {}
    [[nodiscard]] const std::shared_ptr<spi::Reactor>& home() const { return reactor_; }
    /// As a request, for the next turn: behind others of that kind, before all calls (A3).
    void request_next(spi::LeaseWaiter& waiter) noexcept { request_in(ending_, waiter); }
    /// The turns are those on the session of that, whose observers hear when a call began that had to wait for one.
    void tell_turns_of(Executor& holder);

private:
    Expected<spi::Lease> do_acquire(const spi::Wait& wait) noexcept override;
    void do_request(spi::LeaseWaiter& waiter, const Deadline&) noexcept override { request_in(waiting_, waiter); }
    bool do_withdraw(spi::LeaseWaiter& waiter) noexcept override;
    std::shared_ptr<spi::Reactor> do_reactor() noexcept override { return reactor_; }
    Error do_no_session(const spi::LeaseWaiter& waiter) const override;
    void do_release(spi::SessionSlot& slot) noexcept override;
    void do_close() noexcept override {}
    void request_in(std::deque<spi::LeaseWaiter*>& line, spi::LeaseWaiter& waiter) noexcept;

    const std::shared_ptr<spi::Reactor> reactor_;
    spi::SessionSlot turn_;  // what a lease of a turn holds: the session itself belongs to whoever holds it
    std::mutex mutex_;       // guards what follows
    bool taken_ = false;
    std::deque<spi::LeaseWaiter*> ending_, waiting_;
};

/// Destroys an object in the next turn, on a fiber. Deletes itself.
template <class Object>
class Burial final : public spi::LeaseWaiter, public spi::Job {
public:
    Burial(std::shared_ptr<HeldQueue> queue, Object object) : queue_(std::move(queue)), object_(std::move(object)) {}
    void begin() { queue_->request_next(*this); }
    /// For a turn behind the operations that were started at this home before, as another operation queues. It may be
    /// the last one there.
    void begin_in_order(const std::shared_ptr<spi::Reactor>& home) {
        home_ = home;
        home->post(*this);
    }

private:
    void do_settle(Expected<spi::Lease> turn) noexcept override {
        turn_ = *std::move(turn);
        queue_->home()->spawn(*this);
    }
    void do_run() noexcept override {
        if (turn_) {
            delete this;
            return;
        }
        const auto home = std::move(home_);  // which ends on its own thread, if this was the last share
        queue_->request(*this, Deadline::never());
    }

    const std::shared_ptr<HeldQueue> queue_;
    std::shared_ptr<spi::Reactor> home_;  // while it is posted there
    spi::Lease turn_;                     // given back after the object is gone
    Object object_;
};

/// What operations on a held session have in common.
class HeldTarget : public AsyncTarget {
public:
    using AsyncTarget::AsyncTarget;

private:
    spi::SessionSource& source() final { return *queue; }
    const std::shared_ptr<spi::Reactor>& reactor_of(const spi::Lease&) final { return queue->home(); }
    Error no_turn(const spi::LeaseWaiter& operation) const final { return queue->no_session(operation); }
    void work(spi::Lease, const spi::Wait&, Operation& operation, Work call) final { call(operation, executor()); }
    /// What the verbs run on.
    virtual Executor& executor() = 0;
};

/// One that lends nothing: for operations that need none.
[[nodiscard]] Executor& no_executor();

/// The target that holds a connection, a transaction or a stream, for as long as `holding` it is shared.
template <class Object>
class ObjectTarget final : public HeldTarget {
public:
    ObjectTarget(std::shared_ptr<Context> shared, std::shared_ptr<spi::Reactor> reactor, spi::Scheduler* tells,
                 std::shared_ptr<HeldQueue> turns, const StopToken* stops, Object held)
        : HeldTarget(std::move(shared), std::move(reactor), tells, std::move(turns), stops), object(std::move(held)) {}

    Object object;

    /// A share of what it holds. Once.
    [[nodiscard]] static std::shared_ptr<AsyncTarget> holding(const std::shared_ptr<ObjectTarget>& target) {
        return {target.get(), [target](AsyncTarget*) {
                    // In a copy of the process nobody takes turns, and what is held goes with its target.
                    if (!target->context->birthplace.is_here()) return;
                    (new Burial<Object>(target->queue, std::move(target->object)))->begin();
                }};
    }

private:
    Executor& executor() override {
        if constexpr (std::is_base_of_v<Executor, Object>)
            return object;
        else
            return no_executor();
    }
};

/// A target for `object`, which an operation made at `site`, and which holds its session; `stop` is that of the
/// transaction there, which stops what is called on the object.
template <class Object>
[[nodiscard]] std::shared_ptr<AsyncTarget> target_for(const Site& site, Object object, const StopToken* stop) {
    AsyncTarget& parent = site.target;
    auto queue = parent.queue ? parent.queue : std::make_shared<HeldQueue>(site.reactor);
    if constexpr (std::is_base_of_v<Executor, Object>)
        if (parent.context->hooks) queue->tell_turns_of(object);
    using Holder = ObjectTarget<Object>;
    return Holder::holding(std::make_shared<Holder>(parent.context, parent.home, parent.scheduler, std::move(queue),
                                                    stop, std::move(object)));
}
template <class Object>
[[nodiscard]] std::shared_ptr<AsyncTarget> target_for(const Site& site, Object object) {
    return target_for(site, std::move(object), site.target.stop);
}

}  // namespace pg::detail
