// Counting forks in the child, where pthread_atfork calls before anything else runs.
#include "providers/libpq/fork.hpp"

#include <pthread.h>

namespace pg::libpq {

namespace detail {
std::atomic<std::uint32_t> fork_count{0};
}

void watch_forks() noexcept {
    [[maybe_unused]] static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { detail::fork_count.fetch_add(1, std::memory_order_relaxed); });
}

}  // namespace pg::libpq
