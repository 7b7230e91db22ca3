// A copy of the process made by fork(), in which a test looks at what came along.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include "tests/slowness.hpp"

namespace testing_support {

/// What `is_well` says in a copy of the process; false when it hangs there.
template <class Function>
[[nodiscard]] bool in_a_copy(Function is_well) {
    const pid_t child = ::fork();
    if (child == 0) {
        const auto most = std::chrono::ceil<std::chrono::seconds>(bound_on_hang(std::chrono::seconds(10)));
        ::alarm(static_cast<unsigned>(most.count()));
        ::_exit(is_well() ? 0 : 1);
    }
    int status = -1;
    return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace testing_support
