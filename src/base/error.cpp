// Error: how it reads, and which class each kind is thrown as.
#include "pg/error.hpp"

namespace pg {
namespace {

std::string describe(const ErrorFields& f) {
    std::string text = f.message;
    if (!f.sqlstate.empty()) text.append(" [").append(f.sqlstate.code()).append("]");
    if (!f.detail.empty()) text.append("; detail: ").append(f.detail);
    if (!f.hint.empty()) text.append("; hint: ").append(f.hint);
    return text;
}

}  // namespace

Error::Error(ErrorFields fields)
    : std::runtime_error(describe(fields)), fields_(std::make_shared<const ErrorFields>(std::move(fields))) {}

// Out of line, so that the code that handles errors lies here and not in every verb that may fail.
Error::Error(const Error& other) noexcept = default;
Error::Error(Error&& other) noexcept = default;
Error& Error::operator=(const Error& other) noexcept = default;
Error& Error::operator=(Error&& other) noexcept = default;
Error::~Error() = default;

void Error::raise() const {
    switch (kind()) {
        case ErrorKind::usage: throw UsageError(*this);
        case ErrorKind::shape: throw ShapeError(*this);
        case ErrorKind::encode: throw EncodeError(*this);
        case ErrorKind::decode: throw DecodeError(*this);
        case ErrorKind::no_rows: throw NoRows(*this);
        case ErrorKind::too_many_rows: throw TooManyRows(*this);
        case ErrorKind::connect: throw ConnectError(*this);
        case ErrorKind::connection_lost: throw ConnectionLost(*this);
        case ErrorKind::auth: throw AuthError(*this);
        case ErrorKind::tls: throw TlsError(*this);
        case ErrorKind::protocol: throw ProtocolError(*this);
        case ErrorKind::timeout: throw Timeout(*this);
        case ErrorKind::pool_timeout: throw PoolTimeout(*this);
        case ErrorKind::cancelled: throw Cancelled(*this);
        case ErrorKind::server: throw ServerError(*this);
        case ErrorKind::unique_violation: throw UniqueViolation(*this);
        case ErrorKind::foreign_key_violation: throw ForeignKeyViolation(*this);
        case ErrorKind::check_violation: throw CheckViolation(*this);
        case ErrorKind::not_null_violation: throw NotNullViolation(*this);
        case ErrorKind::exclusion_violation: throw ExclusionViolation(*this);
        case ErrorKind::constraint_violation: throw ConstraintViolation(*this);
        case ErrorKind::conflict: throw Conflict(*this);
        case ErrorKind::read_only: throw ReadOnly(*this);
        case ErrorKind::plan_invalidated: throw PlanInvalidated(*this);
        case ErrorKind::commit_unknown: throw CommitUnknown(*this);
        case ErrorKind::commit_rolled_back: throw CommitRolledBack(*this);
        case ErrorKind::result_too_large: throw ResultTooLarge(*this);
    }
    throw *this;
}

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage: return "usage";
        case ErrorKind::shape: return "shape";
        case ErrorKind::encode: return "encode";
        case ErrorKind::decode: return "decode";
        case ErrorKind::no_rows: return "no_rows";
        case ErrorKind::too_many_rows: return "too_many_rows";
        case ErrorKind::connect: return "connect";
        case ErrorKind::connection_lost: return "connection_lost";
        case ErrorKind::auth: return "auth";
        case ErrorKind::tls: return "tls";
        case ErrorKind::protocol: return "protocol";
        case ErrorKind::timeout: return "timeout";
        case ErrorKind::pool_timeout: return "pool_timeout";
        case ErrorKind::cancelled: return "cancelled";
        case ErrorKind::server: return "server";
        case ErrorKind::unique_violation: return "unique_violation";
        case ErrorKind::foreign_key_violation: return "foreign_key_violation";
        case ErrorKind::check_violation: return "check_violation";
        case ErrorKind::not_null_violation: return "not_null_violation";
        case ErrorKind::exclusion_violation: return "exclusion_violation";
        case ErrorKind::constraint_violation: return "constraint_violation";
        case ErrorKind::conflict: return "conflict";
        case ErrorKind::read_only: return "read_only";
        case ErrorKind::plan_invalidated: return "plan_invalidated";
        case ErrorKind::commit_unknown: return "commit_unknown";
        case ErrorKind::commit_rolled_back: return "commit_rolled_back";
        case ErrorKind::result_too_large: return "result_too_large";
    }
    return "?";
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::not_sent: return "not_sent";
        case Outcome::not_applied: return "not_applied";
        case Outcome::applied: return "applied";
        case Outcome::unknown: return "unknown";
    }
    return "?";
}

std::string_view to_string(RetryScope scope) {
    switch (scope) {
        case RetryScope::none: return "none";
        case RetryScope::statement: return "statement";
        case RetryScope::transaction: return "transaction";
        case RetryScope::connect: return "connect";
        case RetryScope::after_refresh: return "after_refresh";
    }
    return "?";
}

}  // namespace pg
