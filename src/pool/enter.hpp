// Entries in the books of a SessionPool, for its files. Internal to pool.
#pragma once

#include <array>

#include "src/pool/session_pool.hpp"

namespace pg::pool {

/// Makes an entry in the books, and does what they ask for then. Nothing in a copy of the process: the books are those
/// of another one, and nobody may be left to let go of the lock.
template <class Entry>
void SessionPool::enter(Entry entry, bool is_looking) noexcept {
    if (!birthplace_.is_here()) return;
    std::array<Duty, 8> duties;
    std::size_t count = 0;
    bool is_entered = false;
    do {
        {
            const std::lock_guard lock(mutex_);
            const Time now = Deadline::Clock::now();
            looked_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
            for (std::size_t at = 0; at < count; ++at)
                if (duties[at].kind == Duty::Kind::close) books_.closed(*duties[at].member);
            if (!std::exchange(is_entered, true)) {
                books_.notice_sleep(time_asleep_(), now);
                entry(books_, now);
            }
            const bool wants_back = books_.wants_back(now);
            wants_back_.store(wants_back, std::memory_order_relaxed);
            has_fronts_ = may_have_fronts_ && !wants_back && books_.waiters() == 0;
            if (!has_fronts_) empty_fronts(now);  // (P2)
            for (count = 0; count < duties.size(); ++count)
                if ((duties[count] = books_.next(now)).kind == Duty::Kind::none) break;
            any_waiter_ = books_.waiters() != 0;
            any_idle_.store(books_.any_idle(), std::memory_order_relaxed);
            is_full_.store(books_.is_full(), std::memory_order_relaxed);
            any_resting_.store(books_.any_resting(now), std::memory_order_relaxed);
            arm(std::exchange(is_looking, false) ? books_.next_look(now) : books_.look_by(now));
            if (watchers_ != 0) changed_.here().notify_all();
        }
        // Who waits is told first: to close may take a while.
        for (const bool closes : {false, true})
            for (std::size_t at = 0; at < count; ++at)
                if ((duties[at].kind == Duty::Kind::close) == closes && !fulfil(duties[at]))
                    duties[at].kind = Duty::Kind::none;
    } while (count != 0);
}

}  // namespace pg::pool
