// The operations that are one statement and its whole answer, and what a session says about itself.
#include "providers/libpq/direct_session.hpp"

#include "providers/libpq/direct_batch.hpp"
#include "providers/libpq/direct_copy.hpp"
#include "providers/libpq/direct_pipeline.hpp"
#include "providers/libpq/direct_report.hpp"
#include "providers/libpq/direct_statement.hpp"
#include "providers/libpq/direct_stream.hpp"

namespace pg::libpq::direct {

std::optional<Error> DirectSession::take_over(const spi::Wait& wait) {
    if (auto error = link_.begin({}, wait)) return error;
    link_.send_sync();
    wire::Frame frame;
    const auto event = link_.next(frame, wait);
    if (!event) return link_.ending();
    if (*event == wire::Event::failed) return link_.failed(frame.body);
    link_.rest();
    return std::nullopt;
}

Expected<Result> DirectSession::run_once(const spi::Request& request, Format format, const spi::Wait& wait) {
    if (auto error = link_.begin(request.sql, wait)) return *std::move(error);
    if (auto error = refusal(link_, request)) return *std::move(error);
    const auto* known = known_columns(request, format);
    put_statement(link_, request, format, known != nullptr, true);
    link_.flush();

    collector_.clear_rows();
    RowSink* sink = nullptr;  // of the request, if it takes rows with these columns
    if (known) {
        sink = collector_.begin(*known, request.sink);
        if (!link_.holds_unread() && !link_.wait_ready(wait)) return link_.ending();
        if (wire::Answer whole; request.max_result_bytes == 0 && link_.take_answer(whole, true)) {
            if (!collector_.take_row(whole, link_.chunk(), sink)) return link_.violated(malformed_row);
            Result result = collector_.conclude(whole.tag, sink);
            link_.rest();  // the tag lies in what goes now
            return result;
        }
    }

    std::optional<Expected<Result>> answer;
    for (wire::Frame frame;;) {
        const auto event = link_.poll(frame);
        if (!event) {
            const Error* const report = answer && !*answer ? &answer->error() : nullptr;
            if (link_.ended()) return link_.ending_behind(report);
            if (passes(request.max_result_bytes, collector_.bytes() + link_.coming_row()))
                return abandon(link_, too_large(request.max_result_bytes), wait);
            if (!link_.wait_ready(wait)) return link_.ending_behind(report);
            continue;
        }
        switch (*event) {
            case wire::Event::row: {
                if (!take_rows(link_, collector_, sink, frame.body)) return link_.violated(malformed_row);
                if (passes(request.max_result_bytes, collector_.bytes()))
                    return abandon(link_, too_large(request.max_result_bytes), wait);
                break;
            }
            case wire::Event::columns: {
                auto columns = described_columns(request, format, frame.body, link_.types());
                if (!columns) return link_.violated("a malformed description of columns");
                sink = collector_.begin(columns, request.sink);
                break;
            }
            case wire::Event::no_columns: collector_.begin(described_as_none(request)); break;
            case wire::Event::complete: {
                const auto tag = wire::read_tag(frame.body);
                if (!tag) return link_.violated("a malformed command tag");
                answer.emplace(collector_.conclude(*tag, sink));
                link_.note_tag();
                break;
            }
            case wire::Event::empty: answer.emplace(collector_.take()); break;
            case wire::Event::failed:
                answer.emplace(link_.failed(frame.body));
                if (!link_.connected()) return *std::move(answer);
                break;
            case wire::Event::copy_in:
            case wire::Event::copy_out: return abandon(link_, {.message = std::string(copies_elsewhere)}, wait);
            case wire::Event::ready:
                if (!answer) return link_.violated("ready, without an answer");
                link_.rest();
                return *std::move(answer);
            default: break;
        }
    }
}

namespace {

/// The same request, whose statement is prepared by now if it is to be: only its execution failed.
spi::Request once_prepared(const spi::Request& request) {
    spi::Request again = request;
    again.prepare = nullptr;
    return again;
}

}  // namespace

Expected<Result> DirectSession::do_run(const spi::Request& request, const spi::Wait& wait) noexcept {
    const Format format = fallback_.format_for(request);
    Expected<Result> result = run_once(request, format, wait);
    if (!result && format != Format::text && libpq::lacks_binary_form(result.error())) [[unlikely]] {
        fallback_.remember(request);
        result = may_be_repeated(link_, result.error()) ? run_once(once_prepared(request), Format::text, wait)
                                                        : with_text_hint(result.error());
    }
    if (!result) [[unlikely]]
        collector_.clear_rows();  // those that came before the failure
    return result;
}

Expected<std::unique_ptr<spi::RowStream>> DirectSession::do_stream(const spi::Request& request,
                                                                   const spi::Wait& wait) noexcept {
    const Format format = fallback_.format_for(request);
    auto stream = open_stream(link_, request, format, wait);
    if (stream || format == Format::text || !libpq::lacks_binary_form(stream.error())) return stream;
    fallback_.remember(request);
    if (!may_be_repeated(link_, stream.error())) return with_text_hint(stream.error());
    return open_stream(link_, once_prepared(request), Format::text, wait);
}

void DirectSession::do_run_batch(std::span<spi::BatchItem* const> items, spi::BatchSync sync,
                                 const spi::Wait& wait) noexcept {
    const bool began_in_block = do_transaction_status() != spi::TransactionStatus::idle;
    if (run_pipelined(link_, collector_, fallback_, items, sync, wait)) fallback_.learn_from(items, began_in_block);
}

void DirectSession::do_run_pipeline(spi::RequestFeed& feed) noexcept {
    direct::run_pipeline(link_, collector_, fallback_, feed);
}

Expected<spi::CommandTag> DirectSession::do_run_script(std::string_view text, const spi::Wait& wait) noexcept {
    if (auto error = link_.begin(text, wait)) return *std::move(error);
    if (auto error = refusal(link_, text)) return *std::move(error);
    wire::put_query(link_.out(), text);
    link_.sent(wire::Sent::query);
    spi::CommandTag last;
    std::optional<Error> failure;
    for (wire::Frame frame;;) {
        const auto event = link_.next(frame, wait);
        if (!event) return link_.ending_behind(failure ? &*failure : nullptr);
        switch (*event) {
            case wire::Event::complete: {
                const auto tag = wire::read_tag(frame.body);
                if (!tag) return link_.violated("a malformed command tag");
                last = spi::CommandTag(*tag);
                link_.note_tag(*tag);
                break;
            }
            case wire::Event::failed:
                failure = link_.failed(frame.body);
                if (!link_.connected()) return *std::move(failure);
                break;
            case wire::Event::copy_in:
            case wire::Event::copy_out: return abandon(link_, {.message = std::string(copies_elsewhere)}, wait);
            case wire::Event::ready:
                link_.rest();
                if (failure) return *std::move(failure);
                return last;
            default: break;
        }
    }
}

Expected<std::unique_ptr<spi::CopyIn>> DirectSession::do_copy_in(std::string_view sql, const spi::Wait& wait) noexcept {
    return open_copy_in(link_, sql, wait);
}

Expected<std::unique_ptr<spi::CopyOut>> DirectSession::do_copy_out(std::string_view sql,
                                                                   const spi::Wait& wait) noexcept {
    return open_copy_out(link_, sql, wait);
}

Expected<spi::Description> DirectSession::do_prepare(std::string_view name, std::string_view sql,
                                                     std::span<const Oid> types, const spi::Wait& wait) noexcept {
    if (auto error = link_.begin(sql, wait)) return *std::move(error);
    if (auto error = refusal(link_, name, sql, types)) return *std::move(error);
    std::vector<std::uint32_t> oids;
    oids.reserve(types.size());
    for (const Oid type : types) oids.push_back(static_cast<std::uint32_t>(type));
    wire::put_parse(link_.out(), name, sql, oids);
    link_.sent(wire::Sent::parse);
    wire::put_describe(link_.out(), wire::Named::statement, name);
    link_.sent(wire::Sent::describe_statement);
    link_.send_sync();

    spi::Description described;
    std::optional<Error> failure;
    for (wire::Frame frame;;) {
        const auto event = link_.next(frame, wait);
        if (!event) return link_.ending_behind(failure ? &*failure : nullptr);
        switch (*event) {
            case wire::Event::parameters: {
                const auto list = wire::read_parameter_description(frame.body);
                if (!list) return link_.violated("a malformed description of parameters");
                for (std::size_t at = 0; at < list->size(); at += sizeof(std::uint32_t))
                    described.parameters.push_back(Oid{wire::load<std::uint32_t>(list->data() + at)});
                break;
            }
            case wire::Event::columns: {
                described.names = make_columns(frame.body, link_.types(), Format::binary);
                if (!described.names) return link_.violated("a malformed description of columns");
                const std::span<const Column> columns = described.names->columns();
                described.columns.assign(columns.begin(), columns.end());
                break;
            }
            case wire::Event::failed:
                failure = link_.failed(frame.body);
                if (!link_.connected()) return *std::move(failure);
                break;
            case wire::Event::ready:
                link_.rest();
                if (failure) return *std::move(failure);
                return described;
            default: break;
        }
    }
}

void DirectSession::do_forget(std::string_view name) noexcept { link_.forget(name); }

Expected<std::optional<Notification>> DirectSession::do_wait_notification(const spi::Wait& wait) noexcept {
    Expected<std::optional<Notification>> heard = hear(wait);
    if (!link_.occupied()) link_.rest();
    return heard;
}

/// Whoever listens begins anew: what is missing cannot be had again.
Error DirectSession::lost_count() {
    link_.close();
    return link_.error({.kind = ErrorKind::connection_lost,
                        .connection_usable = false,
                        .message =
                            "more notifications came than are kept while nobody took them: some are lost, and the "
                            "session is closed"});
}

Expected<std::optional<Notification>> DirectSession::hear(const spi::Wait& wait) {
    std::optional<Error> refused = link_.begin({}, {.stop = wait.stop});
    // More is received when these are taken: the server keeps the rest meanwhile. And then an end is told that came
    // behind them.
    if (!refused || !link_.connected()) {
        if (auto message = link_.take_notification()) return message;
        if (link_.has_lost_notifications()) return lost_count();
    }
    if (farewell_) return *std::exchange(farewell_, nullptr);
    if (refused) return *std::move(refused);
    for (bool has_received = false;; has_received = true) {
        // Nothing was asked, so an event can only be a farewell.
        if (wire::Frame frame; link_.poll(frame))
            farewell_ = std::make_unique<const Error>(link_.failed(frame.body));
        else if (link_.ended())
            farewell_ = std::make_unique<const Error>(link_.ending());
        if (auto message = link_.take_notification()) return message;
        if (farewell_) return *std::exchange(farewell_, nullptr);
        link_.rest();
        const Woken woken = has_received ? link_.wait_beside(nothing_else, wait) : Woken::ready;
        if (!has_received) link_.receive();
        if (woken == Woken::deadline) return std::optional<Notification>();
        if (woken == Woken::stopped)
            return link_.error({.kind = ErrorKind::cancelled, .message = "a stop was asked for while waiting"});
    }
}

spi::TransactionStatus DirectSession::do_transaction_status() const noexcept {
    if (!link_.connected()) return spi::TransactionStatus::unknown;
    switch (link_.machine().transaction()) {
        case wire::TransactionState::idle: return spi::TransactionStatus::idle;
        case wire::TransactionState::open: return spi::TransactionStatus::open;
        case wire::TransactionState::failed: break;
    }
    return spi::TransactionStatus::failed;
}

bool DirectSession::do_alive() noexcept {
    if (!link_.is_here() || !link_.connected() || !(link_.is_quiet() || link_.look_around())) return false;
    link_.settle_settings();
    return true;
}

}  // namespace pg::libpq::direct
