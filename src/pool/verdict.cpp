// The table of SQLSTATEs as a pool reads it.
#include "src/pool/verdict.hpp"

#include "pg/sqlstate.hpp"

namespace pg::pool {
namespace {

Verdict verdict_of(PoolFate fate) noexcept {
    switch (fate) {
        case PoolFate::keep: return Verdict::keep;
        case PoolFate::replace: return Verdict::replace;
        case PoolFate::ask_others: return Verdict::doubt;
        case PoolFate::replace_all: break;
    }
    return Verdict::clear;
}

/// A session that was to write stands on a server that takes no writes, or began a transaction that takes none.
Verdict on_read_only(const spi::Session& session) noexcept {
    const std::string_view standby = session.parameter("in_hot_standby");
    if (standby == "on" || session.parameter("default_transaction_read_only") == "on") return Verdict::clear;
    return standby.empty() ? Verdict::replace : Verdict::keep;  // servers before 14 do not say what they are
}

}  // namespace

Verdict verdict_on(const SqlState& error, const spi::Session& session, bool wants_writes) noexcept {
    if (session.usable()) {
        const bool misses_writes = wants_writes && error == sqlstate::read_only_sql_transaction;
        return misses_writes ? on_read_only(session) : Verdict::keep;
    }
    if (error == sqlstate::crash_shutdown) return Verdict::clear;  // all sessions of a server die together
    // Ended for what happened, or did not happen, on this session alone.
    const bool is_its_own = error == sqlstate::idle_in_transaction_session_timeout ||
                            error == sqlstate::transaction_timeout || error == sqlstate::idle_session_timeout ||
                            error == sqlstate::database_dropped || error == sqlstate::protocol_violation;
    return is_its_own ? Verdict::replace : Verdict::doubt;
}

Verdict verdict_on(const SqlState& error, const spi::Session& session, bool wants_writes,
                   const std::vector<PoolRule>& rules) noexcept {
    for (const PoolRule& rule : rules) {
        if (error.empty() || rule.code != error) continue;
        const bool cannot_go_on = rule.fate == PoolFate::keep && !session.usable();
        return cannot_go_on ? Verdict::replace : verdict_of(rule.fate);
    }
    return verdict_on(error, session, wants_writes);
}

}  // namespace pg::pool
