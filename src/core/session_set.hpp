// SessionSet: a simple set of sessions, opened when they are wanted, at most so many. Internal to core and assembly.
//
//   (S1) open_ counts sessions lent, idle or being opened; it never passes max_size.
//   (S2) An idle session is outside a transaction, clean of its borrower's traces, and nobody else's.
//   (S3) The lock is never held while a server is talked to.
//   (S4) Waiters stand in one queue, threads and others. While somebody waits nothing is idle: whoever adds a session
//        hands it to the first of the queue, and whoever lowers open_ sees to it that one is opened for the first.
//   (S5) ready_ is lent and taken back without the lock. Whoever waits has raised waiting_ before looking at it, and
//        whoever fills it looks at waiting_ and closed_ afterwards: one of the two sees the other.
//   (S6) Whoever must not wait has sessions opened by an opener, on a reactor. What an opener opens goes to the first
//   of
//        the queue, and so does the error when it fails: by then the first need not be the one that it was started for.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "pg/config.hpp"
#include "pg/fwd.hpp"
#include "pg/spi/provider.hpp"
#include "pg/spi/session_source.hpp"

namespace pg::detail {

/// Lends the most recently returned session first. Thread-safe.
class PGCLIENT_API SessionSet final : public spi::SessionSource, public std::enable_shared_from_this<SessionSet> {
public:
    SessionSet(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
               std::size_t max_size);
    ~SessionSet() override;

private:
    Expected<spi::Lease> do_acquire(const spi::Wait& wait) noexcept override;
    void do_request(spi::LeaseWaiter& waiter, const Deadline& until) noexcept override;
    bool do_request_idle(spi::LeaseWaiter& waiter) noexcept override;
    void do_widen(const Deadline& until) noexcept override;
    bool do_has_waiters() const noexcept override { return waiting_.load() != 0; }
    bool do_withdraw_first(spi::LeaseWaiter& waiter) noexcept override;
    bool do_withdraw(spi::LeaseWaiter& waiter) noexcept override;
    std::shared_ptr<spi::Reactor> do_reactor() noexcept override { return provider_->reactor(); }
    Error do_no_session() const override;
    void do_release(spi::SessionSlot& slot) noexcept override;
    void do_close() noexcept override;

    using Slot = std::unique_ptr<spi::SessionSlot>;
    class Opener;
    /// One place in the queue.
    struct Place {
        spi::LeaseWaiter* waiter;
        Deadline until;
    };
    /// What a caller finds: a session, the right to open one, or a place in the queue.
    struct Found {
        Slot slot;
        bool may_open = false;
    };

    [[nodiscard]] Slot take_idle() noexcept;
    [[nodiscard]] Slot take_ready() noexcept { return Slot(ready_.exchange(nullptr)); }
    [[nodiscard]] Expected<Found> look(spi::LeaseWaiter& waiter, const Deadline& until);
    [[nodiscard]] Expected<spi::Lease> open(const spi::Wait& wait);
    [[nodiscard]] Expected<Slot> open_slot(const spi::Wait& wait);
    [[nodiscard]] spi::Lease lend(Slot slot) { return {*this, *slot.release()}; }
    void start_opener(const Deadline& until);
    void keep(Slot slot) noexcept;
    void forget_one() noexcept;
    void fail_first(const Error& error, const Deadline& until) noexcept;
    [[nodiscard]] spi::LeaseWaiter* take_first() noexcept;

    const std::shared_ptr<spi::Provider> provider_;
    const Config config_;
    const spi::SessionContext context_;
    const std::size_t max_size_;

    std::atomic<spi::SessionSlot*> ready_{nullptr};  // owned; the idle session that came back last
    std::atomic<std::size_t> waiting_{0};            // those in the queue; who looks counts already
    std::atomic<bool> closed_{false};                // set under the lock
    std::atomic<std::size_t> open_{0};               // set under the lock
    std::atomic<bool> any_idle_{false};              // set under the lock: idle_ has some

    mutable std::mutex mutex_;  // guards what follows
    std::vector<Slot> idle_;    // beside ready_
    std::deque<Place> queue_;
    std::size_t openers_ = 0;  // at work
    bool widening_ = false;    // one of them is, for nobody in particular
};

}  // namespace pg::detail
