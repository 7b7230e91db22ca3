// What a transaction holds, and how one begins. Internal to core.
#pragma once

#include <vector>

#include "pg/transaction.hpp"
#include "src/core/context.hpp"

namespace pg {
namespace detail {

/// The time of a transaction: an end of its own, or none, and then each statement has the client's default.
class TransactionTime {
public:
    TransactionTime(const Context& context, const TransactionOptions& options)
        : end_(options.timeout.count() == 0 ? Deadline::never() : Deadline::after(options.timeout)),
          each_(context.timeout),
          stop_(options.stop) {}

    [[nodiscard]] spi::Wait wait() const { return {earlier(end_, Deadline::after(each_)), stop_}; }
    [[nodiscard]] spi::Wait wait(const Context& context, const QueryOptions* options) const {
        return {earlier(end_, Deadline::after(context.timeout_of(options))),
                options && options->stop ? options->stop : stop_};
    }

private:
    Deadline end_;
    std::chrono::nanoseconds each_;
    const StopToken* stop_;
};

/// Sends BEGIN on a session. The transaction keeps the lease, when there is one.
[[nodiscard]] Expected<Transaction> begin_on(Borrowed borrowed, const TransactionOptions& options,
                                             const TransactionTime& time);

}  // namespace detail

struct Transaction::Impl {
    std::shared_ptr<detail::Context> context;  // outlives the lease
    spi::Lease lease;                          // empty when a connection holds the session
    spi::SessionSlot* slot;
    detail::TransactionTime time;
    bool open = true;
    bool committed = false;
    std::uint32_t savepoints = 0;             // made so far
    std::vector<std::uint32_t> open_parts{};  // savepoints that the server has, the innermost last

    [[nodiscard]] Expected<Result> control(std::string_view sql, const spi::Wait& wait) const {
        return slot->session->run({.sql = sql, .statement = {}}, wait);
    }
};

}  // namespace pg
