// Transaction: all of it, or nothing.
#pragma once

#include <type_traits>

#include "pg/executor.hpp"

namespace pg {

class Savepoint;

/// An open transaction with the verbs of an executor. Handle: move-only; destroyed without `commit`, it rolls back.
/// One thread at a time; the session is its own until it ends.
class PGCLIENT_API Transaction final : public Executor {
public:
    struct Impl;

    explicit Transaction(std::shared_ptr<Impl> impl);
    Transaction(Transaction&& other) noexcept;
    Transaction& operator=(Transaction&& other) noexcept;
    ~Transaction() override;

    /// Throws CommitRolledBack (the server answered ROLLBACK), CommitUnknown (the connection was lost, or the deadline
    /// passed, after COMMIT was sent), or what the server says (deferred constraints, 40001): then nothing was applied.
    /// UsageError while a stream or COPY of it is open, and it goes on; or when a text of it has ended it before.
    void commit() { try_commit().value(); }
    [[nodiscard]] Expected<void> try_commit();
    /// Ends it without effect, and a stream or COPY of it. Throws ConnectionLost; the server then rolls back by itself.
    void rollback() { try_rollback().value(); }
    [[nodiscard]] Expected<void> try_rollback();
    [[nodiscard]] bool is_open() const noexcept;             ///< false after `commit` or `rollback`
    [[nodiscard]] bool is_committed() const noexcept;        ///< true after a `commit` that the server confirmed
    [[nodiscard]] bool may_have_committed() const noexcept;  ///< that, or a text in it may have, be it a part

    /// A point to come back to. See `<pg/savepoint.hpp>`.
    [[nodiscard]] Savepoint savepoint();
    [[nodiscard]] Expected<Savepoint> try_savepoint();

private:
    friend struct detail::ExecutorAccess;
    Expected<detail::Borrowed> do_borrow(const QueryOptions* options) override;

    std::shared_ptr<Impl> impl_;  // with its savepoints and large objects
};

namespace detail {

/// How often a transaction is run again, and how long to wait before.
class PGCLIENT_API TransactionRetries {
public:
    explicit TransactionRetries(const TransactionOptions& options);
    /// Waits before the next attempt and says true; false when `error` is not to be tried again, the attempts are used
    /// up, or the deadline would pass. Cancelled by `stop`, else by that of the options. Observers hear of it. @{
    [[nodiscard]] Expected<bool> again(const Error& error, const Executor& source);
    [[nodiscard]] Expected<bool> again(const Error& error, const Hooks* hooks = {}, const StopToken* stop = {});  /// @}
    /// The options of the next attempt: what is left of the time.
    [[nodiscard]] TransactionOptions remaining() const;

private:
    TransactionOptions options_;
    std::chrono::steady_clock::time_point end_;
    int attempt_ = 0;
};

template <class T>
concept IsExpected = std::is_convertible_v<Error, T> && requires(const T& value) { value.error().raise(); };

/// Runs `body` in transactions from `begin` until one commits. Source: a client, with a site, or a connection.
template <class Source, class F, class R = std::decay_t<std::invoke_result_t<F&, Transaction&>>, class... Site>
R run_transaction(Source& source, const TransactionOptions& options, F& body, const Site&... site) {
    TransactionRetries retries(options);
    for (;;) {
        std::optional<Transaction> transaction;
        try {
            transaction.emplace(source.begin(retries.remaining(), site...));
            if constexpr (std::is_void_v<R>) {
                body(*transaction);
                if (transaction->is_open()) transaction->commit();
                return;
            } else {
                R value = body(*transaction);
                if constexpr (IsExpected<R>) static_cast<void>(value.value());
                if (transaction->is_open()) transaction->commit();
                return value;
            }
        } catch (const Error& error) {
            const bool committed = transaction && transaction->may_have_committed();  // by the body, which failed later
            transaction.reset();  // rolls back before the next attempt
            const Expected<bool> more = committed ? false : retries.again(error, source);
            if (more && *more) continue;
            if constexpr (IsExpected<R>) return more ? error : more.error();
            more ? throw : more.error().raise();
        }
    }
}

}  // namespace detail
}  // namespace pg
