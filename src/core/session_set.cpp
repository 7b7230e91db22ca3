// SessionSet: lending, taking back, and cleaning what a borrower left behind.
#include "src/core/session_set.hpp"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include "pg/spi/reactor.hpp"
#include "pg/spi/waiter.hpp"
#include "pg/stop.hpp"
#include "src/core/context.hpp"

namespace pg::detail {
namespace {

/// What a session is given to come back to rest, within the time of the request that had it; but a little even when
/// that is over.
constexpr std::chrono::seconds cleaning_budget{2};
constexpr std::chrono::milliseconds cleaning_grace{200};

/// All of DISCARD ALL but prepared statements and sequences.
constexpr std::string_view reset_script =
    "close all; set session authorization default; reset all; unlisten *; select pg_advisory_unlock_all(); discard "
    "temp";

Error closed() { return usage_error("the client is closed"); }

Error stopped() { return Error({.kind = ErrorKind::cancelled, .message = "stopped while waiting for a session"}); }

/// A thread, or work on a stack of its own, that waits for its turn in the queue.
class ThreadWaiter final : public spi::LeaseWaiter {
public:
    explicit ThreadWaiter(const StopToken* stop) : LeaseWaiter(true), on_stop_(stop, &ThreadWaiter::stop, this) {}

    /// Until it is settled, or the wait is over.
    void wait(const Deadline& until) {
        if (spi::Waiter* waiter = spi::Waiter::here()) {
            const StopToken over(over_.get_token());
            return static_cast<void>(waiter->wait({}, {until, &over}));
        }
        std::unique_lock lock(mutex_);
        const auto is_over = [this] { return stopped_ || lease_; };
        if (until.is_never())
            changed_.wait(lock, is_over);
        else
            changed_.wait_until(lock, until.when(), is_over);
    }
    /// Waits for a settlement that is under way.
    [[nodiscard]] Expected<spi::Lease> take() {
        std::unique_lock lock(mutex_);  // a moment, even for work that must not hold up its thread
        changed_.wait(lock, [this] { return lease_.has_value(); });
        return *std::move(lease_);
    }

private:
    void do_settle(Expected<spi::Lease> lease) noexcept override {
        const std::lock_guard lock(mutex_);  // held beyond the notification: the waiter goes when it is let go
        lease_.emplace(std::move(lease));
        end_wait();
    }
    static void stop(void* waiter) noexcept {
        auto& self = *static_cast<ThreadWaiter*>(waiter);
        const std::lock_guard lock(self.mutex_);
        self.stopped_ = true;
        self.end_wait();
    }
    void end_wait() {
        changed_.notify_one();
        over_.request_stop();
    }

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::optional<Expected<spi::Lease>> lease_;
    bool stopped_ = false;
    std::stop_source over_;
    const StopCallback on_stop_;
};

bool is_stopped(const spi::Wait& wait) { return wait.stop && wait.stop->stop_requested(); }

/// True when the session is as it was lent, as far as is known.
bool is_at_rest(const spi::SessionSlot& slot) noexcept {
    return !slot.dirty && slot.session->transaction_status() == spi::TransactionStatus::idle;
}

/// False when that is not possible.
bool bring_to_rest(spi::SessionSlot& slot) noexcept {
    spi::Session& session = *slot.session;
    if (!session.usable()) return false;
    const Deadline in_time = earlier(Deadline::after(cleaning_budget), slot.lent_until);
    const spi::Wait wait{std::max(in_time, Deadline::after(cleaning_grace))};
    if (session.transaction_status() != spi::TransactionStatus::idle &&
        !session.run({.sql = "rollback", .statement = {}}, wait))
        return false;
    if (std::exchange(slot.dirty, false) && !session.run_script(reset_script, wait)) return false;
    return is_at_rest(slot);
}

}  // namespace

SessionSet::SessionSet(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
                       std::size_t max_size)
    : provider_(std::move(provider)), config_(std::move(config)), context_(std::move(context)), max_size_(max_size) {}

SessionSet::~SessionSet() { static_cast<void>(take_ready()); }

Expected<spi::Lease> SessionSet::do_acquire(const spi::Wait& wait) noexcept {
    for (;;) {
        Slot slot = take_ready();
        if (!slot) [[unlikely]] {
            ThreadWaiter waiter(wait.stop);
            Expected<Found> found = look(waiter, wait.deadline);
            if (!found) return std::move(found).error();
            if (found->may_open) return open(wait);
            if (!found->slot) {
                waiter.wait(wait.deadline);
                if (withdraw(waiter)) return is_stopped(wait) ? stopped() : no_session();
                Expected<spi::Lease> lease = waiter.take();
                return !lease || *lease ? std::move(lease) : open(wait);
            }
            slot = std::move(found->slot);
        }
        if (slot->session->alive()) [[likely]]
            return lend(std::move(slot));
        slot.reset();
        forget_one();
    }
}

void SessionSet::do_request(spi::LeaseWaiter& waiter, const Deadline& until) noexcept {
    for (;;) {
        Slot slot = take_ready();
        if (!slot) {
            Expected<Found> found = look(waiter, until);
            if (!found) return waiter.settle(std::move(found).error());
            if (found->may_open) return start_opener(until);
            if (!found->slot) return;
            slot = std::move(found->slot);
        }
        if (slot->session->alive()) return waiter.settle(lend(std::move(slot)));
        slot.reset();
        forget_one();
    }
}

Error SessionSet::do_no_session() const {
    const std::lock_guard lock(mutex_);
    std::string why = "all " + std::to_string(max_size_) + " are busy; hold them for less time, or raise pool_max_size";
    if (openers_ != 0)
        why = "the server has not let in the " + std::to_string(openers_) + " of " + std::to_string(max_size_) +
              " that are being opened; look at the network and the server";
    return Error({.kind = ErrorKind::pool_timeout,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::statement,
                  .message = "no session came free in time: " + why});
}

bool SessionSet::do_request_idle(spi::LeaseWaiter& waiter) noexcept {
    for (;;) {
        Slot slot = take_ready();
        if (!slot && any_idle_) {
            const std::lock_guard lock(mutex_);
            slot = take_idle();
        }
        if (!slot) return false;
        if (slot->session->alive()) return waiter.settle(lend(std::move(slot))), true;
        slot.reset();
        forget_one();
    }
}

void SessionSet::do_widen(const Deadline& until) noexcept {
    if (open_ >= max_size_) return;
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || widening_ || open_ >= max_size_) return;
        widening_ = true;
        ++open_;
    }
    start_opener(until);
}

bool SessionSet::do_withdraw_first(spi::LeaseWaiter& waiter) noexcept {
    const std::lock_guard lock(mutex_);
    if (queue_.empty() || queue_.front().waiter != &waiter) return false;
    static_cast<void>(take_first());
    return true;
}

/// Null when there is none. Under the lock.
SessionSet::Slot SessionSet::take_idle() noexcept {
    if (idle_.empty()) return nullptr;
    Slot slot = std::move(idle_.back());
    idle_.pop_back();
    any_idle_ = !idle_.empty();
    return slot;
}

bool SessionSet::do_withdraw(spi::LeaseWaiter& waiter) noexcept {
    const std::lock_guard lock(mutex_);
    const auto place =
        std::find_if(queue_.begin(), queue_.end(), [&](const Place& at) { return at.waiter == &waiter; });
    if (place == queue_.end()) return false;
    queue_.erase(place);
    --waiting_;
    return true;
}

/// An idle session, the right to open one, or neither: then the waiter is in the queue. One that must not wait is in
/// the queue even if one may be opened (S6).
Expected<SessionSet::Found> SessionSet::look(spi::LeaseWaiter& waiter, const Deadline& until) {
    const std::lock_guard lock(mutex_);
    if (closed_) return closed();
    ++waiting_;
    Found found{take_ready()};
    if (!found.slot) found.slot = take_idle();
    if (!found.slot && open_ < max_size_) {
        ++open_;
        found.may_open = true;
    }
    if (found.slot || (found.may_open && waiter.may_open()))
        --waiting_;
    else
        queue_.push_back({&waiter, until});
    return found;
}

Expected<spi::Lease> SessionSet::open(const spi::Wait& wait) {
    Expected<Slot> slot = open_slot(wait);
    if (slot) return lend(*std::move(slot));
    forget_one();
    return std::move(slot).error();
}

Expected<SessionSet::Slot> SessionSet::open_slot(const spi::Wait& wait) {
    Expected<std::unique_ptr<spi::Session>> session = provider_->open(config_, context_, wait);
    if (!session) return std::move(session).error();
    auto slot = std::make_unique<spi::SessionSlot>();
    slot->session = *std::move(session);
    return slot;
}

/// Opens one session for whoever is first then (S6). Deletes itself.
class SessionSet::Opener final : public spi::Job {
public:
    Opener(std::shared_ptr<SessionSet> set, std::shared_ptr<spi::Reactor> reactor, const Deadline& until)
        : set_(std::move(set)), reactor_(std::move(reactor)), until_(until) {}

private:
    void do_run() noexcept override {
        Expected<Slot> slot = set_->open_slot({.deadline = until_});
        {
            const std::lock_guard lock(set_->mutex_);
            set_->widening_ = false;
            --set_->openers_;
        }
        if (slot) {
            set_->keep(*std::move(slot));
        } else {
            set_->fail_first(slot.error(), until_);
            set_->forget_one();
        }
        delete this;
    }

    const std::shared_ptr<SessionSet> set_;
    const std::shared_ptr<spi::Reactor> reactor_;  // which it runs on
    const Deadline until_;
};

/// Its session is counted already.
void SessionSet::start_opener(const Deadline& until) {
    const std::shared_ptr<spi::Reactor> reactor = provider_->reactor();
    if (reactor) {
        const std::lock_guard lock(mutex_);
        ++openers_;
    }
    if (reactor) return reactor->spawn(*new Opener(shared_from_this(), reactor, until));
    fail_first(usage_error("the sessions of this client cannot be awaited: choose provider=async"), until);
    forget_one();
}

void SessionSet::do_release(spi::SessionSlot& lent) noexcept {
    Slot slot(&lent);
    if (!is_at_rest(*slot) && !bring_to_rest(*slot)) return forget_one();  // and it closes, outside the lock (S3)
    if (waiting_ != 0 || closed_) [[unlikely]]
        return keep(std::move(slot));
    keep(Slot(ready_.exchange(slot.release())));
    if (waiting_ != 0 || closed_) [[unlikely]]
        keep(take_ready());  // (S5) unless somebody was quicker
}

/// Gives a session, if it is one, to the first in the queue, or puts it where others find it.
void SessionSet::keep(Slot slot) noexcept {
    if (!slot) return;
    spi::LeaseWaiter* first = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) {
            --open_;
        } else {
            first = take_first();
            if (!first) {
                idle_.push_back(std::move(slot));
                any_idle_ = true;
            }
        }
    }
    if (first) first->settle(lend(std::move(slot)));
}

/// Null when nobody waits. Under the lock.
spi::LeaseWaiter* SessionSet::take_first() noexcept {
    if (queue_.empty()) return nullptr;
    --waiting_;
    spi::LeaseWaiter* const first = queue_.front().waiter;
    queue_.pop_front();
    return first;
}

/// An opener that ran until `until` failed. Somebody who has longer gets another one (S4), not its error.
void SessionSet::fail_first(const Error& error, const Deadline& until) noexcept {
    spi::LeaseWaiter* first = nullptr;
    {
        const std::lock_guard lock(mutex_);
        const bool for_lack_of_time = error.kind() == ErrorKind::timeout;
        if (!for_lack_of_time || (!queue_.empty() && queue_.front().until <= until)) first = take_first();
    }
    if (first) first->settle(error);
}

/// A session is gone: one may be opened for the first in the queue (S4).
void SessionSet::forget_one() noexcept {
    spi::LeaseWaiter* opens = nullptr;
    std::optional<Deadline> until;
    {
        const std::lock_guard lock(mutex_);
        if (queue_.empty()) {
            --open_;
        } else if (queue_.front().waiter->may_open()) {
            opens = take_first();
        } else {
            until = queue_.front().until;
        }
    }
    if (opens) return opens->settle(spi::Lease());
    if (until) start_opener(*until);
}

void SessionSet::do_close() noexcept {
    std::vector<Slot> closing;
    std::deque<Place> refused;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        closing.swap(idle_);
        any_idle_ = false;
        if (Slot slot = take_ready()) closing.push_back(std::move(slot));
        open_ -= closing.size();
        refused.swap(queue_);
        waiting_ -= refused.size();
    }
    for (const Place& place : refused) place.waiter->settle(closed());
}

}  // namespace pg::detail
