// Books: who has a session, who waits for one, and what is to be done next. No I/O, no lock, no clock. Internal to
// pool.
//
//                  opened                    lent              taken back
//     opening -------------> idle <-----------------------> lent -----------> cut
//        |                 ^  |  ^        given back          |                |
//        | failed    alive |  |  | check            broken,   |                | come back,
//        v                 |  v  v              or not wanted v                v and closed
//     (gone)             checking --------------------> closing --closed--> (gone)
//                                     dead
//
//   (B1) Every session is in one of these states and is counted there. All together are never more than max_size when
//        one is opened, not counting one that has been opening for longer than `slow`; when there are more, because
//        that one was not lost after all or max_size was lowered, what comes back closes until it is so again.
//   (B2) Whoever waits is served in the order of coming, and is told once: lent a session, or refused, unless it
//        withdraws before.
//   (B3) While somebody waits, the session that was used last is not idle, unless it is to be asked first, the pool is
//        suspended, or as many are lent as may be.
//   (B4) No more sessions are on their way (opening or checking) than somebody waits for, the least sizes ask for, or
//        a wish; and no more are opening than max_connecting, or than one while others are in use, until one
//        was not enough. Where one was asked in vain while somebody waits, all that are idle are asked at once. One
//        that has been opening for longer than `slow` counts for neither: it may have got
//        lost, so somebody else's turn does not depend on it. Of those there are one more at most, in all.
//   (B5) None is opened before the governor's time, beyond the room that the server said it has, without a permit, or
//        after the end.
//   (B6) A session is lent to one borrower at a time, and none from before a refresh is lent after it.
//   (B7) Whoever waited when an attempt to open failed, and no session was left that could come to them, was told,
//        unless the attempt had become `slow` when they came, or the pool is suspended: then they wait for the next.
//        Attempts that were begun in its place, as it was slow, keep nobody.
//   (B8) A session that was taken back (cut) is no member any more, and its place is free, while its borrower still has
//        it. When that comes back it is closed.
#pragma once

#include <atomic>
#include <utility>
#include <vector>

#include "pg/pool/pool.hpp"
#include "src/pool/adaptive_limit.hpp"
#include "src/pool/capacity.hpp"
#include "src/pool/cutter.hpp"
#include "src/pool/expected_wait.hpp"
#include "src/pool/governor.hpp"
#include "src/pool/limits.hpp"
#include "src/pool/permits.hpp"
#include "src/pool/verdict.hpp"

namespace pg::pool {

using Time = Governor::Time;

/// Never, when that is too long for the clock.
[[nodiscard]] inline Time later(Time from, std::chrono::nanoseconds by) { return Deadline::after(by, from).when(); }

/// A session and what the books know of it.
struct Member final : spi::SessionSlot {
    enum class State : std::uint8_t { opening, idle, lent, checking, closing, cut };

    State state = State::opening;
    std::atomic<bool> unwanted{false};       // closes once it is not asked for. Written by the books, read by anybody
    std::atomic<bool> outdated{false};       // unwanted, and lent to nobody again. The same
    int process = 0;                         // of the server; set before it is lent first
    std::uint32_t place = 0;                 // among all members
    std::uint32_t uses = 0;                  // as far as the books were told
    Time used_at{};                          // came back last, or was opened
    Time proved_at{};                        // last known to be alive
    Time expires = Time::max();              // too old then
    std::uint64_t reported = 0;              // the loan that was reported last for lasting too long
    Time report_again{};                     // when that is to be done again
    std::shared_ptr<const Cutter> cutter{};  // null: it cannot be taken back; set before it is lent, let go when closed
    std::unique_ptr<const Error> lacks{};    // why it was not equipped in full, if so; set before it is lent first
    // Written by its borrower, or by the books while nobody has it; read by anybody. @{
    std::atomic<Time::rep> lent_at{0};    // as the pool's last look at the clock said
    std::atomic<std::uint64_t> loans{0};  /// @}

    std::uint64_t PoolCounts::* why_closed = nullptr;  // where that is counted

    /// It is lent once more, at about that time.
    void lend(Time now) noexcept {
        lent_at.store(now.time_since_epoch().count(), std::memory_order_relaxed);
        loans.store(loans.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        holder.begin();
    }
    [[nodiscard]] Time lent_since() const noexcept {
        return Time(Time::duration(lent_at.load(std::memory_order_relaxed)));
    }
};

/// What is to be done, by whoever keeps the books.
struct Duty {
    enum class Kind : std::uint8_t { none, lend, refuse, open, check, close };
    Kind kind = Kind::none;
    Member* member = nullptr;            // to be lent, checked, or closed and given to `closed`, or opened
    spi::LeaseWaiter* waiter = nullptr;  // to be told
};

/// Those who wait, linked through themselves. First in, first out.
class WaiterQueue {
public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] spi::LeaseWaiter* first() const { return first_; }  ///< null when it is empty
    void push(spi::LeaseWaiter& waiter) noexcept;
    /// Undefined when it is empty.
    spi::LeaseWaiter& pop() noexcept;
    /// It is the first again.
    void push_front(spi::LeaseWaiter& waiter) noexcept;
    /// False when it is not in here.
    bool erase(spi::LeaseWaiter& waiter) noexcept;
    /// To its end, where it cannot be erased any more.
    void append(spi::LeaseWaiter& waiter) noexcept { link(waiter); }

private:
    void link(spi::LeaseWaiter& waiter) noexcept;
    void unlink(spi::LeaseWaiter& waiter) noexcept;

    spi::LeaseWaiter* first_ = nullptr;
    spi::LeaseWaiter* last_ = nullptr;
    std::size_t size_ = 0;
};

/// Told what happens and when; says by `next` what is to be done. Owns the members.
class Books {
public:
    /// How often they look at the time while sessions are in use, or somebody waits.
    static constexpr std::chrono::milliseconds every_look{500};
    /// A sleep that is worth a question; two clocks that are read one after the other may differ by less.
    static constexpr std::chrono::seconds least_sleep{1};
    /// What has been opening for that long may never be open.
    static constexpr std::chrono::seconds slow{1};

    /// Null permits: any number of sessions, within the limits. Outlive the books.
    Books(const Limits& limits, std::uint64_t seed, Permits* permits = nullptr)
        : limits_(limits),
          permits_(permits),
          governor_(seed),
          adaptive_(limits.min_size, limits.max_size),
          random_(seed) {}
    Books(const Books&) = delete;
    Books& operator=(const Books&) = delete;
    ~Books();

    // Requests. @{
    /// An idle session that may be lent as it is, which is lent then; null when there is none, or others wait.
    [[nodiscard]] Member* take(Time now);
    /// Why a request that has until `until` need not wait; nothing when it may.
    [[nodiscard]] std::optional<Error> refusal(Time now, const Deadline& until);
    void enqueue(spi::LeaseWaiter& waiter, Time now) noexcept {
        waiter.queued_at = now;
        waiter.is_wanted_back = false;
        grows_ = grows_ && !queue_.empty();
        queue_.push(waiter);
    }
    /// False when it has been told, or is about to be.
    bool withdraw(spi::LeaseWaiter& waiter) noexcept;
    /// False when it is not the next. It has found something better.
    bool withdraw_first(spi::LeaseWaiter& waiter) noexcept { return queue_.first() == &waiter && queue_.erase(waiter); }
    /// One that was about to be lent a session is the next again. False when it is wanted back since: then it is to be
    /// told something else.
    [[nodiscard]] bool enqueue_again(spi::LeaseWaiter& waiter) noexcept;  /// @}

    // Sessions. @{
    /// A session that was lent came back and is at rest, or it was found idle where the books do not look.
    void give_back(Member& member, Time now);
    /// A session that was lent is not to be lent again, and perhaps the others neither. Not with `keep`.
    void lose(Member& member, Verdict verdict, Time now);
    /// What became of the duty to open one. @{
    void opened(Member& member, Time now);
    void failed(Member& member, const Error& error, Time now);  /// @}
    /// The duty to check one found it alive; else it is lost.
    void checked(Member& member, Time now);
    /// What became of the duty to close one: it is gone.
    void closed(Member& member);  /// @}

    // What whoever runs the service wants. @{
    void resize(std::size_t max_size, std::size_t min_size, std::size_t min_idle);
    void refresh();
    void suspend(bool suspended) { suspended_ = suspended; }
    /// As if `min_size` were that, until somebody wishes for less.
    void wish(std::size_t size) { wish_ = size; }
    /// One more that may be lent, unless one is on its way: an idle one that is to be asked before, or else a new one.
    void widen(Time now);
    /// Nothing is lent or opened any more.
    void close(Time now);  /// @}

    /// How long the machine has been asleep until now. When that has become more, whatever is idle is to be asked.
    void notice_sleep(std::chrono::nanoseconds asleep, Time now);

    /// The next thing to be done; nothing when the kind is none. What is opened is a new member.
    [[nodiscard]] Duty next(Time now);
    /// What time alone brings about: what is too old, idle for too long, or to be kept alive.
    void look(Time now);
    /// When to look again: after any entry, and after a look, when it goes through all that are idle. @{
    [[nodiscard]] Time look_by(Time now) const;
    [[nodiscard]] Time next_look(Time now) const;  /// @}

    [[nodiscard]] PoolStats stats(Time now) const;
    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] const Governor& governor() const { return governor_; }
    [[nodiscard]] bool is_closed() const { return closed_; }
    [[nodiscard]] bool is_suspended() const { return suspended_; }
    /// No more sessions than that are opened now.
    [[nodiscard]] std::size_t limit(Time now) const { return std::min(may_be_lent(), capacity_.room(now)); }
    /// No more are lent at the same time.
    [[nodiscard]] std::size_t may_be_lent() const {
        return limits_.adaptive ? std::min(limits_.max_size, adaptive_.limit()) : limits_.max_size;
    }
    /// There can be no more sessions than there are.
    [[nodiscard]] bool is_full() const { return closed_ || members_.size() >= limits_.max_size; }
    /// It was refused the last permit that it asked for: others have used up the budget.
    [[nodiscard]] bool lacks_permit() const { return lacks_permit_; }
    /// Whoever has a session for one request after the other is to give it back: none is lent any more, or there are
    /// too many.
    [[nodiscard]] bool wants_back(Time now) const {
        return closed_ || suspended_ || size() > limits_.max_size + lost(now) || has_too_many();
    }
    [[nodiscard]] bool any_idle() const { return !idle_.empty(); }
    /// One is idle and may be lent, but is to be asked before, and none is on its way.
    [[nodiscard]] bool any_resting(Time now) const {
        return !idle_.empty() && coming(now) == 0 && may_lend() && !is_proved(*idle_.back(), now);
    }
    [[nodiscard]] bool any_member() const { return !members_.empty(); }
    [[nodiscard]] std::size_t not_closed() const { return members_.size() - count(State::opening); }
    /// Sessions that are there and can be used, or are.
    [[nodiscard]] std::size_t open_ones() const {
        return count(State::idle) + count(State::lent) + count(State::checking);
    }
    /// What one of them lacks that was to be equipped; null when none lacks anything.
    [[nodiscard]] const Error* lack() const;
    /// What those are told who were refused last; nothing when nobody was.
    [[nodiscard]] const std::optional<Error>& refused_with() const { return refused_with_; }
    [[nodiscard]] std::size_t waiters() const { return queue_.size(); }
    /// So many are open in a pool at rest.
    [[nodiscard]] std::size_t least_open() const {
        return std::min(limits_.max_size, std::max(limits_.min_size, limits_.min_idle));
    }
    [[nodiscard]] spi::LeaseWaiter* first_waiter() const { return queue_.first(); }
    /// Those that have lasted for `age` at least, the oldest first; `returned` are lent to nobody after all.
    [[nodiscard]] std::vector<Loan> loans(Time now, std::chrono::nanoseconds age,
                                          const std::vector<const Member*>& returned = {}) const;
    [[nodiscard]] std::optional<Loan> oldest_loan(Time now) const;
    /// Those that a look found to have lasted too long, and that nobody was told of yet.
    [[nodiscard]] std::vector<Loan> take_leaks() noexcept { return std::exchange(leaks_, {}); }
    /// What is to end the connections of those that a look took back.
    [[nodiscard]] std::vector<std::shared_ptr<const Cutter>> take_cutters() noexcept {
        return std::exchange(cutters_, {});
    }
    [[nodiscard]] const std::vector<std::unique_ptr<Member>>& members() const { return members_; }

private:
    using State = Member::State;

    [[nodiscard]] std::size_t count(State state) const { return counts_[static_cast<std::size_t>(state)]; }
    [[nodiscard]] std::size_t size() const { return members_.size() - count(State::closing); }
    [[nodiscard]] std::size_t on_their_way() const { return count(State::opening) + count(State::checking); }
    [[nodiscard]] std::size_t opening_soon(Time now) const;
    /// Those on their way that somebody may count on.
    [[nodiscard]] std::size_t coming(Time now) const { return opening_soon(now) + count(State::checking); }
    [[nodiscard]] std::size_t least_size() const { return std::max(limits_.min_size, wish_); }
    [[nodiscard]] std::size_t lost(Time now, const Member* but = nullptr) const;
    [[nodiscard]] std::size_t most_opening() const;
    [[nodiscard]] bool may_open(Time now) const;
    [[nodiscard]] bool take_permit(bool is_urgent);
    void cease_to_wait();
    [[nodiscard]] bool has_too_many() const { return permits_ != nullptr && permits_->are_too_many(size()); }
    [[nodiscard]] bool may_lend() const { return !suspended_ && count(State::lent) < may_be_lent(); }
    [[nodiscard]] std::chrono::nanoseconds least_wait(Time now) const;
    [[nodiscard]] bool is_short() const;
    [[nodiscard]] std::size_t count_on_any(Time now) const;
    [[nodiscard]] Time spare_at(const Member& member) const;
    [[nodiscard]] Time keep_alive_at(const Member& member) const;
    [[nodiscard]] bool is_proved(const Member& member, Time now) const;
    void enter(Member& member, State state);
    void settle_down(Member& member, Time now);
    void ask_all(Time now);
    void age(Member& member);
    void outdate(Member& member);
    [[nodiscard]] bool is_irreplaceable(Time now) const;
    void dismiss(Member& member, std::uint64_t PoolCounts::* why);
    void lend(Member& member, Time now);
    [[nodiscard]] Member& add_member(Time now);
    void find_leaks(Time now);
    void reclaim(Time now);
    void reclaim(Member& member, Time now);
    void come_back_cut(Member& member);
    void refuse_all(Error why);
    void refuse_those_before(Time time, Error why);
    std::unique_ptr<Member> remove(Member& member);
    void forget(Member& member) { remove(member); }  // it is gone

    Limits limits_;
    Permits* const permits_;
    Governor governor_;
    Capacity capacity_;
    AdaptiveLimit adaptive_;
    ExpectedWait expected_wait_;
    std::minstd_rand random_;
    std::vector<std::unique_ptr<Member>> members_;
    std::vector<Member*> idle_;  // by `used_at`, the last used at the end
    std::vector<const Member*> opening_;
    std::vector<Member*> to_check_;  // checking, and nobody was told yet
    std::vector<Member*> to_close_;  // closing, and nobody was told yet
    std::size_t counts_[6] = {};     // by state
    std::size_t old_ = 0;            // unwanted ones that are not closing
    std::size_t old_idle_ = 0;       // those of them that are idle
    WaiterQueue queue_;
    WaiterQueue refused_;  // to be told
    std::optional<Error> refused_with_;
    std::vector<Loan> leaks_;                             // to be told
    std::vector<std::unique_ptr<Member>> cut_;            // until they come back
    std::vector<std::shared_ptr<const Cutter>> cutters_;  // to be used
    std::size_t wish_ = 0;
    bool widening_ = false;
    bool grows_ = false;  // when one was open last, it was not enough for who waited or for the least sizes
    bool lacks_permit_ = false;
    bool waits_for_permit_ = false;
    bool suspended_ = false;
    bool closed_ = false;
    std::optional<std::chrono::nanoseconds> asleep_;  // as it was told last
    Time suspect_before_{};                           // what was proved to be alive before that may not be any more
    PoolCounts totals_;                               // those since the beginning
};

}  // namespace pg::pool
