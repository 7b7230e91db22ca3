// Notices that the process is a copy made by fork(), which must not touch what it shares with its parent.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

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

/// A T of each process. A copy of the process has one of its own, and lets that be which came along: its threads did
/// not, its lock may be held for ever, and who waits there is not there. Thread-safe.
template <class T>
class PerProcess {
public:
    PerProcess() = default;
    PerProcess(const PerProcess&) = delete;
    PerProcess& operator=(const PerProcess&) = delete;
    ~PerProcess() {
        // In a copy of the process the memory goes with the process.
        Local* local = local_.load(std::memory_order_acquire);
        if (local != nullptr && local->birthplace.is_here()) delete local;
    }

    /// The one of this process, which the first call makes from these arguments.
    template <class... Arguments>
    [[nodiscard]] T& here(const Arguments&... arguments) const {
        Local* local = local_.load(std::memory_order_acquire);
        while (local == nullptr || !local->birthplace.is_here()) {
            auto fresh = std::make_unique<Local>(arguments...);
            fresh->before = local;
            if (local_.compare_exchange_strong(local, fresh.get())) local = fresh.release();
        }
        return local->value;
    }

private:
    struct Local {
        template <class... Arguments>
        explicit Local(const Arguments&... arguments) : value(arguments...) {}
        T value;
        Birthplace birthplace;
        const Local* before = nullptr;  // of the process that this one is a copy of: it stays
    };
    mutable std::atomic<Local*> local_{nullptr};
};

}  // namespace pg::detail
