// Running one call on one session: by its name there, and healed while the server says that it had no effect.
#include <algorithm>

#include "pg/sqlstate.hpp"
#include "src/base/position.hpp"
#include "src/base/transaction_control.hpp"
#include "src/core/context.hpp"
#include "src/core/held_session.hpp"
#include "src/core/hooked.hpp"
#include "src/core/retry.hpp"
#include "src/core/server_limit.hpp"

namespace pg::detail {
namespace {

std::string problem_text(SqlScan::Problem problem) {
    switch (problem) {
        case SqlScan::Problem::none: return {};
        case SqlScan::Problem::empty: return "the statement is empty";
        case SqlScan::Problem::several_statements: return "the text holds several statements; use run_script";
        case SqlScan::Problem::unterminated_string: return "a string has no end";
        case SqlScan::Problem::unterminated_name: return "a quoted name has no end";
        case SqlScan::Problem::unterminated_comment: return "a comment has no end";
        case SqlScan::Problem::parameter_zero: return "there is no $0; the first parameter is $1";
        case SqlScan::Problem::parameter_too_large: return "the highest parameter is $65535";
        case SqlScan::Problem::zero_byte: return "the statement's text has a zero byte";
    }
    return {};
}

/// Runs it once. The request says afterwards whether it went by a name, and whether its columns were known.
Expected<Result> attempt(const Borrowed& borrowed, const Call& call, spi::Request& request) {
    request = {.sql = call.sql, .params = call.params, .sink = call.sink};
    if (call.sink) call.sink->restart();
    if (call.options) {
        request.format = call.options->format;
        request.max_result_bytes = call.options->max_result_bytes;
    }
    NamedStatement* const statement = choose_name(statements_for(borrowed, call.watch), *borrowed.slot, call, request);
    const Settings* const settings = call.watch ? call.watch->wanted() : nullptr;
    Expected<Result> result = borrowed.context->limit_margin || settings
                                  ? run_with_limits(borrowed, call, settings, request)
                                  : borrowed.session().run(request, borrowed.wait);
    conclude_name(*borrowed.slot, statement, request, result ? nullptr : &result.error());
    return result;
}

/// Why the columns of a statement cannot be read that has taken effect: it is not to be run again.
Error applied_already(const Error& error) {
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::applied;
    fields.retry_scope = RetryScope::none;
    fields.message = "the statement was applied, but the types of its columns could not be learned: " + fields.message;
    return Error(std::move(fields));
}

}  // namespace

Repair heal(const Call& call, Name name, const Error& error) {
    const auto if_it_helps = [](bool helps) { return helps ? Repair::of_name : Repair::none; };
    const bool had_no_effect = error.outcome() == Outcome::not_applied || error.outcome() == Outcome::not_sent;
    if (!error.connection_usable() || !had_no_effect) return Repair::none;
    if (error.retry_scope() == RetryScope::statement && error.kind() == ErrorKind::server &&
        error.sqlstate() == sqlstate::undefined_function)
        return Repair::of_format;  // that has been learned where it was run
    if (is_gone_from_cache(error)) return if_it_helps(name == Name::known);
    if (is_name_taken(error)) return if_it_helps(name == Name::just_prepared);
    if (!refuses_types(error)) return if_it_helps(name != Name::none && error.kind() == ErrorKind::plan_invalidated);
    // It took those of the numbers once, and may refuse what it inferred of others then.
    if (name == Name::known) return Repair::of_name;
    return call.params->retype_numbers() ? Repair::of_types : Repair::none;
}

Error in_transaction(Error error, Name name, const Params* params) {
    const auto is_inferred = [](const Params::Slot& slot) { return slot.type == Oid{}; };
    const bool may_be_stale = name == Name::known && error.kind() == ErrorKind::server && refuses_types(error) &&
                              params && std::any_of(params->begin(), params->end(), is_inferred);
    if (!may_be_stale) return error;
    ErrorFields fields = error.fields();
    fields.kind = ErrorKind::plan_invalidated;
    fields.retry_scope = RetryScope::transaction;
    return Error(std::move(fields));
}

Expected<void> settle(const Borrowed& borrowed, const Call& call, const Result& result) {
    if (borrowed.is_of_transaction) note_committed(*borrowed.held, result.tag());
    note_tag(*borrowed.context, *borrowed.slot, result, call.sql);
    const bool outside = borrowed.session().transaction_status() == spi::TransactionStatus::idle;
    auto learned = learn_types(borrowed, result.columns());
    if (!learned && outside) return applied_already(learned.error());
    return learned;
}

bool may_have_been_applied(const Error& error) {
    return error.outcome() == Outcome::unknown || error.outcome() == Outcome::applied;
}

Error behind_an_unknown(Error error) {
    if (may_have_been_applied(error)) return error;
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::unknown;
    fields.retry_scope = RetryScope::none;
    fields.message += ", after a first attempt that was lost when it may have been applied";
    return Error(std::move(fields));
}

bool RetypedTexts::is_among(std::string_view sql) const {
    const std::lock_guard lock(mutex_);
    return texts_.contains(std::string(sql));
}

void RetypedTexts::remove(std::string_view sql) {
    if (empty()) return;
    const std::lock_guard lock(mutex_);
    texts_.erase(std::string(sql));
}

void RetypedTexts::add(std::string_view sql) {
    const std::lock_guard lock(mutex_);
    if (texts_.size() >= capacity) texts_.clear();
    texts_.emplace(sql);
    any_.store(true, std::memory_order_release);
}

Expected<SqlScan> check_text(const Call& call) {
    const SqlScan found = scan_sql(call.sql);
    ErrorFields fields{.kind = ErrorKind::usage};
    fields.sql = call.sql;
    if (found.problem != SqlScan::Problem::none) {
        fields.message = problem_text(found.problem);
        fields.position = position_of(call.sql, found.offset);
        return Error(std::move(fields));
    }
    if (found.parameters != call.arguments) {
        fields.message = "the statement has " + std::to_string(found.parameters) + " parameters, but " +
                         std::to_string(call.arguments) + " arguments were given";
        return Error(std::move(fields));
    }
    return found;
}

Expected<bool> look_at_text(const Call& call) {
    if (call.checked) return call.statement ? call.statement->leaves_traces : call.leaves_traces;
    const Expected<SqlScan> text = check_text(call);
    if (!text) return text.error();
    return text->leaves_traces;
}

Expected<Result> run_on(const Borrowed& borrowed, const Call& call) {
    if (borrowed.context->retyped->contains(call.sql)) call.params->retype_numbers();
    bool is_retyped = false;
    for (int repairs = 0;; ++repairs) {
        spi::Request request;
        Expected<Result> result = attempt(borrowed, call, request);
        if (result) [[likely]] {
            if (is_retyped) borrowed.context->retyped->add(call.sql);
            if (is_to_settle(request.description != nullptr, *result)) [[unlikely]]
                if (auto settled = settle(borrowed, call, *result); !settled) result = std::move(settled).error();
            return result;
        }
        // A transaction that it failed in is still there; one that it was to end has none of the names that are mended.
        if (borrowed.session().transaction_status() != spi::TransactionStatus::idle)
            return in_transaction(std::move(result).error(), name_of(request), call.params);
        if (repairs == most_repairs || is_over(borrowed.wait)) return result;
        const Repair repair = heal(call, name_of(request), result.error());
        if (repair == Repair::none) return result;
        is_retyped |= repair == Repair::of_types;
        if (call.watch) call.watch->retry(result.error());
    }
}

}  // namespace pg::detail

namespace pg {

Executor::~Executor() = default;

Expected<Result> Executor::run(const detail::Call& call) {
    if (hooks_ && !call.watch) [[unlikely]]
        return detail::run_with_hooks(*this, call);
    const Expected<bool> traces = detail::look_at_text(call);
    if (!traces) return traces.error();
    bool is_unknown = false;         // what became of the first attempt
    std::optional<spi::Wait> first;  // of that; null: it is this one
    for (;;) {
        Expected<detail::Borrowed> borrowed = first ? detail::borrow_again(*this, *first) : do_borrow(call.options);
        if (!borrowed)
            return is_unknown ? detail::behind_an_unknown(std::move(borrowed).error()) : std::move(borrowed).error();
        if (call.watch) [[unlikely]]
            call.watch->take(*borrowed);
        borrowed->slot->holder.runs(call.sql);
        if (*traces) detail::note_settings(*borrowed->slot, call.sql);  // a lock outlives a failure
        Expected<Result> result = detail::run_on(*borrowed, call);
        if (call.watch && transaction_control(call.sql) != TransactionControl::none) detail::forget_settings(*borrowed);
        if (!result) {
            detail::note_failure(*borrowed->context, *borrowed->slot, result.error(), call.sql);
            if (borrowed->is_of_transaction) detail::note_committing(*borrowed->held, result.error(), call.sql);
            result = borrowed->failed_by(std::move(result).error());
        }
        if (!result && (is_unknown || borrowed->is_in_doubt))
            result = detail::behind_an_unknown(std::move(result).error());
        if (result || first || borrowed->attempts != 0 || !borrowed->lease ||
            result.error().kind() != ErrorKind::connection_lost)
            return result;
        const bool harmless =
            result.error().outcome() == Outcome::not_sent || (call.options && call.options->idempotent);
        if (!harmless) return result;
        if (detail::is_over(borrowed->wait)) return result;
        first = borrowed->wait;
        is_unknown = detail::may_have_been_applied(result.error());
        if (call.watch) call.watch->retry(result.error());
    }
}

Expected<void> Executor::try_run_script(std::string_view text) {
    return detail::hooked(
        hooks_, spi::RequestKind::script, text, options_, [&](detail::Watch* watch) -> Expected<void> {
            if (watch && watch->settings())
                if (auto allowed = detail::check_script_for_settings(text); !allowed) return allowed;
            Expected<detail::Borrowed> borrowed = do_borrow(options_);
            if (!borrowed) return std::move(borrowed).error();
            if (watch) watch->take(*borrowed);
            borrowed->slot->holder.runs(text);
            detail::note_traces(*borrowed->slot, text);  // nobody looked at what is in it
            Expected<void> done = watch && watch->wanted()
                                      ? detail::run_script_with_settings(*borrowed, *watch->wanted(), text)
                                      : borrowed->session().run_script(text, borrowed->wait);
            detail::note_script(*borrowed->context, *borrowed->slot, text);
            if (borrowed->is_of_transaction && (done || detail::may_have_been_applied(done.error())))
                borrowed->held->may_have_committed |= detail::may_commit_in_script(text);
            detail::forget_settings(*borrowed);
            if (!done) done = borrowed->failed_by(std::move(done).error());
            return done;
        });
}

Expected<detail::Borrowed> Tuned::do_borrow(const QueryOptions* options) {
    return base_.do_borrow(options ? options : &own_);
}

}  // namespace pg
