// The table at the end of a benchmark run: what each peer costs beside libpq by hand.
#pragma once

#include <benchmark/benchmark.h>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// The name of the yardstick among the peers.
inline constexpr const char* yardstick = "libpq";

/// Shows results as they come, and keeps them. The name of a benchmark is `operation/peer`.
class RatioReporter final : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override;
    /// Prints one line for each operation that the yardstick has: its cost, and the ratios of all others to it.
    void print_ratios() const;

private:
    /// Of one query or row, in nanoseconds.
    struct Cost {
        double cpu = 0;
        double wall = 0;
    };

    std::vector<std::string> operations_, peers_;  // as they came
    std::map<std::string, Cost> costs_;            // by the benchmark's name
};

}  // namespace bench
