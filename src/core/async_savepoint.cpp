// Savepoints of awaited transactions.
//
//   (S1) A savepoint that is left is rolled back to in the turn that a call would have which is made when its handle
//        goes: behind what was called before, which may be its release, and not when the last call on it has ended, for
//        then what was called in between would be undone as well.
//   (S2) A savepoint whose handle nobody ever took is left as it is, and ends with what is around it: no call was meant
//        to be behind it, but some may be.
#include "pg/async_savepoint.hpp"

#include <atomic>

#include "src/core/async_held.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {
namespace detail {
namespace {

/// Shared by the handle and the calls that are under way on it.
struct HeldSavepoint {
    HeldSavepoint(std::shared_ptr<Transaction::Impl> within, std::uint32_t counted)
        : transaction(std::move(within)), number(counted) {}

    const std::shared_ptr<Transaction::Impl> transaction;
    const std::uint32_t number;
    std::atomic<bool> has_ended{false};  // by a call
};

using SavepointTarget = ObjectTarget<std::unique_ptr<HeldSavepoint>>;

HeldSavepoint& savepoint_of(AsyncTarget& target) { return *static_cast<SavepointTarget&>(target).object; }

/// Rolls back to a savepoint when it goes, unless that has ended. Whoever had it is gone: there is no stop but the
/// time.
class Undoing {
public:
    explicit Undoing(const HeldSavepoint& savepoint) : transaction_(savepoint.transaction), number_(savepoint.number) {}
    Undoing(Undoing&&) noexcept = default;
    Undoing& operator=(Undoing&&) = delete;
    ~Undoing() {
        if (transaction_ && transaction_->has_savepoint(number_))
            static_cast<void>(transaction_->roll_back_to(number_, {transaction_->time.wait().deadline}));
    }

private:
    std::shared_ptr<Transaction::Impl> transaction_;  // null once it was moved from
    std::uint32_t number_;
};

AnswerOperation<AsyncSavepoint>* make_savepoint(const std::shared_ptr<AsyncTarget>& target) {
    return make_operation<AsyncSavepoint>(
        target, {}, [](Executor& executor, const Site& site) -> Expected<AsyncSavepoint> {
            const auto& transaction = ExecutorAccess::shared(static_cast<Transaction&>(executor));
            const auto number = transaction->set_savepoint(transaction->time.wait(*site.target.context, &site.options));
            if (!number) return number.error();
            return AsyncSavepoint(target_for(site, std::make_unique<HeldSavepoint>(transaction, *number)));
        });
}

using End = Expected<void> (Transaction::Impl::*)(std::uint32_t number, const spi::Wait& wait);

AnswerOperation<void>* make_end(const std::shared_ptr<AsyncTarget>& target, End end) {
    return make_operation<void>(target, {}, [end](Executor&, const Site& site) {
        HeldSavepoint& savepoint = savepoint_of(site.target);
        Transaction::Impl& transaction = *savepoint.transaction;
        auto ended = (transaction.*end)(savepoint.number, transaction.time.wait(*site.target.context, &site.options));
        if (!transaction.has_savepoint(savepoint.number)) savepoint.has_ended.store(true, std::memory_order_release);
        return ended;
    });
}

}  // namespace

template <>
void hand_over(AsyncSavepoint& answer) noexcept {
    answer.has_owner_ = true;
}

}  // namespace detail

AsyncSavepoint::AsyncSavepoint(std::shared_ptr<detail::AsyncTarget> target) : target_(std::move(target)) {}
AsyncSavepoint::AsyncSavepoint(AsyncSavepoint&& other) noexcept = default;
AsyncSavepoint& AsyncSavepoint::operator=(AsyncSavepoint&& other) noexcept {
    std::swap(target_, other.target_);
    std::swap(has_owner_, other.has_owner_);
    return *this;
}

AsyncSavepoint::~AsyncSavepoint() {
    if (!target_ || !has_owner_ || !target_->context->birthplace.is_here()) return;
    const detail::HeldSavepoint& savepoint = detail::savepoint_of(*target_);
    if (savepoint.has_ended.load(std::memory_order_acquire)) return;
    (new detail::Burial<detail::Undoing>(target_->queue, detail::Undoing(savepoint)))->begin_in_order(target_->home);
}

Async<void> AsyncSavepoint::release() {
    return Async<void>(detail::make_end(target_, &Transaction::Impl::release_savepoint));
}
Async<Expected<void>> AsyncSavepoint::try_release() {
    return Async<Expected<void>>(detail::make_end(target_, &Transaction::Impl::release_savepoint));
}
Async<void> AsyncSavepoint::rollback() {
    return Async<void>(detail::make_end(target_, &Transaction::Impl::roll_back_to));
}
Async<Expected<void>> AsyncSavepoint::try_rollback() {
    return Async<Expected<void>>(detail::make_end(target_, &Transaction::Impl::roll_back_to));
}

Async<AsyncSavepoint> AsyncTransaction::savepoint() { return Async<AsyncSavepoint>(detail::make_savepoint(target_)); }
Async<Expected<AsyncSavepoint>> AsyncTransaction::try_savepoint() {
    return Async<Expected<AsyncSavepoint>>(detail::make_savepoint(target_));
}

}  // namespace pg
