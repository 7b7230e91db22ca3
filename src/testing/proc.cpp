// What /proc says about the processes of a server.
#include "src/testing/proc.hpp"

#include <charconv>
#include <filesystem>
#include <string>

#include "src/testing/files.hpp"

namespace pg::testing {
namespace {

std::optional<pid_t> parse_pid(std::string_view text) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return pid;
}

}  // namespace

std::optional<ProcessState> parse_process_state(std::string_view stat) {
    // "<pid> (<name>) <state> <parent> …", and the name may hold anything: only the last parenthesis is sure.
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string_view::npos || stat.size() < name_end + 5) return std::nullopt;
    const auto parent_begin = name_end + 4;
    const auto parent_end = stat.find(' ', parent_begin);
    if (parent_end == std::string_view::npos) return std::nullopt;
    const auto parent = parse_pid(stat.substr(parent_begin, parent_end - parent_begin));
    if (!parent) return std::nullopt;
    return ProcessState{.state = stat[name_end + 2], .parent = *parent};
}

std::optional<ProcessState> process_state(pid_t pid) {
    return parse_process_state(read_file("/proc/" + std::to_string(pid) + "/stat"));
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    std::error_code gone;
    for (std::filesystem::directory_iterator entry("/proc", gone), end; entry != end && !gone; entry.increment(gone)) {
        const auto candidate = parse_pid(entry->path().filename().native());
        if (!candidate) continue;
        const auto state = process_state(*candidate);
        if (state && state->parent == pid) children.push_back(*candidate);
    }
    return children;
}

}  // namespace pg::testing
