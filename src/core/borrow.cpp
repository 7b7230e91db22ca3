// Borrowing a session for a request, and the names of statements there.
#include <algorithm>

#include "src/base/transaction_control.hpp"
#include "src/core/held_session.hpp"
#include "src/core/observe.hpp"

namespace pg::detail {

Statement::Statement(std::string_view text)
    : sql(text),
      hash(hash_sql(text)),
      leaves_traces(scan_sql(text).leaves_traces),
      controls_transaction(transaction_control(text) != TransactionControl::none),
      is_about_rows(pg::is_about_rows(text)),
      has_no_name(!is_about_rows || makes_names(text)) {}

void Borrowed::failed(const Error& error) const noexcept {
    const auto is_watched = [&] {
        return std::find(slot->watched.begin(), slot->watched.end(), error.sqlstate()) != slot->watched.end();
    };
    const bool tells_first = slot->last_error.empty() && (error.kind() == ErrorKind::read_only || is_watched());
    const bool tells_end = !error.connection_usable() && !error.sqlstate().empty();  // who comes later hears no reason
    if (tells_end || tells_first) slot->last_error = error.sqlstate();
}

Error Borrowed::failed_by(Error error) const {
    failed(error);
    if (held) error = held->because_of_the_first(std::move(error));
    if (error.connection_usable() || !slot->holder.is_taken_back()) return error;
    ErrorFields fields = error.fields();
    fields.message =
        "the pool took the session back, because it was held for longer than reclaim_threshold: " + fields.message;
    fields.hint = "give sessions back sooner, or raise reclaim_threshold above what the longest work takes";
    return Error(std::move(fields));
}

Deadline acquire_deadline(const Context& context, const Deadline& deadline) {
    return context.acquire_timeout == no_timeout ? deadline
                                                 : earlier(deadline, Deadline::after(context.acquire_timeout));
}

Borrowed lend(Context& context, spi::Lease lease, const spi::Wait& wait) {
    spi::SessionSlot& slot = lease.slot();
    slot.lent_until = wait.deadline;
    slot.is_shared = !context.keeps_session_state;
    return Borrowed{&context, std::move(lease), &slot, wait};
}

Expected<Borrowed> borrow(Context& context, const spi::Wait& wait) {
    if (context.closed.load(std::memory_order_acquire)) return usage_error("the client is closed");
    const spi::Wait turn{acquire_deadline(context, wait.deadline), wait.stop};
    Expected<spi::Lease> lease = context.hooks ? acquire_observed(context, turn) : context.source->acquire(turn);
    if (!lease) return std::move(lease).error();
    return lend(context, *std::move(lease), wait);
}

std::shared_ptr<const Statement> make_statement(std::string_view sql) { return std::make_shared<const Statement>(sql); }

std::string_view statement_sql(const Statement& statement) { return statement.sql; }

}  // namespace pg::detail
