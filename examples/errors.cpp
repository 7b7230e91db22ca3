// Errors: catch what you can act on; everything else says what failed and what to do.
#include <pg/client.hpp>
#include <pg/sqlstate.hpp>

#include "example.hpp"

int main(int argc, char** argv) {
    pg::Client db = pg::connect(example::conninfo(argc, argv));
    db.run_script("create table tags (name text primary key)");
    std::string answer;

    // [catch]
    try {
        db.exec("insert into tags values ($1), ($1)", "red");
    } catch (const pg::UniqueViolation& error) {
        answer = error.constraint();
    } catch (const pg::Error& error) {
        if (error.retry_scope() == pg::RetryScope::transaction) answer = "again";
        throw;
    }
    // [catch]
    example::check(answer == "tags_pkey", "the constraint");

    // [expected]
    auto missing = db.try_exec("select * from no_such_table");
    if (!missing && missing.error().sqlstate() == pg::sqlstate::undefined_table)
        answer = std::string(missing.error().message());
    // [expected]
    example::check(!missing && missing.error().outcome() == pg::Outcome::not_applied, "an undefined table");
}
