// Waiter: what waits in the place of the calling thread.
#pragma once

#include <poll.h>
#include <span>

#include "pg/spi/request.hpp"

namespace pg::spi {

/// Why a wait ended.
enum class Woken : std::uint8_t {
    ready,     ///< a descriptor can be read or written, or is broken
    deadline,  ///< the deadline passed
    stopped,   ///< a stop was asked for
};

/// Work on a stack of its own, which a reactor goes on with when what it waits for has come. A provider whose sessions
/// leave every wait to `here()`, where there is one, can be awaited.
class PGCLIENT_API Waiter {
public:
    virtual ~Waiter();
    /// Waits until one of `descriptors` is ready (its `revents` say which), the deadline passes, or a stop is asked
    /// for. A negative descriptor is passed over. One that is alone and waited for with POLLIN may have nothing to read
    /// after all, as a read without waiting tells.
    [[nodiscard]] Woken wait(std::span<pollfd> descriptors, const Wait& wait) noexcept {
        return do_wait(descriptors, wait);
    }
    /// Ends the wait that the work is at, if it is one that may be nudged. On the thread of its reactor.
    void nudge() noexcept { do_nudge(); }
    /// Of the work that calls; null where the thread itself has to wait.
    [[nodiscard]] static Waiter* here() noexcept;

protected:
    /// The work on this thread is that of `waiter` from now on; null: of the thread.
    static void enter(Waiter* waiter) noexcept;

private:
    virtual Woken do_wait(std::span<pollfd> descriptors, const Wait& wait) noexcept = 0;
    virtual void do_nudge() noexcept = 0;
};

}  // namespace pg::spi
