// libpq reports a failed attempt in words alone: this finds the SQLSTATE and the kind of failure in them.
#include "providers/libpq/connect_error.hpp"

#include <algorithm>
#include <array>

#include "pg/error_rules.hpp"
#include "pg/sqlstate.hpp"
#include "providers/libpq/error.hpp"

namespace pg::libpq {
namespace {

bool is_code_character(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }

/// Where "severity:  CODE: " has its code; npos when it is not there. The severity may be translated, this is not.
std::size_t find_code(std::string_view line) {
    for (std::size_t at = line.find(":  "); at != std::string_view::npos; at = line.find(":  ", at + 1)) {
        const std::string_view code = line.substr(at + 3, 5);
        if (code.size() == 5 && std::all_of(code.begin(), code.end(), is_code_character) &&
            line.substr(at + 8, 2) == ": ")
            return at + 3;
    }
    return std::string_view::npos;
}

/// Without libpq's "connection to server at … failed: ", which says where.
std::string_view without_place(std::string_view line) {
    constexpr std::string_view end = " failed: ";
    if (!line.starts_with("connection to server ")) return line;
    const std::size_t at = line.find(end);
    return at == std::string_view::npos ? line : line.substr(at + end.size());
}

/// What stands under one of libpq's labels, several lines perhaps. They may be translated, and are not found then.
std::string_view labelled(std::string_view words, std::string_view label) {
    constexpr std::array<std::string_view, 4> behind{"\nDETAIL:  ", "\nHINT:  ", "\nCONTEXT:  ", "\nLOCATION:  "};
    const std::size_t at = words.find(label);
    if (at == std::string_view::npos) return {};
    std::string_view text = words.substr(at + label.size());
    for (const std::string_view next : behind) text = text.substr(0, text.find(next));
    while (text.ends_with('\n')) text.remove_suffix(1);
    return text;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool lost_the_peer(std::string_view message) {
    return contains(message, "server closed the connection") || contains(message, "could not receive data") ||
           contains(message, "could not send data") || contains(message, "SSL SYSCALL error") ||
           contains(message, "SSL connection has been closed unexpectedly") || contains(message, "unexpected eof");
}

/// The answer of a server that cannot start a process for who connects.
bool has_no_process(std::string_view message) {
    return contains(message, "server sent an error response during SSL exchange");
}

/// A server that let us in says who it is. One that is not what was asked for libpq gives up in the same breath.
bool has_let_in(const PGconn* connection) { return PQparameterStatus(connection, "server_version") != nullptr; }

/// The kind of a failure that no server reported. libpq's texts refine it, so a translated one is only less precise.
ErrorKind kind_of(std::string_view message, const AttemptFacts& facts) {
    if (is_garbage(message)) return ErrorKind::protocol;
    if (lost_the_peer(message) || has_no_process(message)) return ErrorKind::connect;
    if (facts.phase == ConnectPhase::tls || contains(message, "SSL")) return ErrorKind::tls;
    return facts.phase == ConnectPhase::authentication ? ErrorKind::auth : ErrorKind::connect;
}

/// Where the last report begins, of which each has its place; zero when they are one.
std::size_t find_last(std::string_view reports) {
    const std::size_t last = reports.rfind("\nconnection to server ");
    return last == std::string_view::npos ? 0 : last + 1;
}

/// One report.
ConnectReport parse_one(std::string_view words) {
    const std::string line = first_line(words);
    const std::string_view told = without_place(line);
    const std::size_t code = find_code(told);
    if (code == std::string_view::npos) return {.sqlstate = {}, .message = std::string(told), .detail = {}, .hint = {}};
    return {.sqlstate = SqlState(told.substr(code, 5)),
            .message = std::string(told.substr(code + 7)),
            .detail = std::string(labelled(words, "\nDETAIL:  ")),
            .hint = std::string(labelled(words, "\nHINT:  "))};
}

}  // namespace

std::string_view to_string(ConnectPhase phase) {
    switch (phase) {
        case ConnectPhase::resolve: return "name resolution";
        case ConnectPhase::connect: return "connect";
        case ConnectPhase::tls: return "TLS";
        case ConnectPhase::authentication: return "authentication";
        case ConnectPhase::session_attributes: return "session attributes";
        case ConnectPhase::take_over: return "take-over";
    }
    return "?";
}

ConnectPhase phase_of(ConnStatusType status) {
    switch (status) {
        case CONNECTION_SSL_STARTUP:
        case CONNECTION_GSS_STARTUP: return ConnectPhase::tls;
        case CONNECTION_MADE:
        case CONNECTION_AWAITING_RESPONSE:
        case CONNECTION_AUTH_OK: return ConnectPhase::authentication;
        case CONNECTION_CHECK_WRITABLE:
        case CONNECTION_CONSUME:
        case CONNECTION_CHECK_TARGET:
        case CONNECTION_CHECK_STANDBY: return ConnectPhase::session_attributes;
        default: return ConnectPhase::connect;
    }
}

ConnectReport parse_report(std::string_view words) {
    // After a retry with or without TLS there are two, and the last is what ended the attempt. Where that was only not
    // let in without TLS, the one before says why it was not with it.
    const std::size_t last = find_last(words);
    ConnectReport report = parse_one(words.substr(last));
    if (last == 0 || !report.message.starts_with("no pg_hba.conf entry")) return report;
    words = words.substr(0, last);
    ConnectReport before = parse_one(words.substr(find_last(words)));
    return before.sqlstate.empty() ? report : before;
}

void heed_pooler(ErrorFields& failure) {
    if (failure.sqlstate != sqlstate::protocol_violation) return;
    failure.kind = ErrorKind::connect;
    failure.outcome = Outcome::not_sent;
    failure.retry_scope = RetryScope::connect;
}

ErrorFields connect_failure(const PGconn* connection, AttemptFacts facts) {
    const ConnectReport report = parse_report(PQerrorMessage(connection));
    if (facts.wants_attributes && has_let_in(connection)) facts.phase = ConnectPhase::session_attributes;
    const ErrorRuling ruling = rule_on({.sqlstate = report.sqlstate,
                                        .severity = report.sqlstate.empty() ? "" : "FATAL",
                                        .message = report.message,
                                        .phase = RequestPhase::connecting});
    ErrorFields fields{.kind = ruling.kind,
                       .outcome = ruling.outcome,
                       .retry_scope = ruling.retry_scope,
                       .connection_usable = false,
                       .sqlstate = report.sqlstate,
                       .message = report.message,
                       .detail = report.detail,
                       .hint = report.hint};
    if (report.sqlstate.empty()) {
        fields.kind = PQconnectionNeedsPassword(connection) != 0 ? ErrorKind::auth : kind_of(report.message, facts);
        if (fields.kind == ErrorKind::auth) fields.retry_scope = RetryScope::after_refresh;
        if (fields.kind == ErrorKind::tls) fields.retry_scope = RetryScope::none;
    } else {
        fields.severity = "FATAL";
    }
    if (facts.through_pooler) heed_pooler(fields);
    if (PQconnectionNeedsPassword(connection) != 0 || report.sqlstate == sqlstate::invalid_password) {
        const bool told = !facts.password_problem.empty();
        fields.hint = told ? facts.password_problem : "check PGPASSWORD or ~/.pgpass";
    }
    fields.message.append(" (").append(to_string(facts.phase)).append(")");
    return fields;
}

bool may_try_next(const ErrorFields& failure) {
    if (failure.kind == ErrorKind::cancelled || failure.kind == ErrorKind::auth || failure.kind == ErrorKind::tls ||
        failure.kind == ErrorKind::usage)
        return false;
    return failure.sqlstate.empty() || failure.retry_scope == RetryScope::connect;
}

}  // namespace pg::libpq
