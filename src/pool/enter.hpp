// Entries in the books of a SessionPool, for its files. Internal to pool.
#pragma once

#include <array>

#include "src/pool/session_pool.hpp"

namespace pg::pool {

/// Makes an entry in the books, and does what they ask for then.
template <class Entry>
void SessionPool::enter(Entry entry, bool is_looking) noexcept {
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
            for (count = 0; count < duties.size(); ++count)
                if ((duties[count] = books_.next(now)).kind == Duty::Kind::none) break;
            waiting_.store(books_.waiters());
            any_idle_.store(books_.any_idle(), std::memory_order_relaxed);
            is_full_.store(books_.is_full(), std::memory_order_relaxed);
            any_resting_.store(books_.any_resting(now), std::memory_order_relaxed);
            arm(std::exchange(is_looking, false) ? books_.next_look(now) : books_.look_by(now));
            if (watchers_ != 0) changed_.notify_all();
        }
        for (std::size_t at = 0; at < count; ++at) fulfil(duties[at]);
    } while (count != 0);
}

}  // namespace pg::pool
