// Counting forks in the child, where pthread_atfork calls before anything else runs.
#include "src/base/fork.hpp"

#include <atomic>
#include <pthread.h>

namespace pg::detail {
namespace {

std::atomic<std::uint32_t> fork_count{0};

}  // namespace

void watch_forks() noexcept {
    [[maybe_unused]] static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
}

Error made_before_fork() {
    return Error({.kind = ErrorKind::usage,
                  .outcome = Outcome::not_sent,
                  .message = "this client was made before fork(): make one in the child process"});
}

std::uint32_t fork_generation() noexcept { return fork_count.load(std::memory_order_relaxed); }

}  // namespace pg::detail
