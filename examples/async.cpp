// Awaited calls: many at once on few sessions, a transaction that is run again on a conflict, and a part of one that
// can fail alone.
#include <numeric>
#include <pg/async.hpp>
#include <pg/async_savepoint.hpp>

#include "example.hpp"

namespace {

// [first]
pg::Task<int> times_six(pg::AsyncClient db, int number) {
    co_return co_await db.query_one<int>("select 6 * $1::int", number);
}
// [first]

// [fan_out]
pg::Task<std::int64_t> items_of(pg::AsyncClient db, int customer) {
    co_return co_await db.query_one<std::int64_t>("select sum(items) from orders where customer = $1", customer);
}

pg::Task<std::int64_t> items_of_all(pg::AsyncClient db, std::vector<int> customers) {
    std::vector<pg::Task<std::int64_t>> parts;
    for (const int customer : customers) parts.push_back(items_of(db, customer));
    const std::vector<std::int64_t> items = co_await pg::when_all(std::move(parts));
    co_return std::accumulate(items.begin(), items.end(), std::int64_t(0));
}
// [fan_out]

// [savepoint]
pg::Task<int> add_those_that_fit(pg::AsyncClient db, std::vector<std::int64_t> ids) {
    pg::AsyncTransaction transaction = co_await db.begin();
    int added = 0;
    for (const std::int64_t id : ids) {
        pg::AsyncSavepoint part = co_await transaction.savepoint();
        if (!co_await transaction.try_exec("insert into orders values ($1, 1, 1)", id)) continue;  // undone
        co_await part.release();
        ++added;
    }
    co_await transaction.commit();
    co_return added;
}
// [savepoint]

// [transaction]
pg::Task<int> move_items(pg::AsyncClient db, int count, std::int64_t from, std::int64_t to) {
    const auto body = [&](pg::AsyncTransaction& transaction) -> pg::Task<int> {
        co_await transaction.exec("update orders set items = items - $1 where id = $2", count, from);
        co_await transaction.exec("update orders set items = items + $1 where id = $2", count, to);
        co_return co_await transaction.query_one<int>("select items from orders where id = $1", to);
    };
    const pg::TransactionOptions options{.isolation = pg::Isolation::serializable, .retries = 5};
    co_return co_await db.transaction(options, body);
}
// [transaction]

}  // namespace

int main(int argc, char** argv) {
    pg::Client client = pg::connect(example::conninfo(argc, argv), {.provider = "async", .pool_max_size = 4});
    pg::AsyncClient db = client.async();
    client.run_script(
        "create table orders (id bigint primary key, customer int not null, items int not null);"
        "insert into orders select n, n % 100, 1 from generate_series(1, 1000) n");

    example::check(pg::sync_wait(times_six(db, 7)) == 42, "the answer");

    std::vector<int> customers(100);
    std::iota(customers.begin(), customers.end(), 0);
    example::check(pg::sync_wait(items_of_all(db, customers)) == 1000, "a hundred calls on four sessions");

    example::check(pg::sync_wait(move_items(db, 3, 1, 2)) == 4, "the transaction's value");
    example::check(client.query_one<int>("select items from orders where id = 1") == -2, "and it was committed");

    example::check(pg::sync_wait(add_those_that_fit(db, {999, 1000, 1001, 1002})) == 2, "two of them were there");
    example::check(client.query_one<std::int64_t>("select count(*) from orders") == 1002, "and two were not");
}
