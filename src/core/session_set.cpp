// SessionSet: lending, taking back, and cleaning what a borrower left behind.
#include "src/core/session_set.hpp"

#include <utility>

#include "pg/stop.hpp"
#include "src/core/context.hpp"

namespace pg::detail {
namespace {

/// What a session is given to come back to rest: nobody waits for it.
constexpr std::chrono::seconds cleaning_budget{2};

/// All of DISCARD ALL but prepared statements and sequences.
constexpr std::string_view reset_script =
    "close all; set session authorization default; reset all; unlisten *; select pg_advisory_unlock_all(); discard "
    "temp";

Error closed() { return usage_error("the client is closed"); }

Error no_session(std::size_t max_size) {
    return Error({.kind = ErrorKind::pool_timeout,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::statement,
                  .message = "no session came free in time: all " + std::to_string(max_size) +
                             " are busy; hold them for less time, or raise pool_max_size"});
}

}  // namespace

SessionSet::SessionSet(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
                       std::size_t max_size)
    : provider_(std::move(provider)), config_(std::move(config)), context_(std::move(context)), max_size_(max_size) {}

SessionSet::~SessionSet() = default;

Expected<spi::Lease> SessionSet::do_acquire(const spi::Wait& wait) noexcept {
    for (;;) {
        Expected<Slot> slot = take_or_reserve(wait);
        const bool idle = slot && *slot;
        if (slot && !idle) slot = open(wait);
        if (!slot) return std::move(slot).error();
        if (!idle || (*slot)->session->alive()) return spi::Lease(*this, *slot->release());
        slot->reset();
        forget_one();
    }
}

/// An idle session, or nothing together with the right to open one.
Expected<SessionSet::Slot> SessionSet::take_or_reserve(const spi::Wait& wait) {
    const StopCallback wake_on_stop(wait.stop, &SessionSet::wake, this);
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return closed_ || !idle_.empty() || open_ < max_size_; };
    while (!ready()) {
        if (wait.stop && wait.stop->stop_requested())
            return Error({.kind = ErrorKind::cancelled, .message = "stopped while waiting for a session"});
        if (wait.deadline.is_never()) {
            changed_.wait(lock);
        } else if (changed_.wait_until(lock, wait.deadline.when()) == std::cv_status::timeout && !ready()) {
            return no_session(max_size_);
        }
    }
    if (closed_) return closed();
    if (idle_.empty()) {
        ++open_;
        return Slot();
    }
    Slot slot = std::move(idle_.back());
    idle_.pop_back();
    return slot;
}

void SessionSet::wake(void* set) noexcept {
    auto& self = *static_cast<SessionSet*>(set);
    {
        const std::lock_guard lock(self.mutex_);
    }  // whoever looked before the stop waits by now
    self.changed_.notify_all();
}

Expected<SessionSet::Slot> SessionSet::open(const spi::Wait& wait) {
    Expected<std::unique_ptr<spi::Session>> session = provider_->open(config_, context_, wait);
    if (!session) {
        forget_one();
        return std::move(session).error();
    }
    auto slot = std::make_unique<spi::SessionSlot>();
    slot->session = *std::move(session);
    return slot;
}

void SessionSet::do_release(spi::SessionSlot& lent) noexcept {
    Slot slot(&lent);
    const bool keep = clean(*slot);
    {
        const std::lock_guard lock(mutex_);
        if (keep && !closed_) {
            idle_.push_back(std::move(slot));
        } else {
            --open_;
        }
    }
    changed_.notify_one();
    // A session that is not kept closes here, outside the lock (S3).
}

/// True when the session is at rest, or could be brought there.
bool SessionSet::clean(spi::SessionSlot& slot) noexcept {
    spi::Session& session = *slot.session;
    if (!session.usable()) return false;
    const spi::Wait wait{Deadline::after(cleaning_budget)};
    if (session.transaction_status() != spi::TransactionStatus::idle &&
        !session.run({.sql = "rollback", .statement = {}}, wait))
        return false;
    if (std::exchange(slot.dirty, false) && !session.run_script(reset_script, wait)) return false;
    return session.transaction_status() == spi::TransactionStatus::idle;
}

void SessionSet::forget_one() noexcept {
    {
        const std::lock_guard lock(mutex_);
        --open_;
    }
    changed_.notify_one();
}

void SessionSet::do_close() noexcept {
    std::vector<Slot> closing;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        open_ -= idle_.size();
        closing.swap(idle_);
    }
    changed_.notify_all();
}

}  // namespace pg::detail
