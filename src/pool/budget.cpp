// A budget of sessions under its lock: who is told to look when it changes.
#include "src/pool/budget.hpp"

#include <algorithm>
#include <utility>

namespace pg {

PoolBudget::PoolBudget(std::size_t most) : impl_(std::make_shared<Impl>(std::max<std::size_t>(most, 1))) {}

std::size_t PoolBudget::most() const { return impl_->book.most(); }

std::size_t PoolBudget::used() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->book.used();
}

namespace pool {

BudgetPermits::BudgetPermits(std::shared_ptr<PoolBudget::Impl> budget, std::size_t reserve, BudgetClaimant& pool)
    : budget_(std::move(budget)), pool_(pool) {
    const std::lock_guard lock(budget_->mutex);
    budget_->book.join(*this, reserve);
}

BudgetPermits::~BudgetPermits() {
    const std::lock_guard lock(budget_->mutex);
    while (held != 0) budget_->book.give(*this);
    budget_->book.leave(*this);
    tell_next();
}

bool BudgetPermits::take() {
    const std::lock_guard lock(budget_->mutex);
    const bool is_taken = budget_->book.take(*this);
    // Nobody who has too many has a right to what others have too many of.
    if (!is_taken && !budget_->book.has_too_many(*this, held))
        for (Claim* other : budget_->book.claims())
            if (other != this && budget_->book.has_too_many(*other, other->held))
                static_cast<BudgetPermits*>(other)->pool_.budget_changed();
    tell_next();  // several may have come free at once, of which the first was told only
    return is_taken;
}

void BudgetPermits::give() {
    const std::lock_guard lock(budget_->mutex);
    budget_->book.give(*this);
    tell_next();
}

void BudgetPermits::cease() {
    const std::lock_guard lock(budget_->mutex);
    budget_->book.cease(*this);
    tell_next();
}

bool BudgetPermits::are_too_many(std::size_t size) const {
    const std::lock_guard lock(budget_->mutex);
    return budget_->book.has_too_many(*this, size);
}

/// Under the lock of the budget, so that no pool is told that has left it.
void BudgetPermits::tell_next() {
    if (Claim* next = budget_->book.next(); next != nullptr && next != this)
        static_cast<BudgetPermits*>(next)->pool_.budget_changed();
}

}  // namespace pool
}  // namespace pg
