// The permits of a pool that shares a budget with others. Internal to pool.
#pragma once

#include <memory>
#include <mutex>

#include "pg/pool/budget.hpp"
#include "src/base/fork.hpp"
#include "src/pool/budget_book.hpp"
#include "src/pool/permits.hpp"

namespace pg {

struct PoolBudget::Impl {
    /// What the pools of a process share. Its lock is taken under the locks of pools, and none under it.
    struct Share {
        explicit Share(std::size_t most) : book(most) {}
        std::mutex mutex;  // guards what follows
        pool::BudgetBook book;
    };
    explicit Impl(std::size_t number) : most(number) {}
    [[nodiscard]] Share& here() const { return shares.here(most); }

    const std::size_t most;
    const detail::PerProcess<Share> shares;
};

namespace pool {

/// Told to look when the budget has changed for it. On any thread, under the lock of another pool and of the budget.
class BudgetClaimant {
public:
    virtual ~BudgetClaimant() = default;
    virtual void budget_changed() noexcept = 0;
};

class BudgetPermits final : public Permits, private BudgetBook::Claim {
public:
    BudgetPermits(std::shared_ptr<PoolBudget::Impl> budget, std::size_t reserve, BudgetClaimant& pool);
    BudgetPermits(const BudgetPermits&) = delete;
    BudgetPermits& operator=(const BudgetPermits&) = delete;
    /// Gives back what its pool has not: nobody is told to look any more.
    ~BudgetPermits() override;

    [[nodiscard]] bool take(bool for_somebody) override;
    void give() override;
    void cease() override;
    [[nodiscard]] bool are_too_many(std::size_t size) const override;

private:
    void tell_next();

    const std::shared_ptr<PoolBudget::Impl> budget_;
    PoolBudget::Impl::Share& share_;  // of the process where its pool is
    BudgetClaimant& pool_;
};

}  // namespace pool
}  // namespace pg
