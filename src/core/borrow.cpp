// Borrowing a session for a request, and forgetting the prepared statements that nobody holds any more.
#include <atomic>

#include "src/base/transaction_control.hpp"
#include "src/core/observe.hpp"

namespace pg::detail {
namespace {

std::atomic<std::uint64_t> statements_made{0};
std::atomic<std::uint64_t> statements_expired{0};

std::string statement_name(std::uint64_t number) { return "pgclient_" + std::to_string(number); }

}  // namespace

Statement::Statement(std::string_view text)
    : number(++statements_made),
      name(statement_name(number)),
      sql(text),
      leaves_traces(scan_sql(text).leaves_traces),
      controls_transaction(transaction_control(text) != TransactionControl::none),
      is_about_rows(pg::is_about_rows(text)) {}

Statement::~Statement() { statements_expired.fetch_add(1, std::memory_order_relaxed); }

std::uint64_t Statement::expired() noexcept { return statements_expired.load(std::memory_order_relaxed); }

void forget_expired(spi::SessionSlot& slot, const spi::Wait& wait) {
    const std::uint64_t expired = Statement::expired();
    if (slot.swept == expired) return;
    for (auto at = slot.prepared.begin(); at != slot.prepared.end();) {
        if (!at->second.statement.expired()) {
            ++at;
        } else if (slot.session->deallocate(statement_name(at->first), wait)) {
            at = slot.prepared.erase(at);
        } else {
            return;
        }
    }
    slot.swept = expired;
}

Deadline acquire_deadline(const Context& context, const Deadline& deadline) {
    return context.acquire_timeout == no_timeout ? deadline
                                                 : earlier(deadline, Deadline::after(context.acquire_timeout));
}

Borrowed lend(Context& context, spi::Lease lease, const spi::Wait& wait) {
    spi::SessionSlot& slot = lease.slot();
    forget_expired(slot, wait);
    slot.lent_until = wait.deadline;
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
