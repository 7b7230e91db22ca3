// SessionSource: where a client borrows its sessions: one connection, a simple set of them, or a pool.
#pragma once

#include <memory>
#include <utility>

#include "pg/spi/holder.hpp"
#include "pg/spi/session.hpp"

namespace pg::spi {

/// What a client remembers about a session of its own. Goes before the session does.
class PGCLIENT_API SessionMemory {
public:
    SessionMemory() = default;
    virtual ~SessionMemory();
    SessionMemory(const SessionMemory&) = delete;
    SessionMemory& operator=(const SessionMemory&) = delete;
};

/// A session and what the library remembers about it between two borrowers.
struct SessionSlot {
    std::unique_ptr<Session> session;         ///< never null while it is lent
    std::unique_ptr<SessionMemory> memory{};  ///< null before there is any
    bool dirty = false;           ///< it may hold settings, listeners, locks or temporary tables of its borrower
    bool is_shared = false;       ///< a pooler lends what is behind it to others too: nothing there is its own to reset
    bool renamed = false;         ///< names may mean something else, by a search path or a role; only while it is dirty
    std::uint32_t more_uses = 0;  ///< requests that its borrower has had served on it beyond the first
    Deadline lent_until = Deadline::never();  ///< when the request is to be over that borrowed it
    Holder holder{};                          ///< whoever has it
    SqlState last_error{};  ///< what the server ended it with, that it takes no writes, or one of those; empty: none
    std::span<const SqlState> watched{};      ///< codes that are to stand there although the session goes on
    Deadline::Clock::time_point asked_at{};   ///< when its borrower began to wait, where somebody observes it
    Deadline::Clock::time_point taken_at{};   ///< when it was lent, where somebody observes it
    Deadline::Clock::time_point called_at{};  ///< when the awaited call began that it was lent for, until that is known
};

class SessionSource;

/// A borrowed session. Handle: move-only, gives it back when it goes.
class [[nodiscard]] Lease {
public:
    Lease() = default;
    /// Made by a source; borrows both.
    Lease(SessionSource& source, SessionSlot& slot) : source_(&source), slot_(&slot) {}
    Lease(Lease&& other) noexcept
        : source_(std::exchange(other.source_, nullptr)), slot_(std::exchange(other.slot_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept {
        std::swap(source_, other.source_);
        std::swap(slot_, other.slot_);
        return *this;
    }
    ~Lease() { give_back(); }

    /// False once it was given back or moved from.
    [[nodiscard]] explicit operator bool() const { return slot_ != nullptr; }
    [[nodiscard]] Session& session() const { return *slot_->session; }  ///< undefined when there is none
    [[nodiscard]] SessionSlot& slot() const { return *slot_; }          ///< undefined when there is none
    void give_back() noexcept;                                          ///< does nothing when it holds none

private:
    SessionSource* source_ = nullptr;
    SessionSlot* slot_ = nullptr;
};

/// Whoever waits for a session without holding up a thread. Pinned until it is settled or withdrawn.
class PGCLIENT_API LeaseWaiter {
public:
    LeaseWaiter() = default;
    virtual ~LeaseWaiter();
    LeaseWaiter(const LeaseWaiter&) = delete;
    LeaseWaiter& operator=(const LeaseWaiter&) = delete;

    /// Called once, on any thread, by the source.
    void settle(Expected<Lease> lease) noexcept { do_settle(std::move(lease)); }

    // Of the queue that it is in, which alone touches them.
    LeaseWaiter* ahead = nullptr;             ///< nobody when it is the first
    LeaseWaiter* behind = nullptr;            ///< nobody when it is the last
    bool is_queued = false;                   ///< in that queue
    Deadline::Clock::time_point queued_at{};  ///< since when
    std::uint32_t turned_away = 0;            ///< sessions that were refused to it
    bool is_wanted_back = false;              ///< its withdrawal came too late

private:
    virtual void do_settle(Expected<Lease> lease) noexcept = 0;
};

/// Lends sessions. Thread-safe. Outlives its leases.
class PGCLIENT_API SessionSource {
public:
    virtual ~SessionSource();
    /// Waits until `wait` for a session that is alive, outside a transaction, and nobody else's.
    /// PoolTimeout when none came free, otherwise why none could be opened.
    [[nodiscard]] Expected<Lease> acquire(const Wait& wait) noexcept { return do_acquire(wait); }
    /// The same for a caller that must not block: `waiter` is settled before this returns, or later. A session that is
    /// opened for it has until `until`. UsageError when its sessions are not `awaitable`.
    void request(LeaseWaiter& waiter, const Deadline& until) noexcept { do_request(waiter, until); }
    /// The same if a session is idle; false when none is: then the waiter is not settled.
    [[nodiscard]] bool request_idle(LeaseWaiter& waiter) noexcept { return do_request_idle(waiter); }
    /// Sees to it that there is one session more for whoever comes next: asks an idle one that rested for long, or
    /// opens one, if there may be one and none is on its way already.
    void widen(const Deadline& until) noexcept { do_widen(until); }
    /// Whoever has a session for one request after the other is to give it back: the source is closed, suspended or has
    /// too many, the session is too old or has served enough, or it was lent for long. As of now.
    [[nodiscard]] bool wants_back(const SessionSlot& slot) const noexcept { return do_wants_back(slot); }
    /// It may lend another session while it lends one.
    [[nodiscard]] bool lends_several() const noexcept { return do_lends_several(); }
    /// Somebody waits. As of now.
    [[nodiscard]] bool has_waiters() const noexcept { return do_has_waiters(); }
    /// Takes the request back that is the next to be settled; false when it is not this one.
    [[nodiscard]] bool withdraw_first(LeaseWaiter& waiter) noexcept { return do_withdraw_first(waiter); }
    /// Takes a request back. False when it is settled, or about to be.
    [[nodiscard]] bool withdraw(LeaseWaiter& waiter) noexcept { return do_withdraw(waiter); }
    /// Why a request that was withdrawn at the end of its time got nothing.
    [[nodiscard]] Error no_session(const LeaseWaiter& waiter) const { return do_no_session(waiter); }
    /// The reactor that callers who await a session should use; null when its sessions are not `awaitable`.
    [[nodiscard]] std::shared_ptr<Reactor> reactor() noexcept { return do_reactor(); }
    /// Closes idle sessions now and busy ones as they come back; whoever waits gets a UsageError.
    void close() noexcept { do_close(); }

private:
    friend class Lease;
    virtual Expected<Lease> do_acquire(const Wait& wait) noexcept = 0;
    virtual void do_request(LeaseWaiter& waiter, const Deadline& until) noexcept = 0;
    virtual bool do_request_idle(LeaseWaiter& waiter) noexcept;
    virtual void do_widen(const Deadline& until) noexcept;
    virtual bool do_wants_back(const SessionSlot& slot) const noexcept;
    virtual bool do_lends_several() const noexcept;
    virtual bool do_has_waiters() const noexcept;
    virtual bool do_withdraw_first(LeaseWaiter& waiter) noexcept;
    virtual bool do_withdraw(LeaseWaiter& waiter) noexcept = 0;
    virtual std::shared_ptr<Reactor> do_reactor() noexcept = 0;
    virtual Error do_no_session(const LeaseWaiter& waiter) const = 0;
    /// Takes a session back in whatever state it is.
    virtual void do_release(SessionSlot& slot) noexcept = 0;
    virtual void do_close() noexcept = 0;
};

inline void Lease::give_back() noexcept {
    if (slot_) std::exchange(source_, nullptr)->do_release(*std::exchange(slot_, nullptr));
}

}  // namespace pg::spi
