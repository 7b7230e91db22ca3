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
