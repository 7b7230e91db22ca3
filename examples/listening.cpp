// LISTEN and NOTIFY.
#include <pg/client.hpp>
#include <pg/listener.hpp>

#include "example.hpp"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    pg::Client db = pg::connect(example::conninfo(argc, argv));
    std::string payload;
    // [listen]
    pg::Listener listener(db);
    listener.listen("orders");
    db.exec("select pg_notify($1, $2)", "orders", "order 42");
    if (auto notification = listener.next(5s)) payload = notification->payload;
    // [listen]
    example::check(payload == "order 42", "the payload");
}
