// What a transaction holds, and how one begins. Internal to core.
#pragma once

#include <vector>

#include "pg/transaction.hpp"
#include "src/core/held_session.hpp"

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

/// Sends BEGIN on a session. The transaction is one of its holders.
[[nodiscard]] Expected<Transaction> begin_on(Borrowed borrowed, const TransactionOptions& options,
                                             const TransactionTime& time);

}  // namespace detail

/// Shared by the transaction, its savepoints and its large objects: what outlives the transaction finds it ended.
struct Transaction::Impl final : Executor {
    std::shared_ptr<detail::HeldSession> held;  // null once it has ended
    detail::TransactionTime time;
    bool committed = false;
    std::uint32_t savepoints = 0;             // made so far
    std::vector<std::uint32_t> open_parts{};  // savepoints that the server has, the innermost last

    Impl(std::shared_ptr<detail::HeldSession> session, const detail::TransactionTime& all)
        : held(std::move(session)), time(all) {}

    [[nodiscard]] bool is_open() const { return held != nullptr; }
    [[nodiscard]] Expected<Result> control(std::string_view sql, const spi::Wait& wait) const {
        return held->session().run({.sql = sql, .statement = {}}, wait);
    }
    /// Ends a stream or a COPY that is open, so that the session can be told to undo something (H3).
    void end_occupant() const noexcept {
        if (held->occupant) held->occupant->end();
    }
    /// Ends it without effect, whatever the server answers.
    Expected<Result> roll_back(const spi::Wait& wait) {
        end_occupant();
        const auto session = std::exchange(held, nullptr);
        return session->session().run({.sql = "rollback", .statement = {}}, wait);
    }

    Expected<detail::Borrowed> do_borrow(const QueryOptions* options) override;
};

}  // namespace pg
