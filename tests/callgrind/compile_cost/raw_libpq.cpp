// The same by hand: a connect and a typed query with libpq in binary.
#include <cstdint>
#include <cstring>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

struct User {
    std::int64_t id;
    std::string name;
    std::optional<std::string> email;
};

namespace {

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
};

std::string text(const PGresult* result, int row, int column) {
    return {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))};
}

User read_user(const PGresult* result, int row) {
    std::uint64_t id = 0;
    std::memcpy(&id, PQgetvalue(result, row, 0), sizeof id);
    User user{static_cast<std::int64_t>(__builtin_bswap64(id)), text(result, row, 1), std::nullopt};
    if (PQgetisnull(result, row, 2) == 0) user.email = text(result, row, 2);
    return user;
}

}  // namespace

std::vector<User> adults(const char* conninfo, std::int32_t age) {
    const std::unique_ptr<PGconn, Finish> connection(PQconnectdb(conninfo));
    if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));

    const std::uint32_t argument = __builtin_bswap32(static_cast<std::uint32_t>(age));
    const char* const values[] = {reinterpret_cast<const char*>(&argument)};
    const Oid types[] = {23};
    const int lengths[] = {sizeof argument};
    const int binary[] = {1};
    const std::unique_ptr<PGresult, Clear> result(PQexecParams(
        connection.get(), "select id, name, email from users where age >= $1", 1, types, values, lengths, binary, 1));
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
    if (PQnfields(result.get()) != 3 || PQftype(result.get(), 0) != 20) throw std::runtime_error("not users");

    const int count = PQntuples(result.get());
    std::vector<User> users;
    users.reserve(static_cast<std::size_t>(count));
    for (int row = 0; row < count; ++row) users.push_back(read_user(result.get(), row));
    return users;
}
