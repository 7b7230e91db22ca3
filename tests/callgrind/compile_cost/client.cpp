// A connect and a typed query through the library: what compiling it costs is compared with raw_libpq.cpp.
#include <pg/client.hpp>

struct User {
    std::int64_t id;
    std::string name;
    std::optional<std::string> email;
};

std::vector<User> adults(const char* conninfo, std::int32_t age) {
    pg::Client db = pg::connect(conninfo);
    return db.query_all<User>("select id, name, email from users where age >= $1", age);
}
