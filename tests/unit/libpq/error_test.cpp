// What libpq's words tell.
#include "providers/libpq/error.hpp"

#include <gtest/gtest.h>

#include "providers/libpq/connect_error.hpp"
#include "providers/libpq/target.hpp"

namespace pg::libpq {
namespace {

TEST(FirstLine, LeavesOutTheGuesses) {
    EXPECT_EQ(first_line("server closed the connection unexpectedly\n\tThis probably means\n"),
              "server closed the connection unexpectedly");
    EXPECT_EQ(first_line(" it ended.\n"), "it ended");
    EXPECT_EQ(first_line(""), "");
}

TEST(ConnectReport, FindsTheCodeInVerboseWords) {
    const ConnectReport report = parse_report(
        "connection to server at \"db\" (192.0.2.1), port 5432 failed: FATAL:  28P01: password authentication failed "
        "for user \"app\"\nLOCATION:  auth_failed, auth.c:326\n");
    EXPECT_EQ(report.sqlstate, "28P01");
    EXPECT_EQ(report.message, "password authentication failed for user \"app\"");
}

TEST(ConnectReport, FindsItBehindATranslatedSeverity) {
    EXPECT_EQ(parse_report("connection to server on socket \"/s\" failed: FATALE:  3D000: non esiste\n").sqlstate,
              "3D000");
}

TEST(ConnectReport, HasWhatTheServerAddsToItsMessage) {
    const ConnectReport report = parse_report(
        "connection to server at \"h\", port 1 failed: FATAL:  22023: invalid value for parameter \"TimeZone\"\n"
        "DETAIL:  of this zone\nnobody has heard\nHINT:  ask for another\nCONTEXT:  while connecting\n"
        "LOCATION:  set_config_option, guc.c:1\n");
    EXPECT_EQ(report.detail, "of this zone\nnobody has heard");
    EXPECT_EQ(report.hint, "ask for another");
}

TEST(ConnectReport, KeepsWordsWithoutACode) {
    const ConnectReport report = parse_report(
        "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running?\n");
    EXPECT_TRUE(report.sqlstate.empty());
    EXPECT_EQ(report.message, "Connection refused");
    EXPECT_EQ(parse_report("out of memory\n").message, "out of memory");
    EXPECT_EQ(parse_report("odd:  12a45: words").message, "odd:  12a45: words");
}

TEST(ConnectReport, BelievesTheLastOfTwoAttempts) {
    const ConnectReport report = parse_report(
        "connection to server at \"h\", port 1 failed: FATAL:  28000: no encryption\n"
        "connection to server at \"h\", port 1 failed: FATAL:  28P01: wrong\n");
    EXPECT_EQ(report.sqlstate, "28P01");
}

TEST(ConnectReport, BelievesTheFirstWhereTheSecondWasOnlyNotLetInWithoutTls) {
    const std::string place = "connection to server at \"h\", port 1 failed: ";
    const std::string not_let_in = place + "FATAL:  28000: no pg_hba.conf entry for host \"h\", no encryption\n";
    const ConnectReport report = parse_report(place + "FATAL:  28P01: wrong\n" + not_let_in);
    EXPECT_EQ(report.sqlstate, "28P01");
    EXPECT_EQ(report.message, "wrong");
    EXPECT_EQ(parse_report(place + "SSL error: certificate verify failed\n" + not_let_in).sqlstate, "28000");
    EXPECT_EQ(parse_report(place + "FATAL:  28000: role \"x\" does not exist\n" + not_let_in).message,
              "role \"x\" does not exist");
}

TEST(ConnectPhase, FollowsTheStatusOfLibpq) {
    EXPECT_EQ(to_string(phase_of(CONNECTION_STARTED)), "connect");
    EXPECT_EQ(to_string(phase_of(CONNECTION_SSL_STARTUP)), "TLS");
    EXPECT_EQ(to_string(phase_of(CONNECTION_AWAITING_RESPONSE)), "authentication");
    EXPECT_EQ(to_string(phase_of(CONNECTION_CHECK_WRITABLE)), "session attributes");
    EXPECT_EQ(to_string(ConnectPhase::resolve), "name resolution");
}

Error ruled(std::string_view sql, ErrorFields fields, bool in_transaction = false) {
    fields.severity = "ERROR";
    return ruled_error(std::move(fields), {.node = "db", .sql = sql, .in_transaction = in_transaction});
}

TEST(RuledError, SaysNotOfAProcedureThatItHadNoEffect) {
    const ErrorFields within{.sqlstate = "42883", .context = "PL/pgSQL function p(integer) line 3 at PERFORM"};
    const ErrorFields result{.sqlstate = "42883", .routine = "getTypeBinaryOutputInfo"};
    const ErrorFields deferred{.sqlstate = "23503"};
    const ErrorFields conflict{.sqlstate = "40001", .context = "PL/pgSQL function p(integer) line 3 at COMMIT"};
    for (const ErrorFields& fields : {within, result, deferred, conflict}) {
        for (const char* sql : {"call p($1)", "/* it */ CALL p($1)", "do $$ begin commit; end $$"}) {
            const Error error = ruled(sql, fields);
            EXPECT_EQ(error.outcome(), Outcome::unknown) << sql << error.what();
            EXPECT_EQ(error.retry_scope(), RetryScope::none);
            EXPECT_EQ(ruled(sql, fields, true).outcome(), Outcome::not_applied) << "in a block it commits nothing";
        }
        for (const char* sql : {"select p($1)", "callous", "double"})
            EXPECT_EQ(ruled(sql, fields).outcome(), Outcome::not_applied) << sql;
    }
}

TEST(RuledError, KnowsAProcedureThatNeverRan) {
    EXPECT_EQ(ruled("call p($1)", {.sqlstate = "42883"}).outcome(), Outcome::not_applied);
    EXPECT_EQ(ruled("call p($1)", {.sqlstate = "42601"}).outcome(), Outcome::not_applied);
    const Error stale = ruled("call p($1)", {.sqlstate = "0A000", .routine = "RevalidateCachedQuery"});
    EXPECT_EQ(stale.outcome(), Outcome::not_applied);
    EXPECT_EQ(stale.retry_scope(), RetryScope::statement);
}

TEST(MayTryNext, OnlyWhereAnotherHostMayDoBetter) {
    EXPECT_TRUE(may_try_next({.kind = ErrorKind::connect}));
    EXPECT_TRUE(may_try_next({.kind = ErrorKind::timeout}));
    for (const char* code : {"57P03", "53300", "57P01", "08P01"})
        EXPECT_TRUE(may_try_next({.kind = ErrorKind::connect, .retry_scope = RetryScope::connect, .sqlstate = code}))
            << code;
    EXPECT_FALSE(may_try_next({.kind = ErrorKind::connect, .sqlstate = "3D000"}));
    EXPECT_FALSE(may_try_next({.kind = ErrorKind::auth, .sqlstate = "28P01"}));
    EXPECT_FALSE(may_try_next({.kind = ErrorKind::tls}));
    EXPECT_FALSE(may_try_next({.kind = ErrorKind::cancelled}));
}

TEST(NodeName, TellsHostsFromSockets) {
    EXPECT_EQ(node_name({.host = "db", .hostaddr = "192.0.2.1", .port = 5433}), "db:5433");
    EXPECT_EQ(node_name({.host = "", .hostaddr = "::1", .port = 5432}), "[::1]:5432");
    EXPECT_EQ(node_name({.host = "/tmp", .hostaddr = "", .port = 5432}), "/tmp:5432");
}

}  // namespace
}  // namespace pg::libpq
