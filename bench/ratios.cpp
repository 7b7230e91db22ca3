// Keeping the costs of a benchmark run, and printing them as ratios.
#include "bench/ratios.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {
namespace {

void add_once(std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

void RatioReporter::ReportRuns(const std::vector<Run>& runs) {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
        const auto items = run.counters.find("items");
        const auto iterations = static_cast<double>(run.iterations);
        if (run.error_occurred || items == run.counters.end()) continue;
        const std::string name = run.run_name.function_name;
        const std::size_t slash = name.find('/');
        add_once(operations_, name.substr(0, slash));
        add_once(peers_, name.substr(slash + 1));
        const double count = items->second.value * iterations;
        costs_[name] = {run.cpu_accumulated_time * 1e9 / count, run.real_accumulated_time * 1e9 / count};
    }
}

void RatioReporter::print_ratios() const {
    std::printf("\nof one query or row: %s in ns, and the others as multiples of it (CPU of this process, wall)\n",
                yardstick);
    std::printf("%-24s %10s %10s", "operation", "CPU", "wall");
    for (const std::string& peer : peers_)
        if (peer != yardstick) std::printf("  %15s", peer.c_str());
    std::puts("");
    for (const std::string& operation : operations_) {
        const auto base = costs_.find(operation + "/" + yardstick);
        if (base == costs_.end()) continue;
        std::printf("%-24s %10.0f %10.0f", operation.c_str(), base->second.cpu, base->second.wall);
        for (const std::string& peer : peers_) {
            if (peer == yardstick) continue;
            const auto cost = costs_.find(operation + "/" + peer);
            if (cost == costs_.end())
                std::printf("  %15s", "-");
            else
                std::printf("  %6.2f   %6.2f", cost->second.cpu / base->second.cpu,
                            cost->second.wall / base->second.wall);
        }
        std::puts("");
    }
}

}  // namespace bench
