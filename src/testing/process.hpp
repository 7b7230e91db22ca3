// Process: a child that can be waited for with a bound, and the commands it is made from.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "pg/deadline.hpp"
#include "pg/expected.hpp"
#include "src/testing/account.hpp"
#include "src/testing/descriptor.hpp"

namespace pg::testing {

inline constexpr const char* no_file = "/dev/null";

/// What to run, and as whom. Value; `account` must outlive it.
/// The child starts in `/`, with a small environment of its own, default signal dispositions, a umask that keeps what
/// it makes to its account, and none of the process's descriptors but those named here.
struct Command {
    std::string program;  ///< a path, or a name that is looked up in $PATH
    std::vector<std::string> arguments;
    const Account* account;
    std::string output = no_file;  ///< the file that standard output and error are appended to
    int input = -1;                ///< the descriptor for standard input; -1 is /dev/null
    int announce = -1;             ///< a socket that the child writes its pid to before it becomes the program
};

/// How a child ended. Value.
struct End {
    std::string how;  ///< completes "the server …"
    bool success;
};

/// A running child. Handle. Destruction leaves the child alone.
/// Every signal goes through a pidfd, so it cannot reach a later process with the same number.
class Process final {
public:
    Process() = default;
    Process(pid_t pid, Descriptor pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}

    /// 0 when there is none, or it was waited for.
    [[nodiscard]] pid_t pid() const noexcept { return pidfd_ ? pid_ : 0; }
    void signal(int number) const noexcept;
    /// Waits until the child ends. Nothing when the deadline passed before.
    std::optional<End> wait(Deadline deadline);

private:
    pid_t pid_ = 0;
    Descriptor pidfd_;
};

/// Starts the command. Errors: connect (names the step that failed).
Expected<Process> spawn(const Command& command);

/// Runs the command to its end; the deadline kills it. Errors: connect (with the end of its output), timeout.
Expected<void> run(const Command& command, Deadline deadline);

}  // namespace pg::testing
