// SessionPool: the pool: books under a lock, and what they ask for done without it. Internal to pool.
//
//   (P1) The lock is never held while a server is talked to, a session closed, or somebody told.
//   (P2) The fronts are lent and taken back without the lock; to the books those sessions are lent all the while.
//        Nothing stays there while has_fronts_ is false: whoever makes it so looks into them afterwards, and whoever
//        fills or empties one looks at has_fronts_ afterwards, so that one of the two sees the other.
//   (P3) What stays in a front until the next look goes to the books, so what is lent from there was used since then.
//   (P4) Sessions are opened and checked on fibers: of the reactor where they live, else of the pool's own housekeeper.
//        Each such job has a share of the pool, and every member has at most one.
//   (P5) The ticker is armed for the time that the books want to look again, or earlier.
//   (P6) Jobs and looks may go on when the client is gone, what they call of the application may not: that passes a
//        gate, which is closed then. Who asks for a session or gives one back has the client.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>

#include "pg/pool/pool.hpp"
#include "pg/spi/provider.hpp"
#include "src/base/fork.hpp"
#include "src/base/under_way.hpp"
#include "src/pool/books.hpp"
#include "src/pool/budget.hpp"
#include "src/pool/fronts.hpp"
#include "src/pool/opener.hpp"
#include "src/pool/ticker.hpp"

namespace pg::pool {

/// Thread-safe.
class SessionPool final : public Pool, private BudgetClaimant, public std::enable_shared_from_this<SessionPool> {
public:
    SessionPool(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
                const Limits& limits);
    ~SessionPool() override;

    /// After it is shared, once: opens what is always to be open.
    void start() noexcept;
    /// The time has come that the books wanted to look again.
    void look() noexcept;
    /// Nobody uses it any more: closes it, stops what is being opened, and waits for that and for the function of the
    /// application that is being called.
    void abandon() noexcept;

private:
    class MemberJob;
    /// What a caller found: a session, or a place in the queue.
    using Found = Expected<Member*>;

    Expected<spi::Lease> do_acquire(const spi::Wait& wait) noexcept override;
    void do_request(spi::LeaseWaiter& waiter, const Deadline& until) noexcept override;
    bool do_request_idle(spi::LeaseWaiter& waiter) noexcept override;
    void do_widen(const Deadline& until) noexcept override;
    bool do_lends_several() const noexcept override { return lends_several_.load(std::memory_order_relaxed); }
    bool do_has_waiters() const noexcept override { return any_waiter_.load(); }
    bool do_wants_back(const spi::SessionSlot& slot) const noexcept override;
    bool do_withdraw_first(spi::LeaseWaiter& waiter) noexcept override;
    bool do_withdraw(spi::LeaseWaiter& waiter) noexcept override;
    std::shared_ptr<spi::Reactor> do_reactor() noexcept override {
        return is_awaitable_ ? provider_->reactor() : nullptr;
    }
    Error do_no_session(const spi::LeaseWaiter& waiter) const override;
    void do_release(spi::SessionSlot& slot) noexcept override;
    void do_close() noexcept override;

    void budget_changed() noexcept override;

    PoolStats do_stats() const override;
    std::vector<Loan> do_loans(std::chrono::nanoseconds age) const override;
    void do_resize(std::size_t max_size, std::size_t min_size, std::size_t min_idle) override;
    void do_refresh() noexcept override;
    void do_suspend(bool suspended) noexcept override;
    Expected<void> do_wait_ready(std::size_t sessions, std::chrono::nanoseconds timeout) override;
    std::size_t do_drain(std::chrono::nanoseconds timeout) override;

    [[nodiscard]] Member* borrow_front() noexcept;
    void empty_fronts(Time used_at) {
        fronts_.empty([&](Member& member) { books_.give_back(member, used_at); });
    }
    [[nodiscard]] Time last_look() const noexcept {
        return Time(Time::duration(looked_at_.load(std::memory_order_relaxed)));
    }
    /// Whether it may be lent; if not, it is gone.
    [[nodiscard]] bool is_good(Member& member, std::uint32_t& turned_away) noexcept {
        if (member.outdated.load(std::memory_order_relaxed) || !member.session->alive()) [[unlikely]]
            return discard(member), false;
        return hooks_.on_acquire == nullptr || is_accepted(member, turned_away);
    }
    [[nodiscard]] bool is_accepted(Member& member, std::uint32_t& turned_away) noexcept;
    [[nodiscard]] Expected<spi::Lease> acquire_behind_the_fronts(const spi::Wait& wait, std::uint32_t turned_away);
    void lend(Member& member, spi::LeaseWaiter& waiter) noexcept;
    void settle(spi::LeaseWaiter& waiter, Member& member) noexcept;
    void turn_away(spi::LeaseWaiter& waiter) noexcept;
    void check(Member& member) noexcept;
    void check_now(Member& member) noexcept;
    bool close(Member& member) noexcept;
    void close_now(Member& member) noexcept;
    void close_session(Member& member) noexcept;
    void discard(Member& member) noexcept;
    void take_back(Member& member) noexcept;
    void keep(Member& member) noexcept;
    void lose(Member& member, Verdict verdict) noexcept;
    [[nodiscard]] Verdict judge(Member& member) noexcept;
    [[nodiscard]] Found find(spi::LeaseWaiter& waiter, const Deadline& until, bool may_wait);
    template <class Entry>
    void enter(Entry entry, bool is_looking = false) noexcept;
    template <class Condition>
    bool watch(const Deadline& until, Condition condition);
    bool fulfil(const Duty& duty) noexcept;
    std::optional<Error> receive(Member& member, std::unique_ptr<spi::Session> session, const spi::Wait& wait) const;
    void open(Member& member) noexcept;
    void open_now(Member& member) noexcept;
    void arm(Time when) noexcept;
    [[nodiscard]] spi::Lease lease(Member& member) { return {*this, member}; }
    void employ() noexcept;
    [[nodiscard]] std::shared_ptr<spi::Reactor> workplace(std::shared_ptr<spi::Reactor> own) noexcept;
    [[nodiscard]] bool is_on_a_loop() const noexcept;
    [[nodiscard]] bool may_wait_for_the_end() const noexcept;
    [[nodiscard]] Error why_refused() const;
    [[nodiscard]] Error all_refused_to(std::uint32_t turned_away) const;

    const std::shared_ptr<spi::Provider> provider_;
    const Opener opener_;
    const bool is_awaitable_;     // its sessions live on reactors of the provider
    const bool may_have_fronts_;  // false: the books are to be told of each use
    const bool wants_writes_;     // its sessions are of no use where they cannot write
    const std::chrono::nanoseconds connect_timeout_;
    const std::chrono::nanoseconds leak_threshold_;
    const std::chrono::nanoseconds longest_loan_;  // of who has a session for one request after the other
    const std::size_t max_uses_;
    std::chrono::nanoseconds (*const time_asleep_)() noexcept;
    void (*const on_leak_)(void* context, const Loan& loan) noexcept;
    void* const leak_context_;
    const PoolHooks hooks_;
    const std::vector<PoolRule> rules_;
    const std::vector<SqlState> watched_;  // their codes
    const bool reclaims_;
    const std::shared_ptr<spi::Equipment> equipment_;  // null: none
    const detail::Birthplace birthplace_;
    std::stop_source stops_opening_;
    /// Sessions that are being opened where there is a thread for that.
    const std::shared_ptr<detail::UnderWay> openings_ = std::make_shared<detail::UnderWay>();

    Fronts fronts_;
    // As the last entry in the books had it; set under the lock. @{
    std::atomic<bool> has_fronts_;  // what comes back may go there
    std::atomic<bool> wants_back_{false};
    std::atomic<bool> any_waiter_{false};
    std::atomic<Time::rep> looked_at_{0};
    std::atomic<bool> lends_several_;
    std::atomic<bool> any_idle_{false};
    std::atomic<bool> is_full_{false};
    std::atomic<bool> any_resting_{false};  // idle, but not to be lent before it was asked /// @}

    mutable std::mutex mutex_;                // guards what follows
    std::unique_ptr<BudgetPermits> permits_;  // null: there is no budget. Has a lock of its own
    Books books_;
    std::multiset<std::size_t> wishes_;  // of those who wait until so many sessions are open
    Time armed_for_ = Time::max();
    int watchers_ = 0;  // who waits for changed_
    // The numbers of sessions. Its end would wait for those who wait, whom a copy of the process does not have.
    const detail::PerProcess<std::condition_variable> changed_;

    mutable std::mutex housekeeper_mutex_;               // guards what follows
    std::shared_ptr<spi::Reactor> housekeeper_;          // null until it is wanted
    std::atomic<Ticker<SessionPool>*> ticker_{nullptr};  // of that; deletes itself. Set once
};

}  // namespace pg::pool
