// What a borrower may have left behind, and how much time there is to clear it away.
#include "src/pool/cleaning.hpp"

#include <algorithm>
#include <utility>

namespace pg::pool {
namespace {

/// What a session is given to come back to rest, within the time of the request that had it; but a little even when
/// that is over.
constexpr std::chrono::seconds cleaning_budget{2};
constexpr std::chrono::milliseconds cleaning_grace{200};

/// All of DISCARD ALL but prepared statements and sequences.
constexpr std::string_view reset_script =
    "close all; set session authorization default; reset all; unlisten *; select pg_advisory_unlock_all(); discard "
    "temp";

/// What was heard for the one before is nobody's. False when the session is gone, or its server says more and more.
bool forget_notifications(spi::Session& session, const Deadline& until) noexcept {
    const spi::Wait at_once{Deadline::at({}), nullptr};
    while (!until.passed()) {
        const Expected<std::optional<Notification>> heard = session.wait_notification(at_once);
        if (!heard || !*heard) return session.usable();
    }
    return false;
}

}  // namespace

bool bring_to_rest(spi::SessionSlot& slot) noexcept {
    spi::Session& session = *slot.session;
    if (!session.usable()) return false;
    const Deadline in_time = earlier(Deadline::after(cleaning_budget), slot.lent_until);
    const spi::Wait wait{std::max(in_time, Deadline::after(cleaning_grace))};
    if (session.transaction_status() != spi::TransactionStatus::idle && !session.run_script("rollback", wait))
        return false;
    if ((std::exchange(slot.dirty, false) || !session.at_rest()) && !slot.is_shared &&
        (!session.run_script(reset_script, wait) || !forget_notifications(session, wait.deadline)))
        return false;
    // What the server still reports is its own: other defaults than before, or those of a pooler's server.
    if (!session.at_rest() && !session.alive()) return false;
    slot.renamed = false;
    return is_at_rest(slot);
}

}  // namespace pg::pool
