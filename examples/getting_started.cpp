// The first program: connect, one typed query.
// [all]
#include <pg/client.hpp>
// [all]
#include "example.hpp"

// [user]
struct User {
    std::int64_t id;
    std::string name;
    std::optional<std::string> email;
};
// [user]

int main(int argc, char** argv) {
    const std::string conninfo = example::conninfo(argc, argv);
    // [connect]
    pg::Client db = pg::connect(conninfo);  // "postgresql://app@localhost/shop?pool_max_size=20"
    // [connect]
    db.run_script(
        "create table users (id bigint primary key, name text not null, email text, age int not null);"
        "insert into users values (42, 'ann', 'ann@example.org', 36), (43, 'bob', null, 17)");
    // [verbs]
    auto adults = db.query_all<User>("select id, name, email from users where age >= $1", 18);
    auto user = db.query_one<User>("select id, name, email from users where id = $1", 42);
    auto maybe = db.query_maybe<User>("select id, name, email from users where name = $1", "carol");
    auto total = db.query_one<std::int64_t>("select count(*) from users");
    auto changed = db.exec("update users set name = $1 where id = $2", "robert", 43);
    // [verbs]
    example::check(adults.size() == 1 && user.name == "ann" && !maybe && total == 2 && changed == 1, "the verbs");
}
