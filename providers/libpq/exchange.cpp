// The errors of exchanges that must not begin, or that end too soon.
#include "providers/libpq/exchange.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace pg::libpq {
namespace {

std::string_view ending(Outcome outcome, bool connected) {
    switch (outcome) {
        case Outcome::not_sent: return "before the statement was sent";
        case Outcome::not_applied: return "and the server gave the statement up";
        case Outcome::applied: return "as the statement finished: it took effect";
        case Outcome::unknown: break;
    }
    if (connected) return "and the server did not say what became of the statement";
    return "and the server did not answer the cancel request in time, so the connection is closed";
}

ErrorFields end_fields(Woken woken, Outcome outcome, bool connected) {
    ErrorFields fields;
    fields.kind = woken == Woken::stopped ? ErrorKind::cancelled : ErrorKind::timeout;
    fields.outcome = outcome;
    fields.message = woken == Woken::stopped ? "a stop was asked for " : "the deadline passed ";
    fields.message += ending(outcome, connected);
    return fields;
}

}  // namespace

Deadline recovery_deadline(Woken woken, const spi::Wait& wait) {
    const Deadline grace = Deadline::after(cancel_grace);
    if (woken != Woken::stopped) return grace;
    const Deadline budget = earlier(Deadline::after(cancel_budget), wait.deadline);
    return budget < grace ? grace : budget;
}

ErrorSite Exchange::site() const {
    return {.node = node_,
            .sql = sql_,
            .in_transaction = in_transaction_,
            .phase = sent_phase(sql_),
            .engine = engine_name_,
            .committed = committed_,
            .tagged = tagged_,
            .farewell = farewell_};
}

Outcome Exchange::of_all(Outcome told) const {
    return told == Outcome::not_applied && may_have_committed(site()) ? Outcome::unknown : told;
}

Error Exchange::not_now(std::string_view sql, bool connected) const {
    ErrorFields fields;
    if (!birthplace_.is_here())
        fields.message = "this session was opened before fork(): open one in the child process";
    else if (!connected)
        fields = {.kind = ErrorKind::connection_lost, .message = "the connection is closed: open a new session"};
    else
        fields.message = "a stream or a COPY of this session is still open: finish or destroy it first";
    fields.connection_usable = fields.kind == ErrorKind::usage && birthplace_.is_here();
    return plain_error(std::move(fields), {.node = node_, .sql = sql, .engine = engine_name_});
}

Error Exchange::too_late(Woken woken) const { return error(end_fields(woken, Outcome::not_sent, true)); }

Error Exchange::violation(std::string_view reason) const { return violation_error(reason, site()); }

Error Exchange::early_end(Woken woken, Outcome outcome, bool connected) const {
    outcome = of_all(outcome);
    ErrorFields fields = end_fields(woken, outcome, connected);
    fields.connection_usable = connected;
    if (outcome == Outcome::unknown && sent_phase(sql_) == RequestPhase::committing)
        fields.kind = ErrorKind::commit_unknown;
    return error(std::move(fields));
}

Error Exchange::stream_is_over() const {
    return error({.kind = ErrorKind::usage, .message = "the stream is over: it ended or failed before"});
}

Error Exchange::copy_is_over() const {
    return error({.kind = ErrorKind::usage, .message = "this COPY is over: it was finished or failed before"});
}

Error Exchange::behind_a_failure() const {
    return error({.kind = ErrorKind::server,
                  .outcome = Outcome::not_applied,
                  .retry_scope = RetryScope::none,
                  .message = "not run because an earlier statement of the batch failed"});
}

void Exchange::note(const Error& notice) noexcept {
    // A process that ends because another one crashed, or at once, has time for no more than a warning. What a function
    // raises has a context.
    const bool is_sudden =
        (notice.sqlstate() == sqlstate::crash_shutdown || notice.sqlstate() == sqlstate::admin_shutdown) &&
        notice.context().empty();
    const std::string_view severity = notice.severity();
    if (severity == "FATAL" || severity == "PANIC" || (severity == "WARNING" && is_sudden)) {
        farewell_ = notice.sqlstate();
        dying_ = true;
    }
    if (context_.notices) context_.notices->on_notice(notice);
}

ErrorFields too_large(std::size_t limit) {
    ErrorFields fields{.kind = ErrorKind::result_too_large};
    fields.message = "the result has more than " + std::to_string(limit) +
                     " bytes: ask for less of it, raise max_result_bytes, or stream it";
    return fields;
}

void detach_socket(int socket) noexcept {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0) {
        ::close(socket);  // no descriptor is left
        return;
    }
    ::dup2(nothing, socket);
    ::close(nothing);
}

}  // namespace pg::libpq
