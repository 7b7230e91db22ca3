// What the verbs say when the arguments or the number of rows are wrong.
#include "pg/executor.hpp"

namespace pg::detail {

Error encode_error(std::string_view sql, std::size_t argument, Fault fault) {
    ErrorFields fields{.kind = ErrorKind::encode, .outcome = Outcome::not_sent};
    fields.message = "argument $" + std::to_string(argument) + " " + fault.reason;
    fields.sql = sql;
    return Error(std::move(fields));
}

Error no_rows(std::string_view sql) {
    ErrorFields fields{.kind = ErrorKind::no_rows, .outcome = Outcome::applied};
    fields.message = "one row was asked for, and the statement gave none; query_maybe allows that";
    fields.sql = sql;
    return Error(std::move(fields));
}

Error too_many_rows(std::string_view sql, std::size_t rows) {
    ErrorFields fields{.kind = ErrorKind::too_many_rows, .outcome = Outcome::applied};
    fields.message =
        "at most one row was asked for, and the statement gave " + std::to_string(rows) + "; query_all takes them all";
    fields.sql = sql;
    return Error(std::move(fields));
}

}  // namespace pg::detail
