// Why one attempt to connect failed: libpq's words, sorted.
#pragma once

#include <libpq-fe.h>
#include <string>
#include <string_view>

#include "pg/error.hpp"

namespace pg::libpq {

/// How far an attempt came.
enum class ConnectPhase : std::uint8_t { resolve, connect, tls, authentication, session_attributes, take_over };

[[nodiscard]] std::string_view to_string(ConnectPhase phase);
/// The phase that libpq's status stands for.
[[nodiscard]] ConnectPhase phase_of(ConnStatusType status);

/// What a message of libpq about a failed attempt says. It was asked for the verbose form, which has the SQLSTATE.
struct ConnectReport {
    SqlState sqlstate;
    std::string message, detail, hint;
};
[[nodiscard]] ConnectReport parse_report(std::string_view words);

/// What an attempt was about, beside what libpq knows of it.
struct AttemptFacts {
    ConnectPhase phase = ConnectPhase::connect;
    bool wants_attributes = false;        ///< of the session, so that a server may be fine and still not do
    std::string_view password_problem{};  ///< why the password file was passed over
    bool through_pooler = false;          ///< see `heed_pooler`
};

/// A pooler says 08P01 of whatever it refuses: that is a failure to connect, and none of the protocol.
void heed_pooler(ErrorFields& failure);

/// The error of one attempt: its message says what failed without saying where.
[[nodiscard]] ErrorFields connect_failure(const PGconn* connection, AttemptFacts facts);

/// Whether another host may do better. A server that refuses who asks, or what is asked for, has answered for all.
[[nodiscard]] bool may_try_next(const ErrorFields& failure);

}  // namespace pg::libpq
