// W6: what an idle connection holds on the heap, by the library and by libpq alone, on a throwaway server.
//
//     pgclient_memory [MOST-OVER-LIBPQ]
//
// Prints bytes for each connection; fails when the library takes more than so many bytes over libpq.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <malloc.h>
#include <string>
#include <vector>

#include "bench/raw_libpq.hpp"
#include "pg/connection.hpp"
#include "pg/testing/test_server.hpp"

namespace {

constexpr std::size_t connections = 64;

/// Bytes that are allocated, those that malloc took from the kernel by themselves included.
std::size_t allocated() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

/// Opens connections by `open` and says what each of them holds.
template <class Open>
std::size_t bytes_of_each(Open open) {
    static_cast<void>(open());  // what a process pays once
    std::vector<decltype(open())> opened;
    opened.reserve(connections);
    const std::size_t before = allocated();
    for (std::size_t i = 0; i < connections; ++i) opened.push_back(open());
    return (allocated() - before) / connections;
}

int compare(const std::string& conninfo, std::size_t most_over) {
    const std::size_t raw = bytes_of_each([&] {
        bench::raw::Connection connection = bench::raw::connect(conninfo);
        bench::raw::execute(connection.get(), "select 1");
        return connection;
    });
    pg::Client client = pg::open(conninfo, {.pool_max_size = 2 * connections});
    const std::size_t ours = bytes_of_each([&] {
        pg::Connection connection = client.connection();
        static_cast<void>(connection.query_one<int>("select 1"));
        return connection;
    });
    std::printf("bytes of an idle connection: libpq %zu, pgclient %zu\n", raw, ours);
    if (ours <= raw + most_over) return 0;
    std::fprintf(stderr, "the library holds %zu bytes over libpq, at most %zu\n", ours - raw, most_over);
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto server = pg::testing::TestServer::start({.settings = {"max_connections = 200"}});
        return compare(server.conninfo(), argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1024);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
