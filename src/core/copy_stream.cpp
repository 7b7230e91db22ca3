// COPY as a stream of bytes: CopyWriter and CopyReader, and the session below them.
#include "src/core/copy_session.hpp"

namespace pg {
namespace detail {

void CopySessionDeleter::operator()(CopySession* session) const noexcept { delete session; }

namespace {

Error transaction_ended() { return usage_error("the transaction of this COPY has ended, and the COPY with it"); }

}  // namespace

Expected<void> CopySession::begin_in(std::string_view sql) {
    borrowed().slot->holder.runs(sql);
    auto begun = noted(session().copy_in(sql, wait()));
    if (!begun) return std::move(begun).error();
    in_ = *std::move(begun);
    return {};
}

Expected<void> CopySession::begin_out(std::string_view sql) {
    borrowed().slot->holder.runs(sql);
    auto begun = noted(session().copy_out(sql, wait()));
    if (!begun) return std::move(begun).error();
    out_ = *std::move(begun);
    return {};
}

Expected<void> CopySession::write(std::string_view bytes) {
    return in_ ? noted(in_->write(bytes, wait())) : transaction_ended();
}
Expected<std::uint64_t> CopySession::finish() { return in_ ? noted(in_->finish(wait())) : transaction_ended(); }
Expected<void> CopySession::fail(std::string_view reason) {
    return in_ ? in_->fail(reason, wait()) : transaction_ended();
}
Expected<std::optional<std::string_view>> CopySession::read() {
    return out_ ? noted(out_->read(wait())) : transaction_ended();
}

Expected<CopySessionPtr> borrow_for_copy(Executor& executor, const QueryOptions* options) {
    Expected<Borrowed> borrowed = ExecutorAccess::borrow(executor, options);
    if (!borrowed) return std::move(borrowed).error();
    if (auto free = check_unoccupied(*borrowed); !free) return std::move(free).error();
    const std::chrono::nanoseconds timeout =
        borrowed->context->timeout_of(options ? options : ExecutorAccess::options(executor));
    return CopySessionPtr(new CopySession(*std::move(borrowed), timeout));
}

Error copy_ended() { return usage_error("the COPY has ended; begin another"); }

namespace {

Expected<CopySessionPtr> borrow_for(Executor& executor, const Sql<0>& sql) {
    const Expected<bool> traces =
        look_at_text({.sql = sql.text(), .checked = sql.checked(), .leaves_traces = sql.leaves_traces()});
    if (!traces) return traces.error();
    auto session = borrow_for_copy(executor, sql.options());
    if (session && *traces) note_traces(*(*session)->borrowed().slot, sql.text());
    return session;
}

}  // namespace
}  // namespace detail

Expected<CopyWriter> CopyWriter::try_open(Executor& executor, Sql<0> sql) {
    auto session = detail::borrow_for(executor, sql);
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
    auto session = detail::borrow_for(executor, sql);
    if (!session) return std::move(session).error();
    if (auto begun = (*session)->begin_out(sql.text()); !begun) return std::move(begun).error();
    return CopyReader(*std::move(session));
}

Expected<std::optional<std::string_view>> CopyReader::try_read() {
    if (!session_) return std::optional<std::string_view>();
    auto piece = session_->read();
    if (!piece || !*piece) session_.reset();
    return piece;
}

}  // namespace pg
