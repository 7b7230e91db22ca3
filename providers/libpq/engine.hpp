// Engine: what to send on one connection and what came back. It never waits; it says what it waits for.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "pg/spi/request.hpp"
#include "providers/libpq/handle.hpp"

namespace pg::libpq {

/// What an engine says when it is asked for what comes next.
enum class Step : std::uint8_t {
    result,  ///< a result, handed over
    end,     ///< the statement, or in a pipeline the one at its head, has no more results
    read,    ///< nothing before the socket can be read
    write,   ///< nothing before the socket can be written, or read
    broken,  ///< the connection is lost
};

/// A state machine over one established connection. One thread at a time.
///
/// (E1) libpq is in non-blocking mode, and nothing is called that would wait in spite of it: a result is only asked for
///      when `PQisBusy` says that it is there.
/// (E2) While not everything is flushed, `next` asks for `write`, which includes reading: a server that is busy
///      sending must not be waited for by a client that is busy sending.
/// (E3) Once closed it has no connection, and libpq's observers of a null connection say so: bad, unknown, no socket.
class Engine {
public:
    /// Puts `connection` into non-blocking mode.
    explicit Engine(ConnectionHandle connection) noexcept;

    [[nodiscard]] PGconn* connection() const noexcept { return connection_.get(); }
    [[nodiscard]] int socket() const noexcept { return PQsocket(connection_.get()); }
    [[nodiscard]] bool broken() const noexcept { return PQstatus(connection_.get()) == CONNECTION_BAD; }
    void close() noexcept { connection_.reset(); }

    /// Each queues one request and flushes what it can. False when libpq refuses it: `PQerrorMessage` says why.
    /// A request that prepares its statement is two, and has two results, each with an end.
    [[nodiscard]] bool send(const spi::Request& request, Format format);
    [[nodiscard]] bool send_script(std::string_view text);
    /// The request that was sent last is a script, which has no Sync.
    [[nodiscard]] bool sent_script() const noexcept { return sent_script_; }
    [[nodiscard]] bool send_prepare(std::string_view name, std::string_view sql, std::span<const Oid> types);
    [[nodiscard]] bool send_describe(std::string_view name);
    /// Has the server answer all that was sent before, without ending the implicit transaction. For pipelines.
    [[nodiscard]] bool send_flush_request() noexcept { return sent(PQsendFlushRequest(connection_.get())); }
    /// Begins a pipeline. False when libpq refuses it.
    [[nodiscard]] bool enter_pipeline() noexcept {
        if (PQenterPipelineMode(connection_.get()) == 0) return false;
        // libpq hands the mode of a statement that came row by row on to the first one of a pipeline; a Sync takes it.
        own_sync_ = std::exchange(by_rows_, false);
        return !own_sync_ || send_sync();
    }
    /// The statement that was sent last is asked for row by row.
    void mark_by_rows() noexcept { by_rows_ = true; }
    [[nodiscard]] bool send_sync() noexcept;
    /// True while a Sync of a pipeline was not answered: an end is the end of one statement of several.
    [[nodiscard]] bool awaits_sync() const noexcept { return syncs_ != 0; }

    /// The next result in `result`, or what stands in its way.
    [[nodiscard]] Step next(ResultHandle& result) noexcept {
        if (unflushed_ && !flush()) return broken() ? Step::broken : Step::write;
        if (PQisBusy(connection_.get()) != 0) return Step::read;
        result.reset(PQgetResult(connection_.get()));
        if (!result) {  // of a pipeline that is broken, or that it has lost count of, libpq gives ends without an end
            const bool is_over = std::exchange(is_at_end_, true) && syncs_ != 0;
            return is_over ? Step::broken : Step::end;
        }
        is_at_end_ = false;
        if (syncs_ != 0 && PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
            --syncs_;
            if (own_sync_) [[unlikely]]
                return own_sync_ = false, next(result);
        }
        return Step::result;
    }
    /// Takes in what the socket has. False when the connection broke.
    [[nodiscard]] bool receive() noexcept {
        return PQconsumeInput(connection_.get()) != 0 && (!under_tls_ || receive_rest());
    }
    /// Writes what the socket takes. True when nothing is left.
    [[nodiscard]] bool flush() noexcept {
        unflushed_ = PQflush(connection_.get()) != 0;
        if (under_tls_) static_cast<void>(receive_rest());  // libpq reads while it writes
        return !unflushed_;
    }
    /// True while libpq may hold bytes that the socket has not taken.
    [[nodiscard]] bool holds_bytes() const noexcept { return unflushed_; }
    /// Of requests that were sent since it last held nothing.
    [[nodiscard]] std::size_t held_bytes() const noexcept { return unflushed_ ? held_bytes_ : 0; }
    /// For what was queued by other means.
    void mark_unflushed() noexcept { unflushed_ = true; }

private:
    ConnectionHandle connection_;
    bool under_tls_;  ///< of OpenSSL, which can be asked
    bool unflushed_ = false;
    std::size_t held_bytes_ = 0;
    std::size_t syncs_ = 0;   ///< sent and not answered yet
    bool by_rows_ = false;    ///< since a pipeline last began, a statement was asked for row by row
    bool is_at_end_ = false;  ///< that was the last that it gave
    bool own_sync_ = false;   ///< the first Sync is that of `enter_pipeline`, and nobody's matter
    bool sent_script_ = false;
    // Statements and names come as views, and libpq wants a zero byte behind them. The room is kept.
    std::string text_, name_;

    /// The rest of a record of TLS, of which libpq takes what it has room for: it makes no socket readable. False when
    /// the connection broke.
    [[nodiscard]] bool receive_rest() noexcept;
    [[nodiscard]] bool sent(int accepted) noexcept {
        unflushed_ = true;
        return accepted != 0;
    }
};

}  // namespace pg::libpq
