// The table from SQLSTATE to kind, outcome and retry scope, row by row.
#include "pg/error_rules.hpp"

#include <gtest/gtest.h>

#include "pg/sqlstate.hpp"

namespace pg {
namespace {

using Kind = ErrorKind;
using Scope = RetryScope;

constexpr bool kept = true;
constexpr bool lost = false;
constexpr bool suspect = true;
constexpr bool trusted = false;

/// One row: what a sent statement's error means outside a transaction and, where it differs, inside one.
struct Row {
    const char* code;
    Kind kind;
    Outcome outcome;
    Scope outside;
    Scope inside;
    bool connection;
    bool endpoint;
    const char* severity = "ERROR";
    const char* routine = "";
    const char* message = "";
};

ErrorFacts facts_of(const Row& row, RequestPhase phase, bool in_transaction) {
    return {.sqlstate = row.code,
            .severity = row.severity,
            .routine = row.routine,
            .message = row.message,
            .phase = phase,
            .in_transaction = in_transaction};
}

void expect_ruling(const ErrorRuling& actual, const ErrorRuling& expected) {
    EXPECT_EQ(to_string(actual.kind), to_string(expected.kind));
    EXPECT_EQ(to_string(actual.outcome), to_string(expected.outcome));
    EXPECT_EQ(to_string(actual.retry_scope), to_string(expected.retry_scope));
    EXPECT_EQ(actual.connection_usable, expected.connection_usable);
    EXPECT_EQ(actual.endpoint_suspect, expected.endpoint_suspect);
}

// What the server says of a statement that was sent.
constexpr Row statement_rows[] = {
    {"01000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"02000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"03000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"08001", Kind::connect, Outcome::not_applied, Scope::connect, Scope::connect, lost, suspect, "FATAL"},
    {"08004", Kind::connect, Outcome::not_applied, Scope::connect, Scope::connect, lost, suspect, "FATAL"},
    {"08000", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL"},
    {"08003", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL"},
    {"08006", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL"},
    {"08007", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL"},
    {"08P01", Kind::protocol, Outcome::unknown, Scope::none, Scope::none, lost, trusted, "FATAL"},
    {"08P01", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL",
     "PostgresMain"},
    {"0A000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted, "ERROR", "PlannerX"},
    {"0A000", Kind::plan_invalidated, Outcome::not_applied, Scope::statement, Scope::transaction, kept, trusted,
     "ERROR", "RevalidateCachedQuery"},
    {"0A000", Kind::plan_invalidated, Outcome::not_applied, Scope::statement, Scope::transaction, kept, trusted,
     "ERROR", "RevalidateCachedPlan"},
    {"21000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"22012", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"22021", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"2F005", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"38000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"39004", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"23505", Kind::unique_violation, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"23503", Kind::foreign_key_violation, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"23514", Kind::check_violation, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"23502", Kind::not_null_violation, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"23P01", Kind::exclusion_violation, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"23000", Kind::constraint_violation, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"23001", Kind::constraint_violation, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"25001", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"25P01", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"25006", Kind::read_only, Outcome::not_applied, Scope::after_refresh, Scope::after_refresh, kept, suspect},
    {"25P02", Kind::server, Outcome::not_applied, Scope::transaction, Scope::transaction, kept, trusted},
    {"25P03", Kind::connection_lost, Outcome::not_applied, Scope::transaction, Scope::transaction, lost, trusted,
     "FATAL"},
    {"25P04", Kind::connection_lost, Outcome::not_applied, Scope::transaction, Scope::transaction, lost, trusted,
     "FATAL"},
    {"26000", Kind::plan_invalidated, Outcome::not_applied, Scope::statement, Scope::transaction, kept, trusted},
    {"28000", Kind::auth, Outcome::not_applied, Scope::after_refresh, Scope::after_refresh, lost, trusted, "FATAL"},
    {"28P01", Kind::auth, Outcome::not_applied, Scope::after_refresh, Scope::after_refresh, lost, trusted, "FATAL"},
    {"2D000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"34000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"3B001", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"3D000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"3F000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"40001", Kind::conflict, Outcome::not_applied, Scope::transaction, Scope::transaction, kept, trusted},
    {"40P01", Kind::conflict, Outcome::not_applied, Scope::transaction, Scope::transaction, kept, trusted},
    {"40000", Kind::server, Outcome::not_applied, Scope::transaction, Scope::transaction, kept, trusted},
    {"40002", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"40003", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL"},
    {"42601", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"42501", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"42P05", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"53300", Kind::connect, Outcome::not_applied, Scope::connect, Scope::connect, lost, trusted, "FATAL"},
    {"53000", Kind::server, Outcome::unknown, Scope::none, Scope::none, kept, suspect},
    {"53100", Kind::server, Outcome::unknown, Scope::none, Scope::none, kept, suspect},
    {"53200", Kind::server, Outcome::unknown, Scope::none, Scope::none, kept, suspect},
    {"53200", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL"},
    {"53400", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"54000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"55P03", Kind::conflict, Outcome::not_applied, Scope::statement, Scope::transaction, kept, trusted},
    {"55006", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"55000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"57014", Kind::cancelled, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"57P01", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::transaction, lost, suspect, "FATAL"},
    {"57P02", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::transaction, lost, suspect, "FATAL"},
    {"57P03", Kind::connect, Outcome::not_applied, Scope::connect, Scope::connect, lost, suspect, "FATAL"},
    {"57P04", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, trusted, "FATAL"},
    {"57P05", Kind::connection_lost, Outcome::not_applied, Scope::statement, Scope::transaction, lost, trusted,
     "FATAL"},
    {"58000", Kind::server, Outcome::unknown, Scope::none, Scope::none, lost, suspect},
    {"58030", Kind::server, Outcome::unknown, Scope::none, Scope::none, lost, suspect},
    {"58P01", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"58P02", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"72000", Kind::server, Outcome::not_applied, Scope::transaction, Scope::transaction, kept, trusted},
    {"F0000", Kind::connect, Outcome::not_applied, Scope::connect, Scope::connect, lost, suspect, "FATAL"},
    {"HV000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"P0001", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"MY001", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"XX000", Kind::server, Outcome::unknown, Scope::none, Scope::none, kept, trusted},
    {"XX000", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "FATAL"},
    {"XX000", Kind::server, Outcome::not_applied, Scope::statement, Scope::transaction, kept, trusted, "ERROR", "",
     "cache lookup failed for type 16403"},
    {"XX000", Kind::server, Outcome::not_applied, Scope::transaction, Scope::transaction, kept, trusted, "ERROR", "",
     "tuple concurrently updated"},
    {"XX001", Kind::server, Outcome::unknown, Scope::none, Scope::none, lost, suspect},
    {"XX002", Kind::server, Outcome::unknown, Scope::none, Scope::none, lost, suspect},
    // A statement that fails with a connection's code speaks of another one.
    {"08001", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"08006", Kind::server, Outcome::unknown, Scope::none, Scope::none, kept, trusted},
    {"08P01", Kind::server, Outcome::unknown, Scope::none, Scope::none, kept, trusted},
    {"28000", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"53300", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    {"57P03", Kind::server, Outcome::not_applied, Scope::none, Scope::none, kept, trusted},
    // No report at all: the socket failed.
    {"", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, ""},
    // Severity ends the session of codes that say nothing of it.
    {"42601", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, trusted, "FATAL"},
    {"40001", Kind::conflict, Outcome::not_applied, Scope::transaction, Scope::transaction, lost, trusted, "FATAL"},
    {"42601", Kind::connection_lost, Outcome::unknown, Scope::none, Scope::none, lost, suspect, "PANIC"},
};

TEST(ErrorRules, DecideEveryRowOutsideATransaction) {
    for (const Row& row : statement_rows) {
        SCOPED_TRACE(std::string(row.code) + " " + row.severity + " " + row.routine + row.message);
        expect_ruling(rule_on(facts_of(row, RequestPhase::sent, false)),
                      {row.kind, row.outcome, row.outside, row.connection, row.endpoint});
    }
}

TEST(ErrorRules, DecideEveryRowInsideATransaction) {
    for (const Row& row : statement_rows) {
        SCOPED_TRACE(std::string(row.code) + " " + row.severity + " " + row.routine + row.message);
        expect_ruling(rule_on(facts_of(row, RequestPhase::sent, true)),
                      {row.kind, row.outcome, row.inside, row.connection, row.endpoint});
    }
}

TEST(ErrorRules, SayThatNothingWasSentWhateverTheCode) {
    for (const Row& row : statement_rows) {
        SCOPED_TRACE(row.code);
        EXPECT_EQ(rule_on(facts_of(row, RequestPhase::unsent, false)).outcome, Outcome::not_sent);
        EXPECT_EQ(rule_on(facts_of(row, RequestPhase::connecting, false)).outcome, Outcome::not_sent);
    }
}

TEST(ErrorRules, LetAnUnsentRequestRunAgainAfterALostConnection) {
    for (const char* code : {"08000", "08003", "08006", "57P01", "57P02", ""}) {
        SCOPED_TRACE(code);
        EXPECT_EQ(rule_on({.sqlstate = code, .phase = RequestPhase::unsent}).retry_scope, Scope::statement);
        EXPECT_EQ(rule_on({.sqlstate = code, .phase = RequestPhase::unsent, .in_transaction = true}).retry_scope,
                  Scope::transaction);
    }
    EXPECT_EQ(rule_on({.sqlstate = "08007", .phase = RequestPhase::unsent}).retry_scope, Scope::none);
}

TEST(ErrorRules, CallALossDuringCommitUnknownAndNeverRunItAgain) {
    for (const char* code : {"", "08006", "08007", "40003", "57P01", "57P02", "58030"}) {
        SCOPED_TRACE(code);
        expect_ruling(
            rule_on({.sqlstate = code, .severity = "FATAL", .phase = RequestPhase::committing, .in_transaction = true}),
            {Kind::commit_unknown, Outcome::unknown, Scope::none, lost, suspect});
    }
}

TEST(ErrorRules, CallACommitUnknownOfWhichTheServerSaysSo) {
    expect_ruling(
        rule_on({.sqlstate = "40003", .severity = "ERROR", .phase = RequestPhase::committing, .in_transaction = true}),
        {Kind::commit_unknown, Outcome::unknown, Scope::none, kept, trusted});
    expect_ruling(
        rule_on({.sqlstate = "40003", .severity = "ERROR", .phase = RequestPhase::sent, .in_transaction = true}),
        {Kind::server, Outcome::unknown, Scope::none, kept, trusted});
}

TEST(ErrorRules, KeepTheKindOfACommitThatTheServerRefused) {
    expect_ruling(
        rule_on({.sqlstate = "40001", .severity = "ERROR", .phase = RequestPhase::committing, .in_transaction = true}),
        {Kind::conflict, Outcome::not_applied, Scope::transaction, kept, trusted});
    expect_ruling(
        rule_on({.sqlstate = "23503", .severity = "ERROR", .phase = RequestPhase::committing, .in_transaction = true}),
        {Kind::foreign_key_violation, Outcome::not_applied, Scope::none, kept, trusted});
}

TEST(ErrorRules, NeverRunACommitAgainByItself) {
    EXPECT_EQ(rule_on({.sqlstate = "26000", .severity = "ERROR", .phase = RequestPhase::committing}).retry_scope,
              Scope::transaction);
}

TEST(ErrorRules, SortFailuresToConnectByWhoMustAct) {
    struct {
        const char* code;
        Kind kind;
        Scope scope;
        bool endpoint;
    } const rows[] = {
        {"28P01", Kind::auth, Scope::after_refresh, trusted}, {"28000", Kind::auth, Scope::after_refresh, trusted},
        {"53300", Kind::connect, Scope::connect, trusted},    {"57P03", Kind::connect, Scope::connect, suspect},
        {"57P01", Kind::connect, Scope::connect, suspect},    {"3D000", Kind::connect, Scope::none, trusted},
        {"42501", Kind::connect, Scope::none, trusted},       {"08P01", Kind::protocol, Scope::none, trusted},
        {"53200", Kind::connect, Scope::connect, suspect},    {"53400", Kind::connect, Scope::none, trusted},
        {"F0000", Kind::connect, Scope::connect, suspect},    {"", Kind::connect, Scope::connect, suspect},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.code);
        expect_ruling(rule_on({.sqlstate = row.code, .severity = "FATAL", .phase = RequestPhase::connecting}),
                      {row.kind, Outcome::not_sent, row.scope, lost, row.endpoint});
    }
}

TEST(SqlStateNames, NameTheConditionsOfPostgres) {
    EXPECT_EQ(sqlstate::unique_violation, "23505");
    EXPECT_EQ(sqlstate::serialization_failure, "40001");
    EXPECT_EQ(sqlstate::idle_session_timeout, "57P05");
}

TEST(SqlStateNames, KnowWhatLaterMajorsAdded) {
    EXPECT_EQ(sqlstate::transaction_timeout, "25P04");
    EXPECT_EQ(sqlstate::invalid_argument_for_xquery, "10608");
    EXPECT_EQ(sqlstate::file_name_too_long, "58P03");
}

TEST(SqlStateNames, TellApartConditionsOfOneName) {
    EXPECT_EQ(sqlstate::string_data_right_truncation, "22001");
    EXPECT_EQ(sqlstate::warning_string_data_right_truncation, "01004");
    EXPECT_EQ(sqlstate::null_value_not_allowed, "22004");
    EXPECT_EQ(sqlstate::external_routine_invocation_null_value_not_allowed, "39004");
    EXPECT_EQ(sqlstate::sql_routine_reading_sql_data_not_permitted, "2F004");
    EXPECT_EQ(sqlstate::external_routine_reading_sql_data_not_permitted, "38004");
}

}  // namespace
}  // namespace pg
