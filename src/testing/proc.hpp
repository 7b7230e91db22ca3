// What /proc says about the processes of a server.
#pragma once

#include <optional>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace pg::testing {

/// The parts of /proc/<pid>/stat that are asked for here. Value.
struct ProcessState {
    char state = '?';  ///< R, S, D, T (stopped), Z (ended, not yet waited for)…
    pid_t parent = 0;
};

/// Reads the text of a stat file. Nothing when it is not one.
std::optional<ProcessState> parse_process_state(std::string_view stat);

/// Nothing when there is no such process.
std::optional<ProcessState> process_state(pid_t pid);

std::vector<pid_t> children_of(pid_t pid);

}  // namespace pg::testing
