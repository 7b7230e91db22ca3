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

/// The limit that holds without us is what is set, or, where that is what a statement before set in this transaction,
/// what was set then: it is kept beside ours, as "theirs/ours".
constexpr std::string_view set_limit =
    "select set_config('pgclient.statement_timeout', theirs || '/' || set_config('statement_timeout', "
    "case when extract(epoch from theirs::interval) * 1000 between 1 and $1::int then theirs else $1::int::text end, "
    "true), true) from (select case when split_part(kept, '/', 2) = now then split_part(kept, '/', 1) else now end "
    "as theirs from (select current_setting('statement_timeout') as now, "
    "coalesce(current_setting('pgclient.statement_timeout', true), '') as kept) as known) as before";

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

bool ServerLimit::is_why(const Error& error, const StopToken* stop) const {
    return error.sqlstate() == sqlstate::query_canceled && end_.passed() && !(stop && stop->stop_requested());
}

Error ServerLimit::late(const Error& error) {
    ErrorFields fields = error.fields();
    fields.kind = ErrorKind::timeout;
    fields.message = "the deadline came near, and the server ended the statement: " + fields.message;
    return Error(std::move(fields));
}

Expected<Result> run_within_limit(const Borrowed& borrowed, const Call& call, const Settings* settings,
                                  const spi::Request& request) {
    const bool can_have_one = call.statement ? call.statement->is_about_rows : is_about_rows(call.sql);
    const auto share = can_have_one
                           ? ServerLimit::share_of(borrowed.wait.deadline.remaining(), *borrowed.context->limit_margin)
                           : std::nullopt;
    if (!share)
        return settings ? run_with_settings(borrowed, *settings, request)
                        : borrowed.session().run(request, borrowed.wait);
    const ServerLimit limit(*share);
    std::vector<spi::Request> all{limit.request()};
    if (settings) all.push_back(settings->request());
    all.push_back(request);
    Expected<Result> result = last_of(borrowed.session().run_batch(all, spi::BatchSync::once, borrowed.wait));
    if (!result && limit.is_why(result.error(), borrowed.wait.stop)) return ServerLimit::late(result.error());
    return result;
}

}  // namespace pg::detail
