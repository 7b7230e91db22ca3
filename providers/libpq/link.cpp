// The blocking shell around an engine: waiting, and what to do when a wait ends too soon.
#include "providers/libpq/link.hpp"

#include <array>

#include "providers/libpq/cancel.hpp"

namespace pg::libpq {
namespace {

/// What a statement's effect is after one more of its results, `before` it being what it was until then.
Outcome outcome_after(PGresult* result, Outcome before, const ErrorSite& site) {
    switch (PQresultStatus(result)) {
        case PGRES_COMMAND_OK:
            if (before == Outcome::unknown && is_undone(site.phase, PQcmdStatus(result))) return Outcome::not_applied;
            [[fallthrough]];
        case PGRES_TUPLES_OK: return before == Outcome::unknown ? Outcome::applied : before;
        case PGRES_FATAL_ERROR:  // as it is told when it comes in time
            return before == Outcome::not_applied && report_field(result, PG_DIAG_SEVERITY).empty()
                       ? before
                       : report_error(result, site).outcome();
        default: return before;
    }
}

/// The end of a statement that went well so far.
bool is_end(ExecStatusType status) { return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK; }

bool is_report(const PGresult* result) { return result != nullptr && PQresultStatus(result) == PGRES_FATAL_ERROR; }

/// Ends a COPY … FROM STDIN with an error of ours. 1: sent, 0: the socket must be waited for, -1: there is no such
/// COPY.
int fail_copy_in(PGconn* connection) noexcept { return PQputCopyEnd(connection, given_up); }

bool has_read_giving_up(const PGresult* report) {
    return libpq::has_read_giving_up(report_field(report, PG_DIAG_SQLSTATE),
                                     report_field(report, PG_DIAG_MESSAGE_PRIMARY));
}

/// Takes a COPY that nobody wants any more a step further: `result` when there is more of it, and `end` behind it.
Step drain_copy(PGconn* connection, ExecStatusType status) noexcept {
    if (status == PGRES_COPY_IN) return fail_copy_in(connection) == 0 ? Step::write : Step::end;
    char* row = nullptr;
    const int length = PQgetCopyData(connection, &row, 1);
    const MemoryHandle freed(row);
    if (length > 0) return Step::result;
    if (length == 0) return Step::read;
    return length == -1 ? Step::end : Step::broken;  // no memory for a row, which stays where it is
}

}  // namespace

Link::Link(ConnectionHandle connection, std::string node, spi::SessionContext context)
    : Exchange(engine_name, std::move(node), std::move(context)), engine_(std::move(connection)) {
    PQsetNoticeReceiver(engine_.connection(), &Link::on_notice, this);
}

Link::~Link() { close(); }

void Link::close() noexcept {
    if (engine_.connection() == nullptr) return;
    if (!is_here()) detach_socket(engine_.socket());
    engine_.close();
}

void Link::abandon() noexcept {
    if (!connected() || !is_here()) return close();
    LastCancel cancel(engine_.connection());
    close();
    cancel.start();
}

Error Link::refused() {
    if (engine_.broken()) return lost();
    ErrorFields fields{.kind = ErrorKind::usage, .message = first_line(PQerrorMessage(engine_.connection()))};
    return error(std::move(fields));
}

Expected<ResultHandle> Link::next(const spi::Wait& wait) {
    ResultHandle result;
    for (;;) {
        switch (const Step step = engine_.next(result)) {
            case Step::result:
            case Step::end: return result;
            case Step::broken: return lost();
            case Step::read:
            case Step::write:
                if (auto ended = wait_ready(step, wait)) return *std::move(ended);
        }
    }
}

std::optional<Error> Link::wait_ready(Step step, const spi::Wait& wait) {
    const short events = step == Step::write ? POLLIN | POLLOUT : POLLIN;
    pollfd socket{.fd = engine_.socket(), .events = events, .revents = 0};
    if (const Woken woken = wait_for(std::span(&socket, 1), wait); woken != Woken::ready) [[unlikely]]
        return give_up(woken, wait);
    if ((socket.revents & ~POLLOUT) != 0 && !engine_.receive()) [[unlikely]]
        return lost();
    return std::nullopt;
}

Expected<ResultHandle> Link::complete(const spi::Wait& wait) {
    ResultHandle kept;
    for (;;) {
        Expected<ResultHandle> result = next(wait);
        if (!result) {
            if (is_report(kept.get())) return failed(kept.get());
            return result;
        }
        if (!*result) return kept;
        if (engine_.sent_script()) note_tag(PQcmdStatus(result->get()));
        if (is_end(PQresultStatus(result->get()))) note_tag();
        // A statement can still fail behind its command tag, when its transaction ends. Of several, the last one
        // counts.
        const bool copies = is_copy(PQresultStatus(result->get()));
        if (copies && is_report(kept.get())) return violated("a COPY behind a report");  // libpq gives it for ever
        if (!is_report(kept.get()) || says_more(kept.get(), result->get())) kept = *std::move(result);
        if (copies) return kept;
    }
}

Expected<ResultHandle> Link::complete_rest(const spi::Wait& wait) {
    Expected<ResultHandle> rest = complete(wait);
    if (rest && is_copy(PQresultStatus(rest->get()))) return violated("a COPY behind the end of a statement");
    return rest;
}

Error Link::give_up(Woken woken, const spi::Wait& wait) {
    return ended_early(woken, recover(recovery_deadline(woken, wait)));
}

Outcome Link::recover(const Deadline& until) noexcept {
    if (!is_here()) close();  // what the parent process has begun is its own
    const Outcome outcome = is_here() ? drain(until) : Outcome::unknown;
    occupy(false);
    return of_all(outcome);
}

Outcome Link::drain(const Deadline& until) noexcept {
    const bool copying_in = fail_copy_in(engine_.connection()) >= 0;
    if (copying_in) engine_.mark_unflushed();
    // A server that waits for a lock in the middle of a COPY reads no CopyFail. One that was no COPY for its caller got
    // no rows, so it reads; and as an extended statement, whose Sync may or may not be lost, it must not be cancelled.
    const auto cancel = copying_in && !occupied() ? nullptr : start_cancel(engine_.connection());
    Outcome outcome = Outcome::unknown;
    bool drained = false;
    bool answered = cancel == nullptr;
    ExecStatusType last = PGRES_EMPTY_QUERY;
    bool ends_copy = copying_in;
    bool has_lost_count = false;  // two answers to a Sync will come, and libpq takes one for that of the next statement
    for (;;) {
        answered = !cancel || cancel->advance();
        Step step = Step::end;
        while (!drained) {
            if (last == PGRES_COPY_IN || last == PGRES_COPY_OUT) {
                step = drain_copy(engine_.connection(), last);
                if (step == Step::result) continue;
                if (step != Step::end) break;
                last = PGRES_EMPTY_QUERY;
                engine_.mark_unflushed();
            }
            ResultHandle result;
            step = engine_.next(result);
            if (step == Step::end) drained = !engine_.awaits_sync();
            if (step != Step::result && (step != Step::end || drained)) break;
            if (step == Step::end) continue;
            last = PQresultStatus(result.get());
            if (last == PGRES_COPY_BOTH)
                return static_cast<void>(violated("a COPY in both directions")), Outcome::unknown;
            if (last == PGRES_COPY_IN) ends_copy = true;
            if (is_report(result.get()) && std::exchange(ends_copy, false))
                has_lost_count = !engine_.sent_script() && !has_read_giving_up(result.get());
            note_tag(PQcmdStatus(result.get()));
            outcome = outcome_after(result.get(), outcome, site());
        }
        if (step == Step::broken || (drained && answered)) break;

        std::array<pollfd, 2> descriptors{};
        descriptors[0] = {.fd = drained ? -1 : engine_.socket(), .events = POLLIN, .revents = 0};
        if (step == Step::write) descriptors[0].events |= POLLOUT;
        descriptors[1] = cancel ? cancel->waits_for() : pollfd{.fd = -1, .events = 0, .revents = 0};
        if (wait_for(descriptors, {.deadline = until}) != Woken::ready) break;
        if ((descriptors[0].revents & ~POLLOUT) != 0 && !engine_.receive()) break;
    }
    if (drained && PQpipelineStatus(engine_.connection()) != PQ_PIPELINE_OFF)
        drained = PQexitPipelineMode(engine_.connection()) != 0;
    if (drained && answered && !has_lost_count && !engine_.broken()) return outcome;
    const PGTransactionStatusType status = PQtransactionStatus(engine_.connection());
    if (!drained) return abandon(), Outcome::unknown;
    close();
    // What the server had said before still holds, unless it is part of a transaction, which ends with its connection.
    // That which COMMIT AND CHAIN begins is another one.
    const bool in_block = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
    return in_block && site().phase != RequestPhase::committing ? Outcome::not_applied : outcome;
}

Error Link::lost() {
    // libpq may have kept a report for the moment when somebody asks what happened. In a pipeline it may be that of one
    // statement, and says nothing of the connection, nor of the others.
    Error error = broken_error(engine_.connection(), site());
    bool passes_end = PQpipelineStatus(engine_.connection()) != PQ_PIPELINE_OFF;  // that of the statement at its head
    while (engine_.broken()) {
        const ResultHandle result{PQgetResult(engine_.connection())};
        if (!result && !std::exchange(passes_end, false)) break;
        if (!result) continue;
        if (!is_report(result.get())) continue;
        Error told = report_error(result.get(), site());
        if (told.connection_usable() && PQpipelineStatus(engine_.connection()) != PQ_PIPELINE_OFF) continue;
        error = std::move(told);
        break;
    }
    close();
    return error;
}

Error Link::violated(std::string_view reason) {
    close();
    return violation(reason);
}

Error Link::failed(const PGresult* report) {
    Error error = report_error(report, site());
    if (!error.connection_usable() || engine_.broken()) close();
    return !error.connection_usable() || connected() ? error : as_of_closed(error);
}

void Link::on_notice(void* link, const PGresult* notice) noexcept {
    // Between exchanges libpq hands on even a farewell as a notice.
    auto& self = *static_cast<Link*>(link);
    self.note(notice_error(notice, self.node()));
}

}  // namespace pg::libpq
