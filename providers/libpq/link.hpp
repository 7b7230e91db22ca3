// Link: an engine and the waiting around it: one exchange at a time, each wait with its deadline.
#pragma once

#include "providers/libpq/engine.hpp"
#include "providers/libpq/exchange.hpp"

namespace pg::libpq {

/// The beginning of a COPY, which libpq gives again and again until somebody ends that.
[[nodiscard]] inline bool is_copy(ExecStatusType status) {
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/// One established connection as sessions, streams, copies and batches use it. Pinned. One thread at a time.
///
/// (L1) Between two exchanges libpq has nothing in flight, or the link is closed. Whoever cannot finish an exchange
///      calls `recover`, which makes one of the two true.
/// (L2) In a process that fork() made nothing reaches the socket any more, the farewell included.
class Link final : public Exchange {
public:
    Link(ConnectionHandle connection, std::string node, spi::SessionContext context);
    ~Link();

    /// Begins an exchange about `sql`, which lives until its end; an error when it must not begin.
    [[nodiscard]] std::optional<Error> begin(std::string_view sql, const spi::Wait& wait) {
        if (auto error = begin_exchange(sql, connected(), wait)) return error;
        const PGTransactionStatusType status = PQtransactionStatus(engine_.connection());
        set_in_transaction(status == PQTRANS_INTRANS || status == PQTRANS_INERROR);
        return std::nullopt;
    }
    /// Behind a statement: what comes next stands in a block, or not. libpq itself is at the next one by then, and does
    /// not say.
    void note_end(std::string_view sql, bool failed) {
        set_in_transaction(in_block_behind(sql, failed, in_transaction()));
    }
    /// What libpq's refusal to send means.
    [[nodiscard]] Error refused();

    /// The next result, null behind the last. Rows that are errors are results too. An error is an end: the deadline
    /// passed, a stop was asked for, or the connection broke; then the exchange is over and (L1) holds.
    [[nodiscard]] Expected<ResultHandle> next(const spi::Wait& wait);
    /// The result of one statement, taken to its end: the report when there is one, else its first result. After a
    /// result that begins a COPY the exchange is not over.
    [[nodiscard]] Expected<ResultHandle> complete(const spi::Wait& wait);
    /// What stands behind a result of one statement without rows, as `complete` takes it; none when that was the end.
    [[nodiscard]] Expected<ResultHandle> complete_rest(const spi::Wait& wait);
    /// Waits until the socket has something for libpq, or takes something from it. Errors as `next`.
    [[nodiscard]] std::optional<Error> wait_ready(Step step, const spi::Wait& wait);

    /// Gives up the exchange: cancels it on the server and drains it until then, else closes the connection.
    /// What became of the statement at its head.
    [[nodiscard]] Outcome recover(const Deadline& until) noexcept;
    /// The same, told as the error of a wait that ended too soon.
    [[nodiscard]] Error give_up(Woken woken, const spi::Wait& wait);
    /// The error of an exchange that ended too soon, with what became of its statement.
    [[nodiscard]] Error ended_early(Woken woken, Outcome outcome) const {
        return early_end(woken, outcome, connected());
    }
    /// The connection broke: what libpq knows of it. The link is closed.
    [[nodiscard]] Error lost();
    /// The server made no sense where libpq takes anything: the link is closed, and this says why.
    [[nodiscard]] Error violated(std::string_view reason);
    void close() noexcept;
    /// The same while the server may be at something, which is to end.
    void abandon() noexcept;

    /// Makes the error of a report, behind which the link may have been closed; closes it when the report says that the
    /// session is over.
    [[nodiscard]] Error failed(const PGresult* report);

    [[nodiscard]] Engine& engine() noexcept { return engine_; }
    [[nodiscard]] const Engine& engine() const noexcept { return engine_; }
    [[nodiscard]] PGconn* connection() const noexcept { return engine_.connection(); }
    [[nodiscard]] bool connected() const noexcept { return engine_.connection() != nullptr; }

private:
    [[nodiscard]] Outcome drain(const Deadline& until) noexcept;
    static void on_notice(void* link, const PGresult* notice) noexcept;

    Engine engine_;
};

}  // namespace pg::libpq
