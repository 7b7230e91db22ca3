// Savepoints of awaited transactions.
//
//   (S1) A part that is left is undone in the turn that a call would have which is made when its handle goes: behind
//        what was called before, which may be its release, and not when the last call on it has ended, for then what
//        was called in between would be undone as well.
//   (S2) A part whose handle nobody ever took is left as it is, and ends with what is around it: no call was meant to
//        be in it, but some may be.
#include "pg/async_savepoint.hpp"

#include <atomic>

#include "src/core/async_held.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {
namespace detail {
namespace {

/// Shared by the handle and the calls that are under way on it.
struct HeldPart {
    HeldPart(std::shared_ptr<Transaction::Impl> within, std::uint32_t counted)
        : transaction(std::move(within)), number(counted) {}

    const std::shared_ptr<Transaction::Impl> transaction;
    const std::uint32_t number;
    std::atomic<bool> has_ended{false};  // by a call
};

using PartTarget = ObjectTarget<std::unique_ptr<HeldPart>>;

HeldPart& part_of(AsyncTarget& target) { return *static_cast<PartTarget&>(target).object; }

/// Rolls a part back when it goes, unless it has ended. Whoever had it is gone: there is no stop but the time.
class Undoing {
public:
    explicit Undoing(const HeldPart& part) : transaction_(part.transaction), number_(part.number) {}
    Undoing(Undoing&&) noexcept = default;
    Undoing& operator=(Undoing&&) = delete;
    ~Undoing() {
        if (transaction_ && transaction_->has_part(number_))
            static_cast<void>(transaction_->undo_part(number_, {transaction_->time.wait().deadline}));
    }

private:
    std::shared_ptr<Transaction::Impl> transaction_;  // null once it was moved from
    std::uint32_t number_;
};

AnswerOperation<AsyncSavepoint>* make_savepoint(const std::shared_ptr<AsyncTarget>& target) {
    return make_operation<AsyncSavepoint>(
        target, {}, [](Executor& executor, const Site& site) -> Expected<AsyncSavepoint> {
            const auto& transaction = ExecutorAccess::shared(static_cast<Transaction&>(executor));
            const auto number = transaction->set_part(transaction->time.wait(*site.target.context, &site.options));
            if (!number) return number.error();
            return AsyncSavepoint(target_for(site, std::make_unique<HeldPart>(transaction, *number)));
        });
}

using End = Expected<void> (Transaction::Impl::*)(std::uint32_t number, const spi::Wait& wait);

AnswerOperation<void>* make_end(const std::shared_ptr<AsyncTarget>& target, End end) {
    return make_operation<void>(target, {}, [end](Executor&, const Site& site) {
        HeldPart& part = part_of(site.target);
        Transaction::Impl& transaction = *part.transaction;
        auto ended = (transaction.*end)(part.number, transaction.time.wait(*site.target.context, &site.options));
        if (!transaction.has_part(part.number)) part.has_ended.store(true, std::memory_order_release);
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
    if (!target_ || !has_owner_) return;
    const detail::HeldPart& part = detail::part_of(*target_);
    if (part.has_ended.load(std::memory_order_acquire)) return;
    (new detail::Burial<detail::Undoing>(target_->queue, detail::Undoing(part)))->begin_in_order(target_->home);
}

Async<void> AsyncSavepoint::release() {
    return Async<void>(detail::make_end(target_, &Transaction::Impl::release_part));
}
Async<Expected<void>> AsyncSavepoint::try_release() {
    return Async<Expected<void>>(detail::make_end(target_, &Transaction::Impl::release_part));
}
Async<void> AsyncSavepoint::rollback() { return Async<void>(detail::make_end(target_, &Transaction::Impl::undo_part)); }
Async<Expected<void>> AsyncSavepoint::try_rollback() {
    return Async<Expected<void>>(detail::make_end(target_, &Transaction::Impl::undo_part));
}

Async<AsyncSavepoint> AsyncTransaction::savepoint() { return Async<AsyncSavepoint>(detail::make_savepoint(target_)); }
Async<Expected<AsyncSavepoint>> AsyncTransaction::try_savepoint() {
    return Async<Expected<AsyncSavepoint>>(detail::make_savepoint(target_));
}

}  // namespace pg
