// Lending, taking back, and doing what the books ask for.
#include "src/pool/session_pool.hpp"

#include <limits>
#include <system_error>
#include <utility>

#include "pg/sqlstate.hpp"
#include "src/fibers/own_reactor.hpp"
#include "src/fibers/poll_loop.hpp"
#include "src/pool/cleaning.hpp"
#include "src/pool/enter.hpp"
#include "src/pool/make_pool.hpp"
#include "src/pool/observe.hpp"
#include "src/pool/refusals.hpp"
#include "src/pool/thread_waiter.hpp"

namespace pg::pool {
namespace {

using Clock = Deadline::Clock;

/// Sessions that a hook may refuse to a request.
constexpr std::uint32_t most_turned_away = 8;
/// What the server of an idle session has to answer within.
constexpr std::chrono::seconds check_budget{1};

/// By what its surroundings say, too; what is wrong with those is for who opens a session to say.
bool wants_writes(const Config& config) {
    const Expected<Config> resolved = config.resolved(std::numeric_limits<int>::max());
    const std::string_view attributes = (resolved ? *resolved : config).get("target_session_attrs").value_or("");
    return attributes == "read-write" || attributes == "primary";
}

std::vector<SqlState> codes_of(const std::vector<PoolRule>& rules) {
    std::vector<SqlState> codes;
    codes.reserve(rules.size());
    for (const PoolRule& rule : rules) codes.push_back(rule.code);
    return codes;
}

/// For how long somebody may have a session for one request after the other: well before it is too long for a loan.
std::chrono::nanoseconds longest_loan(const Limits& limits) {
    const std::chrono::nanoseconds shortest = std::min(limits.leak_threshold, limits.reclaim_threshold);
    return shortest == no_timeout ? no_timeout : shortest / 2;
}

bool is_stopped(const spi::Wait& wait) { return wait.stop && wait.stop->stop_requested(); }

/// What blocks the calling thread keeps a reactor from its work.
bool holds_up_a_loop() { return spi::Waiter::here() != nullptr || spi::Reactor::any_here(); }

/// Of all that takes a system call to close, as the member itself goes under the lock (P1).
void let_go(Member& member) {
    member.memory.reset();
    member.session.reset();
    member.cutter.reset();
}

std::uint64_t seed_of(const void* object) { return static_cast<std::uint64_t>(std::hash<const void*>{}(object)) | 1U; }

}  // namespace

/// What takes a while with a member. Deletes itself.
class SessionPool::MemberJob final : public spi::Job {
public:
    using Work = void (SessionPool::*)(Member&) noexcept;
    MemberJob(std::shared_ptr<SessionPool> pool, std::shared_ptr<spi::Reactor> home, Member& member, Work work)
        : home_(std::move(home)), pool_(std::move(pool)), member_(member), work_(work) {
        if (is_waited_for()) pool_->openings_->begin();
    }

private:
    /// By the end of the client: what waits for a server. On a loop of the application it ends when that is run, if
    /// ever.
    [[nodiscard]] bool is_waited_for() const {
        return (work_ == &SessionPool::open_now || work_ == &SessionPool::check_now) && home_->has_thread();
    }
    void do_run() noexcept override {
        (pool_.get()->*work_)(member_);
        const auto openings = is_waited_for() ? pool_->openings_ : nullptr;
        delete this;  // lets go of its shares first, so that the last ones are not its own
        if (openings) openings->end();
    }

    const std::shared_ptr<spi::Reactor> home_;  // which it runs on, and lets go of last
    const std::shared_ptr<SessionPool> pool_;
    Member& member_;
    const Work work_;
};

SessionPool::SessionPool(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
                         const Limits& limits)
    : provider_(std::move(provider)),
      opener_(provider_, std::move(config), std::move(context), limits),
      is_awaitable_(provider_->capabilities().awaitable),
      may_have_fronts_(limits.max_uses == Limits().max_uses && limits.ping_after >= Books::every_look &&
                       !limits.adaptive && !limits.refuse_early && limits.reclaim_threshold == no_timeout),
      wants_writes_(wants_writes(opener_.config())),
      connect_timeout_(limits.connect_timeout),
      leak_threshold_(limits.leak_threshold),
      longest_loan_(longest_loan(limits)),
      max_uses_(limits.max_uses),
      time_asleep_(limits.time_asleep),
      on_leak_(limits.on_leak),
      leak_context_(limits.leak_context),
      hooks_(limits.hooks),
      rules_(limits.rules),
      watched_(codes_of(rules_)),
      reclaims_(limits.reclaim_threshold != no_timeout),
      equipment_(limits.equipment),
      has_fronts_(may_have_fronts_),
      lends_several_(limits.max_size > 1),
      permits_(limits.budget ? std::make_unique<BudgetPermits>(limits.budget, limits.budget_reserve,
                                                               static_cast<BudgetClaimant&>(*this))
                             : nullptr),
      books_(limits, seed_of(this), permits_.get()) {}

SessionPool::~SessionPool() {
    if (!birthplace_.is_here()) {
        static_cast<void>(permits_.release());  // they are those of another process
        return;
    }
    permits_.reset();  // nobody speaks of the budget any more to the ticker that goes
    if (Ticker<SessionPool>* ticker = ticker_.load(); ticker != nullptr) ticker->end();
}

void SessionPool::budget_changed() noexcept {
    // Without the lock, which is another pool's turn: what is armed meanwhile may have it look half a second later.
    if (Ticker<SessionPool>* ticker = ticker_.load(std::memory_order_acquire); ticker != nullptr)
        ticker->want(Clock::now());
}

/// False when a job of its own does it.
bool SessionPool::fulfil(const Duty& duty) noexcept {
    switch (duty.kind) {
        case Duty::Kind::none: break;
        case Duty::Kind::lend: return lend(*duty.member, *duty.waiter), true;
        case Duty::Kind::refuse: return duty.waiter->settle(why_refused()), true;
        case Duty::Kind::close: return close(*duty.member);
        case Duty::Kind::open: return open(*duty.member), false;
        case Duty::Kind::check: return check(*duty.member), false;
    }
    return true;
}

/// To somebody who waited. A session that is gone, or that a hook refuses, is lost, and the next is theirs.
void SessionPool::lend(Member& member, spi::LeaseWaiter& waiter) noexcept {
    const bool is_alive = member.session->alive();
    if (is_alive && (hooks_.on_acquire == nullptr || hooks_.on_acquire(hooks_.context, *member.session)))
        return settle(waiter, member);
    if (is_alive) ++waiter.turned_away;
    const bool may_wait = waiter.turned_away < most_turned_away;
    bool waits = false;
    enter([&, before = last_look()](Books& books, Time now) {
        if (!is_alive) empty_fronts(before);  // as in `lose`
        books.lose(member, is_alive ? Verdict::replace : Verdict::doubt, now);
        waits = may_wait && books.enqueue_again(waiter);
    });
    if (!waits) may_wait ? waiter.settle(no_session(waiter)) : turn_away(waiter);
}

void SessionPool::settle(spi::LeaseWaiter& waiter, Member& member) noexcept {
    waiter.turned_away = 0;
    waiter.settle(lease(member));
}

/// For good: a hook has refused too many sessions to it.
void SessionPool::turn_away(spi::LeaseWaiter& waiter) noexcept {
    waiter.settle(all_refused_to(std::exchange(waiter.turned_away, 0)));
}

void SessionPool::check(Member& member) noexcept {
    // Where there is a session there is a housekeeper, or its own reactor.
    const std::shared_ptr<spi::Reactor> home = workplace(member.session->reactor());
    home->spawn(*new MemberJob(shared_from_this(), home, member, &SessionPool::check_now));
}

/// Asks its server whether it is there.
void SessionPool::check_now(Member& member) noexcept {
    spi::Session& session = *member.session;
    const StopToken stop(stops_opening_.get_token());
    // What settings are after the round trip they are at rest: nobody has it who could have changed them.
    const bool is_alive = session.alive() && session.run_script("", {Deadline::after(check_budget), &stop}) &&
                          session.alive() && is_at_rest(member);
    is_alive ? enter([&](Books& books, Time now) { books.checked(member, now); }) : lose(member, Verdict::doubt);
}

/// Here, which waits for the loop of the session; or there, where two loops could wait for each other. Then false.
bool SessionPool::close(Member& member) noexcept {
    const std::shared_ptr<spi::Reactor> home = member.session ? member.session->reactor() : nullptr;
    if (!home || home->here() || !holds_up_a_loop()) return close_session(member), true;
    home->spawn(*new MemberJob(shared_from_this(), home, member, &SessionPool::close_now));
    return false;
}

void SessionPool::close_now(Member& member) noexcept {
    close_session(member);
    enter([&](Books& books, Time) { books.closed(member); });
}

void SessionPool::close_session(Member& member) noexcept {
    tell_closing(opener_.observer(), member);
    if (hooks_.before_close != nullptr)
        if (const HookCall call(opener_.gate()); call.is_allowed())
            hooks_.before_close(hooks_.context, *member.session);
    let_go(member);
}

/// What belongs to a session before it is lent first. An error when it did not survive that.
std::optional<Error> SessionPool::receive(Member& member, std::unique_ptr<spi::Session> session,
                                          const spi::Wait& wait) const {
    member.process = session->backend_process();
    if (leak_threshold_ != no_timeout) member.holder.keep_statements();
    member.watched = watched_;
    if (reclaims_)
        if (auto cutter = std::make_shared<const Cutter>(session->socket()); cutter->is_ready())
            member.cutter = std::move(cutter);
    member.session = std::move(session);
    const Expected<void> equipped = equipment_ ? equipment_->equip(member, wait) : Expected<void>();
    // A server that ends whatever it has let in is as good as one that lets nobody in: it is not asked without a pause.
    if (member.session->usable() && member.session->alive()) {
        if (!equipped) member.lacks = std::make_unique<const Error>(equipped.error());
        return std::nullopt;
    }
    member.why_closed = &PoolStats::lost;
    tell_closing(opener_.observer(), member);
    let_go(member);
    return equipped ? ended_at_once() : equipped.error();
}

void SessionPool::open(Member& member) noexcept {
    const std::shared_ptr<spi::Reactor> home = workplace(provider_->reactor());
    if (home) return home->spawn(*new MemberJob(shared_from_this(), home, member, &SessionPool::open_now));
    enter([&](Books& books, Time now) { books.failed(member, no_thread(), now); });
}

void SessionPool::open_now(Member& member) noexcept {
    const StopToken stop(stops_opening_.get_token());
    const Time began = Clock::now();
    const spi::Wait wait{Deadline::after(connect_timeout_), &stop};
    auto session = opener_.open(wait);
    tell_connected(opener_.observer(), began, session);
    std::optional<Error> failure = session ? receive(member, *std::move(session), wait) : std::move(session).error();
    if (failure) failure = as_failure_to_open(*failure);
    enter([&](Books& books, Time now) { failure ? books.failed(member, *failure, now) : books.opened(member, now); });
}

Error SessionPool::why_refused() const {
    const std::lock_guard lock(mutex_);
    return *books_.refused_with();
}

Error SessionPool::all_refused_to(std::uint32_t turned_away) const {
    const std::lock_guard lock(mutex_);
    return all_turned_away(turned_away, books_, Clock::now());
}

/// In place of what was set before, if it is earlier. Under the lock.
void SessionPool::arm(Time when) noexcept {
    Ticker<SessionPool>* const ticker = ticker_.load(std::memory_order_acquire);
    if (ticker == nullptr || when >= armed_for_) return;
    armed_for_ = when;
    ticker->want(when);
}

/// Sees to it that there is a housekeeper, unless the process can have no more threads: then the next one tries again.
void SessionPool::employ() noexcept {
    if (ticker_.load(std::memory_order_acquire) != nullptr || !birthplace_.is_here()) return;
    const std::lock_guard lock(housekeeper_mutex_);
    if (housekeeper_) return;
    housekeeper_ = provider_->reactor();
    try {
        if (!housekeeper_) housekeeper_ = fibers::make_own_reactor(std::make_unique<fibers::PollLoop>());
        ticker_.store(new Ticker<SessionPool>(weak_from_this(), *housekeeper_), std::memory_order_release);
    } catch (const std::system_error&) {
        housekeeper_.reset();
    }
}

/// Where a session is opened or checked: its own reactor or the housekeeper; null when there is no thread for it.
std::shared_ptr<spi::Reactor> SessionPool::workplace(std::shared_ptr<spi::Reactor> own) noexcept {
    if (own) return own;
    employ();
    const std::lock_guard lock(housekeeper_mutex_);
    return housekeeper_;
}

Expected<spi::Lease> SessionPool::do_acquire(const spi::Wait& wait) noexcept {
    std::uint32_t turned_away = 0;
    if (Member* member = borrow_front()) [[likely]]
        if (is_good(*member, turned_away)) [[likely]]
            return lease(*member);
    return acquire_behind_the_fronts(wait, turned_away);
}

/// What is in a front, which is lent then; null when nothing is, or others have a better right to it.
Member* SessionPool::borrow_front() noexcept {
    Member* const member = fronts_.take();
    if (member == nullptr) [[unlikely]]
        return nullptr;
    if (!has_fronts_) [[unlikely]] {  // (P2)
        enter([&](Books& books, Time now) { books.give_back(*member, now); });
        return nullptr;
    }
    member->lend(last_look());
    return member;
}

Expected<spi::Lease> SessionPool::acquire_behind_the_fronts(const spi::Wait& wait, std::uint32_t turned_away) {
    if (!birthplace_.is_here()) return detail::made_before_fork();
    employ();
    const bool may_wait = !is_on_a_loop();
    while (turned_away < most_turned_away) {
        ThreadWaiter waiter(wait.stop);
        waiter.turned_away = turned_away;
        Found found = find(waiter, wait.deadline, may_wait);
        if (!found) return std::move(found).error();
        if (*found != nullptr) {
            if (is_good(**found, turned_away)) return lease(**found);
            continue;
        }
        waiter.wait(wait.deadline);
        if (withdraw(waiter)) return is_stopped(wait) ? stopped() : no_session(waiter);
        Expected<spi::Lease> taken = waiter.take();
        return !taken && is_stopped(wait) ? stopped() : std::move(taken);
    }
    return all_refused_to(turned_away);
}

void SessionPool::do_request(spi::LeaseWaiter& waiter, const Deadline& until) noexcept {
    if (!birthplace_.is_here()) return waiter.settle(detail::made_before_fork());
    if (request_idle(waiter)) return;
    if (!is_awaitable_) return waiter.settle(cannot_be_awaited());
    while (waiter.turned_away < most_turned_away) {
        Found found = find(waiter, until, true);
        if (!found) return waiter.settle(std::move(found).error());
        if (*found == nullptr) return;
        if (is_good(**found, waiter.turned_away)) return settle(waiter, **found);
    }
    turn_away(waiter);
}

bool SessionPool::do_request_idle(spi::LeaseWaiter& waiter) noexcept {
    for (;;) {
        Member* member = borrow_front();
        if (member == nullptr && any_idle_.load(std::memory_order_relaxed)) {
            const std::lock_guard lock(mutex_);
            const Time now = Clock::now();
            looked_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
            books_.notice_sleep(time_asleep_(), now);
            member = books_.take(now);
            any_idle_.store(books_.any_idle() && member != nullptr, std::memory_order_relaxed);
            arm(books_.look_by(now));  // it may come back to a front (P3)
        }
        if (member == nullptr) return false;
        if (is_good(*member, waiter.turned_away)) return settle(waiter, *member), true;
        if (waiter.turned_away >= most_turned_away) return turn_away(waiter), true;
    }
}

/// The session that was used last; null: the waiter is in the queue, which it must not be unless it may wait.
SessionPool::Found SessionPool::find(spi::LeaseWaiter& waiter, const Deadline& until, bool may_wait) {
    employ();
    Found found(nullptr);
    enter([&](Books& books, Time now) {
        Member* member = books.take(now);
        if (member == nullptr) empty_fronts(now), member = books.take(now);
        if (member != nullptr)
            found = member;
        else if (std::optional<Error> why = books.refusal(now, until))
            found = *std::move(why);
        else if (!may_wait)
            found = would_wait_for_itself();
        else
            books.enqueue(waiter, now);
    });
    return found;
}

/// The calling thread may be the one that would have to open what it waits for, or give it back.
bool SessionPool::is_on_a_loop() const noexcept {
    if (!is_awaitable_ || !birthplace_.is_here() || spi::Waiter::here() != nullptr) return false;
    if (spi::Reactor::any_here()) return true;
    const std::lock_guard lock(housekeeper_mutex_);
    return housekeeper_ && housekeeper_->here();
}

/// By the hook; else it is on its way out.
bool SessionPool::is_accepted(Member& member, std::uint32_t& turned_away) noexcept {
    if (hooks_.on_acquire(hooks_.context, *member.session)) return true;
    return ++turned_away, lose(member, Verdict::replace), false;
}

void SessionPool::discard(Member& member) noexcept {
    const bool is_to_go = member.outdated.load(std::memory_order_relaxed);
    is_to_go ? enter([&](Books& books, Time now) { books.give_back(member, now); }) : lose(member, Verdict::doubt);
}

void SessionPool::lose(Member& member, Verdict verdict) noexcept {
    enter([&, before = last_look()](Books& books, Time now) {
        // They were used since the last look; whether they are alive now is as doubtful as of the others.
        empty_fronts(before);
        books.lose(member, verdict, now);
    });
}

void SessionPool::do_widen(const Deadline&) noexcept {
    if (is_full_.load(std::memory_order_relaxed) && !any_resting_.load(std::memory_order_relaxed)) return;
    employ();
    enter([](Books& books, Time now) { books.widen(now); });
}

bool SessionPool::do_wants_back(const spi::SessionSlot& slot) const noexcept {
    const auto& member = static_cast<const Member&>(slot);
    return wants_back_.load(std::memory_order_relaxed) || member.unwanted.load(std::memory_order_relaxed) ||
           member.uses + member.more_uses + 1 >= max_uses_ ||
           (longest_loan_ != no_timeout && last_look() - member.lent_since() > longest_loan_);
}

bool SessionPool::do_withdraw_first(spi::LeaseWaiter& waiter) noexcept {
    bool is_first = false;
    enter([&](Books& books, Time) { is_first = books.withdraw_first(waiter); });
    return is_first;
}

bool SessionPool::do_withdraw(spi::LeaseWaiter& waiter) noexcept {
    bool is_withdrawn = false;
    enter([&](Books& books, Time) { is_withdrawn = books.withdraw(waiter); });
    return is_withdrawn;
}

/// Of a session that comes back other than at rest, which it is then if it is to be kept.
Verdict SessionPool::judge(Member& member) noexcept {
    const SqlState error = std::exchange(member.last_error, {});
    // A session that takes no writes by what its borrower has set there says nothing of the others.
    const bool is_to_clean = error == sqlstate::read_only_sql_transaction && !is_at_rest(member);
    const bool is_left_behind = is_to_clean && !bring_to_rest(member);
    const Verdict verdict = verdict_on(error, *member.session, wants_writes_, rules_);
    if (verdict != Verdict::keep) return verdict;
    if (is_left_behind || (!is_at_rest(member) && !bring_to_rest(member)))
        return is_on_a_loop() ? Verdict::replace : Verdict::doubt;
    const bool is_kept = hooks_.on_release == nullptr || hooks_.on_release(hooks_.context, *member.session);
    return is_kept ? Verdict::keep : Verdict::replace;
}

void SessionPool::do_release(spi::SessionSlot& slot) noexcept {
    auto& member = static_cast<Member&>(slot);
    const bool is_plain = opener_.observer() == nullptr && hooks_.on_release == nullptr && member.last_error.empty();
    if (is_plain && is_at_rest(member)) [[likely]]
        return keep(member);
    take_back(member);
}

/// Of a session that somebody wants to know of, or that may not be at rest.
void SessionPool::take_back(Member& member) noexcept {
    if (opener_.observer()) tell_released(*opener_.observer(), member);
    const Verdict verdict = judge(member);
    verdict == Verdict::keep ? keep(member) : lose(member, verdict);
}

void SessionPool::keep(Member& member) noexcept {
    if (has_fronts_.load(std::memory_order_relaxed) && !member.unwanted.load(std::memory_order_relaxed) &&
        fronts_.put(member)) [[likely]] {
        if (!has_fronts_) [[unlikely]]  // (P2) unless somebody was quicker
            enter([](Books&, Time) {});
        return;
    }
    enter([&](Books& books, Time now) { books.give_back(member, now); });
}

/// Of what goes on: that is on another thread than this one.
bool SessionPool::may_wait_for_the_end() const noexcept { return !holds_up_a_loop() && !is_on_a_loop(); }

Error SessionPool::do_no_session(const spi::LeaseWaiter& waiter) const {
    const std::lock_guard lock(mutex_);
    return none_in_time(books_, waiter.queued_at, Clock::now());
}

std::shared_ptr<Pool> make_pool(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
                                const Limits& limits) {
    auto pool = std::make_shared<SessionPool>(std::move(provider), std::move(config), std::move(context), limits);
    pool->start();
    SessionPool* const shared = pool.get();
    return {shared, [pool = std::move(pool)](SessionPool*) mutable {
                pool->abandon();
                pool.reset();
            }};
}

}  // namespace pg::pool
