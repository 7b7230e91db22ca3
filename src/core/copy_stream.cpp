// COPY as a stream of bytes: CopyWriter and CopyReader, and the session below them.
#include "src/base/transaction_control.hpp"
#include "src/core/copy_session.hpp"
#include "src/core/hooked.hpp"

namespace pg {
namespace detail {

void CopySessionDeleter::operator()(CopySession* session) const noexcept { delete session; }

namespace {

/// What is given to the server within one wait: a longer write is several.
constexpr std::size_t most_per_wait = 1024 * 1024;

Error transaction_ended() { return usage_error("the transaction of this COPY has ended, and the COPY with it"); }

}  // namespace

Expected<void> CopySession::admit(spi::RequestKind kind, std::string_view sql) {
    auto admitted = Occupant::admit(kind, sql);
    if (!admitted) return ended_by(std::move(admitted).error());
    return admitted;
}

Expected<void> CopySession::begin_in(std::string_view sql) {
    borrowed().slot->holder.runs(sql);
    auto begun = session().copy_in(sql, wait());
    note_end_of_settings(sql);
    if (!begun) return no_copy(std::move(begun).error(), sql);
    in_ = *std::move(begun);
    return {};
}

Expected<void> CopySession::begin_out(std::string_view sql) {
    borrowed().slot->holder.runs(sql);
    auto begun = session().copy_out(sql, wait());
    note_end_of_settings(sql);
    if (!begun) return no_copy(std::move(begun).error(), sql);
    out_ = *std::move(begun);
    return {};
}

/// A text that is no COPY was run, and may have ended the transaction that has them.
void CopySession::note_end_of_settings(std::string_view sql) {
    const TransactionControl control = transaction_control(sql);
    if (control != TransactionControl::none) forget_settings(borrowed());
    if (control == TransactionControl::commits && borrowed().held) borrowed().held->may_have_committed = true;
}

/// A text that is no COPY was run, and left what it says.
Error CopySession::no_copy(Error error, std::string_view sql) {
    if (may_have_been_applied(error)) note_failure(context(), *borrowed().slot, error, sql);
    return ended_by(std::move(error));
}

Error CopySession::ended_by(Error error) {
    error = borrowed().failed_by(std::move(error));
    end(&error);
    return error;
}

Expected<void> CopySession::write(std::string_view bytes) {
    if (!in_) return transaction_ended();
    do {
        const std::string_view piece = bytes.substr(0, most_per_wait);
        Expected<void> written = in_->write(piece, wait());
        if (!written) return ended_by(std::move(written).error());
        bytes.remove_prefix(piece.size());
    } while (!bytes.empty());
    return {};
}
Expected<std::uint64_t> CopySession::finish() {
    if (!in_) return transaction_ended();
    Expected<std::uint64_t> rows = in_->finish(wait());
    if (!rows) return ended_by(std::move(rows).error());
    in_.reset();
    if (auto concluded = conclude(); !concluded) return ended_by(std::move(concluded).error());
    count_rows(*rows);
    return rows;
}
Expected<void> CopySession::fail(std::string_view reason) {
    if (!in_) return transaction_ended();
    Expected<void> failed = in_->fail(reason, wait());
    if (!failed) return ended_by(std::move(failed).error());
    return failed;
}
Expected<std::optional<std::string_view>> CopySession::read() {
    if (!out_) return transaction_ended();
    auto piece = out_->read(wait());
    if (!piece) return ended_by(std::move(piece).error());
    if (*piece) return piece;
    out_.reset();
    if (auto concluded = conclude(); !concluded) return ended_by(std::move(concluded).error());
    return piece;
}

Expected<CopySessionPtr> borrow_for_copy(Executor& executor, const QueryOptions* options, const CallSite& site,
                                         Opening& opening) {
    Expected<Borrowed> borrowed = ExecutorAccess::borrow(executor, options);
    if (!borrowed) return opening.failed(std::move(borrowed).error());
    if (auto free = check_unoccupied(*borrowed); !free) return opening.failed(std::move(free).error(), &*borrowed);
    if (borrowed->lease) borrowed->slot->holder.is_at(site);
    if (!options) options = ExecutorAccess::options(executor);
    const std::chrono::nanoseconds timeout = borrowed->context->timeout_of(options);
    return CopySessionPtr(new CopySession(*std::move(borrowed), timeout, label_of(options)));
}

Error copy_ended() { return usage_error("the COPY has ended; begin another"); }

namespace {

/// Let pass by whoever has a say.
Expected<CopySessionPtr> borrow_for(Executor& executor, spi::RequestKind kind, const Sql<0>& sql) {
    const QueryOptions* const options = sql.options() ? sql.options() : ExecutorAccess::options(executor);
    Opening opening(ExecutorAccess::hooks(executor), kind, sql.text(), label_of(options));
    const Expected<bool> traces =
        look_at_text({.sql = sql.text(), .checked = sql.checked(), .leaves_traces = sql.leaves_traces()});
    if (!traces) return opening.failed(traces.error());
    auto session = borrow_for_copy(executor, options, sql.site(), opening);
    if (!session) return session;
    if (*traces) note_settings(*(*session)->borrowed().slot, sql.text());
    if (auto admitted = (*session)->admit(kind, sql.text()); !admitted) return std::move(admitted).error();
    return session;
}

}  // namespace
}  // namespace detail

Expected<CopyWriter> CopyWriter::try_open(Executor& executor, Sql<0> sql) {
    auto session = detail::borrow_for(executor, spi::RequestKind::copy_in, sql);
    if (!session) return std::move(session).error();
    if (auto begun = (*session)->begin_in(sql.text()); !begun) return std::move(begun).error();
    return CopyWriter(*std::move(session));
}

Expected<void> CopyWriter::try_write(std::string_view bytes) {
    if (!session_) return detail::copy_ended();
    Expected<void> written = session_->write(bytes);
    if (!written) session_.reset();
    return written;
}

Expected<std::uint64_t> CopyWriter::try_finish() {
    if (!session_) return detail::copy_ended();
    const detail::CopySessionPtr session = std::move(session_);
    return session->finish();
}

Expected<void> CopyWriter::try_fail(std::string_view reason) {
    if (!session_) return detail::copy_ended();
    const detail::CopySessionPtr session = std::move(session_);
    return session->fail(reason);
}

std::size_t CopyWriter::columns() const noexcept { return session_ ? session_->columns() : 0; }

Expected<CopyReader> CopyReader::try_open(Executor& executor, Sql<0> sql) {
    auto session = detail::borrow_for(executor, spi::RequestKind::copy_out, sql);
    if (!session) return std::move(session).error();
    if (auto begun = (*session)->begin_out(sql.text()); !begun) return std::move(begun).error();
    return CopyReader(*std::move(session));
}

Expected<std::optional<std::string_view>> CopyReader::try_read() {
    if (is_at_end_) return std::optional<std::string_view>();
    if (!session_) return detail::copy_ended();
    auto piece = session_->read();
    is_at_end_ = piece && !*piece;
    if (!piece || is_at_end_) session_.reset();
    return piece;
}

}  // namespace pg
