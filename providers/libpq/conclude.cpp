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
    ErrorFields fields;
    switch (PQresultStatus(result)) {
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT:
            fields.message = "COPY … FROM STDIN and COPY … TO STDOUT are run by copy_in and copy_out";
            fields.outcome = link.recover(earlier(Deadline::after(cancel_budget), wait.deadline));
            break;
        default:
            fields.kind = ErrorKind::protocol;
            fields.outcome = Outcome::unknown;
            fields.message =
                std::string("unexpected reply ") + PQresStatus(PQresultStatus(result)) + ": the connection is closed";
            link.close();
    }
    fields.connection_usable = link.connection() != nullptr;
    return link.error(std::move(fields));
}

}  // namespace pg::libpq
