// Where operations run: with sessions of a client, or on the one session that somebody holds. Internal to core.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>

#include "pg/async_operation.hpp"
#include "src/core/context.hpp"

namespace pg::detail {

class HeldQueue;

/// Shared by what was made from it and by the operations that are under way on it. Thread-safe.
///
/// One of a session that somebody holds is shared in two ways. What was made from it, and operations until their work
/// is done, share what it holds, too: the last of them leaves that to its end. Operations share the target alone until
/// they are gone.
struct AsyncTarget : std::enable_shared_from_this<AsyncTarget> {
    const std::shared_ptr<Context> context;
    const std::shared_ptr<spi::Reactor> home;  // where operations are begun and answered
    spi::Scheduler* const scheduler;           // where their callers are told; null: there, too

    const std::shared_ptr<HeldQueue> queue;  // of the session that somebody holds; null: those of a client
    const StopToken* const stop;             // of the transaction there, which stops its calls too; may be null
    std::atomic<bool> has_lost_part{false};  // of the stream or COPY there

    AsyncTarget(std::shared_ptr<Context> shared, std::shared_ptr<spi::Reactor> reactor, spi::Scheduler* tells,
                std::shared_ptr<HeldQueue> turns, const StopToken* stops = nullptr)
        : context(std::move(shared)),
          home(std::move(reactor)),
          scheduler(tells),
          queue(std::move(turns)),
          stop(stops) {}
    AsyncTarget(const AsyncTarget&) = delete;
    AsyncTarget& operator=(const AsyncTarget&) = delete;
    virtual ~AsyncTarget() = default;

    /// Where an operation queues for its turn.
    [[nodiscard]] virtual spi::SessionSource& source() = 0;
    /// Where the work is done that has this lease.
    [[nodiscard]] virtual const std::shared_ptr<spi::Reactor>& reactor_of(const spi::Lease& lease) = 0;
    /// Those of a client; null on a session that somebody holds.
    [[nodiscard]] virtual Pipelines* pipelines() { return nullptr; }
    /// How long an operation may queue, of its own time.
    [[nodiscard]] virtual Deadline turn_until(const Deadline& deadline) const { return deadline; }
    /// Why an operation had no turn in time.
    [[nodiscard]] virtual Error no_turn(const spi::LeaseWaiter& operation) const = 0;
    using Work = void (*)(Operation&, Executor&);
    /// Calls `call(operation, executor)` with an executor that has the session of the lease, and gives that back.
    virtual void work(spi::Lease lease, const spi::Wait& wait, Operation& operation, Work call) = 0;
};

/// Throws UsageError when there is none: who had it was moved from.
[[nodiscard]] inline std::shared_ptr<AsyncTarget> present(std::shared_ptr<AsyncTarget> target) {
    if (!target) usage_error("what this is asked of was moved from").raise();
    return target;
}

}  // namespace pg::detail
