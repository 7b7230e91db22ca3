// What a pool tells observers of its sessions. Internal to pool.
#pragma once

#include "src/pool/books.hpp"

namespace pg::pool {

/// An attempt to open a session, which began then, has ended. A null observer is told nothing.
inline void tell_connected(const std::shared_ptr<spi::Observer>& observer, Time began,
                           const Expected<std::unique_ptr<spi::Session>>& session) noexcept {
    if (!observer) return;
    spi::ConnectEvent event{.began = began, .duration = Deadline::Clock::now() - began};
    if (session) {
        event.node = (*session)->node();
        event.engine = (*session)->engine();
        event.process = (*session)->backend_process();
    } else {
        event.node = session.error().node();
        event.error = &session.error();
    }
    observer->tell(event);
}

/// The session of a member is about to be closed. A null observer is told nothing.
inline void tell_closing(const std::shared_ptr<spi::Observer>& observer, const Member& member) noexcept {
    if (!observer) return;
    const spi::Session& session = *member.session;
    const auto why = member.why_closed == &PoolStats::lost      ? spi::CloseReason::lost
                     : member.why_closed == &PoolStats::expired ? spi::CloseReason::expired
                                                                : spi::CloseReason::spare;
    observer->tell(spi::CloseEvent{session.node(), session.engine(), member.process, why});
}

/// The session of a member has come back.
inline void tell_released(spi::Observer& observer, const Member& member) noexcept {
    observer.tell(spi::ReleaseEvent{.node = member.session->node(),
                                    .engine = member.session->engine(),
                                    .duration = Deadline::Clock::now() - member.taken_at});
}

}  // namespace pg::pool
