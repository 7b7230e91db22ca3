// What a run of the load tool is meant to reach, and whether it did.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace bench {

/// Collects figures beside their targets. One thread.
class Targets {
public:
    void at_most(const char* what, double figure, double target) {
        add(what, figure, "at most", target, figure <= target);
    }
    void at_least(const char* what, double figure, double target) {
        add(what, figure, "at least", target, figure >= target);
    }
    /// Prints a line for each and a verdict: whether all were reached.
    [[nodiscard]] bool conclude() const {
        if (!lines_.empty()) std::printf("\ntargets:\n");
        for (const std::string& line : lines_) std::printf("%s\n", line.c_str());
        if (!lines_.empty()) std::printf("%zu of %zu reached\n", lines_.size() - missed_, lines_.size());
        return missed_ == 0;
    }

private:
    void add(const char* what, double figure, const char* bound, double target, bool is_reached) {
        char line[200];
        std::snprintf(line, sizeof line, "  %-7s %s: %.4g, %s %.4g", is_reached ? "reached" : "MISSED", what, figure,
                      bound, target);
        lines_.emplace_back(line);
        missed_ += is_reached ? 0 : 1;
    }

    std::vector<std::string> lines_;
    std::size_t missed_ = 0;
};

}  // namespace bench
