// Transaction and Savepoint: BEGIN, and the honest end of it.
//
// A commit has three outcomes:
//   COMMIT answered COMMIT                          → committed
//   COMMIT answered ROLLBACK, or an error report    → not applied: CommitRolledBack, or what the server says
//   no answer: connection lost, deadline passed     → unknown: CommitUnknown
#include <algorithm>
#include <utility>

#include "pg/savepoint.hpp"
#include "src/core/hooked.hpp"
#include "src/core/retry.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {
namespace {

/// A rollback that nobody waits for takes no longer than this.
constexpr std::chrono::seconds destructor_budget{2};

std::string begin_text(const TransactionOptions& options) {
    std::string sql = "begin";
    switch (options.isolation) {
        case Isolation::server_default: break;
        case Isolation::read_committed: sql += " isolation level read committed"; break;
        case Isolation::repeatable_read: sql += " isolation level repeatable read"; break;
        case Isolation::serializable: sql += " isolation level serializable"; break;
    }
    switch (options.access) {
        case Access::server_default: break;
        case Access::read_write: sql += " read write"; break;
        case Access::read_only: sql += " read only"; break;
    }
    if (options.deferrable) sql += " deferrable";
    return sql;
}

Error ended() { return detail::usage_error("the transaction has ended; begin another"); }
Error savepoint_ended() { return detail::usage_error("the savepoint has ended"); }
Error still_occupied(std::string_view action) {
    return detail::usage_error("a stream or a COPY of the transaction is still open: finish or destroy it before " +
                               std::string(action));
}

Error commit_unknown(const Error& cause) {
    ErrorFields fields = cause.fields();
    fields.kind = ErrorKind::commit_unknown;
    fields.outcome = Outcome::unknown;
    fields.retry_scope = RetryScope::none;
    fields.message =
        "no answer to COMMIT (" + fields.message + "); it may have been applied: look at the data before repeating";
    return Error(std::move(fields));
}

Expected<void> without_tag(Expected<spi::CommandTag>&& answer) {
    return answer ? Expected<void>() : Expected<void>(std::move(answer).error());
}

Expected<Transaction> begin_as(detail::Borrowed&& borrowed, const std::string& text,
                               const detail::TransactionTime& time, std::shared_ptr<const detail::Settings> settings) {
    using namespace detail;
    if (borrowed.session().transaction_status() != spi::TransactionStatus::idle && borrowed.session().usable())
        return usage_error("the connection is in a transaction already; use a savepoint");
    const bool is_its_own = !borrowed.held;
    auto held = borrowed.held
                    ? borrowed.held->shared_from_this()
                    : std::make_shared<HeldSession>(borrowed.context->shared_from_this(), std::move(borrowed.lease));
    if (is_its_own) held->lease.slot().lent_until = time.end();
    auto impl = std::make_shared<Transaction::Impl>(std::move(held), time);
    spi::Session& session = impl->held->session();
    Expected<void> begun = settings ? begin_with_settings(session, text, *settings, borrowed.wait)
                                    : without_tag(session.run_command(text, borrowed.wait));
    if (!begun) {
        roll_back(session);  // one that was given up may have come about
        return impl->held->lend(borrowed.wait).failed_by(std::move(begun).error());
    }
    impl->held->is_renamed = settings && settings->renames();
    impl->held->settings = std::move(settings);
    return Transaction(std::move(impl));
}

/// On another session than the one that was lost as it was begun there: whatever became of that, it has ended.
Expected<Transaction> begin_again(detail::Context& context, const spi::Wait& wait, const CallSite& site,
                                  const std::string& text, const detail::TransactionTime& time, detail::Watch* watch) {
    Expected<detail::Borrowed> borrowed = detail::borrow(context, wait);
    if (!borrowed) return std::move(borrowed).error();
    if (watch) watch->take(*borrowed);
    borrowed->slot->holder.is_at(site);
    return begin_as(*std::move(borrowed), text, time, watch ? watch->settings() : nullptr);
}

Expected<Transaction> begin_once_or_twice(detail::Borrowed&& borrowed, const std::string& text,
                                          const detail::TransactionTime& time, detail::Watch* watch) {
    const bool is_held = borrowed.held != nullptr;
    detail::Context& context = *borrowed.context;
    const spi::Wait wait = borrowed.wait;
    const CallSite site = borrowed.slot->holder.site();
    Expected<Transaction> begun = begin_as(std::move(borrowed), text, time, watch ? watch->settings() : nullptr);
    if (!begun && !is_held && begun.error().kind() == ErrorKind::connection_lost && !detail::is_over(wait)) {
        if (watch) watch->retry(begun.error());
        begun = begin_again(context, wait, site, text, time, watch);
    }
    return begun;
}

}  // namespace

Error detail::ended_by_its_text() {
    return usage_error(
        "a statement of the transaction has ended it: what came before it stands as that left it, "
        "and nothing more runs in it");
}

Expected<Transaction> detail::begin_on(Expected<Borrowed> borrowed, const std::shared_ptr<const Hooks>& hooks,
                                       const TransactionOptions& options, const TransactionTime& time,
                                       spi::Moment called_at) {
    const std::string text = begin_text(options);
    return hooked(hooks, spi::RequestKind::begin, text, nullptr, [&](Watch* watch) -> Expected<Transaction> {
        if (watch) watch->began_by(called_at);
        if (!borrowed) return std::move(borrowed).error();
        if (watch) watch->take(*borrowed);
        return begin_once_or_twice(*std::move(borrowed), text, time, watch);
    });
}

Expected<detail::Borrowed> Transaction::Impl::do_borrow(const QueryOptions* options) {
    if (!is_open()) return ended();
    if (is_ended_by_its_text()) return detail::ended_by_its_text();
    detail::Borrowed borrowed = held->lend(time.wait(*held->context, options));
    borrowed.until = time.end();
    borrowed.is_of_transaction = true;
    return borrowed;
}

Transaction::Transaction(std::shared_ptr<Impl> impl) : Executor(impl->hooks()), impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&& other) noexcept : Executor(other), impl_(std::move(other.impl_)) {}
Transaction& Transaction::operator=(Transaction&& other) noexcept {
    std::swap(hooks_, other.hooks_);
    std::swap(impl_, other.impl_);  // what this one held rolls back with the other
    return *this;
}

Transaction::~Transaction() {
    // What fails here leaves the session in a transaction, or unusable: its source rolls back or closes it.
    if (is_open()) static_cast<void>(impl_->roll_back({Deadline::after(destructor_budget)}));
}

bool Transaction::is_open() const noexcept { return impl_ && impl_->is_open(); }
bool Transaction::is_committed() const noexcept { return impl_ && impl_->committed; }
bool Transaction::may_have_committed() const noexcept { return impl_ && impl_->may_have_committed(); }

Expected<detail::Borrowed> Transaction::do_borrow(const QueryOptions* options) {
    if (!impl_) return ended();
    return impl_->do_borrow(options);
}

Expected<void> Transaction::Impl::commit(const spi::Wait& wait) {
    if (!is_open()) return ended();
    if (held->occupant) return still_occupied("commit");
    if (is_ended_by_its_text()) {
        let_go();
        return detail::ended_by_its_text();
    }
    return detail::hooked(hooks_, spi::RequestKind::commit, "commit", nullptr,
                          [&](detail::Watch* watch) -> Expected<void> {
                              if (watch) watch->take(*held);
                              const Expected<spi::CommandTag> answer = control("commit", wait);
                              held->settings.reset();
                              const bool is_committed = answer && answer->text() == "COMMIT";
                              note_commit(*held->context, held->lease.slot());
                              const auto session = let_go();
                              if (!answer) detail::roll_back(session->session());  // what was not sent has left it open
                              // An answer that came when nobody waited any more is none: a commit that was cancelled
                              // may be here and not on a standby.
                              if (!answer && detail::may_have_been_applied(answer.error()))
                                  return commit_unknown(answer.error());
                              if (!answer) return answer.error();
                              if (!is_committed) return session->rolled_back_instead();
                              committed = true;
                              return {};
                          });
}

/// It has ended whatever the server answers.
Expected<void> Transaction::Impl::roll_back(const spi::Wait& wait) {
    if (!is_open()) return ended();
    if (is_ended_by_its_text()) {
        let_go();
        return detail::ended_by_its_text();
    }
    end_occupant();
    return detail::hooked(hooks_, spi::RequestKind::rollback, "rollback", nullptr,
                          [&](detail::Watch* watch) -> Expected<void> {
                              const auto session = let_go();
                              session->settings.reset();
                              if (watch) watch->take(*session);
                              Expected<void> done = session->session().run_script("rollback", wait);
                              if (!done) {
                                  done = session->lend(wait).failed_by(std::move(done).error());
                                  detail::roll_back(session->session());  // as its time was over before
                              }
                              note_commit(*session->context, session->lease.slot());
                              return done;
                          });
}

Expected<std::uint32_t> Transaction::Impl::set_savepoint(const spi::Wait& wait) {
    if (!is_open()) return ended();
    if (is_ended_by_its_text()) return detail::ended_by_its_text();
    const std::uint32_t number = ++savepoints;
    auto set = control_savepoint(spi::RequestKind::savepoint, number, wait);
    if (!set) return std::move(set).error();
    open_savepoints.push_back(number);
    return number;
}

Expected<void> Transaction::Impl::control_savepoint(spi::RequestKind kind, std::uint32_t number,
                                                    const spi::Wait& wait) {
    const std::string savepoint = "savepoint pgclient_" + std::to_string(number);
    std::string text = kind == spi::RequestKind::savepoint ? savepoint : "release " + savepoint;
    // Else the server keeps what was rolled back to, and those that come stand inside of it, deeper each time.
    if (kind == spi::RequestKind::rollback_to) text.insert(0, "rollback to " + savepoint + "; ");
    return detail::hooked(hooks_, kind, text, nullptr, [&](detail::Watch* watch) -> Expected<void> {
        if (watch) watch->take(*held);
        return without_tag(control(text, wait));
    });
}

bool Transaction::Impl::has_savepoint(std::uint32_t number) const noexcept {
    return is_open() && !is_ended_by_its_text() &&
           std::binary_search(open_savepoints.begin(), open_savepoints.end(), number);
}

/// One that fails leaves the savepoint, which can still be rolled back to. One that was given up too late has ended it.
Expected<void> Transaction::Impl::end_savepoint(spi::RequestKind kind, std::uint32_t number, const spi::Wait& wait) {
    auto ended = control_savepoint(kind, number, wait);
    if (kind == spi::RequestKind::rollback_to) detail::note_undone(*held->context, held->lease.slot());
    if (!ended && ended.error().outcome() != Outcome::applied) return ended;
    while (open_savepoints.back() != number) open_savepoints.pop_back();  // those inside of it end with it
    open_savepoints.pop_back();
    return ended;
}

Expected<void> Transaction::Impl::release_savepoint(std::uint32_t number, const spi::Wait& wait) {
    if (!has_savepoint(number)) return savepoint_ended();
    if (held->occupant) return still_occupied("release");
    return end_savepoint(spi::RequestKind::release, number, wait);
}

Expected<void> Transaction::Impl::roll_back_to(std::uint32_t number, const spi::Wait& wait) {
    if (!has_savepoint(number)) return savepoint_ended();
    end_occupant();
    auto undone = end_savepoint(spi::RequestKind::rollback_to, number, wait);
    if (has_savepoint(number)) return undone;
    held->first_failure.reset();
    std::erase_if(open_objects, [&](const OpenObject& object) { return object.savepoints >= number; });
    return undone;
}

std::uint32_t Transaction::Impl::add_object(std::int32_t descriptor) {
    std::erase_if(open_objects, [&](const OpenObject& object) { return object.descriptor == descriptor; });
    open_objects.push_back({++objects, savepoints, descriptor});
    return objects;
}
void Transaction::Impl::remove_object(std::uint32_t number) noexcept {
    std::erase_if(open_objects, [&](const OpenObject& object) { return object.number == number; });
}
bool Transaction::Impl::has_object(std::uint32_t number) const noexcept {
    return is_open() && std::any_of(open_objects.begin(), open_objects.end(),
                                    [&](const OpenObject& object) { return object.number == number; });
}

Expected<void> Transaction::try_commit() { return impl_ ? impl_->commit(impl_->time.wait()) : ended(); }
Expected<void> Transaction::try_rollback() { return impl_ ? impl_->roll_back(impl_->time.wait()) : ended(); }

Expected<Savepoint> Transaction::try_savepoint() {
    if (!impl_) return ended();
    const auto number = impl_->set_savepoint(impl_->time.wait());
    if (!number) return number.error();
    return Savepoint(impl_, *number);
}

Savepoint::Savepoint(std::shared_ptr<Transaction::Impl> transaction, std::uint32_t number)
    : transaction_(std::move(transaction)), number_(number) {}
Savepoint::Savepoint(Savepoint&& other) noexcept = default;
Savepoint& Savepoint::operator=(Savepoint&& other) noexcept {
    std::swap(transaction_, other.transaction_);
    std::swap(number_, other.number_);
    return *this;
}

Savepoint::~Savepoint() {
    if (transaction_ && transaction_->has_savepoint(number_)) static_cast<void>(try_rollback());
}

Expected<void> Savepoint::try_release() {
    return transaction_ ? transaction_->release_savepoint(number_, transaction_->time.wait()) : savepoint_ended();
}
Expected<void> Savepoint::try_rollback() {
    return transaction_ ? transaction_->roll_back_to(number_, transaction_->time.wait()) : savepoint_ended();
}

}  // namespace pg
