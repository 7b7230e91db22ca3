// A budget of sessions under its lock: who is told to look when it changes.
#include "src/pool/budget.hpp"

#include <algorithm>
#include <utility>

namespace pg {

PoolBudget::PoolBudget(std::size_t most) : impl_(std::make_shared<Impl>(std::max<std::size_t>(most, 1))) {}

std::size_t PoolBudget::most() const { return impl_->most; }

std::size_t PoolBudget::used() const {
    Impl::Share& share = impl_->here();
    const std::lock_guard lock(share.mutex);
    return share.book.used();
}

namespace pool {

BudgetPermits::BudgetPermits(std::shared_ptr<PoolBudget::Impl> budget, std::size_t reserve, BudgetClaimant& pool)
    : budget_(std::move(budget)), share_(budget_->here()), pool_(pool) {
    const std::lock_guard lock(share_.mutex);
    share_.book.join(*this, reserve);
}

BudgetPermits::~BudgetPermits() {
    const std::lock_guard lock(share_.mutex);
    while (held != 0) share_.book.give(*this);
    share_.book.leave(*this);
    tell_next();
}

bool BudgetPermits::take(bool for_somebody) {
    const std::lock_guard lock(share_.mutex);
    const bool is_taken = share_.book.take(*this, for_somebody);
    // Nobody who has too many has a right to what others have too many of.
    if (!is_taken && !share_.book.has_too_many(*this, held))
        for (Claim* other : share_.book.claims())
            if (other != this && share_.book.has_too_many(*other, other->held))
                static_cast<BudgetPermits*>(other)->pool_.budget_changed();
    tell_next();  // several may have come free at once, of which the first was told only
    return is_taken;
}

void BudgetPermits::give() {
    const std::lock_guard lock(share_.mutex);
    share_.book.give(*this);
    tell_next();
}

void BudgetPermits::cease() {
    const std::lock_guard lock(share_.mutex);
    share_.book.cease(*this);
    tell_next();
}

bool BudgetPermits::are_too_many(std::size_t size) const {
    const std::lock_guard lock(share_.mutex);
    return share_.book.has_too_many(*this, size);
}

/// Under the lock of the budget, so that no pool is told that has left it.
void BudgetPermits::tell_next() {
    if (Claim* next = share_.book.next(); next != nullptr && next != this)
        static_cast<BudgetPermits*>(next)->pool_.budget_changed();
}

}  // namespace pool
}  // namespace pg
