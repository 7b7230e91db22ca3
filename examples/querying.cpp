// The verbs: what a row can be read as, options, run-time texts, dynamic rows.
#include <pg/client.hpp>
#include <pg/rows.hpp>

#include "example.hpp"

using namespace std::chrono_literals;

namespace {

struct Order {
    std::int64_t id;
    std::string customer;
    std::optional<std::string> note;
};

}  // namespace

int main(int argc, char** argv) {
    pg::Client db = pg::connect(example::conninfo(argc, argv));
    db.run_script(
        "create table orders (id bigint primary key, customer text not null, note text, total numeric not null);"
        "insert into orders values (1, 'ann', null, 9.5), (2, 'bob', 'gift', 20)");

    // [shapes]
    auto names = db.query_all<std::string>("select customer from orders order by id");                    // one column
    auto pairs = db.query_all<std::tuple<std::int64_t, std::string>>("select id, customer from orders");  // by position
    auto orders = db.query_all<Order>("select note, id, customer from orders where id = $1", 2);       // by field name
    auto note = db.query_one<std::optional<std::string>>("select note from orders where id = $1", 1);  // NULL
    // [shapes]
    example::check(names.size() == 2 && pairs.size() == 2 && orders[0].note == "gift" && !note, "shapes");

    // [options]
    auto quick = db.with({.timeout = 5s}).query_one<std::int64_t>("select count(*) from orders");
    auto wide = db.with({.extra = pg::Extra::ignore}).query_one<Order>("select * from orders where id = $1", 1);
    // [options]
    example::check(quick == 2 && wide.customer == "ann", "options");

    // [runtime]
    const std::string column = "customer";  // chosen by the program, never by its input
    auto sorted = db.query_all<std::string>(pg::runtime("select customer from orders order by " + column));
    auto limited =
        db.query_all<std::string>(pg::Query{.sql = "select customer from orders where id > $1", .timeout = 10s}, 1);
    // [runtime]
    example::check(sorted.front() == "ann" && limited.size() == 1, "run-time texts");

    // [dynamic]
    const pg::Result result = db.query("select id, customer from orders order by id");
    std::string text;
    for (const pg::Row& row : result) text += row.get<std::string>("customer") + " ";
    for (auto&& [id, customer] : result.rows<std::int64_t, std::string_view>())
        text += customer;  // views into the result
    // [dynamic]
    example::check(text == "ann bob annbob", "dynamic rows");

    // [stream]
    std::int64_t bytes = 0;
    for (auto&& [id, customer] : db.stream<std::int64_t, std::string_view>("select id, customer from orders"))
        bytes += static_cast<std::int64_t>(customer.size());
    // [stream]
    example::check(bytes == 6, "stream");

    // [try]
    pg::Expected<std::int64_t> broken = db.try_query_one<std::int64_t>("select 1 / $1::int8", 0);
    if (!broken && broken.error().sqlstate() == "22012") bytes = 0;
    // [try]
    example::check(bytes == 0, "try twins");
}
