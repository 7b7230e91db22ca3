// The texts of refusals, with the numbers that tell one cause from another.
#include "src/pool/refusals.hpp"

namespace pg::pool {
namespace {

/// A session lent for that long may have been forgotten.
constexpr std::chrono::minutes suspiciously_long{1};

Error usage(std::string message) {
    return Error({.kind = ErrorKind::usage, .outcome = Outcome::not_sent, .message = std::move(message)});
}

std::string age(Time since, Time now) {
    const auto seconds = std::chrono::round<std::chrono::seconds>(now - since).count();
    return seconds == 0 ? "less than a second" : std::to_string(seconds) + " s";
}

std::string numbers(const PoolStats& stats) {
    return std::to_string(stats.size()) + " of " + std::to_string(stats.max_size) + " open (" +
           std::to_string(stats.lent) + " lent, " + std::to_string(stats.idle) + " idle, " +
           std::to_string(stats.opening) + " being opened, " + std::to_string(stats.checking) + " being checked, " +
           std::to_string(stats.closing) + " closing), " + std::to_string(stats.waiting) + " requests waiting";
}

/// What stood in the way, the likeliest first.
std::string cause(const Books& books, const PoolStats& stats, Time now) {
    if (const auto& error = books.governor().last_error())
        return "the last attempt to open one failed " + age(books.governor().failed_at(), now) +
               " ago, the next waits for its turn: " + error->what();
    if (books.is_suspended()) return "the pool is suspended";
    if (stats.opening != 0 && stats.lent + stats.opening == stats.size() && stats.lent < stats.max_size)
        return "the server has not let in the " + std::to_string(stats.opening) + " of " +
               std::to_string(stats.max_size) + " that are being opened; look at the network and the server";
    const Time oldest = books.oldest_loan();
    std::string held = oldest == Time::max() ? "" : ", the longest for " + age(oldest, now);
    const bool is_suspicious = oldest != Time::max() && now - oldest >= suspiciously_long;
    return "all " + std::to_string(stats.max_size) + " are busy" + held + "; " +
           (is_suspicious ? "look for who keeps one, hold them for less time, or raise pool_max_size"
                          : "hold them for less time, or raise pool_max_size");
}

Error late(ErrorKind kind, std::string what, const Books& books, Time now) {
    const PoolStats stats = books.stats();
    return Error({.kind = kind,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::statement,
                  .message = what + cause(books, stats, now) + " [" + numbers(stats) + "]"});
}

}  // namespace

Error client_is_closed() { return usage("the client is closed"); }

Error made_before_fork() { return usage("this client was made before fork(): make one in the child process"); }

Error stopped() {
    return Error(
        {.kind = ErrorKind::cancelled, .outcome = Outcome::not_sent, .message = "stopped while waiting for a session"});
}

Error cannot_be_awaited() { return usage("the sessions of this client cannot be awaited: choose provider=async"); }

Error would_wait_for_itself() {
    return usage(
        "a blocking call on the thread of its own event loop would wait for itself: co_await db.async(), or call from "
        "another thread");
}

Error no_thread() {
    return Error({.kind = ErrorKind::connect,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::connect,
                  .connection_usable = false,
                  .message = "no thread can be started to open sessions: the process, or the system, has too many"});
}

Error too_many_wait(std::size_t waiting) {
    return Error({.kind = ErrorKind::pool_timeout,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::statement,
                  .message = std::to_string(waiting) +
                             " requests wait for a session already, as many as pool_max_waiting allows"});
}

Error more_than_there_may_be(std::size_t sessions) {
    return usage(std::to_string(sessions) + " sessions are more than pool_max_size allows");
}

Error none_in_time(const Books& books, Time now) {
    return late(ErrorKind::pool_timeout, "no session came free in time: ", books, now);
}

Error not_ready_in_time(std::size_t wanted, const Books& books, Time now) {
    return late(ErrorKind::timeout, std::to_string(wanted) + " sessions were not open in time: ", books, now);
}

}  // namespace pg::pool
