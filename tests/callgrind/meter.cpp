// One workload of one peer under callgrind: only the run itself is counted, not what it takes to get there.
//
//     valgrind --tool=callgrind --collect-atstart=no pgclient_meter_raw CONNINFO OPERATION RUNS
//
// Prints how many queries or rows were counted.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <valgrind/callgrind.h>

#include "bench/workload.hpp"

#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#error "instructions are counted in optimised code without sanitizers: build the preset `release`"
#endif

namespace {

std::int64_t measure(const std::string& conninfo, std::string_view operation, int runs) {
    for (const bench::Workload& workload : PGCLIENT_METERED(conninfo, bench::Scale{})) {
        if (workload.operation != operation) continue;
        static_cast<void>(workload.run());  // what is done once, such as preparing, is done now
        for (int run = 0; run < runs; ++run) {
            CALLGRIND_TOGGLE_COLLECT;
            static_cast<void>(workload.run());
            CALLGRIND_TOGGLE_COLLECT;
        }
        return runs * workload.items;
    }
    bench::fail(operation, "this peer has no such operation");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: pgclient_meter_… CONNINFO OPERATION RUNS\n", stderr);
        return 2;
    }
    try {
        std::printf("%lld\n", static_cast<long long>(measure(argv[1], argv[2], std::atoi(argv[3]))));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
