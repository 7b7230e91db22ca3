// LISTEN, awaited: a value that is kept as the table has it, across a connection that is lost.
#include <pg/async.hpp>
#include <pg/async_listener.hpp>

#include "example.hpp"

using namespace std::chrono_literals;

namespace {

// [follow]
struct Stock {
    int items = 0;
    int times_read = 0;
};

pg::Task<void> read_stock(pg::AsyncClient db, Stock& stock) {
    stock.items = co_await db.query_one<int>("select items from stock");
    ++stock.times_read;
}

/// Keeps `stock` as the table has it, until nothing is left.
pg::Task<void> follow_stock(pg::AsyncClient db, Stock& stock) {
    pg::AsyncListener listener(db);
    co_await listener.listen("stock");
    co_await read_stock(db, stock);  // what changes from now on is heard
    while (stock.items > 0) {
        const pg::Heard heard = co_await listener.next(60s);
        if (heard.message) stock.items = std::stoi(heard.message->payload);
        if (heard.gap) co_await read_stock(db, stock);  // the connection was lost and is there again
    }
}
// [follow]

/// Once the stock is followed: ends the session that listens, as a server does that is restarted, and sells all.
pg::Task<void> sell_all_in_a_gap(pg::AsyncClient db, const Stock& stock) {
    while (stock.times_read == 0) co_await db.exec("select 1");
    const auto ended = co_await db.query_one<std::int64_t>(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() "
        "and usename = current_user and query = 'listen \"stock\"' and state = 'idle'");
    example::check(ended == 1, "the session that listens");
    co_await db.exec("with sold as (update stock set items = 0) select pg_notify('stock', '0')");
}

}  // namespace

int main(int argc, char** argv) {
    pg::Client client = pg::connect(example::conninfo(argc, argv), {.provider = "async"});
    client.run_script("create table stock (items int not null); insert into stock values (7)");
    Stock stock;
    const pg::AsyncClient db = client.async();
    pg::sync_wait(pg::when_all(follow_stock(db, stock), sell_all_in_a_gap(db, stock)));
    example::check(stock.items == 0, "what is left");
    example::check(stock.times_read == 2, "it was read again after the gap");
}
