// Point queries one by one, the peers in turn: so whatever slows the machine down meets both.
#include "bench/latency.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "bench/raw_libpq.hpp"
#include "bench/workload.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using Times = std::vector<Clock::duration>;

constexpr int queries = 20'000;
/// Of a table that lies in memory.
constexpr bench::Scale scale{.rows = 10'000};

std::function<std::uint64_t()> one_select(const std::vector<bench::Workload>& workloads) {
    for (const bench::Workload& workload : workloads)
        if (workload.operation == bench::operation::one_select) return workload.run;
    throw std::runtime_error("a peer has no such query");
}

Clock::duration time_of(const std::function<std::uint64_t()>& run) {
    const auto begin = Clock::now();
    static_cast<void>(run());
    return Clock::now() - begin;
}

/// The time that so much of all took no longer than.
double percentile(Times& times, double part) {
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(times.size() - 1));
    std::nth_element(times.begin(), at, times.end());
    return std::chrono::duration<double, std::micro>(*at).count();
}

/// In microseconds.
struct Latency {
    double mean, median;
};

Latency report(const char* peer, Times& times) {
    const auto all = std::accumulate(times.begin(), times.end(), Clock::duration());
    const double mean = std::chrono::duration<double, std::micro>(all).count() / static_cast<double>(times.size());
    const double median = percentile(times, 0.5);
    std::printf("a point query by %s: mean %.1f us, p50 %.1f us, p99 %.1f us\n", peer, mean, median,
                percentile(times, 0.99));
    return {mean, median};
}

}  // namespace

void measure_latency(const std::string& conninfo, bench::Targets& targets) {
    bench::raw::execute(bench::raw::connect(conninfo).get(), bench::tables_sql(scale).c_str());
    const auto by_hand = one_select(bench::raw_libpq_workloads(conninfo, scale));
    const auto ours = one_select(bench::client_workloads(conninfo, scale));
    for (int query = 0; query < queries / 10; ++query)
        if (by_hand() != ours()) bench::fail("one select", "the peers read different rows");
    Times hand_times, our_times;
    for (int query = 0; query < queries; ++query) {
        hand_times.push_back(time_of(by_hand));
        our_times.push_back(time_of(ours));
    }
    const Latency hand = report("libpq by hand", hand_times);
    const Latency ours_took = report("the library", our_times);
    // Two runs of the same differ by half a hundredth.
    targets.at_most("p50 of a point query, beside libpq by hand", ours_took.median / hand.median, 1.01);
    targets.at_most("mean time of a point query, ms", ours_took.mean / 1000, 10);
}
