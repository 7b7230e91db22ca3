// Calls of a client that share a session: sent ahead of each other's answers. Internal to core.
//
//   (L1) A call may share a session when it is one statement about rows that leaves nothing in the session: outside a
//        transaction, each with a Sync of its own, such statements do not see each other.
//   (L2) An idle session is better than a shared one, and another one than one that is silent: what is in flight there
//        may wait for a lock of the very caller who would stand behind it. So may what locks rows, however short it has
//        been silent: while somebody may have locks, a transaction, that shares its session with nobody. Nobody joins a
//        pipeline while others wait for a session, but those who are next in the queue do: a pipeline ends when others
//        have a better right to its session.
//   (L3) A call has its place in a pipeline until its own ReadyForQuery has come, or the connection is gone, whatever
//        has become of its caller.
//   (L4) Whose time is over is told so at once, unless nobody else wants anything that is in flight: then the session
//        gives all of it up, and says what became of the last. Nothing is sent behind a call that nobody wants.
//   (L5) What takes more than one exchange (healing, learning types) is done when nothing is in flight.
//   (L6) Everything here happens on one reactor: that of the session, which is the home of its calls.
//   (L7) A pipeline has one timer, set for the first deadline of the calls in it or for an earlier moment, which may be
//        that of a call that has left: most calls come and go without a look at it.
//   (L8) A pipeline whose session is wanted back (a closed, suspended or refreshed pool, a loan that is long enough,
//        calls that are as many as it may serve) sends no more and takes nobody in: what is in flight is answered, and
//        what waits begins anew.
#pragma once

#include <deque>
#include <new>
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

/// A call that was sent and is not answered yet.
struct Flight {
    explicit Flight(const Call& call)
        : request{.sql = call.sql, .params = call.params, .sink = call.sink, .format = call.options->format} {}

    spi::Request request;
    NamedStatement* name = nullptr;  // that it goes by; null: none
};

/// First in, first out; each stays where it is. In blocks, since few calls of many are in flight.
class FlightQueue {
public:
    FlightQueue() = default;
    FlightQueue(const FlightQueue&) = delete;
    FlightQueue& operator=(const FlightQueue&) = delete;
    ~FlightQueue() {
        while (first_) delete std::exchange(first_, first_->next);
    }

    Flight& push(const Call& call) {
        if (!last_ || end_ == in_block) {
            (last_ ? last_->next : first_) = new Block;
            last_ = last_ ? last_->next : first_;
            end_ = 0;
        }
        return *::new (last_->room + end_++ * sizeof(Flight)) Flight(call);
    }
    /// Undefined when it is empty.
    [[nodiscard]] const Flight& first() const {
        return *std::launder(reinterpret_cast<const Flight*>(first_->room + begin_ * sizeof(Flight)));
    }
    void pop() {
        if (++begin_ != in_block) return;
        begin_ = 0;
        delete std::exchange(first_, first_->next);
        if (!first_) last_ = nullptr;
    }

private:
    static_assert(std::is_trivially_destructible_v<Flight>);
    static constexpr std::size_t in_block = 16;
    struct Block : Recycled {
        alignas(Flight) std::byte room[in_block * sizeof(Flight)];
        Block* next = nullptr;
    };

    Block* first_ = nullptr;
    Block* last_ = nullptr;
    std::size_t begin_ = 0;  // in the first
    std::size_t end_ = 0;    // in the last
};

/// The session of one pipeline, and the calls in it. Deletes itself when nothing is left to do.
class Pipeline final : public spi::Job, private spi::RequestFeed {
public:
    Pipeline(std::shared_ptr<AsyncTarget> target, spi::Lease lease)
        : target_(std::move(target)), lease_(std::move(lease)) {}
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    void add(Operation& operation);
    /// For this call, which is in none. @{
    [[nodiscard]] bool has_room(const Operation& operation) { return may_join(operation) && !is_wanted_back(); }
    [[nodiscard]] bool may_join(const Operation& operation);  /// @}
    [[nodiscard]] std::size_t size() const { return size_; }  ///< calls in it
    /// The caller's time is over, or it wants no answer any more.
    void expire(Operation& operation, spi::Woken woken);

private:
    /// A call that needs the session for itself (L5): to be run, or with a result whose types are to be learned.
    struct Alone {
        Operation* operation;
        std::unique_ptr<Result> result;
        Outcome outcome;           // so far
        std::optional<Error> why;  // it is to be run again
    };

    /// The moment at which it looks for calls whose time is over (L7).
    class Expiry final : public spi::Job {
    public:
        explicit Expiry(Pipeline& pipeline) : pipeline_(pipeline) {}
        /// Then or before.
        void come_by(const Deadline& deadline) {
            if (deadline < when_) come_at(deadline);
        }
        /// Instead of any other moment.
        void come_at(const Deadline& deadline) {
            when_ = deadline;
            if (deadline.is_never())
                pipeline_.target_->home->cancel(timer_);
            else
                pipeline_.target_->home->set(timer_, deadline.when(), *this);
        }

    private:
        void do_run() noexcept override {
            when_ = Deadline::never();
            pipeline_.expire_next();
        }
        Pipeline& pipeline_;
        Deadline when_ = Deadline::never();
        spi::Timer timer_;
    };

    void do_run() noexcept override;
    const spi::Request* do_next() noexcept override;
    void do_answer(Expected<Result>&& outcome) noexcept override;
    const spi::Wait* do_given_up() const noexcept override { return given_up_ ? &*given_up_ : nullptr; }
    spi::Wait do_wait() const noexcept override { return in_flight_.first()->wait(); }

    [[nodiscard]] Context& context() const { return *target_->context; }
    [[nodiscard]] spi::Session& session() const { return lease_.session(); }
    [[nodiscard]] bool has_space() const;
    /// Somebody may have locks for which something in it waits, and wait in turn for what is sent behind that.
    [[nodiscard]] bool has_holders() const { return context().holders.load(std::memory_order_relaxed) != 0; }
    /// Nothing in it locks rows, as the texts say.
    [[nodiscard]] bool locks_nothing();
    void look_at(Operation& operation);
    /// What is in flight has had no answer for long, and another session may.
    [[nodiscard]] bool is_silent() const;
    /// Its session is to go back to its source before more is sent on it; something has been, so that each has a turn.
    [[nodiscard]] bool is_wanted_back() const;
    [[nodiscard]] bool takes_more() const { return !broken_ && alone_.empty() && unwanted_ == 0 && !given_up_; }
    [[nodiscard]] bool is_wanted_beside(const Operation* operation) const;
    void run_later(Alone call);
    void run_alone(Alone call);
    [[nodiscard]] Expected<Result> run_observed(const Borrowed& borrowed, Operation& operation);
    void end(Operation& operation, Expected<Result>&& outcome);
    void forget(Operation& operation);
    [[nodiscard]] Operation* next_to_expire() const;
    void expire_next();
    void give_up(Operation& operation);
    void leave_to_others();

    const std::shared_ptr<AsyncTarget> target_;
    spi::Lease lease_;
    spi::Waiter* fiber_ = nullptr;
    OperationQueue waiting_, in_flight_;
    FlightQueue flights_;  // of those
    std::deque<Alone> alone_;
    // Of all calls here. @{
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
    std::size_t may_hold_up_ = 0;                 // of those whose texts were looked at: who may lock
                                                  /// @}
    bool are_looked_at_ = true;                   // all of them
    std::size_t unwanted_ = 0;                    // of those in flight
    bool has_sent_ = false;                       // anything
    Deadline::Clock::time_point heard_at_{};      // while something is in flight: of it, or that it went off
    Operation* runs_alone_ = nullptr;             // one of those: in flight by itself
    bool broken_ = false;                         // its connection, as an answer said
    std::optional<spi::Wait> given_up_;           // how long the session may take for that (L4)
    StopToken given_up_stop_{std::stop_token()};  // of that
    Expiry expiry_{*this};
};

/// Those of one client on one reactor. On its thread.
class Pipelines final : private spi::Job {
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
    /// The next that waits to share a session, if it may share that one and nobody has a better right to it; null
    /// otherwise (L2).
    [[nodiscard]] Operation* next_for(Pipeline& pipeline);
    void remove(Pipeline& pipeline) { std::erase(running_, &pipeline); }
    /// The operation, which is in no queue, has its answer: its caller is told of that outside of the pipeline.
    void answer_soon(Operation& operation);

private:
    void do_run() noexcept override;
    [[nodiscard]] Pipeline* shortest_for(const Operation& operation) const;

    AsyncTarget& target_;
    std::vector<Pipeline*> running_;
    OperationQueue queue_;     // in the order of the source's
    OperationQueue answered_;  // whose callers do not know yet
};

}  // namespace pg::detail
