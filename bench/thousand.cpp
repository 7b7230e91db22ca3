// What a thousand connections take of a client's memory, through the unix socket of a throwaway server.
//
//     pgclient_thousand ENGINE MOST-BYTES [PROVIDER]
//
// Prints bytes by which the process grew; fails when they are more than so many. With provider `async` they are used by
// awaited calls.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <malloc.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/connection.hpp"
#include "pg/testing/test_server.hpp"

namespace {

constexpr std::size_t connections = 1000;

/// Bytes of the process that are in memory.
std::size_t resident() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// With as many as `lend()` gives, each of which was asked once for the number that it is told.
template <class Lend, class Ask>
std::size_t growth(Lend lend, Ask ask) {
    std::vector<decltype(lend())> held;
    held.reserve(connections);
    const std::size_t before = resident();
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(connections); ++i) {
        held.push_back(lend());
        if (ask(held.back(), i) != i) throw std::runtime_error("a connection gave the answer of another");
    }
    return resident() - before;
}

std::size_t growth(const std::string& conninfo, const std::string& provider) {
    const pg::Options options{.provider = provider, .pool_max_size = connections, .timeout = std::chrono::minutes(5)};
    static_cast<void>(pg::open(conninfo, options).query_one<int>("select 1"));  // what a process pays once
    ::malloc_trim(0);
    pg::Client db = pg::open(conninfo, options);
    if (provider == "async")
        return growth([&] { return db.async().connection().get(); },
                      [](const pg::AsyncConnection& one, std::int64_t i) {
                          return one.query_one<std::int64_t>("select $1::bigint", i).get();
                      });
    return growth(
        [&] { return db.connection(); },
        [](pg::Connection& one, std::int64_t i) { return one.query_one<std::int64_t>("select $1::bigint", i); });
}

void allow_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 && argc != 4) {
        std::fputs("usage: pgclient_thousand ENGINE MOST-BYTES [PROVIDER]\n", stderr);
        return 2;
    }
    const std::size_t most = std::strtoul(argv[2], nullptr, 10);
    try {
        allow_descriptors();
        const auto server =
            pg::testing::TestServer::start({.settings = {"max_connections = 1100", "shared_buffers = '1MB'"}});
        const std::string provider = argc == 4 ? argv[3] : "libpq";
        const std::size_t bytes = growth(server.conninfo() + " engine=" + argv[1], provider);
        std::printf("bytes of a thousand connections (%s, %s): %zu\n", argv[1], provider.c_str(), bytes);
        if (bytes <= most) return 0;
        std::fprintf(stderr, "that is more than %zu\n", most);
        return 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
