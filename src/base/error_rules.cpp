// The table of SQLSTATEs, and how phase, severity and transaction bend its rows.
#include "pg/error_rules.hpp"

#include <algorithm>
#include <iterator>

#include "pg/sqlstate.hpp"

namespace pg {
namespace {

/// What may be run again, before the phase is looked at.
enum class Again : std::uint8_t {
    nothing,
    statement_or_transaction,  ///< the statement; inside a transaction the whole of it
    transaction,
    transaction_only_inside,  ///< the transaction when one was open, a lone statement only if it was never sent
    only_if_unsent,           ///< statement or transaction, but nothing once a byte has left
    connect,
    refreshed,
};

/// Whether the server vouches that the request had no effect.
enum class Effect : std::uint8_t { none, unknown };

/// What happens to the session. FATAL and PANIC end it whatever the row says.
enum class Session : std::uint8_t { kept, lost };

struct Rule {
    std::string_view code;  ///< five characters for one condition, two for the rest of its class
    ErrorKind kind;
    Again again;
    Effect effect;
    Session session;
    bool suspect;
};

using Kind = ErrorKind;

// One row for each row of the table in the behaviour specification; the first that fits counts, so conditions stand
// before their class.
constexpr Rule rules[] = {
    {"08001", Kind::connect, Again::connect, Effect::none, Session::lost, true},
    {"08004", Kind::connect, Again::connect, Effect::none, Session::lost, true},
    {"08000", Kind::connection_lost, Again::only_if_unsent, Effect::unknown, Session::lost, true},
    {"08003", Kind::connection_lost, Again::only_if_unsent, Effect::unknown, Session::lost, true},
    {"08006", Kind::connection_lost, Again::only_if_unsent, Effect::unknown, Session::lost, true},
    {"08007", Kind::connection_lost, Again::nothing, Effect::unknown, Session::lost, true},
    {"08P01", Kind::protocol, Again::nothing, Effect::unknown, Session::lost, false},
    {"23505", Kind::unique_violation, Again::nothing, Effect::none, Session::kept, false},
    {"23503", Kind::foreign_key_violation, Again::nothing, Effect::none, Session::kept, false},
    {"23514", Kind::check_violation, Again::nothing, Effect::none, Session::kept, false},
    {"23502", Kind::not_null_violation, Again::nothing, Effect::none, Session::kept, false},
    {"23P01", Kind::exclusion_violation, Again::nothing, Effect::none, Session::kept, false},
    {"23", Kind::constraint_violation, Again::nothing, Effect::none, Session::kept, false},
    // Suspect because a node that was demoted says so first of all with this code.
    {"25006", Kind::read_only, Again::refreshed, Effect::none, Session::kept, true},
    {"25P02", Kind::server, Again::transaction, Effect::none, Session::kept, false},
    {"25P03", Kind::connection_lost, Again::transaction, Effect::none, Session::lost, false},
    {"25P04", Kind::connection_lost, Again::transaction, Effect::none, Session::lost, false},
    {"26000", Kind::plan_invalidated, Again::statement_or_transaction, Effect::none, Session::kept, false},
    {"28", Kind::auth, Again::refreshed, Effect::none, Session::lost, false},
    {"40001", Kind::conflict, Again::transaction, Effect::none, Session::kept, false},
    {"40P01", Kind::conflict, Again::transaction, Effect::none, Session::kept, false},
    {"40000", Kind::server, Again::transaction, Effect::none, Session::kept, false},
    {"40003", Kind::connection_lost, Again::nothing, Effect::unknown, Session::lost, true},
    {"53300", Kind::connect, Again::connect, Effect::none, Session::lost, false},
    {"53400", Kind::server, Again::nothing, Effect::none, Session::kept, false},
    {"53", Kind::server, Again::nothing, Effect::unknown, Session::kept, true},
    {"55P03", Kind::conflict, Again::statement_or_transaction, Effect::none, Session::kept, false},
    // Never run again: whose cancel it was (a stop, statement_timeout, another session's) only the caller can tell.
    {"57014", Kind::cancelled, Again::nothing, Effect::none, Session::kept, false},
    {"57P01", Kind::connection_lost, Again::transaction_only_inside, Effect::unknown, Session::lost, true},
    {"57P02", Kind::connection_lost, Again::transaction_only_inside, Effect::unknown, Session::lost, true},
    {"57P03", Kind::connect, Again::connect, Effect::none, Session::lost, true},
    {"57P04", Kind::connection_lost, Again::nothing, Effect::unknown, Session::lost, false},
    {"57P05", Kind::connection_lost, Again::statement_or_transaction, Effect::none, Session::lost, false},
    {"58P01", Kind::server, Again::nothing, Effect::none, Session::kept, false},  // a file that a statement named
    {"58P02", Kind::server, Again::nothing, Effect::none, Session::kept, false},
    {"58", Kind::server, Again::nothing, Effect::unknown, Session::lost, true},
    {"72000", Kind::server, Again::transaction, Effect::none, Session::kept, false},
    {"F0", Kind::connect, Again::connect, Effect::none, Session::lost, true},
    {"XX001", Kind::server, Again::nothing, Effect::unknown, Session::lost, true},
    {"XX002", Kind::server, Again::nothing, Effect::unknown, Session::lost, true},
    {"XX000", Kind::server, Again::nothing, Effect::unknown, Session::kept, false},
};

constexpr Rule stale_plan{"",           Kind::plan_invalidated, Again::statement_or_transaction,
                          Effect::none, Session::kept,          false};
constexpr Rule gone_from_cache{"", Kind::server, Again::statement_or_transaction, Effect::none, Session::kept, false};
constexpr Rule updated_together{"", Kind::server, Again::transaction, Effect::none, Session::kept, false};
constexpr Rule plain{"", Kind::server, Again::nothing, Effect::none, Session::kept, false};
constexpr Rule socket_failed{"", Kind::connection_lost, Again::only_if_unsent, Effect::unknown, Session::lost, true};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// The row of the condition. Three codes say too little by themselves: the routine or the message decides.
/// Those texts come from elog() or are C names, so no server translates them.
Rule find_rule(const ErrorFacts& facts) {
    if (facts.sqlstate.empty()) return socket_failed;
    if (facts.sqlstate == sqlstate::feature_not_supported && facts.routine.starts_with("RevalidateCached"))
        return stale_plan;
    // The session's own loop, when a message broke off that it was reading: most often with the connection, in a COPY.
    if (facts.sqlstate == sqlstate::protocol_violation && facts.routine == "PostgresMain") return socket_failed;
    if (facts.sqlstate == sqlstate::internal_error) {
        if (contains(facts.message, "cache lookup failed")) return gone_from_cache;
        if (contains(facts.message, "tuple concurrently updated")) return updated_together;
    }
    const auto* found = std::find_if(std::begin(rules), std::end(rules), [&](const Rule& rule) {
        return rule.code == facts.sqlstate.code() || rule.code == facts.sqlstate.category();
    });
    return found == std::end(rules) ? plain : *found;
}

/// True for a code that is a connection's. A server that ends one says so with FATAL; a statement that fails with such
/// a code speaks of a connection that it made itself, to a foreign server, or of whatever a function raised. Its
/// session goes on.
bool is_of_a_connection(const Rule& rule) {
    return rule.kind == Kind::connect || rule.kind == Kind::connection_lost || rule.kind == Kind::protocol ||
           rule.kind == Kind::auth;
}

bool sent(RequestPhase phase) { return phase == RequestPhase::sent || phase == RequestPhase::committing; }

RetryScope scope(Again again, const ErrorFacts& facts) {
    // A COMMIT is never run again by itself: without its transaction it would commit nothing.
    const bool inside = facts.in_transaction || facts.phase == RequestPhase::committing;
    const RetryScope either = inside ? RetryScope::transaction : RetryScope::statement;
    switch (again) {
        case Again::nothing: return RetryScope::none;
        case Again::statement_or_transaction: return either;
        case Again::transaction: return RetryScope::transaction;
        case Again::transaction_only_inside:
            if (facts.in_transaction && facts.phase == RequestPhase::sent) return RetryScope::transaction;
            return sent(facts.phase) ? RetryScope::none : either;
        case Again::only_if_unsent: return sent(facts.phase) ? RetryScope::none : either;
        case Again::connect: return RetryScope::connect;
        case Again::refreshed: return RetryScope::after_refresh;
    }
    return RetryScope::none;
}

/// A failure before there is a session: whatever the code, nothing was sent, and what may be tried again is to connect.
ErrorRuling rule_on_connecting(const Rule& rule, bool transient) {
    ErrorRuling ruling{.kind = ErrorKind::connect,
                       .outcome = Outcome::not_sent,
                       .retry_scope = transient ? RetryScope::connect : RetryScope::none,
                       .connection_usable = false,
                       .endpoint_suspect = rule.suspect};
    if (rule.kind == ErrorKind::auth) {
        ruling.kind = ErrorKind::auth;
        ruling.retry_scope = RetryScope::after_refresh;
    } else if (rule.kind == ErrorKind::protocol) {
        ruling.kind = ErrorKind::protocol;
    }
    return ruling;
}

}  // namespace

ErrorRuling rule_on(const ErrorFacts& facts) {
    Rule rule = find_rule(facts);
    if (facts.phase == RequestPhase::connecting) {
        constexpr std::string_view short_of_something = "53";  // as memory: there may be more of it later
        const bool transient = rule.again == Again::connect || rule.again == Again::only_if_unsent ||
                               rule.again == Again::transaction_only_inside || rule.code == short_of_something;
        return rule_on_connecting(rule, transient);
    }

    const bool is_of_another = facts.severity == "ERROR" && is_of_a_connection(rule);
    if (is_of_another) rule = {"", Kind::server, Again::nothing, rule.effect, Session::kept, false};
    // The server ended the session: it says nothing of a request that it may not have got to the end of, unless the
    // row vouches that none was running.
    const bool fatal = facts.severity == "FATAL" || facts.severity == "PANIC";
    if (fatal && rule.session == Session::kept) {
        rule.session = Session::lost;
        if (rule.kind == ErrorKind::server) rule.kind = ErrorKind::connection_lost;
        if (rule.again == Again::nothing) rule.effect = Effect::unknown;
    }
    const bool suspect =
        rule.suspect || facts.severity == "PANIC" || (fatal && facts.sqlstate == sqlstate::internal_error);

    ErrorRuling ruling{.kind = rule.kind,
                       .outcome = rule.effect == Effect::unknown ? Outcome::unknown : Outcome::not_applied,
                       .retry_scope = scope(rule.again, facts),
                       .connection_usable = rule.session == Session::kept,
                       .endpoint_suspect = suspect};
    // A server that answers a COMMIT with an error of its own has rolled back, and goes on.
    if (facts.phase == RequestPhase::committing && facts.severity == "ERROR" && rule.session == Session::kept &&
        !is_of_another)
        ruling.outcome = Outcome::not_applied;
    if (facts.phase == RequestPhase::unsent) ruling.outcome = Outcome::not_sent;
    const bool is_told_so = facts.sqlstate == sqlstate::statement_completion_unknown;  // CockroachDB, which goes on
    if (facts.phase == RequestPhase::committing && ruling.outcome == Outcome::unknown &&
        (!ruling.connection_usable || is_told_so))
        ruling.kind = ErrorKind::commit_unknown;
    return ruling;
}

}  // namespace pg
