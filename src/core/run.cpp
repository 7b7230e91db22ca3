// Running one call on one session: prepare, run, heal once what the server says had no effect, learn new types.
#include <algorithm>

#include "pg/sqlstate.hpp"
#include "src/core/context.hpp"
#include "src/core/hooked.hpp"

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
    }
    return {};
}

/// The server chose no function, or refused an expression, for the number types we declared.
bool refuses_number_types(const Error& error) {
    return error.sqlstate() == sqlstate::undefined_function || error.sqlstate() == sqlstate::datatype_mismatch;
}

Expected<Result> attempt(const Borrowed& borrowed, const Call& call) {
    spi::Request request{.sql = call.sql, .statement = {}, .params = call.params, .sink = call.sink};
    if (call.sink) call.sink->restart();
    if (call.options) {
        request.format = call.options->format;
        request.max_result_bytes = call.options->max_result_bytes;
    }
    if (call.statement) {
        auto prepared = prepare_once(borrowed, call);
        if (!prepared) return std::move(prepared).error();
        request.statement = call.statement->name;
        request.description = &(*prepared)->description;
    }
    if (call.watch && call.watch->wanted()) [[unlikely]]
        return run_with_settings(borrowed, *call.watch->wanted(), request);
    return borrowed.session().run(request, borrowed.wait);
}

/// Drops a plan that no longer fits, so that the next attempt makes a new one.
Expected<void> forget_plan(const Borrowed& borrowed, const Call& call, const Error& error) {
    borrowed.slot->prepared.erase(call.statement->number);
    if (error.sqlstate() == sqlstate::invalid_sql_statement_name) return {};  // the server has forgotten it already
    return borrowed.session().deallocate(call.statement->name, borrowed.wait);
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

Expected<const spi::PreparedHere*> prepare_once(const Borrowed& borrowed, const Call& call) {
    const Statement& statement = *call.statement;
    auto& known = borrowed.slot->prepared;
    if (const auto found = known.find(statement.number); found != known.end()) return &found->second;
    std::vector<Oid> types;
    types.reserve(call.params->size());
    for (const Params::Slot& slot : *call.params) types.push_back(slot.type);
    auto prepared = borrowed.session().prepare(statement.name, statement.sql, types, borrowed.wait);
    if (!prepared) return std::move(prepared).error();
    const auto here =
        known.emplace(statement.number, spi::PreparedHere{statement.weak_from_this(), std::move(prepared->names)});
    auto learned = learn_types(borrowed.session(), *borrowed.context->types, prepared->columns, borrowed.wait);
    if (!learned) return std::move(learned).error();
    return &here.first->second;
}

bool heal(const Borrowed& borrowed, const Call& call, const Error& error) {
    if (!error.connection_usable() || error.outcome() != Outcome::not_applied) return false;
    if (refuses_number_types(error) && call.params->retype_numbers()) {
        borrowed.context->retyped.add(call.sql);
        return true;
    }
    return call.statement && error.kind() == ErrorKind::plan_invalidated &&
           forget_plan(borrowed, call, error).has_value();
}

bool tells_of_traces(std::string_view tag) {
    if (tag.empty()) return false;
    return tag == "SET" || tag == "LISTEN" || tag == "DECLARE CURSOR" || tag == "PREPARE" || tag == "LOAD" ||
           tag == "DO";
}

Expected<void> settle(const Borrowed& borrowed, const Result& result) {
    if (tells_of_traces(result.tag())) borrowed.slot->dirty = true;
    if (result.storage()->matches()) return {};  // described when it was prepared, and its types learned then
    if (result.columns().empty()) return {};
    const bool outside = borrowed.session().transaction_status() == spi::TransactionStatus::idle;
    auto learned = learn_types(borrowed.session(), *borrowed.context->types, result.columns(), borrowed.wait);
    if (!learned && outside) return applied_already(learned.error());
    return learned;
}

bool RetypedTexts::is_among(std::string_view sql) const {
    const std::lock_guard lock(mutex_);
    return texts_.contains(std::string(sql));
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
        fields.position = static_cast<std::uint32_t>(found.offset + 1);
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
    if (borrowed.context->retyped.contains(call.sql)) call.params->retype_numbers();
    const bool outside = borrowed.session().transaction_status() == spi::TransactionStatus::idle;
    Expected<Result> result = attempt(borrowed, call);
    if (!result && outside && heal(borrowed, call, result.error())) {
        if (call.watch) call.watch->retry(result.error());
        result = attempt(borrowed, call);
    }
    if (result)
        if (auto settled = settle(borrowed, *result); !settled) result = std::move(settled).error();
    return result;
}

}  // namespace pg::detail

namespace pg {

Executor::~Executor() = default;

Expected<Result> Executor::run(const detail::Call& call) {
    if (hooks_ && !call.watch) [[unlikely]]
        return detail::run_with_hooks(*this, call);
    const Expected<bool> traces = detail::look_at_text(call);
    if (!traces) return traces.error();
    for (bool again = false;; again = true) {
        Expected<detail::Borrowed> borrowed = do_borrow(call.options);
        if (!borrowed) return std::move(borrowed).error();
        if (call.watch) [[unlikely]]
            call.watch->take(*borrowed);
        if (*traces) borrowed->slot->dirty = true;  // whatever becomes of it: a lock outlives a failure
        Expected<Result> result = detail::run_on(*borrowed, call);
        if (result || again || !borrowed->lease || result.error().kind() != ErrorKind::connection_lost) return result;
        const bool harmless =
            result.error().outcome() == Outcome::not_sent || (call.options && call.options->idempotent);
        if (!harmless) return result;
        if (call.watch) call.watch->retry(result.error());
    }
}

Expected<void> Executor::try_run_script(std::string_view text, const QueryOptions& options) {
    return detail::hooked(hooks_, spi::RequestKind::script, text, &options,
                          [&](detail::Watch* watch) -> Expected<void> {
                              Expected<detail::Borrowed> borrowed = do_borrow(&options);
                              if (!borrowed) return std::move(borrowed).error();
                              if (watch) watch->take(*borrowed);
                              borrowed->slot->dirty = true;  // nobody looked at what is in it
                              if (watch && watch->wanted())
                                  return detail::run_script_with_settings(*borrowed, *watch->wanted(), text);
                              return borrowed->session().run_script(text, borrowed->wait);
                          });
}

Expected<detail::Borrowed> Tuned::do_borrow(const QueryOptions* options) {
    return base_.do_borrow(options ? options : &own_);
}

}  // namespace pg
