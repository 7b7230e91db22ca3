// Calls of a client that share a session: sent ahead of each other's answers. Internal to core.
//
//   (L1) A call may share a session when it is one statement about rows that leaves nothing in the session: outside a
//        transaction, each with a Sync of its own, such statements do not see each other.
//   (L2) An idle session is better than a shared one. Nobody joins a pipeline while others wait for a session, but
//        those who are next in the queue do: a pipeline ends when others have a better right to its session.
//   (L3) A call has its place in a pipeline until its own ReadyForQuery has come, or the connection is gone, whatever
//        has become of its caller.
//   (L4) Whose time is over is told so at once, unless nobody else wants anything that is in flight: then the session
//        gives all of it up, and says what became of the last. Nothing is sent behind a call that nobody wants.
//   (L5) What takes more than one exchange (healing, learning types) is done when nothing is in flight.
//   (L6) Everything here happens on one reactor: that of the session, which is the home of its calls.
#pragma once

#include <deque>
#include <vector>

#include "pg/spi/waiter.hpp"
#include "src/core/async_target.hpp"

namespace pg::detail {

/// Operations, linked through themselves; each is in one queue at most. First in, first out.
class OperationQueue {
public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] Operation* first() const { return first_; }  ///< null when it is empty
    [[nodiscard]] static Operation* behind(const Operation& operation) { return operation.behind_; }
    void push(Operation& operation) {
        operation.behind_ = nullptr;
        (first_ ? last_->behind_ : first_) = &operation;
        last_ = &operation;
    }
    /// Undefined when it is empty.
    Operation& pop() { return *std::exchange(first_, first_->behind_); }
    /// False when it is not here.
    [[nodiscard]] bool erase(Operation& operation);

private:
    Operation* first_ = nullptr;
    Operation* last_ = nullptr;
};

/// The session of one pipeline, and the calls in it. Deletes itself when nothing is left to do.
class Pipeline final : public spi::Job, private spi::RequestFeed {
public:
    Pipeline(std::shared_ptr<AsyncTarget> target, spi::Lease lease)
        : target_(std::move(target)), lease_(std::move(lease)) {}

    void add(Operation& operation);
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] std::size_t size() const { return size_; }  ///< calls in it
    /// The caller's time is over, or it wants no answer any more.
    void expire(Operation& operation, spi::Woken woken);

private:
    /// A call that needs the session for itself (L5): to be run, or with a result whose types are to be learned.
    struct Alone {
        Operation* operation;
        std::unique_ptr<Result> result;
        Outcome outcome;  // so far
    };

    void do_run() noexcept override;
    const spi::Request* do_next() noexcept override;
    void do_answer(Expected<Result>&& outcome) noexcept override;
    const spi::Wait* do_given_up() const noexcept override { return given_up_ ? &*given_up_ : nullptr; }
    spi::Wait do_wait() const noexcept override { return in_flight_.first()->wait(); }

    [[nodiscard]] Context& context() const { return *target_->context; }
    [[nodiscard]] spi::Session& session() const { return lease_.session(); }
    [[nodiscard]] bool takes_more() const { return !broken_ && alone_.empty() && unwanted_ == 0 && !given_up_; }
    [[nodiscard]] bool is_wanted_beside(const Operation* operation) const;
    void run_alone(Alone call);
    void end(Operation& operation, Expected<Result>&& outcome);
    void forget(Operation& operation);
    void leave_to_others();

    const std::shared_ptr<AsyncTarget> target_;
    spi::Lease lease_;
    spi::Waiter* fiber_ = nullptr;
    OperationQueue waiting_, in_flight_;
    std::deque<Alone> alone_;
    // Of all calls here. @{
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;              /// @}
    std::size_t unwanted_ = 0;           // of those in flight
    bool broken_ = false;                // its connection, as an answer said
    std::optional<spi::Wait> given_up_;  // how long the session may take for that (L4)
};

/// Those of one client on one reactor. On its thread.
class Pipelines {
public:
    explicit Pipelines(AsyncTarget& target) : target_(target) {}
    Pipelines(const Pipelines&) = delete;
    Pipelines& operator=(const Pipelines&) = delete;

    /// Finds a place for an operation: an idle session, a pipeline, or one in the queue.
    void begin(Operation& operation);
    /// The operation has got the session that it queued for.
    void start(Operation& operation);
    /// The operation is not in the queue any more.
    void forget(Operation& operation);
    /// The next that waits to share a session, if nobody has a better right to one; null otherwise (L2).
    [[nodiscard]] Operation* next();
    void remove(Pipeline& pipeline) { std::erase(running_, &pipeline); }

private:
    [[nodiscard]] Pipeline* shortest() const;

    AsyncTarget& target_;
    std::vector<Pipeline*> running_;
    OperationQueue queue_;  // in the order of the source's
};

}  // namespace pg::detail
