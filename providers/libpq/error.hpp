// Errors: what libpq reports, as the errors of the library.
#pragma once

#include <libpq-fe.h>
#include <string>
#include <string_view>

#include "pg/error_rules.hpp"

namespace pg::libpq {

/// The engines, as errors and sessions name them: libpq itself, and the protocol spoken directly on its socket. @{
inline constexpr std::string_view engine_name = "libpq";
inline constexpr std::string_view direct_engine_name = "direct";  /// @}

/// Where and in what an error happened. Views: they need not outlive the call.
struct ErrorSite {
    std::string_view node;
    std::string_view sql;
    bool in_transaction = false;  ///< when the request began
    RequestPhase phase = RequestPhase::sent;
    std::string_view engine = engine_name;
    bool committed = false;  ///< something was, by a statement of the request
    bool tagged = false;     ///< the end of the request was said, and not that of its transaction
    SqlState farewell = {};  ///< why the session was to end, as the server said by the way; empty: it did not
};

/// What the server reported, with all its fields. A result without a report is a broken connection.
[[nodiscard]] Error report_error(const PGresult* report, const ErrorSite& site);
/// A connection that broke without a report: libpq's own words.
[[nodiscard]] Error broken_error(const PGconn* connection, const ErrorSite& site);
/// The server made no sense, as `reason` says, and its connection is closed for that.
[[nodiscard]] Error violation_error(std::string_view reason, const ErrorSite& site);
/// True for libpq's words about a server that made no sense. They may be translated, and are not recognised then.
[[nodiscard]] bool is_garbage(std::string_view message);
/// What the server said by the way: a notice.
[[nodiscard]] Error notice_error(const PGresult* report, std::string_view node);
/// What the fields of a report mean by the table of `rule_on`. `source` is the file that it comes from, its field F.
[[nodiscard]] Error ruled_error(ErrorFields fields, const ErrorSite& site, std::string_view source = {});
/// True for a request that may have committed something before it failed: a script behind its COMMIT, or a
/// procedure outside a transaction block.
[[nodiscard]] bool may_have_committed(const ErrorSite& site);
/// The error of a batch or a pipeline as it is told of the one of its statements that has this text: nobody knows more
/// of it. A commit of unknown outcome is told as one, and nothing else is.
[[nodiscard]] Error error_about(std::string_view sql, ErrorFields fields);
/// The same, of a connection that was there when it came and is not any more.
[[nodiscard]] Error as_of_closed(const Error& error);
/// Any other error, told by its kind and words. The session stays usable unless `fields` says otherwise.
[[nodiscard]] Error plain_error(ErrorFields fields, const ErrorSite& site);

/// Whether a later result of the same statement says more than the one before it: a report does, unless it is libpq's
/// own, about what became of the connection behind the first.
[[nodiscard]] bool says_more(const PGresult* before, const PGresult* later);

/// A field of a report; empty when it has none.
[[nodiscard]] std::string_view report_field(const PGresult* report, int field);
/// True for a report that a result has a column without binary form. The routine says so, its text is translated.
[[nodiscard]] bool lacks_binary_form(const PGresult* report);
[[nodiscard]] bool lacks_binary_form(const Error& error);
[[nodiscard]] bool lacks_binary_form(std::string_view code, std::string_view routine);
/// libpq's words without line ends: the first line, which says what happened; those below it guess why.
[[nodiscard]] std::string first_line(std::string_view words);

}  // namespace pg::libpq
