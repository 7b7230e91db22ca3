// Permits: what the books of a pool ask before they open a session. Internal to pool.
#pragma once

#include <cstddef>

namespace pg::pool {

/// Of one pool. Asked under its lock; takes none but its own.
class Permits {
public:
    virtual ~Permits() = default;
    /// For one session, which is urgent where somebody waits for it. False: the pool is told to look when there is one.
    [[nodiscard]] virtual bool take(bool is_urgent) = 0;
    virtual void give() = 0;   // that session is gone
    virtual void cease() = 0;  // none is wanted any more
    /// Somebody else waits for one, and to have so many sessions is more than is fair.
    [[nodiscard]] virtual bool are_too_many(std::size_t size) const = 0;
};

}  // namespace pg::pool
