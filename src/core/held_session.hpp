// Sessions that are held for longer than one request, and the stream or COPY that is open on one. Internal to core.
//
//   (H1) A session goes back when the last of its holders is gone: the connection or the transaction that took it, the
//        transactions that were begun on it, the stream or COPY that was opened on it.
//   (H2) At most one stream or COPY is open on a session.
//   (H3) A transaction ends with nothing open on its session: COMMIT is refused meanwhile, ROLLBACK ends it first.
#pragma once

#include <memory>
#include <utility>

#include "pg/spi/observer.hpp"
#include "src/base/transaction_control.hpp"
#include "src/core/context.hpp"

namespace pg::detail {

class Occupant;

/// Ends the transaction that is open on a session, if one is, within a time of its own. What fails here leaves the
/// session in a transaction, or unusable: its source rolls back or closes it.
void roll_back(spi::Session& session) noexcept;
struct LongSay;

/// Shared by its holders. One thread at a time.
struct HeldSession : std::enable_shared_from_this<HeldSession> {
    const std::shared_ptr<Context> context;  // outlives the lease
    spi::Lease lease;
    Occupant* occupant = nullptr;                // the stream or COPY that is open on it
    std::shared_ptr<const Settings> settings{};  // that its transaction began with, and has; null: none
    std::uint64_t transactions = 0;              // that were begun on it by `begin`
    bool may_have_committed = false;             // the last of them: by a text, and be it in part
    bool is_renamed = false;                     // by the settings of its transaction; may be out of date
    std::unique_ptr<const Error> first_failure;  // of its transaction, while that is a failed one; may be out of date
    spi::SessionSlot* turn = nullptr;            // of the awaited calls on it; null: there are none, or nobody observes

    HeldSession(std::shared_ptr<Context> shared, spi::Lease session)
        : context(std::move(shared)), lease(std::move(session)) {
        lease.slot().lent_until = Deadline::never();  // whoever holds it makes many requests
    }

    [[nodiscard]] spi::Session& session() const { return lease.session(); }
    [[nodiscard]] Borrowed lend(const spi::Wait& wait) {
        if (first_failure) [[unlikely]]
            forget_old_failure();
        if (is_renamed) [[unlikely]]
            is_renamed = session().transaction_status() != spi::TransactionStatus::idle;
        return {context.get(), {}, &lease.slot(), wait, this};
    }
    /// An error on it as its caller is to be told of it: what fails because its transaction has failed says why that
    /// has, and may be run again when that may be.
    [[nodiscard]] Error because_of_the_first(Error error);
    /// What a COMMIT that was answered by ROLLBACK says.
    [[nodiscard]] Error rolled_back_instead() const;

private:
    /// The part of the transaction may have been undone that failed, or the transaction be over.
    void forget_old_failure() noexcept {
        if (session().transaction_status() != spi::TransactionStatus::failed) first_failure.reset();
    }
};

/// What a transaction on the session was given at its beginning it may have no more: it was given others since, or has
/// ended, and another one may go on.
inline void forget_settings(const Borrowed& borrowed) noexcept {
    if (borrowed.held) borrowed.held->settings.reset();
}

/// A statement of a transaction has ended, which may have committed it.
inline void note_committed(HeldSession& held, std::string_view tag) noexcept {
    if (tag == "COMMIT" || tag == "PREPARE TRANSACTION") held.may_have_committed = true;
}
/// A statement of a transaction has failed that may have committed it.
inline void note_committing(HeldSession& held, const Error& error, std::string_view sql) noexcept {
    if (may_have_been_applied(error) && transaction_control(sql) == TransactionControl::commits)
        held.may_have_committed = true;
}

/// A stream or a COPY and the session that it has to itself until its end. Pinned.
class Occupant {
public:
    /// The label's view outlives what opens it.
    Occupant(Borrowed borrowed, std::chrono::nanoseconds timeout, std::string_view label);
    Occupant(const Occupant&) = delete;
    Occupant& operator=(const Occupant&) = delete;

    /// Ends it, unless it is over, and leaves its session. Observers hear of the error, if there is one.
    void end(const Error* error = nullptr) noexcept;
    [[nodiscard]] spi::Session& session() const { return borrowed_.session(); }
    [[nodiscard]] Context& context() const { return *context_; }
    [[nodiscard]] const Borrowed& borrowed() const { return borrowed_; }
    /// The time of one wait for the server, within that of its transaction.
    [[nodiscard]] spi::Wait wait() const {
        return {earlier(borrowed_.until, Deadline::after(timeout_)), borrowed_.wait.stop};
    }

protected:
    ~Occupant();  // of a derived class: calls `end`

    /// Its statement is about to be run, unless an interceptor refuses it: observers hear of its end. After an error it
    /// is to be ended with that. @{
    [[nodiscard]] Expected<void> admit(spi::RequestKind kind, std::string_view sql, Params* params = nullptr);
    [[nodiscard]] Expected<void> admit_again(const Error& why);  /// @}
    /// Null: nobody has asked for one.
    [[nodiscard]] const Watch* watch() const;
    /// What an interceptor put in the place of its text; empty: nothing.
    [[nodiscard]] std::optional<std::string_view> new_text() const;
    void count_rows(std::uint64_t rows);
    /// Its statement has ended well: what it did is to stay.
    [[nodiscard]] Expected<void> conclude();

private:
    /// Gives up what is under way on the session.
    virtual void give_up() noexcept = 0;
    void give_up_and_tell() noexcept;

    std::shared_ptr<Context> context_;                            // outlives the lease
    std::optional<LockHolder> holder_{std::in_place, *context_};  // until its end
    Borrowed borrowed_;                                           // outlives what is under way over it
    std::shared_ptr<HeldSession> held_;                           // null when the lease is its own, and after its end
    std::chrono::nanoseconds timeout_;
    std::string_view label_;        // until it is admitted
    std::unique_ptr<LongSay> say_;  // until it is over; null: nobody has one
};

/// The error of what is asked before the statement of a stream or a COPY is sent: whatever became of that, nothing of
/// the statement happened.
[[nodiscard]] Error not_begun(const Error& error);

/// UsageError when a stream or a COPY is open on the session.
[[nodiscard]] Expected<void> check_unoccupied(const Borrowed& borrowed);

}  // namespace pg::detail
