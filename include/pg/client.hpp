// Client: what a service holds. pg::connect and pg::open make one.
#pragma once

#include <memory>
#include <string_view>

#include "pg/prepared.hpp"
#include "pg/transaction.hpp"

namespace pg {

/// What a client is made with, beside its connection string. Explicit beats the string. Value; views outlive the call.
struct Options {
    /// Which provider serves it. Empty: as the string says, "libpq" when it does not.
    std::string_view provider{};
    /// auto, direct or libpq. Empty: as the string says.
    std::string_view engine{};
    /// Sessions at most. Zero: as the string says, 10 when it does not.
    std::size_t pool_max_size = 0;
    /// Time to wait for a session, within the request's own. Zero: as the string says, or no limit of its own.
    std::chrono::nanoseconds pool_acquire_timeout{};
    /// How sessions are kept: see `<pg/pool/options.hpp>`. Null: as the string says. Outlives the call.
    const PoolOptions* pool = nullptr;
    /// Statements that a session keeps prepared, by itself or as asked; zero: none. `as_configured`: as the string says
    /// (`statement_cache_size`), else 256, or 0 with `pooler=transaction`.
    std::size_t statement_cache_size = as_configured;
    /// Time for a request that names none. Zero: as the string says, 30 s when it does not.
    std::chrono::nanoseconds timeout{};
    /// The loop of the application on which the sessions of `provider=async` live and awaited calls go on; it outlives
    /// the client and everything made from it. Null: threads of the library.
    spi::EventLoop* event_loop = nullptr;
    /// Hears notices and warnings. Null: they are dropped. Shared with the client.
    const std::shared_ptr<spi::NoticeHandler>* notices = nullptr;
    /// Hear of what has ended, in this order. Null: nobody does. Shared with the client. See `<pg/spi/observer.hpp>`.
    const std::vector<std::shared_ptr<spi::Observer>>* observers = nullptr;
    /// Have a say in every request, from the outside in; else as `observers`. See `<pg/spi/interceptor.hpp>`.
    const std::vector<std::shared_ptr<spi::Interceptor>>* interceptors = nullptr;
    /// Where providers are looked up. Null: the library's own. Outlives the call.
    spi::Registry* registry = nullptr;
};

/// A database. Handle: cheap to copy, copies share their sessions. Thread-safe. The sessions close when the last copy,
/// and the last connection, transaction, stream and prepared statement made from it, is gone.
class PGCLIENT_API Client final : public Executor {
public:
    struct Impl;

    explicit Client(std::shared_ptr<Impl> impl);
    Client(const Client& other);
    Client& operator=(const Client& other);
    ~Client() override;

    // `site` is what the pool says of who holds a session.
    /// A session of one's own. Waits at most `timeout` (zero: the client's default).
    [[nodiscard]] Connection connection(std::chrono::nanoseconds timeout = {}, CallSite site = CallSite::here());
    [[nodiscard]] Expected<Connection> try_connection(std::chrono::nanoseconds timeout = {},
                                                      CallSite site = CallSite::here());

    [[nodiscard]] Transaction begin(const TransactionOptions& options = {}, CallSite site = CallSite::here());
    [[nodiscard]] Expected<Transaction> try_begin(const TransactionOptions& options = {},
                                                  CallSite site = CallSite::here());

    /// Runs `body(Transaction&)` and commits, from the beginning again on 40001, 40P01 and the like, with
    /// backoff, within `retries` and `timeout`, until a stop. An exception rolls back and goes on to the caller. Where
    /// `body` returns an Expected, its error does the same, and all failures are returned, none thrown. @{
    template <class F>
    auto transaction(const TransactionOptions& options, F&& body, CallSite site = CallSite::here()) {
        return detail::run_transaction(*this, options, body, site);
    }
    template <class F>
    auto transaction(F&& body, CallSite site = CallSite::here()) {
        return detail::run_transaction(*this, TransactionOptions{}, body, site);
    }  /// @}

    /// A statement as a callable: `prepare<User(std::int64_t)>("select … where id = $1")`. Sends nothing before a call.
    /// Takes no options of a `pg::Query` (UsageError): they belong to the executor of a call.
    template <class Signature>
    [[nodiscard]] Prepared<Signature> prepare(Sql<Prepared<Signature>::arguments> sql) const {
        return Prepared<Signature>(shared_executor(), checked_statement(sql.text(), Prepared<Signature>::arguments,
                                                                        sql.checked(), sql.options() != nullptr));
    }

    /// The same verbs, awaited; a call goes on where the provider says, or on a scheduler. `<pg/async.hpp>`. @{
    [[nodiscard]] AsyncClient async() const;
    [[nodiscard]] AsyncClient async(spi::Scheduler& scheduler) const;  /// @}

    /// What lends it its sessions: numbers, sizes, warm-up. See `<pg/pool/pool.hpp>`. Lives as long as the client and
    /// its copies. UsageError when its sessions come from elsewhere.
    [[nodiscard]] Pool& pool() const;

    /// How often statements were found prepared. See `<pg/statement_cache.hpp>`.
    [[nodiscard]] StatementCacheStats statement_cache() const;

    /// Lends no session from now on: calls of it and its copies, waiting ones too, are a UsageError. Idle sessions
    /// close now; connections, transactions, streams and COPYs go on, and theirs close as they come back. Thread-safe.
    void close() noexcept;

    [[nodiscard]] const std::shared_ptr<Impl>& impl() const { return impl_; }

private:
    Expected<detail::Borrowed> do_borrow(const QueryOptions* options) override;
    [[nodiscard]] std::shared_ptr<Executor> shared_executor() const;
    [[nodiscard]] static std::shared_ptr<const detail::Statement> checked_statement(std::string_view sql,
                                                                                    std::size_t arguments, bool checked,
                                                                                    bool has_options);

    std::shared_ptr<Impl> impl_;
};

/// Makes a client and opens its first session, so that a wrong address, password or certificate shows here.
/// Throws UsageError (the string, with position and suggestion), ConnectError and its classes.
[[nodiscard]] PGCLIENT_API Client connect(std::string_view conninfo, const Options& options = {});
/// Makes a client without contacting anything. Throws UsageError.
[[nodiscard]] PGCLIENT_API Client open(std::string_view conninfo, const Options& options = {});
[[nodiscard]] PGCLIENT_API Expected<Client> try_connect(std::string_view conninfo, const Options& options = {});
[[nodiscard]] PGCLIENT_API Expected<Client> try_open(std::string_view conninfo, const Options& options = {});

}  // namespace pg
