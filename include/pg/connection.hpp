// Connection: one session of a client, for what belongs to a session: temporary tables, settings, locks, LISTEN.
#pragma once

#include <string>

#include "pg/client.hpp"

namespace pg {

/// One session with the verbs of an executor. Handle: move-only; gives the session back when it goes, and with it the
/// last transaction, stream and COPY that was begun on it. One thread at a time, together with those.
///
/// Its session is reset before anybody else gets it. One that a client lent for a request or a transaction is reset
/// only when a command tag or a text shows the need: for functions that set, lock or LISTEN within, take a connection.
class PGCLIENT_API Connection final : public Executor {
public:
    struct Impl;

    explicit Connection(std::unique_ptr<Impl> impl);
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;
    ~Connection() override;

    [[nodiscard]] Transaction begin(const TransactionOptions& options = {}) { return try_begin(options).value(); }
    [[nodiscard]] Expected<Transaction> try_begin(const TransactionOptions& options = {});
    /// As `Client::transaction`, on this session. @{
    template <class F>
    auto transaction(const TransactionOptions& options, F&& body) {
        return detail::run_transaction(*this, options, body);
    }
    template <class F>
    auto transaction(F&& body) {
        return detail::run_transaction(*this, TransactionOptions{}, body);
    }  /// @}

    /// "libpq" or "direct".
    [[nodiscard]] std::string_view engine() const;
    /// "host:port", or the socket's folder and port.
    [[nodiscard]] std::string_view node() const;
    /// 150018 for 15.18.
    [[nodiscard]] int server_version() const;
    [[nodiscard]] int backend_process() const;  ///< what pg_backend_pid() gives
    /// What the server reports by itself ("TimeZone", "application_name"); empty when it does not.
    [[nodiscard]] std::string parameter(const char* name) const;

    [[nodiscard]] Impl& impl() { return *impl_; }

private:
    Expected<detail::Borrowed> do_borrow(const QueryOptions* options) override;

    std::unique_ptr<Impl> impl_;
};

}  // namespace pg
