// Sorting results by their status.
#include "providers/libpq/conclude.hpp"

#include "providers/libpq/cancel.hpp"
#include "providers/libpq/result.hpp"

namespace pg::libpq {

Expected<Result> conclude(Link& link, ResultHandle result, const spi::Wait& wait,
                          const std::shared_ptr<const ResultStorage>* description) {
    switch (PQresultStatus(result.get())) {
        case PGRES_TUPLES_OK:
            if (description) return make_result(std::move(result), link.types(), *description);
            [[fallthrough]];
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY: return make_result(std::move(result), link.types());
        case PGRES_FATAL_ERROR: return link.failed(result.get());
        default: return give_up_on(link, result.get(), wait);
    }
}

Expected<Result> conclude(Link& link, const spi::Request& request, ResultHandle preparation, ResultHandle result,
                          const spi::Wait& wait) {
    // What says that it could not be prepared is the answer; what follows says only that it was passed over.
    if (preparation && PQresultStatus(preparation.get()) == PGRES_FATAL_ERROR) return link.failed(preparation.get());
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_ABORTED) return link.behind_a_failure();
    if (request.prepare == nullptr) return conclude(link, std::move(result), wait, request.description);
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) *request.prepare = describe_result(result.get(), link.types());
    return conclude(link, std::move(result), wait, *request.prepare ? request.prepare : nullptr);
}

Error give_up_on(Link& link, const PGresult* result, const spi::Wait& wait) {
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
        return abandon(link, {.message = std::string(copies_elsewhere)}, wait);
    link.close();
    return link.error(
        {.kind = ErrorKind::protocol,
         .outcome = Outcome::unknown,
         .connection_usable = false,
         .message = std::string("unexpected reply ") + PQresStatus(status) + ": the connection is closed"});
}

}  // namespace pg::libpq
