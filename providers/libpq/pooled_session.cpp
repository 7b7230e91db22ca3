// Watching for cancel requests by libpq's events, and passing on what a session is asked until there was one.
#include "providers/libpq/pooled_session.hpp"

#include <libpq-events.h>
#include <optional>
#include <string>

#include "providers/libpq/batch_outcomes.hpp"

namespace pg::libpq {
namespace {

/// Names the watch among the data of a connection. Events themselves are of no interest.
int watch_events(PGEventId, void*, void*) { return 1; }

/// What a statement gave when it was prepared is not asked for again: a pooler may have prepared it anew meanwhile, on
/// another connection, and after a change of the schema the same name gives other columns there, without a word.
spi::Request described_anew(spi::Request request) {
    request.description = nullptr;
    return request;
}

/// An answer as whoever asked is to hear it.
template <class T>
Expected<T> told(const CancelWatch& watch, Expected<T>&& answer) {
    if (answer || !watch.was_cancelled()) return std::move(answer);
    ErrorFields fields = answer.error().fields();
    fields.connection_usable = false;
    return Error(std::move(fields));
}

/// What was begun on such a session, which has the watch. @{
class PooledStream final : public spi::RowStream {
public:
    PooledStream(const CancelWatch& watch, std::unique_ptr<spi::RowStream> stream)
        : watch_(watch), stream_(std::move(stream)) {}

private:
    Expected<Result> do_next(const spi::Wait& wait) noexcept override { return told(watch_, stream_->next(wait)); }

    const CancelWatch& watch_;
    const std::unique_ptr<spi::RowStream> stream_;
};

class PooledCopyIn final : public spi::CopyIn {
public:
    PooledCopyIn(const CancelWatch& watch, std::unique_ptr<spi::CopyIn> copy) : watch_(watch), copy_(std::move(copy)) {}

private:
    Expected<void> do_write(std::string_view bytes, const spi::Wait& wait) noexcept override {
        return told(watch_, copy_->write(bytes, wait));
    }
    Expected<std::uint64_t> do_finish(const spi::Wait& wait) noexcept override {
        return told(watch_, copy_->finish(wait));
    }
    Expected<void> do_fail(std::string_view reason, const spi::Wait& wait) noexcept override {
        return told(watch_, copy_->fail(reason, wait));
    }
    std::size_t do_columns() const noexcept override { return copy_->columns(); }

    const CancelWatch& watch_;
    const std::unique_ptr<spi::CopyIn> copy_;
};

class PooledCopyOut final : public spi::CopyOut {
public:
    PooledCopyOut(const CancelWatch& watch, std::unique_ptr<spi::CopyOut> copy)
        : watch_(watch), copy_(std::move(copy)) {}

private:
    Expected<std::optional<std::string_view>> do_read(const spi::Wait& wait) noexcept override {
        return told(watch_, copy_->read(wait));
    }

    const CancelWatch& watch_;
    const std::unique_ptr<spi::CopyOut> copy_;
};  /// @}

class PooledSession final : public spi::Session {
public:
    PooledSession(std::unique_ptr<spi::Session> session, std::unique_ptr<const CancelWatch> watch)
        : watch_(std::move(watch)), session_(std::move(session)) {}

private:
    Expected<Result> do_run(const spi::Request& request, const spi::Wait& wait) noexcept override {
        return ask([&] { return session_->run(described_anew(request), wait); });
    }
    void do_run_batch(std::span<spi::BatchItem* const> items, spi::BatchSync sync,
                      const spi::Wait& wait) noexcept override {
        if (given_up()) return fill(items, refusal());
        for (spi::BatchItem* item : items) item->request = described_anew(item->request);
        session_->run_batch(items, sync, wait);
        if (!given_up()) return;
        for (spi::BatchItem* item : items) item->outcome.emplace(told(*watch_, *std::move(item->outcome)));
    }
    Expected<spi::CommandTag> do_run_script(std::string_view text, const spi::Wait& wait) noexcept override {
        return ask([&] { return session_->run_command(text, wait); });
    }
    Expected<std::unique_ptr<spi::RowStream>> do_stream(const spi::Request& request,
                                                        const spi::Wait& wait) noexcept override {
        return begun<PooledStream>(ask([&] { return session_->stream(described_anew(request), wait); }));
    }
    Expected<std::unique_ptr<spi::CopyIn>> do_copy_in(std::string_view sql, const spi::Wait& wait) noexcept override {
        return begun<PooledCopyIn>(ask([&] { return session_->copy_in(sql, wait); }));
    }
    Expected<std::unique_ptr<spi::CopyOut>> do_copy_out(std::string_view sql, const spi::Wait& wait) noexcept override {
        return begun<PooledCopyOut>(ask([&] { return session_->copy_out(sql, wait); }));
    }
    Expected<spi::Description> do_prepare(std::string_view name, std::string_view sql, std::span<const Oid> types,
                                          const spi::Wait& wait) noexcept override {
        return ask([&] { return session_->prepare(name, sql, types, wait); });
    }
    void do_forget(std::string_view name) noexcept override { session_->forget(name); }
    Expected<std::optional<Notification>> do_wait_notification(const spi::Wait& wait) noexcept override {
        return ask([&] { return session_->wait_notification(wait); });
    }
    spi::TransactionStatus do_transaction_status() const noexcept override {
        return given_up() ? spi::TransactionStatus::unknown : session_->transaction_status();
    }
    bool do_alive() noexcept override { return !given_up() && session_->alive(); }
    std::string_view do_parameter(const char* name) const noexcept override { return session_->parameter(name); }
    int do_backend_process() const noexcept override { return session_->backend_process(); }
    int do_server_version() const noexcept override { return session_->server_version(); }
    std::string_view do_node() const noexcept override { return session_->node(); }
    std::string_view do_engine() const noexcept override { return session_->engine(); }
    int do_socket() const noexcept override { return session_->socket(); }
    bool do_at_rest() noexcept override { return !given_up() && session_->at_rest(); }
    const std::shared_ptr<spi::Reactor>& do_reactor() const noexcept override { return session_->reactor(); }

    [[nodiscard]] bool given_up() const noexcept { return watch_->was_cancelled(); }

    template <class Question>
    auto ask(Question question) -> decltype(question()) {
        if (given_up()) return refusal();
        return told(*watch_, question());
    }
    template <class Shell, class Inner>
    Expected<std::unique_ptr<Inner>> begun(Expected<std::unique_ptr<Inner>> inner) const {
        if (!inner) return inner;
        return std::unique_ptr<Inner>(std::make_unique<Shell>(*watch_, *std::move(inner)));
    }
    [[nodiscard]] Error refusal() const {
        ErrorFields fields{.kind = ErrorKind::connection_lost,
                           .outcome = Outcome::not_sent,
                           .retry_scope = RetryScope::statement,
                           .connection_usable = false,
                           .message =
                               "a statement of this session was cancelled, and behind a pooler the request "
                               "could hit a later one, so the session is given up"};
        fields.node = session_->node();
        fields.engine = session_->engine();
        return Error(std::move(fields));
    }

    const std::unique_ptr<const CancelWatch> watch_;  // until the session is gone
    const std::unique_ptr<spi::Session> session_;
};

}  // namespace

std::unique_ptr<CancelWatch> CancelWatch::over(PGconn* connection) {
    auto watch = std::make_unique<CancelWatch>();
    watch->cancelled_ = PQregisterEventProc(connection, &watch_events, "pgclient", nullptr) == 0 ||
                        PQsetInstanceData(connection, &watch_events, watch.get()) == 0;
    return watch;
}

void tell_of_cancel(PGconn* connection) noexcept {
    if (auto* watch = static_cast<CancelWatch*>(PQinstanceData(connection, &watch_events)))
        watch->cancelled_.store(true, std::memory_order_relaxed);
}

std::unique_ptr<spi::Session> make_pooled(std::unique_ptr<spi::Session> session,
                                          std::unique_ptr<const CancelWatch> watch) {
    return std::make_unique<PooledSession>(std::move(session), std::move(watch));
}

}  // namespace pg::libpq
