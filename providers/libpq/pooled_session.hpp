// A session through a pooler: what a server of one's own would promise and a pooler does not is not relied on.
#pragma once

#include <atomic>
#include <libpq-fe.h>
#include <memory>

#include "pg/spi/session.hpp"

namespace pg::libpq {

/// Whether anybody has asked to cancel what a connection was doing. Outlives the connection.
class CancelWatch final {
public:
    [[nodiscard]] static std::unique_ptr<CancelWatch> over(PGconn* connection);

    /// True since the first request; from the beginning where requests cannot be watched.
    [[nodiscard]] bool was_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

private:
    friend void tell_of_cancel(PGconn* connection) noexcept;

    std::atomic<bool> cancelled_{false};
};

/// Tells the watch over a connection, if there is one, that a request to cancel it is being sent.
void tell_of_cancel(PGconn* connection) noexcept;

/// Takes over a session that was just opened.
///
/// The pooler passes a request to cancel on to whichever server serves the session when it arrives, and says that the
/// request is done before the server has seen it. So once one was sent, the session is not used any more: its
/// transaction status is unknown, its errors say that the connection is not usable, and whatever is asked of it is
/// refused unsent.
[[nodiscard]] std::unique_ptr<spi::Session> make_pooled(std::unique_ptr<spi::Session> session,
                                                        std::unique_ptr<const CancelWatch> watch);

}  // namespace pg::libpq
