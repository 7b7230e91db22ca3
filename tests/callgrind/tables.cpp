// A throwaway server with the tables of the benchmarks, for as long as its standard input is open.
//
// Prints the server's connection string once it can be used.
#include <cstdio>
#include <exception>
#include <string>

#include "bench/raw_libpq.hpp"
#include "pg/testing/test_server.hpp"

int main() {
    try {
        const auto server = pg::testing::TestServer::start();
        const std::string conninfo = server.conninfo();
        bench::raw::execute(bench::raw::connect(conninfo).get(), bench::tables_sql({}).c_str());
        std::puts(conninfo.c_str());
        std::fflush(stdout);
        while (std::getchar() != EOF) {
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
