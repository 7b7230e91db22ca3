// Session: one connection to a server, as a provider supplies it.
#pragma once

#include <optional>
#include <span>

#include "pg/spi/request.hpp"

namespace pg::spi {

class Reactor;

/// Rows of one statement as they arrive. Destroyed before its end, it cancels the statement and drains the session.
/// One thread at a time; the session serves nothing else meanwhile.
class PGCLIENT_API RowStream {
public:
    virtual ~RowStream();
    /// The next rows; none at the end. Every chunk has the columns of the first. After an error or the end: nothing
    /// more.
    [[nodiscard]] Expected<Result> next(const Wait& wait) noexcept { return do_next(wait); }

private:
    virtual Expected<Result> do_next(const Wait& wait) noexcept = 0;
};

/// COPY … FROM STDIN. Destroyed unfinished, it makes the server give up the COPY.
class PGCLIENT_API CopyIn {
public:
    virtual ~CopyIn();
    /// Sends bytes of the stream; waits while the server takes none.
    [[nodiscard]] Expected<void> write(std::string_view bytes, const Wait& wait) noexcept {
        return do_write(bytes, wait);
    }
    /// Ends the stream; the number of rows that were copied.
    [[nodiscard]] Expected<std::uint64_t> finish(const Wait& wait) noexcept { return do_finish(wait); }
    /// Ends the stream with an error of ours: the server copies nothing.
    [[nodiscard]] Expected<void> fail(std::string_view reason, const Wait& wait) noexcept {
        return do_fail(reason, wait);
    }
    /// Columns that the server expects.
    [[nodiscard]] std::size_t columns() const noexcept { return do_columns(); }

private:
    virtual Expected<void> do_write(std::string_view bytes, const Wait& wait) noexcept = 0;
    virtual Expected<std::uint64_t> do_finish(const Wait& wait) noexcept = 0;
    virtual Expected<void> do_fail(std::string_view reason, const Wait& wait) noexcept = 0;
    virtual std::size_t do_columns() const noexcept = 0;
};

/// COPY … TO STDOUT. Destroyed before its end, it cancels the statement and drains the session.
class PGCLIENT_API CopyOut {
public:
    virtual ~CopyOut();
    /// The next piece, which in text and binary format is a whole row, valid until the next call; nothing at the end.
    [[nodiscard]] Expected<std::optional<std::string_view>> read(const Wait& wait) noexcept { return do_read(wait); }

private:
    virtual Expected<std::optional<std::string_view>> do_read(const Wait& wait) noexcept = 0;
};

/// Where a pipeline takes its requests from, and what it says of each. One thread at a time, that of the pipeline.
class PGCLIENT_API RequestFeed {
public:
    virtual ~RequestFeed();
    /// The next one to send; null when there is none now. It stays where it is until it is answered.
    [[nodiscard]] const Request* next() noexcept { return do_next(); }
    /// What became of the first that was taken and not answered yet.
    void answer(Expected<Result>&& outcome) noexcept { do_answer(std::move(outcome)); }
    /// Nobody wants what is under way any more: why, and how long it may take to give it up. Null: somebody does.
    [[nodiscard]] const Wait* given_up() const noexcept { return do_given_up(); }
    /// How long the request that is answered next may take.
    [[nodiscard]] Wait wait() const noexcept { return do_wait(); }

private:
    virtual const Request* do_next() noexcept = 0;
    virtual void do_answer(Expected<Result>&& outcome) noexcept = 0;
    virtual const Wait* do_given_up() const noexcept = 0;
    virtual Wait do_wait() const noexcept = 0;
};

/// One connection. One thread at a time, one exchange at a time. Nothing here throws, nothing waits past its deadline:
/// on expiry the statement is cancelled on the server and the session drained, or it is closed and `usable()` says so.
class PGCLIENT_API Session {
public:
    virtual ~Session();

    /// Runs one statement. An error leaves the session usable unless `Error::connection_usable()` says otherwise.
    [[nodiscard]] Expected<Result> run(const Request& request, const Wait& wait) noexcept {
        return do_run(request, wait);
    }
    /// Runs statements that have no outcome in one flush, reading while writing, and leaves an outcome for each; after
    /// a failure with `BatchSync::once` those behind it have not run.
    void run_batch(std::span<BatchItem* const> items, BatchSync sync, const Wait& wait) noexcept {
        do_run_batch(items, sync, wait);
    }
    /// Runs what a feed has, each statement with a Sync of its own, sending ahead of the answers and reading all the
    /// while, until it has no more and all are answered. To be called where there is a `Waiter`, which is to be nudged
    /// when the feed has more. A session that cannot send ahead runs one after the other.
    void run_pipeline(RequestFeed& feed) noexcept { do_run_pipeline(feed); }
    /// Runs a text of several statements by the simple protocol; their rows are thrown away.
    [[nodiscard]] Expected<void> run_script(std::string_view text, const Wait& wait) noexcept {
        Expected<CommandTag> last = do_run_script(text, wait);
        if (!last) return std::move(last).error();
        return {};
    }
    /// The same, for one that gives no rows: what it did, by the tag of its last statement.
    [[nodiscard]] Expected<CommandTag> run_command(std::string_view text, const Wait& wait) noexcept {
        return do_run_script(text, wait);
    }
    /// Begins a statement whose rows are read as they arrive. Borrows the session.
    [[nodiscard]] Expected<std::unique_ptr<RowStream>> stream(const Request& request, const Wait& wait) noexcept {
        return do_stream(request, wait);
    }
    /// Begins COPY … FROM STDIN. Borrows the session.
    [[nodiscard]] Expected<std::unique_ptr<CopyIn>> copy_in(std::string_view sql, const Wait& wait) noexcept {
        return do_copy_in(sql, wait);
    }
    /// Begins COPY … TO STDOUT. Borrows the session.
    [[nodiscard]] Expected<std::unique_ptr<CopyOut>> copy_out(std::string_view sql, const Wait& wait) noexcept {
        return do_copy_out(sql, wait);
    }

    /// Prepares and describes in one flush. An empty name is the unnamed statement.
    [[nodiscard]] Expected<Description> prepare(std::string_view name, std::string_view sql, std::span<const Oid> types,
                                                const Wait& wait) noexcept {
        return do_prepare(name, sql, types, wait);
    }
    /// Nobody needs a prepared statement any more: it is closed with what is sent next, or as soon as that can be done
    /// without harm. Does not wait, and does not mind when there is none of that name.
    void forget(std::string_view name) noexcept {
        if (name.find('\0') == std::string_view::npos) do_forget(name);  // else there is none of that name
    }

    /// A notification that is there already, or the next one to come; nothing when the deadline passes first.
    [[nodiscard]] Expected<std::optional<Notification>> wait_notification(const Wait& wait) noexcept {
        return do_wait_notification(wait);
    }

    /// As the last answer of the server said; no round trip.
    [[nodiscard]] TransactionStatus transaction_status() const noexcept { return do_transaction_status(); }
    /// False once the connection is closed or broken.
    [[nodiscard]] bool usable() const noexcept { return do_transaction_status() != TransactionStatus::unknown; }
    /// False when the peer has closed an idle session, or sent what only a dying server sends. No round trip. To be
    /// asked between two borrowers: what settings are by now is what they are at rest.
    [[nodiscard]] bool alive() noexcept { return do_alive(); }
    /// Whoever has it next gets what a new session is, as far as the provider can see: no transaction is open, and each
    /// setting that the server reports by itself, and that a client can set, is what it is at rest. No round trip.
    [[nodiscard]] bool at_rest() noexcept { return do_at_rest(); }
    /// A parameter that the server reports by itself ("server_version", "TimeZone"); empty when it does not.
    [[nodiscard]] std::string_view parameter(const char* name) const noexcept { return do_parameter(name); }
    /// What pg_backend_pid() gives.
    [[nodiscard]] int backend_process() const noexcept { return do_backend_process(); }
    /// 150018 for 15.18.
    [[nodiscard]] int server_version() const noexcept { return do_server_version(); }
    /// "host:port", or the socket's folder and port.
    [[nodiscard]] std::string_view node() const noexcept { return do_node(); }
    /// "libpq" or "direct".
    [[nodiscard]] std::string_view engine() const noexcept { return do_engine(); }
    /// The socket of its connection; -1 when it has none.
    [[nodiscard]] int socket() const noexcept { return do_socket(); }
    /// Where it lives; null when it can be used on any thread, which then waits itself.
    [[nodiscard]] const std::shared_ptr<Reactor>& reactor() const noexcept { return do_reactor(); }

private:
    virtual Expected<Result> do_run(const Request& request, const Wait& wait) noexcept = 0;
    virtual void do_run_batch(std::span<BatchItem* const> items, BatchSync sync, const Wait& wait) noexcept = 0;
    virtual void do_run_pipeline(RequestFeed& feed) noexcept;
    virtual Expected<CommandTag> do_run_script(std::string_view text, const Wait& wait) noexcept = 0;
    virtual Expected<std::unique_ptr<RowStream>> do_stream(const Request& request, const Wait& wait) noexcept = 0;
    virtual Expected<std::unique_ptr<CopyIn>> do_copy_in(std::string_view sql, const Wait& wait) noexcept = 0;
    virtual Expected<std::unique_ptr<CopyOut>> do_copy_out(std::string_view sql, const Wait& wait) noexcept = 0;
    virtual Expected<Description> do_prepare(std::string_view name, std::string_view sql, std::span<const Oid> types,
                                             const Wait& wait) noexcept = 0;
    virtual void do_forget(std::string_view name) noexcept = 0;
    virtual Expected<std::optional<Notification>> do_wait_notification(const Wait& wait) noexcept = 0;
    virtual TransactionStatus do_transaction_status() const noexcept = 0;
    virtual bool do_alive() noexcept = 0;
    virtual std::string_view do_parameter(const char* name) const noexcept = 0;
    virtual int do_backend_process() const noexcept = 0;
    virtual int do_server_version() const noexcept = 0;
    virtual std::string_view do_node() const noexcept = 0;
    virtual std::string_view do_engine() const noexcept = 0;
    virtual const std::shared_ptr<Reactor>& do_reactor() const noexcept;
    virtual int do_socket() const noexcept { return -1; }
    virtual bool do_at_rest() noexcept { return do_transaction_status() == TransactionStatus::idle; }
};

}  // namespace pg::spi
