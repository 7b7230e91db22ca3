// SessionSet: lending, taking back, and cleaning what a borrower left behind.
#include "src/core/session_set.hpp"

#include <algorithm>
#include <utility>

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

Error no_session(std::size_t max_size) {
    return Error({.kind = ErrorKind::pool_timeout,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::statement,
                  .message = "no session came free in time: all " + std::to_string(max_size) +
                             " are busy; hold them for less time, or raise pool_max_size"});
}

/// Lowers a count that its owner has raised.
class Counted {
public:
    explicit Counted(std::atomic<std::size_t>& count) noexcept : count_(count) {}
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count_; }

private:
    std::atomic<std::size_t>& count_;
};

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
            Expected<Slot> other = take_or_reserve(wait);
            if (!other) return std::move(other).error();
            if (!*other) return open(wait);
            slot = *std::move(other);
        }
        if (slot->session->alive()) [[likely]]
            return spi::Lease(*this, *slot.release());
        slot.reset();
        forget_one();
    }
}

/// An idle session, or nothing together with the right to open one.
Expected<SessionSet::Slot> SessionSet::take_or_reserve(const spi::Wait& wait) {
    const StopCallback wake_on_stop(wait.stop, &SessionSet::wake, this);
    ++waiting_;
    const Counted counted(waiting_);
    std::unique_lock lock(mutex_);
    for (bool in_time = true;;) {
        if (closed_) return closed();
        if (Slot slot = take_ready()) return slot;
        if (!idle_.empty()) {
            Slot slot = std::move(idle_.back());
            idle_.pop_back();
            return slot;
        }
        if (open_ < max_size_) {
            ++open_;
            return Slot();
        }
        if (wait.stop && wait.stop->stop_requested())
            return Error({.kind = ErrorKind::cancelled, .message = "stopped while waiting for a session"});
        if (!in_time) return no_session(max_size_);
        if (wait.deadline.is_never())
            changed_.wait(lock);
        else
            in_time = changed_.wait_until(lock, wait.deadline.when()) == std::cv_status::no_timeout;
    }
}

void SessionSet::wake(void* set) noexcept {
    auto& self = *static_cast<SessionSet*>(set);
    {
        const std::lock_guard lock(self.mutex_);
    }  // whoever looked before the stop waits by now
    self.changed_.notify_all();
}

Expected<spi::Lease> SessionSet::open(const spi::Wait& wait) {
    Expected<std::unique_ptr<spi::Session>> session = provider_->open(config_, context_, wait);
    if (!session) {
        forget_one();
        return std::move(session).error();
    }
    auto slot = std::make_unique<spi::SessionSlot>();
    slot->session = *std::move(session);
    return spi::Lease(*this, *slot.release());
}

void SessionSet::do_release(spi::SessionSlot& lent) noexcept {
    Slot slot(&lent);
    if (!is_at_rest(*slot) && !bring_to_rest(*slot)) return forget_one();  // and it closes, outside the lock (S3)
    Slot other(ready_.exchange(slot.release()));
    if (!other && waiting_ == 0 && !closed_) [[likely]]
        return;
    keep(std::move(other));
    if (waiting_ != 0 || closed_) keep(take_ready());  // unless somebody was quicker
}

/// Puts a session, if it is one, where those who wait find it.
void SessionSet::keep(Slot slot) noexcept {
    if (!slot) return;
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            --open_;
        else
            idle_.push_back(std::move(slot));
    }
    changed_.notify_one();
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
        closing.swap(idle_);
        if (Slot slot = take_ready()) closing.push_back(std::move(slot));
        open_ -= closing.size();
    }
    changed_.notify_all();
}

}  // namespace pg::detail
