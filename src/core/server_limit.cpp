// What a statement is given of its time on the server, and how the end of that reads.
#include "src/core/server_limit.hpp"

#include <algorithm>
#include <limits>

#include "pg/sqlstate.hpp"
#include "pg/stop.hpp"
#include "src/base/transaction_control.hpp"
#include "src/core/intercept.hpp"

namespace pg::detail {
namespace {

/// What was set before it and what it set itself are kept, for `lift`.
constexpr std::string_view set_limit =
    "select set_config('pgclient.statement_timeout', current_setting('statement_timeout'), true), "
    "set_config('statement_timeout', case when extract(epoch from current_setting('statement_timeout')::interval) * "
    "1000 "
    "between 1 and $1::int then current_setting('statement_timeout') else $1::int::text end, true), "
    "set_config('pgclient.statement_limit', current_setting('statement_timeout'), true)";
/// Does nothing where the statement has set it itself.
constexpr std::string_view lift_limit =
    "select set_config('statement_timeout', current_setting('pgclient.statement_timeout'), true) "
    "where current_setting('statement_timeout') = current_setting('pgclient.statement_limit')";

/// What lifting a limit is given where the time of its request may be over.
constexpr std::chrono::seconds lifting_budget{2};

bool is_inside_transaction(const Borrowed& borrowed) {
    return borrowed.session().transaction_status() != spi::TransactionStatus::idle;
}

using Items = std::span<spi::BatchItem* const>;

/// As one transaction where there are settings.
void run_batch(const Borrowed& borrowed, const Settings* settings, Items items, spi::BatchSync sync) {
    if (settings)
        run_with_settings(borrowed, *settings, items);
    else
        borrowed.session().run_batch(items, sync, borrowed.wait);
}

std::optional<std::chrono::milliseconds> share_of(const Borrowed& borrowed) {
    if (!borrowed.context->limit_margin) return std::nullopt;
    return ServerLimit::share_of(borrowed.wait.deadline.remaining(), *borrowed.context->limit_margin);
}

/// What failed beside a request, as the error of the request.
Error as_error_of(const spi::Request& request, const Error& error) {
    ErrorFields fields = error.fields();
    fields.sql = request.sql;
    fields.position = 0;
    return Error(std::move(fields));
}

/// The item fails with what failed beside it.
void fail_with(spi::BatchItem& item, const spi::BatchItem& beside) {
    item.outcome.emplace(as_error_of(item.request, beside.outcome->error()));
}

/// All in one flush, which is one transaction or a part of one.
void run_limited(const Borrowed& borrowed, std::chrono::milliseconds share, const Settings* settings, Items items,
                 spi::BatchSync sync) {
    const ServerLimit limit(share);
    spi::BatchItem limiting{limit.request()}, setting, lifting{ServerLimit::lift()};
    std::vector<spi::BatchItem*> all{&limiting};
    if (settings) {
        setting.request = settings->request();
        all.push_back(&setting);
    }
    all.insert(all.end(), items.begin(), items.end());
    if (is_inside_transaction(borrowed)) all.push_back(&lifting);

    borrowed.session().run_batch(all, sync, borrowed.wait);
    for (const spi::BatchItem* before : {&setting, &limiting})
        if (before->failed()) fail_with(*items.front(), *before);  // why the first of them was not run
    if (lifting.failed() && !items.back()->failed()) fail_with(*items.back(), lifting);  // it ended the transaction
    for (spi::BatchItem* item : items)
        if (item->failed() && limit.is_why(item->outcome->error(), borrowed.wait.stop))
            item->outcome.emplace(ServerLimit::late(item->outcome->error()));
}

/// What its statement had done was undone with the transaction around it, which was the statement's own.
Error rolled_back(const Error& error) {
    ErrorFields fields = as_of_its_own(error).fields();
    fields.outcome = Outcome::not_applied;
    fields.message = "rolled back: " + fields.message;
    return Error(std::move(fields));
}

/// One after the other in a transaction: for an answer that may be too large, which would have no bound in a batch; for
/// a procedure that commits, which older servers let go on there without the settings.
Expected<Result> run_in_steps(const Borrowed& borrowed, std::optional<std::chrono::milliseconds> share,
                              const Settings* settings, const spi::Request& request) {
    spi::Session& session = borrowed.session();
    const bool is_inside = is_inside_transaction(borrowed);
    std::optional<ServerLimit> limit;
    if (share) limit.emplace(*share);
    Enclosure enclosure;
    bool is_to_commit = false;
    const auto run_all = [&]() -> Expected<Result> {
        if (auto begun = enclosure.begin(session, borrowed.wait); !begun) return as_error_of(request, begun.error());
        if (limit)
            if (auto set = session.run(limit->request(), borrowed.wait); !set) return as_error_of(request, set.error());
        if (settings)
            if (auto set = session.run(settings->request(), borrowed.wait); !set)
                return as_error_of(request, set.error());
        Expected<Result> result = session.run(request, borrowed.wait);
        // One that was given up too late has left the transaction as it was.
        if (limit && is_inside && session.transaction_status() == spi::TransactionStatus::open)
            if (auto lifted = session.run(ServerLimit::lift(), {Deadline::after(lifting_budget)}); !lifted && result)
                return as_error_of(request, lifted.error());
        if (!result) return result;
        is_to_commit = true;
        if (auto committed = enclosure.commit(session, borrowed.wait); !committed)
            return as_error_of(request, committed.error());
        return result;
    };
    Expected<Result> result = run_all();
    enclosure.leave(session);
    if (!result && !is_inside && !is_to_commit && result.error().outcome() != Outcome::not_sent)
        result = rolled_back(result.error());
    if (!result && limit && limit->is_why(result.error(), borrowed.wait.stop)) return ServerLimit::late(result.error());
    return result;
}

Expected<Result> run_one(const Borrowed& borrowed, bool is_about_rows, const Settings* settings,
                         const spi::Request& request) {
    if (borrowed.session().transaction_status() == spi::TransactionStatus::failed && ends_failure(request.sql))
        return borrowed.session().run(request, borrowed.wait);  // which needs no settings, and no limit
    const bool controls = transaction_control(request.sql) != TransactionControl::none;
    const auto share = is_about_rows ? share_of(borrowed) : std::nullopt;
    const bool is_bounded = request.max_result_bytes != 0 && (share || settings);
    if (!controls && (is_bounded || (settings && may_commit_inside(request.sql))))
        return run_in_steps(borrowed, share, settings, request);
    if (share) {
        spi::BatchItem item{request};
        spi::BatchItem* const one = &item;
        run_limited(borrowed, *share, settings, {&one, 1}, spi::BatchSync::once);
        return *std::move(item.outcome);
    }
    return settings ? run_with_settings(borrowed, *settings, request) : borrowed.session().run(request, borrowed.wait);
}

}  // namespace

std::optional<std::chrono::milliseconds> ServerLimit::share_of(std::chrono::nanoseconds left,
                                                               std::chrono::nanoseconds margin) {
    using std::chrono::milliseconds;
    if (left == no_timeout) return std::nullopt;
    const auto share = std::chrono::duration_cast<milliseconds>(std::max(left - margin, left / 2));
    if (share < milliseconds(1)) return std::nullopt;
    return std::min(share, milliseconds(std::numeric_limits<std::int32_t>::max()));
}

ServerLimit::ServerLimit(std::chrono::milliseconds time) : end_(Deadline::after(time)) {
    static_cast<void>(params_.add(static_cast<std::int32_t>(time.count())));  // a number always fits
}

spi::Request ServerLimit::request() const { return {.sql = set_limit, .params = &params_}; }

spi::Request ServerLimit::lift() { return {.sql = lift_limit}; }

bool ServerLimit::is_why(const Error& error, const StopToken* stop) const {
    return error.sqlstate() == sqlstate::query_canceled && end_.passed() && !(stop && stop->stop_requested());
}

Error ServerLimit::late(const Error& error) {
    ErrorFields fields = error.fields();
    fields.kind = ErrorKind::timeout;
    fields.message = "the deadline came near, and the server ended the statement: " + fields.message;
    return Error(std::move(fields));
}

Expected<Result> run_with_limits(const Borrowed& borrowed, const Call& call, const Settings* settings,
                                 const spi::Request& request) {
    const bool may_have_limit =
        borrowed.context->limit_margin && (call.statement ? call.statement->is_about_rows : is_about_rows(call.sql));
    return run_one(borrowed, may_have_limit, settings, request);
}

void run_batch_with_limits(const Borrowed& borrowed, const Settings* settings, Items items, spi::BatchSync sync) {
    const auto can_have_one = [](const spi::BatchItem* item) { return is_about_rows(item->request.sql); };
    const bool in_one_flush = is_inside_transaction(borrowed) && !settings && borrowed.context->sends_ahead;
    if (sync == spi::BatchSync::once || in_one_flush) {
        const auto share = std::all_of(items.begin(), items.end(), can_have_one) ? share_of(borrowed) : std::nullopt;
        return share ? run_limited(borrowed, *share, settings, items, sync)
                     : run_batch(borrowed, settings, items, sync);
    }
    if (!settings && borrowed.context->sends_ahead) return run_batch(borrowed, settings, items, sync);
    for (spi::BatchItem* item : items)
        item->outcome.emplace(run_one(borrowed, can_have_one(item), settings, item->request));
}

}  // namespace pg::detail
