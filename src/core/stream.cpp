// Streams: a borrowed session, the provider's rows, and a fresh deadline for each wait.
#include "src/base/transaction_control.hpp"
#include "src/core/held_session.hpp"
#include "src/core/hooked.hpp"
#include "src/core/retry.hpp"

namespace pg {
namespace detail {
namespace {

/// The types of a statement's columns, learned before its rows occupy the session. What was prepared before is
/// described, and what has no columns has none to learn.
Expected<void> learn_column_types(const Borrowed& borrowed, const spi::Request& request) {
    const auto learn = [&](std::span<const Column> columns) { return learn_types(borrowed, columns); };
    if (request.description) return *request.description ? learn((*request.description)->columns()) : Expected<void>();
    std::vector<Oid> types;
    for (const Params::Slot& slot : *request.params) types.push_back(slot.type);
    auto described = borrowed.session().prepare({}, request.sql, types, borrowed.wait);
    if (!described) return not_begun(described.error());
    return learn(described->columns);
}

}  // namespace

class StreamSource final : public Occupant {
public:
    using Occupant::admit;
    using Occupant::admit_again;
    using Occupant::new_text;
    using Occupant::Occupant;
    ~StreamSource() { end(); }

    /// Runs the statement of `call` up to its first rows: until then it can be begun again.
    [[nodiscard]] Expected<void> begin(const Call& call) {
        spi::Request request{.sql = call.sql, .statement = {}, .params = call.params};
        if (call.options) {
            request.format = call.options->format;
            request.max_result_bytes = call.options->max_result_bytes;
        }
        sql_ = call.sql;
        spi::SessionSlot& slot = *borrowed().slot;
        NamedStatement* const statement = choose_name(statements_for(borrowed(), watch()), slot, call, request);
        name_ = name_of(request);
        Expected<void> begun = call.needs_types ? learn_column_types(borrowed(), request) : Expected<void>();
        if (begun) begun = open(request);
        conclude_name(slot, statement, request, begun ? nullptr : &begun.error());
        return begun;
    }
    /// How the statement went, the last time that it was begun.
    [[nodiscard]] Name name() const { return name_; }
    /// At the end of the rows the session is left at once, whoever keeps the stream.
    [[nodiscard]] Expected<Result> next() {
        if (!first_ && !rows_) return usage_error("the transaction of this stream has ended, and the stream with it");
        Expected<Result> chunk = first_ ? *std::exchange(first_, std::nullopt) : rows_->next(wait());
        if (chunk && chunk->empty()) {
            note_tag(context(), *borrowed().slot, *chunk, sql_);
            if (borrowed().is_of_transaction) note_committed(*borrowed().held, chunk->tag());
        }
        if (!chunk) chunk = borrowed().failed_by(std::move(chunk).error());
        if (chunk) count_rows(chunk->size());
        if (chunk && !chunk->empty()) return chunk;
        rows_.reset();
        if (chunk)
            if (auto concluded = conclude(); !concluded) chunk = borrowed().failed_by(std::move(concluded).error());
        end(chunk ? nullptr : &chunk.error());
        return chunk;
    }

private:
    void give_up() noexcept override { rows_.reset(); }
    [[nodiscard]] Expected<void> open(const spi::Request& request) {
        auto rows = session().stream(request, borrowed().wait);
        if (!rows) return std::move(rows).error();
        Expected<Result> first = (*rows)->next(wait());
        if (!first) return std::move(first).error();
        rows_ = *std::move(rows);
        first_ = *std::move(first);
        return {};
    }

    std::string sql_;
    Name name_ = Name::none;
    std::unique_ptr<spi::RowStream> rows_;  // null after the end
    std::optional<Result> first_;           // until it is handed out
};

void StreamSourceDeleter::operator()(StreamSource* source) const noexcept { delete source; }

Expected<Result> next_chunk(StreamSource& source) { return source.next(); }
Error stream_ended() {
    return usage_error("the stream was moved from, or has ended with an error: there are no more rows in it");
}

}  // namespace detail

Expected<detail::StreamSourcePtr> Executor::open_stream(const detail::Call& call) {
    detail::Opening opening(hooks_, spi::RequestKind::stream, call.sql, detail::label_of(call.options));
    const Expected<bool> traces = detail::look_at_text(call);
    if (!traces) return opening.failed(traces.error());
    Expected<detail::Borrowed> borrowed = do_borrow(call.options);
    if (!borrowed) return opening.failed(std::move(borrowed).error());
    if (auto free = detail::check_unoccupied(*borrowed); !free)
        return opening.failed(std::move(free).error(), &*borrowed);
    if (borrowed->lease) borrowed->slot->holder.is_at(call.site);
    borrowed->slot->holder.runs(call.sql);
    if (*traces) detail::note_settings(*borrowed->slot, call.sql);
    bool is_retyped = false;
    const bool outside = borrowed->session().transaction_status() == spi::TransactionStatus::idle;
    const std::chrono::nanoseconds timeout = borrowed->context->timeout_of(call.options);
    detail::StreamSourcePtr source(
        new detail::StreamSource(*std::move(borrowed), timeout, detail::label_of(call.options)));
    Expected<void> begun = source->admit(spi::RequestKind::stream, call.sql, call.params);
    detail::Call admitted = call;
    if (begun && source->new_text()) begun = detail::change_text(admitted, *source->new_text());
    if (source->borrowed().context->retyped->contains(admitted.sql)) admitted.params->retype_numbers();
    if (admitted.leaves_traces) detail::note_settings(*source->borrowed().slot, admitted.sql);
    if (begun) begun = source->begin(admitted);
    for (int repairs = 0; !begun && outside && repairs < detail::most_repairs; ++repairs) {
        if (detail::is_over(source->borrowed().wait)) break;
        const detail::Repair repair = detail::heal(admitted, source->name(), detail::as_of_its_own(begun.error()));
        if (repair == detail::Repair::none) break;
        is_retyped |= repair == detail::Repair::of_types;
        begun = source->admit_again(begun.error());
        if (begun) begun = source->begin(admitted);
    }
    if (hooks_ && transaction_control(admitted.sql) != TransactionControl::none)
        detail::forget_settings(source->borrowed());
    if (begun && is_retyped) source->borrowed().context->retyped->add(admitted.sql);
    if (begun) return source;
    if (!outside) begun = detail::in_transaction(std::move(begun).error(), source->name(), admitted.params);
    detail::note_failure(*source->borrowed().context, *source->borrowed().slot, begun.error(), admitted.sql);
    Error error = source->borrowed().failed_by(std::move(begun).error());
    source->end(&error);
    return error;
}

}  // namespace pg
