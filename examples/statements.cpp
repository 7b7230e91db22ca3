// Prepared statements: those that a client keeps by itself, and those that are asked for.
#include <pg/client.hpp>
#include <pg/connection.hpp>
#include <pg/statement_cache.hpp>

#include "example.hpp"

int main(int argc, char** argv) {
    const std::string uri = example::conninfo(argc, argv);

    // [automatic]
    pg::Client db = pg::connect(uri, {.statement_cache_size = 100});
    for (int id = 1; id <= 1000; ++id) static_cast<void>(db.query_one<int>("select $1 * 2", id));
    const pg::StatementCacheStats statements = db.statement_cache();  // 998 hits, 2 misses
    // [automatic]
    example::check(statements.hits == 998 && statements.misses == 2 && statements.prepared == 1, "the numbers");

    // [prepare]
    auto twice = db.prepare<int(int)>("select $1 * 2");
    const int four = twice(2);
    pg::Transaction transaction = db.begin();
    const int six = twice.on(transaction)(3);
    // [prepare]
    example::check(four == 4 && six == 6, "the answers");
}
