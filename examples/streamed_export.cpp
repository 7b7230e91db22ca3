// An export in constant memory: what has come is written while the rest still arrives.
#include <algorithm>
#include <asio/thread_pool.hpp>
#include <pg/async.hpp>
#include <pg/async_copy.hpp>
#include <pg/integrations/asio.hpp>
#include <system_error>
#include <thread>

#include "example.hpp"

namespace {

/// May wait for whoever reads: a pipe, a slow disk.
void write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0) throw std::system_error(errno, std::generic_category(), "write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

// [rows]
struct Order {
    std::int64_t id;
    int customer;
    int items;
};

pg::Task<void> export_orders(pg::AsyncClient db, int descriptor) {
    std::string csv = "id,customer,items\n";
    pg::AsyncStream<Order> orders = co_await db.stream<Order>("select id, customer, items from orders order by id");
    while (const Order* order = co_await orders.next()) {
        csv += std::to_string(order->id) + ',' + std::to_string(order->customer) + ',' + std::to_string(order->items);
        csv += '\n';
        if (csv.size() > 64 * 1024) write_all(descriptor, std::exchange(csv, {}));
    }
    write_all(descriptor, csv);
}
// [rows]

// [bytes]
pg::Task<void> export_csv(pg::AsyncClient db, int descriptor) {
    auto copy = co_await pg::AsyncCopyReader::open(db, "copy orders to stdout (format csv, header)");
    while (const std::optional<std::string> bytes = co_await copy.read()) write_all(descriptor, *bytes);
}
// [bytes]

/// What is written into a pipe, which holds but a part of it, read at the same time.
std::string read_all(int descriptor) {
    std::string all;
    char piece[4096];
    for (ssize_t size = 0; (size = ::read(descriptor, piece, sizeof piece)) > 0;)
        all.append(piece, static_cast<std::size_t>(size));
    ::close(descriptor);
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    pg::Client client = pg::connect(example::conninfo(argc, argv), {.provider = "async"});
    client.run_script(
        "create table orders (id bigint primary key, customer int not null, items int not null);"
        "insert into orders select n, n % 100, 1 from generate_series(1, 50000) n");
    int ends[2];
    example::check(::pipe(ends) == 0, "a pipe");
    const int descriptor = ends[1];
    std::string csv;
    std::thread reader([&] { csv = read_all(ends[0]); });
    // [where]
    asio::thread_pool writer(1);  // a write waits there, and holds up no loop of the library
    {
        pg::integrations::AsioScheduler scheduler(writer.get_executor());
        pg::sync_wait(export_orders(client.async(scheduler), descriptor));
        pg::sync_wait(export_csv(client.async(scheduler), descriptor));
    }
    writer.join();
    // [where]
    ::close(descriptor);
    reader.join();
    const std::string_view both = csv, rows = both.substr(0, both.size() / 2);
    example::check(rows.starts_with("id,customer,items\n1,1,1\n2,2,1\n"), "the first rows");
    example::check(rows.ends_with("\n50000,0,1\n"), "the last row");
    example::check(std::count(rows.begin(), rows.end(), '\n') == 50'001, "and all between");
    example::check(rows == both.substr(both.size() / 2), "as the server writes them");
}
