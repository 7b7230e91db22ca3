// AsyncSavepoint: a part of an awaited transaction that can fail alone.
#pragma once

#include "pg/async.hpp"

namespace pg {

/// A part of a transaction, as `Savepoint`. Handle: move-only; destroyed without `release`, it rolls its part back in
/// the background, after the calls of the transaction that are in its queue and before all that are made later. The
/// parts made inside of it end with it, and all of them with the transaction: a call after that is a UsageError. Calls
/// wait for their turn on the session, and each at most as long as a statement of the transaction may take.
///
///     pg::AsyncSavepoint part = co_await transaction.savepoint();
///     if (co_await transaction.try_exec("insert into tags values ($1)", tag)) co_await part.release();
///     else co_await part.rollback();
class PGCLIENT_API AsyncSavepoint final {
public:
    explicit AsyncSavepoint(std::shared_ptr<detail::AsyncTarget> target);
    AsyncSavepoint(AsyncSavepoint&& other) noexcept;
    AsyncSavepoint& operator=(AsyncSavepoint&& other) noexcept;
    ~AsyncSavepoint();

    /// Keeps what was done since. UsageError while a stream or a COPY of the transaction is open. @{
    Async<void> release();
    Async<Expected<void>> try_release();  /// @}
    /// Undoes what was done since, and ends a stream or a COPY that is open; the transaction can go on. @{
    Async<void> rollback();
    Async<Expected<void>> try_rollback();  /// @}

private:
    template <class A>
    friend void detail::hand_over(A& answer) noexcept;

    std::shared_ptr<detail::AsyncTarget> target_;  // null once it was moved from
    bool has_owner_ = false;                       // until then nothing can have been done in this part
};

namespace detail {

template <>
PGCLIENT_API void hand_over(AsyncSavepoint& answer) noexcept;

}  // namespace detail
}  // namespace pg
