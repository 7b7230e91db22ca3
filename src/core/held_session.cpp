// Who holds a session, and how a stream or a COPY leaves it.
#include "src/core/held_session.hpp"

#include "pg/sqlstate.hpp"
#include "src/core/hooked.hpp"

namespace pg::detail {
namespace {

/// What a transaction that is left is given to end.
constexpr std::chrono::seconds leaving_budget{2};

}  // namespace

void roll_back(spi::Session& session) noexcept {
    if (session.usable() && session.transaction_status() != spi::TransactionStatus::idle)
        static_cast<void>(session.run_script("rollback", {Deadline::after(leaving_budget)}));
}

Error HeldSession::because_of_the_first(Error error) {
    if (session().transaction_status() != spi::TransactionStatus::failed) return error;
    // What a server says of a failed transaction; anything else is of one that a text in between has mended.
    const bool is_behind = error.sqlstate().empty() || error.sqlstate() == sqlstate::in_failed_sql_transaction ||
                           error.sqlstate() == sqlstate::syntax_error ||
                           error.sqlstate() == sqlstate::invalid_sql_statement_name;
    if (!first_failure || !is_behind) return *(first_failure = std::make_unique<const Error>(std::move(error)));
    if (error.sqlstate() != sqlstate::in_failed_sql_transaction) return error;
    ErrorFields fields = error.fields();
    fields.retry_scope = first_failure->retry_scope();
    fields.detail = std::string("the first error of the transaction: ") + first_failure->what();
    return Error(std::move(fields));
}

Error HeldSession::rolled_back_instead() const {
    ErrorFields fields{.kind = ErrorKind::commit_rolled_back, .outcome = Outcome::not_applied};
    fields.message = "COMMIT was answered by ROLLBACK: a statement of the transaction had failed";
    if (first_failure) {
        fields.retry_scope = first_failure->retry_scope();
        fields.detail = std::string("the first error of the transaction: ") + first_failure->what();
    }
    return Error(std::move(fields));
}

Occupant::Occupant(Borrowed borrowed, std::chrono::nanoseconds timeout, std::string_view label)
    : context_(borrowed.context->shared_from_this()),
      borrowed_(std::move(borrowed)),
      held_(borrowed_.held ? borrowed_.held->shared_from_this() : nullptr),
      timeout_(timeout),
      label_(label) {
    if (held_) held_->occupant = this;
}
Occupant::~Occupant() = default;

Expected<void> Occupant::admit(spi::RequestKind kind, std::string_view sql, Params* params) {
    if (!context_->hooks) return {};
    say_ = std::make_unique<LongSay>(context_->hooks, kind, sql, params, label_);
    auto allowed = say_->interception.begin_without_answer();
    say_->watch.give(say_->interception.settings());
    say_->watch.take(borrowed_);
    if (!allowed) return allowed;
    if (kind == spi::RequestKind::stream && new_text()) say_->watch.has_text(*new_text());
    return say_->enclosure.enter(session(), say_->watch.wanted(), wait());
}

Expected<void> Occupant::admit_again(const Error& why) {
    if (!say_) return {};
    say_->watch.retry(why);
    say_->enclosure.leave(session());
    return say_->enclosure.enter(session(), say_->watch.wanted(), wait());
}

const Watch* Occupant::watch() const { return say_ ? &say_->watch : nullptr; }

std::optional<std::string_view> Occupant::new_text() const {
    if (!say_ || !say_->interception.has_new_text()) return std::nullopt;
    return say_->interception.request().sql;
}

void Occupant::count_rows(std::uint64_t rows) {
    if (say_) say_->watch.add_rows(rows);
}

Expected<void> Occupant::conclude() {
    if (!say_) return {};
    return say_->enclosure.commit(session(), wait());
}

/// What is cancelled fails its transaction, and whoever goes on with that is to know why.
void Occupant::give_up_and_tell() noexcept {
    const bool was_open = held_ && session().transaction_status() == spi::TransactionStatus::open;
    give_up();
    if (!was_open || held_->first_failure || session().transaction_status() != spi::TransactionStatus::failed) return;
    held_->first_failure = std::make_unique<const Error>(ErrorFields{
        .kind = ErrorKind::cancelled,
        .outcome = Outcome::not_applied,
        .message = "a stream or a COPY was left before its end, which has failed its transaction: read it to "
                   "the end, or leave it behind a savepoint"});
}

void Occupant::end(const Error* error) noexcept {
    give_up_and_tell();
    const auto say = std::move(say_);
    if (say) say->enclosure.leave(session());
    if (const auto held = std::exchange(held_, nullptr)) held->occupant = nullptr;
    borrowed_.lease.give_back();
    holder_.reset();
    if (!say) return;
    say->interception.end(error);
    say->watch.end(error);
}

Error not_begun(const Error& error) {
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::not_sent;
    const bool stopped = error.kind() == ErrorKind::cancelled && error.sqlstate().empty();
    if (stopped || error.kind() == ErrorKind::timeout)
        fields.message = std::string(stopped ? "a stop was asked for" : "the deadline passed") +
                         " before the statement was sent, while its columns were asked for";
    return Error(std::move(fields));
}

Expected<void> check_unoccupied(const Borrowed& borrowed) {
    if (!borrowed.held || !borrowed.held->occupant) return {};
    return usage_error("a stream or a COPY of this session is still open: finish or destroy it first");
}

}  // namespace pg::detail
