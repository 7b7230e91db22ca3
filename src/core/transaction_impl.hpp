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

    [[nodiscard]] Deadline end() const { return end_; }
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

/// Sends BEGIN on a session. The transaction is one of its holders. `called_at`: before the wait for that session.
[[nodiscard]] Expected<Transaction> begin_on(Expected<Borrowed> borrowed, const std::shared_ptr<const Hooks>& hooks,
                                             const TransactionOptions& options, const TransactionTime& time,
                                             spi::Moment called_at = spi::Moment::max());

/// Nothing runs in a transaction that a COMMIT, a ROLLBACK or a PREPARE TRANSACTION has ended which came as a text.
[[nodiscard]] Error ended_by_its_text();

}  // namespace detail

/// Shared by the transaction, its savepoints and its large objects: what outlives the transaction finds it ended.
struct Transaction::Impl final : Executor {
    std::shared_ptr<detail::HeldSession> held;                                // null once it has ended
    std::optional<detail::LockHolder> holder{std::in_place, *held->context};  // the same
    detail::TransactionTime time;
    const std::uint64_t ordinal;  // of those on its session
    bool committed = false;
    std::uint32_t savepoints = 0;                  // made so far
    std::vector<std::uint32_t> open_savepoints{};  // that the server has, the innermost last

    /// A descriptor of a large object. The server closes those that were opened behind a savepoint as that is
    /// rolled back to, and gives their numbers again.
    struct OpenObject {
        std::uint32_t number;
        std::uint32_t savepoints;  // that were made before it was opened
        std::int32_t descriptor;   // given again: a text has rolled back what this was opened in
    };
    std::uint32_t objects = 0;  // opened so far
    std::vector<OpenObject> open_objects{};

    Impl(std::shared_ptr<detail::HeldSession> session, const detail::TransactionTime& all)
        : Executor(session->context->hooks), held(std::move(session)), time(all), ordinal(++held->transactions) {
        held->may_have_committed = false;
    }

    [[nodiscard]] bool is_open() const { return held != nullptr; }
    /// It has ended: the session, which it has no more.
    std::shared_ptr<detail::HeldSession> let_go() {
        holder.reset();
        return std::exchange(held, nullptr);
    }
    /// A COMMIT, a ROLLBACK or a PREPARE TRANSACTION came as a text, and its session stands outside of any transaction,
    /// or in the next one.
    [[nodiscard]] bool is_ended_by_its_text() const {
        const bool is_over = held->session().transaction_status() == spi::TransactionStatus::idle;
        return (is_over && held->session().usable()) || held->transactions != ordinal;
    }
    /// It was committed, or a text may have committed a part of it: its body is not to be run again.
    [[nodiscard]] bool may_have_committed() const {
        return committed || (held && held->transactions == ordinal && held->may_have_committed);
    }
    [[nodiscard]] Expected<spi::CommandTag> control(std::string_view sql, const spi::Wait& wait) const {
        Expected<spi::CommandTag> done = held->session().run_command(sql, wait);
        if (!done) done = held->lend(wait).failed_by(std::move(done).error());
        return done;
    }
    /// Ends a stream or a COPY that is open, so that the session can be told to undo something (H3).
    void end_occupant() const noexcept {
        if (held->occupant) held->occupant->end();
    }
    /// The ends of it; UsageError when it has ended already. @{
    Expected<void> commit(const spi::Wait& wait);
    Expected<void> roll_back(const spi::Wait& wait);  /// @}
    [[nodiscard]] const std::shared_ptr<const detail::Hooks>& hooks() const { return hooks_; }

    /// A savepoint, by its number. UsageError when it has ended, or the transaction has. @{
    Expected<std::uint32_t> set_savepoint(const spi::Wait& wait);
    Expected<void> release_savepoint(std::uint32_t number, const spi::Wait& wait);
    Expected<void> roll_back_to(std::uint32_t number, const spi::Wait& wait);
    [[nodiscard]] bool has_savepoint(std::uint32_t number) const noexcept;  /// @}

    /// Counts a large object that was opened with that descriptor; its number. @{
    [[nodiscard]] std::uint32_t add_object(std::int32_t descriptor);
    void remove_object(std::uint32_t number) noexcept;
    [[nodiscard]] bool has_object(std::uint32_t number) const noexcept;  /// @}

    Expected<detail::Borrowed> do_borrow(const QueryOptions* options) override;

private:
    Expected<void> control_savepoint(spi::RequestKind kind, std::uint32_t number, const spi::Wait& wait);
    Expected<void> end_savepoint(spi::RequestKind kind, std::uint32_t number, const spi::Wait& wait);
};

}  // namespace pg
