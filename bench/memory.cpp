// W6: what an idle connection holds on the heap, by the library and by libpq alone, in the clear and under TLS; what a
// visitor of a million rows takes; and what it takes to read 100,000 rows into structs. On a throwaway server.
//
//     pgclient_memory MOST-OVER-LIBPQ MOST-OF-A-VISITOR MOST-OF-A-READER
//
// Prints bytes; fails when an idle connection takes more than so many over libpq, a visitor more than so many over the
// process at rest, or a reader more than so many times what libpq by hand takes.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <malloc.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/raw_libpq.hpp"
#include "bench/workload.hpp"
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

/// Bytes that the process has had in memory at most, since the last call of `forget_peak`. @{
std::size_t peak() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (word == "VmHWM:") {
            std::size_t kibibytes = 0;
            status >> kibibytes;
            return 1024 * kibibytes;
        }
    throw std::runtime_error("/proc/self/status names no peak");
}
void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }  /// @}

/// Visits a million rows of 100 bytes and says how far the process grew.
std::size_t bytes_of_visitor(const std::string& conninfo) {
    pg::Client db = pg::connect(conninfo, {.pool_max_size = 1});
    static_cast<void>(db.query_one<int>("select 1"));
    forget_peak();
    const std::size_t before = peak();
    std::size_t bytes = 0;
    for (const auto& [number, text] :
         db.stream<int, std::string_view>("select n, repeat('x', 92) from generate_series(1, 1000000) n"))
        bytes += sizeof number + text.size();
    if (bytes != 96'000'000) throw std::runtime_error("the rows are not those that were asked for");
    return peak() - before;
}

int visit(const std::string& conninfo, std::size_t most) {
    int failed = 0;
    for (const char* engine : {"direct", "libpq"}) {
        const std::size_t bytes = bytes_of_visitor(conninfo + " engine=" + engine);
        std::printf("bytes that visiting a million rows takes (%s): %zu\n", engine, bytes);
        if (bytes <= most) continue;
        std::fprintf(stderr, "that is more than %zu\n", most);
        failed = 1;
    }
    return failed;
}

/// Reads all rows into structs by a peer, and says how far the process grew.
std::size_t bytes_of_reader(const std::vector<bench::Workload>& workloads) {
    for (const bench::Workload& workload : workloads) {
        if (workload.operation != bench::operation::bulk_read) continue;
        ::malloc_trim(0);  // what was read before
        forget_peak();
        const std::size_t before = peak();
        static_cast<void>(workload.run());
        return peak() - before;
    }
    throw std::runtime_error("a peer reads no rows");
}

int read(const std::string& conninfo, double most) {
    const bench::Scale scale;
    bench::raw::execute(bench::raw::connect(conninfo).get(), bench::tables_sql(scale).c_str());
    const std::size_t raw = bytes_of_reader(bench::raw_libpq_workloads(conninfo, scale));
    const std::size_t ours = bytes_of_reader(bench::client_workloads(conninfo, scale));
    std::printf("bytes that reading %d rows takes: libpq %zu, pgclient %zu\n", scale.rows, raw, ours);
    if (static_cast<double>(ours) <= most * static_cast<double>(raw)) return 0;
    std::fprintf(stderr, "that is more than %.2f times as many\n", most);
    return 1;
}

int compare(const char* line, const std::string& conninfo, std::size_t most_over) {
    const std::size_t raw = bytes_of_each([&] {
        bench::raw::Connection connection = bench::raw::connect(conninfo);
        bench::raw::execute(connection.get(), "select 1");
        return connection;
    });
    pg::Client client = pg::open(conninfo + " engine=direct", {.pool_max_size = 2 * connections});
    const std::size_t ours = bytes_of_each([&] {
        pg::Connection connection = client.connection();
        static_cast<void>(connection.query_one<int>("select 1"));
        return connection;
    });
    std::printf("bytes of an idle connection %s: libpq %zu, pgclient %zu\n", line, raw, ours);
    if (ours <= raw + most_over) return 0;
    std::fprintf(stderr, "the library holds %zu bytes over libpq, at most %zu\n", ours - raw, most_over);
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: pgclient_memory MOST-OVER-LIBPQ MOST-OF-A-VISITOR MOST-OF-A-READER\n", stderr);
        return 2;
    }
    try {
        const std::vector<std::string> settings{"max_connections = 200"};
        const auto server = pg::testing::TestServer::start({.settings = settings});
        const auto under_tls = pg::testing::TestServer::start({.tls = true, .settings = settings});
        const std::size_t most_over = std::strtoul(argv[1], nullptr, 10);
        int failures = compare("in the clear", server.conninfo(), most_over);
        failures += compare("under TLS", under_tls.tcp_conninfo() + " sslmode=require", most_over);
        failures += visit(server.conninfo(), std::strtoul(argv[2], nullptr, 10));
        failures += read(server.conninfo(), std::strtod(argv[3], nullptr));
        return failures == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
