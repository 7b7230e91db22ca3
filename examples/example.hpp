// What the examples share: a throwaway server, and a check that fails the program.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <pg/testing/test_server.hpp>
#include <string>

namespace example {

/// The connection string given on the command line, or that of a server which lives as long as the program.
inline std::string conninfo(int argc, char** argv) {
    return argc > 1 ? argv[1] : pg::testing::shared_server().conninfo();
}

/// Ends the program, and so the test that runs it, when what the page says is not so.
inline void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::exit(1);
}

}  // namespace example
