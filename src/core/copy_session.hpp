// A session in the middle of a COPY. Internal to core.
#pragma once

#include "pg/copy.hpp"
#include "src/core/context.hpp"

namespace pg::detail {

struct CopySession {
    Borrowed borrowed;  // outlives the stream over it
    std::chrono::nanoseconds timeout;
    std::unique_ptr<spi::CopyIn> in;  // one of the two, once the COPY has begun
    std::unique_ptr<spi::CopyOut> out;

    /// The time of one wait for the server.
    [[nodiscard]] spi::Wait wait() const { return {Deadline::after(timeout), borrowed.wait.stop}; }
    [[nodiscard]] Expected<void> begin_in(std::string_view sql);
    [[nodiscard]] Expected<void> begin_out(std::string_view sql);
};

/// `options` are those of the statement; null: the executor's.
[[nodiscard]] Expected<CopySessionPtr> borrow_for_copy(Executor& executor, const QueryOptions* options);

}  // namespace pg::detail
