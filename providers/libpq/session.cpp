// The operations that are one statement and its whole answer, and what a session says about itself.
#include "providers/libpq/session.hpp"

#include "pg/sqlstate.hpp"
#include "providers/libpq/batch.hpp"
#include "providers/libpq/conclude.hpp"
#include "providers/libpq/copy.hpp"
#include "providers/libpq/pipeline.hpp"
#include "providers/libpq/refusal.hpp"
#include "providers/libpq/result.hpp"
#include "providers/libpq/stream.hpp"

namespace pg::libpq {
namespace {

Notification to_notification(const PGnotify& message) {
    return {.channel = message.relname, .payload = message.extra, .process = message.be_pid};
}

/// Of a statement that was to be prepared first, whatever became of that.
Error not_executed(const Error& error) {
    if (error.outcome() == Outcome::not_applied) return error;
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::not_sent;
    const bool stopped = error.kind() == ErrorKind::cancelled;
    if (stopped || error.kind() == ErrorKind::timeout)
        fields.message = std::string(stopped ? "a stop was asked for" : "the deadline passed") +
                         " before the statement was sent, while it was being prepared";
    return Error(std::move(fields));
}

}  // namespace

Expected<spi::Request> LibpqSession::prepared_before(const spi::Request& request, const spi::Wait& wait) {
    std::vector<Oid> types;
    if (request.params != nullptr)
        for (const Params::Slot& slot : *request.params) types.push_back(slot.type);
    auto described = prepare(request.statement, request.sql, types, wait);
    if (!described) return not_executed(described.error());
    *request.prepare = described->columns.empty() ? nullptr : std::move(described->names);
    spi::Request prepared = request;
    prepared.description = std::exchange(prepared.prepare, nullptr);
    return prepared;
}

void LibpqSession::deallocate_forgotten(const spi::Wait& wait) {
    if (forgotten_.empty() || transaction_status() != spi::TransactionStatus::idle) return;
    if (link_.begin({}, wait)) return;  // what is refused now is asked for later
    const std::vector<std::string> names = forgotten_.take();
    std::vector<std::string> texts;
    std::vector<spi::BatchItem> items(names.size());
    std::vector<spi::BatchItem*> all;
    texts.reserve(items.size());
    all.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        items[i].request.sql = texts.emplace_back(ForgottenNames::statement(names[i]));
        all.push_back(&items[i]);
    }
    run_pipelined(link_, fallback_, all, spi::BatchSync::each, wait);
    for (std::size_t i = 0; i < items.size() && link_.connected(); ++i)
        if (items[i].outcome) forgotten_.told(names[i], *items[i].outcome);
}

Expected<ResultHandle> LibpqSession::execute(const spi::Request& request, Receive receive, const spi::Wait& wait) {
    deallocate_forgotten(wait);
    for (Format format = fallback_.format_for(request);; format = Format::text) {
        if (auto error = link_.begin(request.sql, wait)) return *std::move(error);
        if (auto error = refusal(link_, request)) return *std::move(error);
        if (!link_.engine().send(request, format)) return link_.refused();
        if (receive == Receive::by_rows) {
            // Not in chunks, which newer ones have: rows would wait for others, and be lost before a failure.
            PQsetSingleRowMode(link_.connection());
            link_.engine().mark_by_rows();
        }

        Expected<ResultHandle> first = receive == Receive::whole ? link_.complete(wait) : link_.next(wait);
        if (!first || format == Format::text || !lacks_binary_form(first->get())) return first;
        fallback_.remember(request);
        if (receive == Receive::by_rows) {
            if (Expected<ResultHandle> rest = link_.complete_rest(wait); !rest) return rest;
        }
        const Error error = link_.failed(first->get());
        if (!may_be_repeated(link_, error)) return with_text_hint(error);
    }
}

Expected<Result> LibpqSession::do_run(const spi::Request& request, const spi::Wait& wait) noexcept {
    heed(request.sql);
    const bool limited = request.max_result_bytes != 0;
    if (request.prepare != nullptr) {
        if (!limited) return run_and_prepare(request, wait);
        Expected<spi::Request> prepared = prepared_before(request, wait);
        return prepared ? do_run(*prepared, wait) : Expected<Result>(std::move(prepared).error());
    }
    Expected<ResultHandle> first = execute(request, limited ? Receive::by_rows : Receive::whole, wait);
    if (!first) return std::move(first).error();
    if (limited) return collect(link_, *std::move(first), request.max_result_bytes, wait);
    return conclude(link_, *std::move(first), wait, request.description);
}

Expected<Result> LibpqSession::run_and_prepare(const spi::Request& request, const spi::Wait& wait) {
    deallocate_forgotten(wait);
    spi::BatchItem item{request};
    spi::BatchItem* const all[] = {&item};
    run_pipelined(link_, fallback_, all, spi::BatchSync::once, wait);
    Expected<Result> result = *std::move(item.outcome);
    if (result || !lacks_binary_form(result.error())) return result;
    fallback_.remember(request);
    if (!may_be_repeated(link_, result.error())) return with_text_hint(result.error());
    spi::Request again = request;
    again.prepare = nullptr;  // that went well: the execution failed
    return do_run(again, wait);
}

Expected<std::unique_ptr<spi::RowStream>> LibpqSession::do_stream(const spi::Request& request,
                                                                  const spi::Wait& wait) noexcept {
    heed(request.sql);
    if (request.prepare != nullptr) {
        Expected<spi::Request> prepared = prepared_before(request, wait);
        if (!prepared) return std::move(prepared).error();
        return do_stream(*prepared, wait);
    }
    Expected<ResultHandle> first = execute(request, Receive::by_rows, wait);
    if (!first) return std::move(first).error();
    return open_stream(link_, *std::move(first), request.max_result_bytes, wait);
}

void LibpqSession::do_run_batch(std::span<spi::BatchItem* const> items, spi::BatchSync sync,
                                const spi::Wait& wait) noexcept {
    hears_of_settings_ = true;
    deallocate_forgotten(wait);
    const bool began_in_block = do_transaction_status() != spi::TransactionStatus::idle;
    run_pipelined(link_, fallback_, items, sync, wait);
    fallback_.learn_from(items, began_in_block);
}

void LibpqSession::do_run_pipeline(spi::RequestFeed& feed) noexcept {
    hears_of_settings_ = true;
    libpq::run_pipeline(link_, fallback_, forgotten_, feed);
}

// By the simple protocol, where one ReadyForQuery ends it however it ends. The Sync that goes along with an extended
// statement is lost in its COPY, unless a cancel request ends that first: then it is answered, and nobody counts on it.
Expected<std::unique_ptr<spi::CopyIn>> LibpqSession::do_copy_in(std::string_view sql, const spi::Wait& wait) noexcept {
    hears_of_settings_ = true;  // what triggers call does not stand in the text
    deallocate_forgotten(wait);
    if (auto error = link_.begin(sql, wait)) return *std::move(error);
    if (auto error = refusal(link_, sql)) return *std::move(error);
    if (!link_.engine().send_script(sql)) return link_.refused();
    Expected<ResultHandle> begun = link_.complete(wait);
    if (!begun) return std::move(begun).error();
    return open_copy_in(link_, *std::move(begun), wait);
}

Expected<std::unique_ptr<spi::CopyOut>> LibpqSession::do_copy_out(std::string_view sql,
                                                                  const spi::Wait& wait) noexcept {
    heed(sql);
    Expected<ResultHandle> begun = execute({.sql = sql, .format = Format::text}, Receive::whole, wait);
    if (!begun) return std::move(begun).error();
    return open_copy_out(link_, *std::move(begun), wait);
}

Expected<spi::CommandTag> LibpqSession::do_run_script(std::string_view text, const spi::Wait& wait) noexcept {
    heed(text);
    deallocate_forgotten(wait);
    if (auto error = link_.begin(text, wait)) return *std::move(error);
    if (auto error = refusal(link_, text)) return *std::move(error);
    if (!link_.engine().send_script(text)) return link_.refused();
    Expected<ResultHandle> result = link_.complete(wait);
    if (!result) return std::move(result).error();
    Expected<Result> outcome = conclude(link_, *std::move(result), wait);
    if (!outcome) return std::move(outcome).error();
    return spi::CommandTag(outcome->tag());
}

Expected<std::optional<Notification>> LibpqSession::do_wait_notification(const spi::Wait& wait) noexcept {
    if (auto error = link_.begin({}, {.stop = wait.stop})) return *std::move(error);
    bool is_over = !link_.engine().receive();
    for (;;) {
        // PQnotifies looks through what was received already: the end is told when all that came before it was taken.
        if (const NotifyHandle message{PQnotifies(link_.connection())}) return std::optional(to_notification(*message));
        if (is_over) return link_.lost();
        const Woken woken = wait_for(link_.engine().socket(), POLLIN, wait);
        if (woken == Woken::deadline) return std::optional<Notification>();
        if (woken == Woken::stopped)
            return link_.error({.kind = ErrorKind::cancelled, .message = "a stop was asked for while waiting"});
        is_over = !link_.engine().receive();
    }
}

spi::TransactionStatus LibpqSession::do_transaction_status() const noexcept {
    switch (PQtransactionStatus(link_.connection())) {
        case PQTRANS_IDLE: return spi::TransactionStatus::idle;
        case PQTRANS_INTRANS: return spi::TransactionStatus::open;
        case PQTRANS_INERROR: return spi::TransactionStatus::failed;
        case PQTRANS_ACTIVE:  // under a stream or a copy: as it was before
            return link_.in_transaction() ? spi::TransactionStatus::open : spi::TransactionStatus::idle;
        case PQTRANS_UNKNOWN: break;
    }
    return spi::TransactionStatus::unknown;
}

bool LibpqSession::do_alive() noexcept {
    if (!link_.is_here() || link_.engine().broken()) return false;
    // Whatever comes unasked is taken in: a farewell is a notice to libpq, the end of the stream breaks the connection.
    if (is_readable(link_.engine().socket())) {
        if (!link_.engine().receive()) return false;
        static_cast<void>(PQisBusy(link_.connection()));
        are_settings_known_ = false;
    }
    if (std::exchange(hears_of_settings_, false) || !std::exchange(are_settings_known_, true))
        for (std::size_t i = 0; i < settings.size(); ++i) at_rest_[i] = parameter(settings[i]);
    return !link_.engine().broken() && !link_.dying();
}

std::string_view LibpqSession::do_parameter(const char* name) const noexcept {
    const char* value = PQparameterStatus(link_.connection(), name);
    return value != nullptr ? std::string_view(value) : std::string_view();
}

bool LibpqSession::do_at_rest() noexcept {
    if (do_transaction_status() != spi::TransactionStatus::idle) return false;
    if (!hears_of_settings_ || !are_settings_known_) return true;
    hears_of_settings_ = false;
    for (std::size_t i = 0; i < settings.size(); ++i) hears_of_settings_ |= at_rest_[i] != parameter(settings[i]);
    return !hears_of_settings_;
}

int LibpqSession::do_backend_process() const noexcept { return PQbackendPID(link_.connection()); }

int LibpqSession::do_server_version() const noexcept { return PQserverVersion(link_.connection()); }

std::string_view LibpqSession::do_node() const noexcept { return link_.node(); }

std::string_view LibpqSession::do_engine() const noexcept { return engine_name; }

}  // namespace pg::libpq
