// Everything that can go wrong, sorted by what the caller does next.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg {

/// A five-character SQLSTATE. Value. Empty when the failure did not come from a server.
/// Named constants for every code that PostgreSQL documents are in `<pg/sqlstate.hpp>`.
class SqlState {
public:
    constexpr SqlState() = default;
    /// Takes the first five characters; anything else than five gives an empty state.
    constexpr SqlState(std::string_view code) {
        if (code.size() == 5)
            for (std::size_t i = 0; i < 5; ++i) code_[i] = code[i];
    }
    constexpr SqlState(const char* code) : SqlState(std::string_view(code)) {}  ///< the same

    /// Five characters or none.
    [[nodiscard]] constexpr std::string_view code() const { return {code_, code_[0] == '\0' ? 0u : 5u}; }
    /// The first two characters: the class of the condition, "23" for an integrity violation.
    [[nodiscard]] constexpr std::string_view category() const { return code().substr(0, 2); }
    [[nodiscard]] constexpr bool empty() const { return code_[0] == '\0'; }

    friend constexpr bool operator==(const SqlState& a, const SqlState& b) { return a.code() == b.code(); }
    friend constexpr bool operator==(const SqlState& a, std::string_view b) { return a.code() == b; }
    friend constexpr bool operator==(const SqlState& a, const char* b) { return a.code() == b; }

private:
    char code_[5] = {};
};

/// What failed. One kind for each class below; `server` covers every error report without a class of its own.
enum class ErrorKind : std::uint8_t {
    usage,                  ///< the call itself is wrong: bad options, closed client, unfinished result
    shape,                  ///< the columns of a result do not fit the asked type
    encode,                 ///< an argument has no wire form (a NUL in a text, a value over 1 GiB)
    decode,                 ///< a received value does not fit its target
    no_rows,                ///< one row was asked for and none came
    too_many_rows,          ///< one row was asked for and more came
    connect,                ///< no connection could be made
    connection_lost,        ///< an established connection broke
    auth,                   ///< the server refused the credentials
    tls,                    ///< the encrypted channel could not be made or verified
    protocol,               ///< the peer does not speak the protocol correctly
    timeout,                ///< the deadline passed
    pool_timeout,           ///< no session was to be had, in time or at all
    cancelled,              ///< a stop token, or another session, cancelled the statement
    server,                 ///< the server reported an error
    unique_violation,       ///< 23505
    foreign_key_violation,  ///< 23503
    check_violation,        ///< 23514
    not_null_violation,     ///< 23502
    exclusion_violation,    ///< 23P01
    constraint_violation,   ///< any other of class 23
    conflict,               ///< 40001, 40P01, 55P03: run the transaction again
    read_only,              ///< 25006: this server, or transaction, does not write
    plan_invalidated,       ///< a prepared plan no longer fits the schema
    commit_unknown,         ///< the connection was lost after COMMIT was sent
    commit_rolled_back,     ///< COMMIT was answered by ROLLBACK
    result_too_large,       ///< the result passed `max_result_bytes`
};

/// Whether what was asked for may have happened.
enum class Outcome : std::uint8_t {
    not_sent,     ///< no byte of it left this process
    not_applied,  ///< the server says it had no effect
    applied,      ///< it took effect
    unknown,      ///< nobody can say
};

/// What may be run again without risk of doing it twice.
enum class RetryScope : std::uint8_t {
    none,
    statement,      ///< the same statement
    transaction,    ///< the whole transaction, from its beginning
    connect,        ///< a new attempt to connect
    after_refresh,  ///< after credentials or the choice of node were refreshed
};

[[nodiscard]] PGCLIENT_API std::string_view to_string(ErrorKind kind);
[[nodiscard]] PGCLIENT_API std::string_view to_string(Outcome outcome);
[[nodiscard]] PGCLIENT_API std::string_view to_string(RetryScope scope);

/// The parts of an error. Value. Fields that a failure does not have stay empty.
struct ErrorFields {
    ErrorKind kind = ErrorKind::usage;          ///< decides the class that is thrown
    Outcome outcome = Outcome::not_sent;        ///< whether it may have happened
    RetryScope retry_scope = RetryScope::none;  ///< what may be run again
    bool connection_usable = true;              ///< the session can serve the next request
    SqlState sqlstate{};                        ///< empty when no server reported it
    std::uint32_t position = 0;                 ///< 1-based character in the statement; 0 when there is none
    std::string message{};                      ///< what failed, with what, and what to do
    std::string severity{};                     ///< ERROR, FATAL or PANIC, never translated
    /// What the server's report says; errors of the library itself may have a detail, a hint or a column too. @{
    std::string detail{}, hint{}, context{};
    std::string schema{}, table{}, column{}, type{}, constraint{};  /// @}
    std::string routine{};                                          ///< the server function that reported it
    std::string sql{};                                              ///< the statement's text, never its arguments
    std::string node{};                                             ///< "host:port" or the socket's path
    std::string engine{};                                           ///< "libpq" or "direct"
    std::shared_ptr<const PoolTimeoutDetails> pool{};               ///< why a pool lent nothing; null otherwise
};

/// The base of all errors of the library. Value: copies share their fields, copying never throws.
/// Thrown by plain verbs, held by `Expected` for the `try_` ones.
class PGCLIENT_API Error : public std::runtime_error {
public:
    explicit Error(ErrorFields fields);  ///< puts `what()` together
    Error(const Error& other) noexcept;
    Error(Error&& other) noexcept;
    Error& operator=(const Error& other) noexcept;
    Error& operator=(Error&& other) noexcept;
    ~Error() override;

    /// The field of that name in `ErrorFields`. Views live as long as the error, or a copy of it. @{
    [[nodiscard]] ErrorKind kind() const noexcept { return fields_->kind; }
    [[nodiscard]] Outcome outcome() const noexcept { return fields_->outcome; }
    [[nodiscard]] RetryScope retry_scope() const noexcept { return fields_->retry_scope; }
    [[nodiscard]] bool connection_usable() const noexcept { return fields_->connection_usable; }
    [[nodiscard]] const SqlState& sqlstate() const noexcept { return fields_->sqlstate; }
    /// The message without the SQLSTATE, detail and hint that `what()` adds.
    [[nodiscard]] std::string_view message() const noexcept { return fields_->message; }
    [[nodiscard]] std::string_view severity() const noexcept { return fields_->severity; }
    [[nodiscard]] std::string_view detail() const noexcept { return fields_->detail; }
    [[nodiscard]] std::string_view hint() const noexcept { return fields_->hint; }
    /// 1-based character position in the statement, 0 when the server named none.
    [[nodiscard]] std::uint32_t position() const noexcept { return fields_->position; }
    [[nodiscard]] std::string_view context() const noexcept { return fields_->context; }
    [[nodiscard]] std::string_view schema() const noexcept { return fields_->schema; }
    [[nodiscard]] std::string_view table() const noexcept { return fields_->table; }
    [[nodiscard]] std::string_view column() const noexcept { return fields_->column; }
    [[nodiscard]] std::string_view type() const noexcept { return fields_->type; }
    [[nodiscard]] std::string_view constraint() const noexcept { return fields_->constraint; }
    [[nodiscard]] std::string_view routine() const noexcept { return fields_->routine; }
    [[nodiscard]] std::string_view sql() const noexcept { return fields_->sql; }
    [[nodiscard]] std::string_view node() const noexcept { return fields_->node; }
    [[nodiscard]] std::string_view engine() const noexcept { return fields_->engine; }  /// @}
    [[nodiscard]] const ErrorFields& fields() const noexcept { return *fields_; }       ///< all of them

    /// Throws this error as the class that its kind names.
    [[noreturn]] void raise() const;

private:
    std::shared_ptr<const ErrorFields> fields_;
};

// One class for each thing that a caller may want to catch by itself.
/// The call itself is wrong; nothing was sent.
class PGCLIENT_API UsageError : public Error {
public:
    explicit UsageError(const Error& error) : Error(error) {}
};
/// The columns of the result do not fit the asked type; every column that does not is named.
class PGCLIENT_API ShapeError : public Error {
public:
    explicit ShapeError(const Error& error) : Error(error) {}
};
/// An argument has no form on the wire; nothing was sent.
class PGCLIENT_API EncodeError : public Error {
public:
    explicit EncodeError(const Error& error) : Error(error) {}
};
/// A received value does not fit its target: a narrowing that would lose it, a NULL, a malformed value.
class PGCLIENT_API DecodeError : public Error {
public:
    explicit DecodeError(const Error& error) : Error(error) {}
};
/// One row was asked for, and the statement gave none.
class PGCLIENT_API NoRows : public Error {
public:
    explicit NoRows(const Error& error) : Error(error) {}
};
/// At most one row was asked for, and the statement gave more.
class PGCLIENT_API TooManyRows : public Error {
public:
    explicit TooManyRows(const Error& error) : Error(error) {}
};
/// No connection could be made; names host and phase.
class PGCLIENT_API ConnectError : public Error {
public:
    explicit ConnectError(const Error& error) : Error(error) {}
};
/// The server refused the credentials, or the channel that was asked for.
class PGCLIENT_API AuthError : public ConnectError {
public:
    explicit AuthError(const Error& error) : ConnectError(error) {}
};
/// The encrypted channel could not be made, or its peer is not who it should be.
class PGCLIENT_API TlsError : public ConnectError {
public:
    explicit TlsError(const Error& error) : ConnectError(error) {}
};
/// An established connection broke; `outcome()` says whether the statement may have happened.
class PGCLIENT_API ConnectionLost : public Error {
public:
    explicit ConnectionLost(const Error& error) : Error(error) {}
};
/// The peer does not speak the protocol correctly; the connection is closed.
class PGCLIENT_API ProtocolError : public Error {
public:
    explicit ProtocolError(const Error& error) : Error(error) {}
};
/// The deadline passed; `outcome()` says whether the statement may have happened.
class PGCLIENT_API Timeout : public Error {
public:
    explicit Timeout(const Error& error) : Error(error) {}
};
/// No session was to be had, in time or at all; nothing was sent.
class PGCLIENT_API PoolTimeout : public Timeout {
public:
    explicit PoolTimeout(const Error& error) : Timeout(error) {}
    /// What stood in the way, and the numbers of that moment: see `<pg/pool/stats.hpp>`. Null when no pool made it.
    [[nodiscard]] const PoolTimeoutDetails* details() const noexcept { return fields().pool.get(); }
};
/// The statement was cancelled: by its stop token, or by somebody else (57014).
class PGCLIENT_API Cancelled : public Error {
public:
    explicit Cancelled(const Error& error) : Error(error) {}
};
/// The server reported an error.
class PGCLIENT_API ServerError : public Error {
public:
    explicit ServerError(const Error& error) : Error(error) {}
};
/// Class 23; `constraint()` names which.
class PGCLIENT_API ConstraintViolation : public ServerError {
public:
    explicit ConstraintViolation(const Error& error) : ServerError(error) {}
};
/// 23505.
class PGCLIENT_API UniqueViolation : public ConstraintViolation {
public:
    explicit UniqueViolation(const Error& error) : ConstraintViolation(error) {}
};
/// 23503.
class PGCLIENT_API ForeignKeyViolation : public ConstraintViolation {
public:
    explicit ForeignKeyViolation(const Error& error) : ConstraintViolation(error) {}
};
/// 23514.
class PGCLIENT_API CheckViolation : public ConstraintViolation {
public:
    explicit CheckViolation(const Error& error) : ConstraintViolation(error) {}
};
/// 23502.
class PGCLIENT_API NotNullViolation : public ConstraintViolation {
public:
    explicit NotNullViolation(const Error& error) : ConstraintViolation(error) {}
};
/// 23P01.
class PGCLIENT_API ExclusionViolation : public ConstraintViolation {
public:
    explicit ExclusionViolation(const Error& error) : ConstraintViolation(error) {}
};
/// 40001, 40P01 or 55P03: running the whole transaction again may succeed.
class PGCLIENT_API Conflict : public ServerError {
public:
    explicit Conflict(const Error& error) : ServerError(error) {}
};
/// 25006: the server or the transaction does not accept writes.
class PGCLIENT_API ReadOnly : public ServerError {
public:
    explicit ReadOnly(const Error& error) : ServerError(error) {}
};
/// A prepared plan no longer fits the schema, and could not be healed here.
class PGCLIENT_API PlanInvalidated : public ServerError {
public:
    explicit PlanInvalidated(const Error& error) : ServerError(error) {}
};
/// The connection was lost after COMMIT was sent: ask the data before repeating.
class PGCLIENT_API CommitUnknown : public Error {
public:
    explicit CommitUnknown(const Error& error) : Error(error) {}
};
/// COMMIT was answered by ROLLBACK: a statement of the transaction had failed.
class PGCLIENT_API CommitRolledBack : public Error {
public:
    explicit CommitRolledBack(const Error& error) : Error(error) {}
};
/// The result passed `QueryOptions::max_result_bytes`.
class PGCLIENT_API ResultTooLarge : public Error {
public:
    explicit ResultTooLarge(const Error& error) : Error(error) {}
};

}  // namespace pg
