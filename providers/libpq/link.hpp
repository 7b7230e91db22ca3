// Link: an engine and the waiting around it: one exchange at a time, each wait with its deadline.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pg/spi/provider.hpp"
#include "providers/libpq/engine.hpp"
#include "providers/libpq/error.hpp"
#include "providers/libpq/fork.hpp"
#include "providers/libpq/wait.hpp"

namespace pg::libpq {

/// Until when a statement is given up whose wait ended: a moment longer than its deadline, or as long as a caller who
/// asked for the stop has time.
[[nodiscard]] Deadline recovery_deadline(Woken woken, const spi::Wait& wait);

/// One established connection as sessions, streams, copies and batches use it. Pinned. One thread at a time.
///
/// (L1) Between two exchanges libpq has nothing in flight, or the link is closed. Whoever cannot finish an exchange
///      calls `recover`, which makes one of the two true.
/// (L2) In a process that fork() made nothing reaches the socket any more, the farewell included.
class Link {
public:
    Link(ConnectionHandle connection, std::string node, spi::SessionContext context);
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link();

    /// Begins an exchange about `sql`, which lives until its end; an error when it must not begin.
    [[nodiscard]] std::optional<Error> begin(std::string_view sql, const spi::Wait& wait) {
        sql_ = sql;
        if (occupied_ || engine_.connection() == nullptr || !birthplace_.is_here()) [[unlikely]]
            return not_now();
        if (const Woken woken = look(wait); woken != Woken::ready) [[unlikely]]
            return too_late(woken);
        const PGTransactionStatusType status = PQtransactionStatus(engine_.connection());
        in_transaction_ = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
        return std::nullopt;
    }
    /// What libpq's refusal to send means.
    [[nodiscard]] Error refused();

    /// The next result, null behind the last. Rows that are errors are results too. An error is an end: the deadline
    /// passed, a stop was asked for, or the connection broke; then the exchange is over and (L1) holds.
    [[nodiscard]] Expected<ResultHandle> next(const spi::Wait& wait);
    /// The result of one statement, taken to its end: the report when there is one, else its first result. After a
    /// result that begins a COPY the exchange is not over.
    [[nodiscard]] Expected<ResultHandle> complete(const spi::Wait& wait);
    /// Waits until the socket has something for libpq, or takes something from it. Errors as `next`.
    [[nodiscard]] std::optional<Error> wait_ready(Step step, const spi::Wait& wait);

    /// Gives up the exchange: cancels it on the server and drains it until then, else closes the connection.
    /// What became of the statement at its head.
    [[nodiscard]] Outcome recover(const Deadline& until) noexcept;
    /// The same, told as the error of a wait that ended too soon.
    [[nodiscard]] Error give_up(Woken woken, const spi::Wait& wait);
    /// The error of an exchange that ended too soon, with what became of its statement.
    [[nodiscard]] Error ended_early(Woken woken, Outcome outcome) const;
    /// The connection broke: what libpq knows of it. The link is closed.
    [[nodiscard]] Error lost();
    void close() noexcept;

    /// Makes the error of a report; closes the link when the report says that the session is over.
    [[nodiscard]] Error failed(const PGresult* report);
    /// An error of ours about this exchange, which has ended well.
    [[nodiscard]] Error error(ErrorFields fields) const { return plain_error(std::move(fields), site()); }

    [[nodiscard]] Engine& engine() noexcept { return engine_; }
    [[nodiscard]] const Engine& engine() const noexcept { return engine_; }
    [[nodiscard]] PGconn* connection() const noexcept { return engine_.connection(); }
    [[nodiscard]] const TypeCatalog* types() const noexcept { return context_.types.get(); }
    [[nodiscard]] std::string_view node() const noexcept { return node_; }
    [[nodiscard]] bool in_transaction() const noexcept { return in_transaction_; }
    [[nodiscard]] bool is_here() const noexcept { return birthplace_.is_here(); }
    /// True when the server has said that it ends the session.
    [[nodiscard]] bool dying() const noexcept { return dying_; }
    /// A stream or a copy has the session to itself.
    [[nodiscard]] bool occupied() const noexcept { return occupied_; }
    void occupy(bool occupied) noexcept { occupied_ = occupied; }
    /// Errors are about this statement from now on: in a batch each has its turn.
    void about(std::string_view sql) noexcept { sql_ = sql; }
    /// Keeps the text of an exchange that outlives the call that began it.
    void keep_sql() {
        kept_sql_ = sql_;
        sql_ = kept_sql_;
    }

private:
    [[nodiscard]] ErrorSite site() const;
    [[nodiscard]] Error not_now() const;
    [[nodiscard]] Error too_late(Woken woken) const;
    [[nodiscard]] Outcome drain(const Deadline& until) noexcept;
    static void on_notice(void* link, const PGresult* notice) noexcept;

    Engine engine_;
    std::string node_;
    spi::SessionContext context_;
    Birthplace birthplace_;
    std::string_view sql_;
    std::string kept_sql_;
    bool in_transaction_ = false;
    bool occupied_ = false;
    bool dying_ = false;
};

}  // namespace pg::libpq
