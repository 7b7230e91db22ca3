// PoolBudget: a number of sessions that several clients share.
#pragma once

#include <cstddef>
#include <memory>

#include "pg/fwd.hpp"

namespace pg {

/// What `PoolOptions::budget` points to: all sessions of its clients together, those that are being opened or closed
/// too, are never more than `most`. A client that waits for room gets it in the order of asking; another one that has
/// more than its even part of the budget gives up an idle session for it where a request, or `Pool::wait_ready`, waits
/// there. In a process made by fork() nothing of it is in use, and it is for the clients that are made there. Handle:
/// copies share it. Thread-safe.
class PGCLIENT_API PoolBudget {
public:
    struct Impl;

    explicit PoolBudget(std::size_t most);   ///< at least one
    [[nodiscard]] std::size_t most() const;  ///< as it was made with
    [[nodiscard]] std::size_t used() const;  ///< sessions of this moment

    [[nodiscard]] const std::shared_ptr<Impl>& impl() const { return impl_; }

private:
    std::shared_ptr<Impl> impl_;
};

}  // namespace pg
