// Notices that the process is a copy made by fork(), which must not touch what it shares with its parent.
#pragma once

#include <cstdint>

#include "pg/error.hpp"

namespace pg::detail {

/// Has every child of this process counted from now on. Thread-safe; the first call does it.
PGCLIENT_API void watch_forks() noexcept;

/// How many forks lie between this process and the one that first called `watch_forks`. Costs one load.
[[nodiscard]] PGCLIENT_API std::uint32_t fork_generation() noexcept;

/// What a copy of the process is told that uses a client from before.
[[nodiscard]] PGCLIENT_API Error made_before_fork();

/// The process in which an object was made. Value.
class Birthplace {
public:
    Birthplace() noexcept : generation_((watch_forks(), fork_generation())) {}
    /// False in a copy of the process made since.
    [[nodiscard]] bool is_here() const noexcept { return generation_ == fork_generation(); }

private:
    std::uint32_t generation_;
};

}  // namespace pg::detail
