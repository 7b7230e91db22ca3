// The benchmarks: every operation by every peer, on one throwaway server, and the ratios at the end.
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "bench/ratios.hpp"
#include "bench/raw_libpq.hpp"
#include "bench/workload.hpp"
#include "pg/testing/test_server.hpp"

namespace {

using bench::Workload;

struct Peer {
    std::string name;
    std::vector<Workload> workloads;
};

std::vector<Peer> make_peers(const std::string& conninfo, const bench::Scale& scale) {
    std::vector<Peer> peers;
    peers.push_back({bench::yardstick, bench::raw_libpq_workloads(conninfo, scale)});
    peers.push_back({"pgclient", bench::client_workloads(conninfo, scale)});
#if defined(PGCLIENT_BENCH_PQXX)
    peers.push_back({"libpqxx", bench::pqxx_workloads(conninfo, scale)});
#endif
#if defined(PGCLIENT_BENCH_SOCI)
    peers.push_back({"soci", bench::soci_workloads(conninfo, scale)});
#endif
    return peers;
}

/// Every peer must have read the same before its time means anything.
void compare_digests(const std::vector<Peer>& peers) {
    std::map<std::string_view, std::uint64_t> expected;
    for (const Peer& peer : peers) {
        for (const Workload& workload : peer.workloads) {
            const std::uint64_t digest = workload.run();
            if (expected.try_emplace(workload.operation, digest).first->second != digest)
                bench::fail(workload.operation, peer.name + " reads something else than " + peers.front().name);
        }
    }
}

void measure(benchmark::State& state, const Workload& workload, const std::string& conninfo) {
    if (workload.inserts) bench::raw::execute(bench::raw::connect(conninfo).get(), "truncate bench_inserts");
    try {
        for (auto _ : state) benchmark::DoNotOptimize(workload.run());
    } catch (const std::exception& error) {
        state.SkipWithError(error.what());
    }
    state.counters["items"] = static_cast<double>(workload.items);
}

/// In the order of the operations, so that the peers of one run close together in time.
void register_all(const std::vector<Peer>& peers, const std::string& conninfo) {
    for (const Workload& yardstick : peers.front().workloads) {
        for (const Peer& peer : peers) {
            for (const Workload& workload : peer.workloads) {
                if (workload.operation != yardstick.operation) continue;
                const std::string name = std::string(workload.operation) + "/" + peer.name;
                benchmark::RegisterBenchmark(
                    name.c_str(),
                    [&workload, conninfo](benchmark::State& state) { measure(state, workload, conninfo); })
                    ->Unit(benchmark::kMicrosecond)
                    ->MeasureProcessCPUTime()  // a client has threads of its own
                    ->UseRealTime();
            }
        }
    }
}

void run(const bench::Scale& scale) {
    const auto server = pg::testing::TestServer::start();
    const std::string conninfo = server.conninfo();
    bench::raw::execute(bench::raw::connect(conninfo).get(), bench::tables_sql(scale).c_str());
    const std::vector<Peer> peers = make_peers(conninfo, scale);
    compare_digests(peers);
    register_all(peers, conninfo);
    bench::RatioReporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    reporter.print_ratios();
}

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    try {
        run({.rows = 1'000'000});
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
