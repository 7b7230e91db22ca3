// What an error report means for its caller: the one table from SQLSTATE to kind, outcome and retry scope.
#pragma once

#include <string_view>

#include "pg/error.hpp"
#include "pg/fwd.hpp"

namespace pg {

/// How far a request had come when it failed.
enum class RequestPhase : std::uint8_t {
    connecting,  ///< there is no session yet
    unsent,      ///< a session was there, but no byte of the request had left
    sent,        ///< bytes of the request had left
    committing,  ///< as `sent`, and the request was COMMIT or PREPARE TRANSACTION
};

/// What a provider knows of a failure. Views: they need not outlive the call.
struct ErrorFacts {
    SqlState sqlstate{};          ///< empty when the socket failed and no server reported anything
    std::string_view severity{};  ///< ERROR, FATAL or PANIC: the report's field V, which is never translated
    std::string_view routine{};   ///< the report's field R: tells a stale plan from other 0A000
    std::string_view message{};   ///< the report's field M: tells apart the XX000 that may be run again
    RequestPhase phase = RequestPhase::sent;  ///< how far the request had come
    bool in_transaction = false;              ///< a transaction block was open when the request began
};

/// What follows from it.
struct ErrorRuling {
    ErrorKind kind = ErrorKind::server;         ///< decides the class that is thrown
    Outcome outcome = Outcome::not_applied;     ///< whether the request may have happened
    RetryScope retry_scope = RetryScope::none;  ///< what may be run again
    bool connection_usable = true;              ///< the session can serve the next request
    bool endpoint_suspect = false;  ///< the node, not only this session, may be in trouble: look before using it again

    friend bool operator==(const ErrorRuling&, const ErrorRuling&) = default;
};

/// Applies the table. Every provider asks it, so that the same failure is the same error everywhere.
/// Codes that it does not list, an application's own among them, are plain server errors: nothing is run again.
[[nodiscard]] PGCLIENT_API ErrorRuling rule_on(const ErrorFacts& facts);

/// How far a statement had come that was sent: `committing` for COMMIT, END and PREPARE TRANSACTION, however they are
/// written, `sent` for any other.
[[nodiscard]] PGCLIENT_API RequestPhase sent_phase(std::string_view sql);

}  // namespace pg
