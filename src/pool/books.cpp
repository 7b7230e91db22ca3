// The entries of a pool's books.
#include "src/pool/books.hpp"

#include <algorithm>
#include <utility>

#include "pg/sqlstate.hpp"
#include "src/pool/refusals.hpp"

namespace pg::pool {
namespace {

/// Who has that much time waits for the next attempt to open a session instead of hearing of the last one.
constexpr std::chrono::seconds patience{1};
/// Idle sessions that are asked at the same time to keep them alive.
constexpr std::size_t most_kept_alive = 2;

Member* take_last(std::vector<Member*>& members) {
    Member* const last = members.back();
    members.pop_back();
    return last;
}

}  // namespace

void WaiterQueue::link(spi::LeaseWaiter& waiter) noexcept {
    waiter.ahead = last_;
    waiter.behind = nullptr;
    (first_ == nullptr ? first_ : last_->behind) = &waiter;
    last_ = &waiter;
    ++size_;
}

void WaiterQueue::unlink(spi::LeaseWaiter& waiter) noexcept {
    (waiter.ahead == nullptr ? first_ : waiter.ahead->behind) = waiter.behind;
    (waiter.behind == nullptr ? last_ : waiter.behind->ahead) = waiter.ahead;
    waiter.is_queued = false;
    --size_;
}

void WaiterQueue::push_front(spi::LeaseWaiter& waiter) noexcept {
    waiter.ahead = nullptr;
    waiter.behind = first_;
    (first_ == nullptr ? last_ : first_->ahead) = &waiter;
    first_ = &waiter;
    waiter.is_queued = true;
    ++size_;
}

void WaiterQueue::push(spi::LeaseWaiter& waiter) noexcept {
    link(waiter);
    waiter.is_queued = true;
}

spi::LeaseWaiter& WaiterQueue::pop() noexcept {
    spi::LeaseWaiter& first = *first_;
    unlink(first);
    return first;
}

bool WaiterQueue::erase(spi::LeaseWaiter& waiter) noexcept {
    if (!waiter.is_queued) return false;
    unlink(waiter);
    return true;
}

Books::~Books() = default;

Member* Books::take(Time now) {
    if (!queue_.empty() || idle_.empty() || !may_lend() || !is_proved(*idle_.back(), now)) return nullptr;
    Member& last = *idle_.back();
    lend(last, now);
    return &last;
}

std::optional<Error> Books::refusal(Time now, const Deadline& until) {
    std::optional<Error> why;
    if (closed_)
        why = client_is_closed(*this, now);
    else if (queue_.size() >= limits_.max_waiting)
        why = too_many_wait(*this, now);
    else if (count_on_any(now) == 0 && !suspended_ && governor_.next() > std::min(until.when(), later(now, patience)))
        why = governor_.last_error();
    else if (limits_.refuse_early && later(now, least_wait(now)) > until.when())
        why = would_be_late(least_wait(now), *this, now);
    if (why) ++totals_.refused;
    return why;
}

bool Books::withdraw(spi::LeaseWaiter& waiter) noexcept {
    if (!queue_.erase(waiter)) return waiter.is_wanted_back = true, false;
    ++totals_.given_up;
    return true;
}

bool Books::enqueue_again(spi::LeaseWaiter& waiter) noexcept {
    if (waiter.is_wanted_back) return ++totals_.given_up, false;
    if (closed_)
        refused_.append(waiter);  // `close` did not see it
    else
        queue_.push_front(waiter);
    return true;
}

void Books::give_back(Member& member, Time now) {
    if (member.state == State::cut) return come_back_cut(member);
    member.used_at = now;
    member.uses += 1 + std::exchange(member.more_uses, 0);
    if (limits_.refuse_early) expected_wait_.came_back(now - member.lent_since());
    if (limits_.adaptive) adaptive_.came_back(now - member.lent_since(), !queue_.empty(), now);
    settle_down(member, now);
}

void Books::lose(Member& member, Verdict verdict, Time now) {
    if (member.state == State::cut) return come_back_cut(member);
    const bool was_asked = member.state == State::checking;
    dismiss(member, &PoolStats::lost);
    if (verdict == Verdict::doubt || verdict == Verdict::clear) suspect_before_ = now;
    if (verdict == Verdict::doubt && was_asked && !queue_.empty()) ask_all(now);
    if (verdict != Verdict::clear) return;
    for (const auto& other : members_)
        if (other->state != State::opening) outdate(*other);
    while (!idle_.empty()) dismiss(*idle_.back(), &PoolStats::lost);
}

/// What is idle and may be as dead as the one before: whoever waits does not wait for one after the other.
void Books::ask_all(Time now) {
    for (const auto& member : members_) {
        if (member->state != State::idle || is_proved(*member, now)) continue;
        enter(*member, State::checking);
        to_check_.push_back(member.get());
    }
}

void Books::opened(Member& member, Time now) {
    governor_.succeed();
    widening_ = false;
    ++totals_.opened;
    if (member.lacks) ++totals_.unprepared;
    member.used_at = now;
    if (limits_.max_lifetime != no_timeout) {
        const std::int64_t tenth = limits_.max_lifetime.count() / 10;
        const auto less = std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(0, tenth)(random_));
        member.expires = later(now, limits_.max_lifetime - less);
    }
    settle_down(member, now);
    grows_ = queue_.size() > 1 || is_short();
}

void Books::failed(Member& member, const Error& error, Time now) {
    governor_.fail(error, now);
    widening_ = false;
    ++totals_.failed_to_open;
    const Time begun = member.used_at;
    forget(member);
    if (error.sqlstate() == sqlstate::too_many_connections) capacity_.refuse(size(), now);
    // Those that were begun when this one had become slow stand in its place, and nobody's error waits for theirs.
    const auto stands_beside = [&](const Member* other) { return other->used_at < begun + slow; };
    const bool more_may_come = count(State::checking) + count(State::lent) + count(State::idle) != 0 ||
                               std::any_of(opening_.begin(), opening_.end(), stands_beside);
    if (!more_may_come && !suspended_) refuse_those_before(begun + slow, error);
}

void Books::checked(Member& member, Time now) { settle_down(member, now); }

void Books::closed(Member& member) {
    if (member.state != State::cut) return forget(member);
    std::erase_if(cut_, [&](const auto& one) { return one.get() == &member; });
}

void Books::resize(std::size_t max_size, std::size_t min_size, std::size_t min_idle) {
    limits_.max_size = std::max<std::size_t>(max_size, 1);
    limits_.min_size = std::min(min_size, limits_.max_size);
    limits_.min_idle = std::min(min_idle, limits_.max_size);
    adaptive_.bound(limits_.min_size, limits_.max_size);
    while (!idle_.empty() && size() > limits_.max_size) dismiss(*idle_.front(), &PoolStats::spare);
}

void Books::refresh() {  // also of those that are being opened
    for (const auto& member : members_) outdate(*member);
    while (!idle_.empty()) dismiss(*idle_.back(), &PoolStats::expired);
}

void Books::widen(Time now) {
    if (coming(now) != 0) return;
    if (any_resting(now)) {
        Member& last = *idle_.back();
        enter(last, State::checking);
        to_check_.push_back(&last);
    } else if (idle_.empty() || !may_lend()) {
        widening_ = count(State::opening) == 0 && members_.size() < limits_.max_size;
    }
}

void Books::close(Time now) {
    closed_ = true;
    refuse_all(client_is_closed(*this, now));
    for (const auto& member : members_) outdate(*member);
    while (!idle_.empty()) dismiss(*idle_.back(), &PoolStats::spare);
}

void Books::notice_sleep(std::chrono::nanoseconds asleep, Time now) {
    if (asleep_ && asleep - *asleep_ >= least_sleep) suspect_before_ = now + std::chrono::nanoseconds(1);
    asleep_ = asleep;
}

Duty Books::next(Time now) {
    if (!to_close_.empty()) return {.kind = Duty::Kind::close, .member = take_last(to_close_)};
    if (!to_check_.empty()) return {.kind = Duty::Kind::check, .member = take_last(to_check_)};
    if (!refused_.empty()) {
        ++totals_.refused;
        return {.kind = Duty::Kind::refuse, .waiter = &refused_.pop()};
    }
    const bool serves = may_lend() && !queue_.empty();
    if (serves && !idle_.empty()) {
        Member& last = *idle_.back();
        if (is_proved(last, now)) {
            lend(last, now);
            return {.kind = Duty::Kind::lend, .member = &last, .waiter = &queue_.pop()};
        }
        if (coming(now) < queue_.size()) {
            enter(last, State::checking);
            return {.kind = Duty::Kind::check, .member = &last};
        }
    }
    const bool is_asked_for = serves && coming(now) < queue_.size();
    const bool is_urgent = is_asked_for || size() < std::min(wish_, limits_.max_size);
    const bool is_wanted = is_asked_for || is_short() || (widening_ && count(State::opening) == 0);
    if (!is_wanted || !may_open(now))
        cease_to_wait();
    else if (take_permit(is_urgent))
        return {.kind = Duty::Kind::open, .member = &add_member(now)};
    return {};
}

void Books::look(Time now) {
    if (!idle_.empty() && has_too_many()) dismiss(*idle_.front(), &PoolStats::spare);
    for (const auto& member : members_)
        if (now >= member->expires) age(*member);
    for (std::size_t at = 0; at < idle_.size();) {
        Member& member = *idle_[at];
        const bool is_old = member.unwanted.load(std::memory_order_relaxed);
        if (is_old && !is_irreplaceable(now))
            dismiss(member, &PoolStats::expired);
        else if (!is_old && now >= spare_at(member))
            dismiss(member, &PoolStats::spare);
        else if (!is_old && count(State::checking) < most_kept_alive && now >= keep_alive_at(member))
            enter(member, State::checking), to_check_.push_back(&member);
        else
            ++at;
    }
    find_leaks(now);
    reclaim(now);
}

Time Books::look_by(Time now) const {
    const bool opens_later = !governor_.allows(now) && (!queue_.empty() || is_short() || widening_);
    return std::min(now + every_look, opens_later ? governor_.next() : Time::max());
}

Time Books::next_look(Time now) const {
    if (closed_ && members_.empty()) return Time::max();
    if (count(State::idle) != members_.size() || !queue_.empty()) return look_by(now);
    Time at = is_short() || widening_ ? look_by(now) : Time::max();
    for (const Member* member : idle_)
        if (!member->unwanted.load(std::memory_order_relaxed) || !is_irreplaceable(now))
            at = std::min({at, member->expires, spare_at(*member), keep_alive_at(*member)});
    return std::max(at, now);
}

const Error* Books::lack() const {
    for (const auto& member : members_)
        if (member->lacks && member->state != State::opening && member->state != State::closing) return &*member->lacks;
    return nullptr;
}

PoolStats Books::stats(Time now) const {
    PoolStats stats;
    static_cast<PoolCounts&>(stats) = totals_;
    stats.lent = count(State::lent);
    stats.idle = count(State::idle);
    stats.opening = count(State::opening);
    stats.checking = count(State::checking);
    stats.closing = count(State::closing);
    stats.max_size = limits_.max_size;
    stats.limit = limit(now);
    stats.waiting = queue_.size();
    for (const auto& member : members_) stats.acquired += member->loans.load(std::memory_order_relaxed);
    stats.failed_attempts = governor_.failures();
    if (!governor_.allows(now)) stats.next_attempt = governor_.next() - now;
    stats.connect_error = governor_.last_error();
    return stats;
}

/// Sessions that may come to somebody: in use, idle, or on their way and not slow.
std::size_t Books::count_on_any(Time now) const { return coming(now) + count(State::lent) + count(State::idle); }

std::size_t Books::opening_soon(Time now) const {
    return static_cast<std::size_t>(std::count_if(opening_.begin(), opening_.end(),
                                                  [&](const Member* member) { return now < member->used_at + slow; }));
}

/// The wait to be expected of a request made now; none while more sessions may come.
std::chrono::nanoseconds Books::least_wait(Time now) const {
    const std::size_t lent = count(State::lent);
    if (lent == 0 || lent < limit(now)) return {};
    return expected_wait_.behind(queue_.size(), lent);
}

/// One at most of those that have been opening for so long that they may never be open: in its place another may be
/// tried, or a pool that it fills would serve nobody until the connect timeout is over.
std::size_t Books::lost(Time now, const Member* but) const {
    const auto is_slow = [&](const Member* member) { return member != but && now >= member->used_at + slow; };
    return std::any_of(opening_.begin(), opening_.end(), is_slow) ? 1 : 0;
}

/// Sessions that are in use come back, and may serve a crowd before another one is open: there is a second attempt
/// beside the first once that was not so.
std::size_t Books::most_opening() const {
    const bool are_in_use = count(State::lent) + count(State::checking) != 0;
    return are_in_use && !grows_ ? 1 : limits_.max_connecting;
}

bool Books::may_open(Time now) const {
    const std::size_t most =
        std::min(std::max(may_be_lent(), std::min(wish_, limits_.max_size)) + lost(now), capacity_.room(now));
    const bool is_one_too_many =
        opening_soon(now) >= most_opening() || count(State::opening) >= limits_.max_connecting + lost(now);
    return !closed_ && members_.size() < most && !is_one_too_many && governor_.allows(now);
}

bool Books::take_permit(bool is_urgent) {
    lacks_permit_ = waits_for_permit_ = permits_ != nullptr && !permits_->take(is_urgent);
    return !lacks_permit_;
}

void Books::cease_to_wait() {
    if (std::exchange(waits_for_permit_, false)) permits_->cease();
}

/// Of those that the least sizes ask for; what is too old does not count.
bool Books::is_short() const {
    if (closed_) return false;
    return size() - old_ < least_size() || count(State::idle) - old_idle_ + on_their_way() < limits_.min_idle;
}

bool Books::is_proved(const Member& member, Time now) const {
    return member.proved_at >= suspect_before_ && now < later(member.proved_at, limits_.ping_after);
}

/// Never, while it is one of those that are kept.
Time Books::spare_at(const Member& member) const {
    const bool is_kept = size() <= least_size() || count(State::idle) <= limits_.min_idle;
    return is_kept ? Time::max() : later(member.used_at, limits_.idle_timeout);
}

Time Books::keep_alive_at(const Member& member) const {
    return member.proved_at < suspect_before_ ? Time{} : later(member.proved_at, limits_.keepalive);
}

/// The only way from one state to another.
void Books::enter(Member& member, State state) {
    const bool is_old = member.unwanted.load(std::memory_order_relaxed);
    if (member.state == State::opening) std::erase(opening_, &member);
    if (member.state == State::idle) {
        idle_.erase(std::find(idle_.rbegin(), idle_.rend(), &member).base() - 1);
        if (is_old) --old_idle_;
    }
    --counts_[static_cast<std::size_t>(member.state)];
    member.state = state;
    ++counts_[static_cast<std::size_t>(state)];
    if (state == State::idle) {
        const auto used_before = [](Time used_at, const Member* other) { return used_at < other->used_at; };
        idle_.insert(std::upper_bound(idle_.begin(), idle_.end(), member.used_at, used_before), &member);
        if (is_old) ++old_idle_;
    }
    if (state == State::closing && is_old) --old_;
}

/// Alive, and with nobody: it stays, unless it is not wanted any more.
void Books::settle_down(Member& member, Time now) {
    member.proved_at = now;
    const bool is_old = member.unwanted.load(std::memory_order_relaxed);
    if (is_old) enter(member, State::idle);  // so that it does not count as one that comes
    if (member.uses >= limits_.max_uses || member.outdated.load(std::memory_order_relaxed) ||
        (is_old && !is_irreplaceable(now)))
        dismiss(member, &PoolStats::expired);
    else if (closed_ || size() > limits_.max_size + lost(now, &member) || (queue_.empty() && has_too_many()))
        dismiss(member, &PoolStats::spare);
    else if (!is_old)
        enter(member, State::idle);
}

/// One that is too old stays until another is open in its place, where the least sizes or somebody who waits ask for
/// it. Where there is no room for that, or no permit, one at a time makes some.
bool Books::is_irreplaceable(Time now) const {
    const std::size_t open = size() - count(State::opening), young = open - std::min(open, old_);
    const bool is_asked_for =
        young < least_size() || count(State::idle) - old_idle_ < limits_.min_idle || (young == 0 && !queue_.empty());
    const bool is_room = members_.size() < limit(now) && !waits_for_permit_;
    return is_asked_for && (is_room || count(State::opening) != 0 || count(State::closing) != 0);
}

/// It is to close when it can.
void Books::age(Member& member) {
    if (member.state == State::closing || member.unwanted.exchange(true, std::memory_order_relaxed)) return;
    ++old_;
    if (member.state == State::idle) ++old_idle_;
}

/// And is lent to nobody until then.
void Books::outdate(Member& member) {
    member.outdated.store(true, std::memory_order_relaxed);
    age(member);
}

void Books::dismiss(Member& member, std::uint64_t PoolCounts::* why) {
    enter(member, State::closing);
    ++(totals_.*why);
    member.why_closed = why;
    to_close_.push_back(&member);
}

void Books::lend(Member& member, Time now) {
    enter(member, State::lent);
    member.lend(now);
}

Member& Books::add_member(Time now) {
    Member& member = *members_.emplace_back(std::make_unique<Member>());
    member.place = static_cast<std::uint32_t>(members_.size() - 1);
    member.used_at = now;
    opening_.push_back(&member);
    ++counts_[static_cast<std::size_t>(State::opening)];
    return member;
}

void Books::refuse_all(Error why) {
    refused_with_ = std::move(why);
    while (!queue_.empty()) refused_.append(queue_.pop());
}

/// Those who came after that time wait on.
void Books::refuse_those_before(Time time, Error why) {
    if (queue_.empty() || queue_.first()->queued_at >= time) return;
    refused_with_ = std::move(why);
    while (!queue_.empty() && queue_.first()->queued_at < time) refused_.append(queue_.pop());
}

/// It is a member no more.
std::unique_ptr<Member> Books::remove(Member& member) {
    if (member.state == State::opening) {
        std::erase(opening_, &member);
        if (member.unwanted.load(std::memory_order_relaxed)) --old_;
    }
    if (permits_ != nullptr) permits_->give();
    --counts_[static_cast<std::size_t>(member.state)];
    totals_.acquired += member.loans.load(std::memory_order_relaxed);
    const std::uint32_t place = member.place;
    members_[place].swap(members_.back());
    members_[place]->place = place;
    std::unique_ptr<Member> removed = std::move(members_.back());
    members_.pop_back();
    return removed;
}

}  // namespace pg::pool
