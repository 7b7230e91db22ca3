// The texts of refusals, with the numbers that tell one cause from another.
#include "src/pool/refusals.hpp"

#include <algorithm>
#include <utility>

#include "pg/sqlstate.hpp"

namespace pg::pool {
namespace {

/// A session lent for that long may have been forgotten.
constexpr std::chrono::minutes suspiciously_long{1};

Error usage(std::string message) {
    return Error({.kind = ErrorKind::usage, .outcome = Outcome::not_sent, .message = std::move(message)});
}

std::string age(std::chrono::nanoseconds of) {
    const auto seconds = std::chrono::round<std::chrono::seconds>(of).count();
    return seconds == 0 ? "less than a second" : std::to_string(seconds) + " s";
}

/// "[db:5432: 2 of 2 open …".
std::string numbers(const Books& books, const PoolStats& stats) {
    const std::string& servers = books.limits().servers;
    return " [" + (servers.empty() ? servers : servers + ": ") + std::to_string(stats.size()) + " of " +
           std::to_string(stats.max_size) + " open (" + std::to_string(stats.lent) + " lent, " +
           std::to_string(stats.idle) + " idle, " + std::to_string(stats.opening) + " being opened, " +
           std::to_string(stats.checking) + " being checked, " + std::to_string(stats.closing) + " closing), " +
           std::to_string(stats.waiting) + " requests waiting]";
}

/// How long a loan lasts that may have been forgotten.
std::chrono::nanoseconds too_long(const Limits& limits) {
    return std::min<std::chrono::nanoseconds>(limits.leak_threshold, suspiciously_long);
}

/// None of those has come that the server is to let in, or to answer.
bool is_kept_out(const PoolStats& stats) { return stats.opening + stats.checking != 0 && stats.lent < stats.limit; }

PoolObstacle obstacle(const Error& connect_error) {
    if (connect_error.kind() == ErrorKind::auth) return PoolObstacle::refused_credentials;
    return connect_error.sqlstate() == sqlstate::too_many_connections ? PoolObstacle::server_full
                                                                      : PoolObstacle::unreachable;
}

/// The likeliest first.
PoolObstacle obstacle(const Books& books, const PoolTimeoutDetails& known) {
    if (books.is_closed()) return PoolObstacle::closed;
    if (books.is_suspended()) return PoolObstacle::suspended;
    if (known.connect_error) return obstacle(*known.connect_error);
    if (books.lacks_permit() && known.stats.size() < known.stats.limit) return PoolObstacle::over_budget;
    if (is_kept_out(known.stats)) return PoolObstacle::unreachable;
    return known.oldest && known.oldest->age >= too_long(books.limits()) ? PoolObstacle::leaked
                                                                         : PoolObstacle::exhausted;
}

PoolTimeoutDetails details_of(const Books& books, Time now) {
    PoolTimeoutDetails details{.stats = books.stats(now), .oldest = books.oldest_loan(now)};
    details.connect_error = details.stats.connect_error;
    if (details.connect_error) details.connect_error_age = now - books.governor().failed_at();
    details.failed_attempts = details.stats.failed_attempts;
    details.next_attempt = details.stats.next_attempt;
    details.obstacle = obstacle(books, details);
    return details;
}

/// " by app.cpp:17, which ran `select 1`", as far as it is known.
std::string holder(const Loan& loan) {
    std::string text;
    if (*loan.site.file != '\0') text += " by " + std::string(loan.site.file) + ":" + std::to_string(loan.site.line);
    if (!loan.statement.empty()) text += ", whose last statement is `" + loan.statement + "`";
    return text;
}

std::string busy(const PoolTimeoutDetails& details) {
    const PoolStats& stats = details.stats;
    std::string text = "all " + std::to_string(stats.limit) + " are busy";
    if (stats.limit < stats.max_size) text += " that may be in use now of " + std::to_string(stats.max_size);
    if (details.oldest) text += ", the longest for " + age(details.oldest->age) + holder(*details.oldest);
    return text + "; ";
}

std::string cause(const PoolTimeoutDetails& details) {
    const PoolStats& stats = details.stats;
    switch (details.obstacle) {
        case PoolObstacle::refused_credentials:
        case PoolObstacle::server_full:
        case PoolObstacle::unreachable:
            if (details.connect_error)
                return "the last attempt to open one failed " + age(details.connect_error_age) + " ago, the next " +
                       (details.next_attempt.count() == 0 ? "waits for its turn: "
                                                          : "begins in " + age(details.next_attempt) + ": ") +
                       details.connect_error->what();
            return "the server has not " +
                   (stats.opening == 0 ? "answered the " + std::to_string(stats.checking) + " that are being checked"
                                       : "let in the " + std::to_string(stats.opening) + " of " +
                                             std::to_string(stats.max_size) + " that are being opened") +
                   "; look at the network and the server";
        case PoolObstacle::suspended: return "the pool is suspended";
        case PoolObstacle::over_budget:
            return "the budget that it shares with other clients is used up, " + std::to_string(stats.size()) +
                   " sessions of it here; raise the budget, or reserve some of it";
        case PoolObstacle::crowded:
            return std::to_string(stats.waiting) +
                   " requests wait for a session already, as many as pool_max_waiting allows";
        case PoolObstacle::turned_away: return "PoolHooks::on_acquire refused every session that could be lent";
        case PoolObstacle::closed: return "the client is closed";
        case PoolObstacle::leaked:
            return busy(details) + "look for who keeps one, hold them for less time, or raise pool_max_size";
        case PoolObstacle::exhausted: break;
    }
    return busy(details) + "hold them for less time, or raise pool_max_size";
}

Error with_details(ErrorKind kind, std::string message, PoolTimeoutDetails details, const Books& books) {
    return Error({.kind = kind,
                  .outcome = Outcome::not_sent,
                  .retry_scope = kind == ErrorKind::usage ? RetryScope::none : RetryScope::statement,
                  .message = std::move(message),
                  .node = books.limits().servers,
                  .pool = std::make_shared<const PoolTimeoutDetails>(std::move(details))});
}

Error late(ErrorKind kind, const std::string& what, PoolTimeoutDetails details, const Books& books) {
    std::string message = what + cause(details) + numbers(books, details.stats);
    return with_details(kind, std::move(message), std::move(details), books);
}

}  // namespace

Error client_is_closed(const Books& books, Time now) {
    PoolTimeoutDetails details = details_of(books, now);
    std::string message = cause(details);
    return with_details(ErrorKind::usage, std::move(message), std::move(details), books);
}

Error as_failure_to_open(const Error& error) {
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::not_sent;
    fields.connection_usable = false;
    fields.sql = {};
    fields.position = 0;
    if (fields.kind == ErrorKind::connection_lost) fields.kind = ErrorKind::connect;
    if (fields.kind == ErrorKind::timeout || error.kind() == ErrorKind::connection_lost)
        fields.retry_scope = RetryScope::connect;
    return Error(std::move(fields));
}

Error ended_at_once() {
    return Error(
        {.kind = ErrorKind::connection_lost,
         .connection_usable = false,
         .message = "the server closed the session as soon as it was open: if it said why, that was a notice"});
}

Error stopped() {
    return Error(
        {.kind = ErrorKind::cancelled, .outcome = Outcome::not_sent, .message = "stopped while waiting for a session"});
}

Error cannot_be_awaited() { return usage("the sessions of this client cannot be awaited: choose provider=async"); }

Error would_wait_for_itself() {
    return usage(
        "a blocking call on the thread of an event loop would hold up the calls there, and may wait for itself: "
        "co_await db.async(), or call from another thread");
}

Error no_thread() {
    return Error({.kind = ErrorKind::connect,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::connect,
                  .connection_usable = false,
                  .message = "no thread can be started to open sessions: the process, or the system, has too many"});
}

Error too_many_wait(const Books& books, Time now) {
    PoolTimeoutDetails details = details_of(books, now);
    details.obstacle = PoolObstacle::crowded;
    std::string message = cause(details);
    return with_details(ErrorKind::pool_timeout, std::move(message), std::move(details), books);
}

Error would_be_late(std::chrono::nanoseconds wait, const Books& books, Time now) {
    PoolTimeoutDetails details = details_of(books, now);
    details.obstacle = PoolObstacle::crowded;
    std::string message = "no session would come free in time: " + std::to_string(details.stats.waiting) +
                          " requests wait already, and by how long sessions are held it would take " +
                          std::to_string(std::chrono::ceil<std::chrono::milliseconds>(wait).count()) + " ms" +
                          numbers(books, details.stats);
    return with_details(ErrorKind::pool_timeout, std::move(message), std::move(details), books);
}

Error all_turned_away(std::uint32_t sessions, const Books& books, Time now) {
    PoolTimeoutDetails details = details_of(books, now);
    details.obstacle = PoolObstacle::turned_away;
    return late(ErrorKind::pool_timeout, "after " + std::to_string(sessions) + " sessions: ", std::move(details),
                books);
}

Error more_than_there_may_be(std::size_t sessions) {
    return usage(std::to_string(sessions) + " sessions are more than pool_max_size allows");
}

Error none_in_time(const Books& books, Time since, Time now) {
    PoolTimeoutDetails details = details_of(books, now);
    details.waited = now - since;
    return late(ErrorKind::pool_timeout, "no session came free in time: ", std::move(details), books);
}

Error not_ready_in_time(std::size_t wanted, const Books& books, Time since, Time now) {
    PoolTimeoutDetails details = details_of(books, now);
    details.waited = now - since;
    return late(ErrorKind::timeout, std::to_string(wanted) + " sessions were not open in time: ", std::move(details),
                books);
}

}  // namespace pg::pool

namespace pg {

std::string_view to_string(PoolObstacle obstacle) {
    switch (obstacle) {
        case PoolObstacle::exhausted: return "exhausted";
        case PoolObstacle::leaked: return "leaked";
        case PoolObstacle::unreachable: return "unreachable";
        case PoolObstacle::refused_credentials: return "refused_credentials";
        case PoolObstacle::server_full: return "server_full";
        case PoolObstacle::suspended: return "suspended";
        case PoolObstacle::over_budget: return "over_budget";
        case PoolObstacle::crowded: return "crowded";
        case PoolObstacle::turned_away: return "turned_away";
        case PoolObstacle::closed: break;
    }
    return "closed";
}

}  // namespace pg
