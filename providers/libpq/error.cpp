// From the fields of a report, or libpq's words, to an error.
#include "providers/libpq/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "pg/sqlstate.hpp"
#include "src/base/transaction_control.hpp"

namespace pg::libpq {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Who in the server reports that a type has no binary output: the type of a column, of the elements of one, or of the
// bounds of one.
constexpr std::array<std::string_view, 4> binary_output_routines{"getTypeBinaryOutputInfo", "array_send",
                                                                 "get_range_io_data", "get_multirange_io_data"};

struct TextField {
    int code;
    std::string ErrorFields::* member;
};

constexpr std::array<TextField, 11> text_fields{{
    {PG_DIAG_SEVERITY_NONLOCALIZED, &ErrorFields::severity},
    {PG_DIAG_MESSAGE_PRIMARY, &ErrorFields::message},
    {PG_DIAG_MESSAGE_DETAIL, &ErrorFields::detail},
    {PG_DIAG_MESSAGE_HINT, &ErrorFields::hint},
    {PG_DIAG_CONTEXT, &ErrorFields::context},
    {PG_DIAG_SCHEMA_NAME, &ErrorFields::schema},
    {PG_DIAG_TABLE_NAME, &ErrorFields::table},
    {PG_DIAG_COLUMN_NAME, &ErrorFields::column},
    {PG_DIAG_DATATYPE_NAME, &ErrorFields::type},
    {PG_DIAG_CONSTRAINT_NAME, &ErrorFields::constraint},
    {PG_DIAG_SOURCE_FUNCTION, &ErrorFields::routine},
}};

ErrorFields report_fields(const PGresult* report) {
    ErrorFields fields;
    for (const TextField& field : text_fields) fields.*field.member = report_field(report, field.code);
    fields.sqlstate = SqlState(report_field(report, PG_DIAG_SQLSTATE));
    const std::string_view digits = report_field(report, PG_DIAG_STATEMENT_POSITION);
    std::from_chars(digits.data(), digits.data() + digits.size(), fields.position);
    return fields;
}

void place(ErrorFields& fields, const ErrorSite& site) {
    fields.sql = site.sql;
    fields.node = site.node;
    fields.engine = site.engine;
}

}  // namespace

std::string_view report_field(const PGresult* report, int field) {
    const char* text = PQresultErrorField(report, field);
    return text != nullptr ? std::string_view(text) : std::string_view();
}

bool says_more(const PGresult* before, const PGresult* later) {
    const auto is_report = [](const PGresult* result) {
        return result != nullptr && PQresultStatus(result) == PGRES_FATAL_ERROR;
    };
    if (!is_report(before)) return before == nullptr || is_report(later);
    return is_report(later) && !report_field(later, PG_DIAG_SEVERITY).empty();
}

bool lacks_binary_form(std::string_view code, std::string_view routine) {
    return code == sqlstate::undefined_function &&
           std::find(binary_output_routines.begin(), binary_output_routines.end(), routine) !=
               binary_output_routines.end();
}

bool lacks_binary_form(const PGresult* report) {
    return lacks_binary_form(report_field(report, PG_DIAG_SQLSTATE), report_field(report, PG_DIAG_SOURCE_FUNCTION));
}

bool lacks_binary_form(const Error& error) { return lacks_binary_form(error.sqlstate().code(), error.routine()); }

std::string first_line(std::string_view words) {
    while (!words.empty() && is_space(words.front())) words.remove_prefix(1);
    words = words.substr(0, words.find('\n'));
    while (!words.empty() && (is_space(words.back()) || words.back() == '.')) words.remove_suffix(1);
    return std::string(words);
}

namespace {

/// The server refused it before it ran. What fails within a procedure has a context; its results are sent, and its
/// deferred constraints looked at, when it has run.
bool never_ran(const ErrorFields& fields) {
    const bool is_about_text = fields.sqlstate.category() == "42" || fields.kind == ErrorKind::plan_invalidated;
    return is_about_text && fields.context.empty() && !lacks_binary_form(fields.sqlstate.code(), fields.routine);
}

/// What ends a session behind the tag of a statement says nothing of the statement: its transaction may have been
/// committed, unless it stands in a block that it does not end.
bool may_be_over(const ErrorSite& site) {
    return site.tagged && (!site.in_transaction || site.phase == RequestPhase::committing);
}

constexpr std::string_view stale_plan_routine = "RevalidateCachedQuery";

/// CockroachDB reports a stale plan from whichever function found it, and in English alone. No PostgreSQL is in Go.
bool is_stale_plan_in_go(const ErrorFields& fields, std::string_view source) {
    return source.ends_with(".go") && fields.sqlstate == sqlstate::feature_not_supported &&
           fields.message == "cached plan must not change result type";
}

}  // namespace

bool may_have_committed(const ErrorSite& site) {
    return site.committed || (!site.in_transaction && (may_commit_inside(site.sql) || commits_in_parts(site.sql)));
}

Error ruled_error(ErrorFields fields, const ErrorSite& site, std::string_view source) {
    if (fields.sqlstate.empty() && fields.severity.empty() && !site.farewell.empty()) {
        fields.sqlstate = site.farewell;
        fields.severity = "FATAL";
    }
    const std::string_view routine = is_stale_plan_in_go(fields, source) ? stale_plan_routine : fields.routine;
    const ErrorRuling ruling = rule_on({.sqlstate = fields.sqlstate,
                                        .severity = fields.severity,
                                        .routine = routine,
                                        .message = fields.message,
                                        .phase = site.phase,
                                        .in_transaction = site.in_transaction});
    fields.kind = ruling.kind;
    fields.outcome = ruling.outcome;
    fields.retry_scope = ruling.retry_scope;
    fields.connection_usable = ruling.connection_usable;
    if (fields.outcome == Outcome::not_applied && !fields.connection_usable && may_be_over(site)) {
        const bool commits = site.phase == RequestPhase::committing;
        fields.kind = commits ? ErrorKind::commit_unknown : ErrorKind::connection_lost;
        fields.outcome = Outcome::unknown;
        fields.retry_scope = RetryScope::none;
    }
    if (site.committed && fields.retry_scope == RetryScope::transaction) fields.retry_scope = RetryScope::none;
    if (fields.outcome == Outcome::not_applied && may_have_committed(site) && (site.committed || !never_ran(fields))) {
        fields.outcome = Outcome::unknown;
        fields.retry_scope = RetryScope::none;
    }
    place(fields, site);
    return Error(std::move(fields));
}

Error error_about(std::string_view sql, ErrorFields fields) {
    fields.sql = sql;
    if (fields.outcome == Outcome::unknown && sent_phase(sql) == RequestPhase::committing) {
        fields.kind = ErrorKind::commit_unknown;
        fields.retry_scope = RetryScope::none;
    } else if (fields.kind == ErrorKind::commit_unknown) {
        fields.kind = ErrorKind::connection_lost;  // that of another one
    }
    return Error(std::move(fields));
}

Error as_of_closed(const Error& error) {
    ErrorFields fields = error.fields();
    fields.connection_usable = false;
    return Error(std::move(fields));
}

bool is_garbage(std::string_view message) {
    constexpr std::array<std::string_view, 8> phrases{"expected authentication request",
                                                      "received invalid",
                                                      "lost synchronization",
                                                      "invalid response to",
                                                      "insufficient data in",
                                                      "message contents do not agree",
                                                      "unexpected response from server",
                                                      "unexpected field count"};
    return std::any_of(phrases.begin(), phrases.end(),
                       [&](std::string_view phrase) { return message.find(phrase) != std::string_view::npos; });
}

Error violation_error(std::string_view reason, const ErrorSite& site) {
    ErrorFields fields{.kind = ErrorKind::protocol, .outcome = Outcome::unknown, .connection_usable = false};
    fields.message.append("the server broke the protocol: ").append(reason).append("; the connection is closed");
    if (site.phase == RequestPhase::committing) fields.kind = ErrorKind::commit_unknown;
    return plain_error(std::move(fields), site);
}

namespace {

/// A connection that broke under a statement, in libpq's words.
Error error_in_words(std::string_view words, const ErrorSite& site) {
    const std::string told = first_line(words);
    if (is_garbage(told)) return violation_error(told, site);
    ErrorFields fields;
    fields.message = "connection lost: " + told;
    return ruled_error(std::move(fields), site);
}

}  // namespace

Error report_error(const PGresult* report, const ErrorSite& site) {
    ErrorFields fields = report_fields(report);
    // libpq makes such a result itself when the connection broke under a statement.
    if (fields.sqlstate.empty() && fields.severity.empty()) return error_in_words(PQresultErrorMessage(report), site);
    return ruled_error(std::move(fields), site, report_field(report, PG_DIAG_SOURCE_FILE));
}

Error broken_error(const PGconn* connection, const ErrorSite& site) {
    return error_in_words(PQerrorMessage(connection), site);
}

Error notice_error(const PGresult* report, std::string_view node) {
    ErrorFields fields = report_fields(report);
    fields.kind = ErrorKind::server;
    fields.outcome = Outcome::applied;
    if (fields.message.empty()) fields.message = first_line(PQresultErrorMessage(report));
    place(fields, {.node = node, .sql = {}});
    return Error(std::move(fields));
}

Error plain_error(ErrorFields fields, const ErrorSite& site) {
    place(fields, site);
    return Error(std::move(fields));
}

}  // namespace pg::libpq
