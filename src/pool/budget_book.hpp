// BudgetBook: who of several pools may open a session. Internal to pool.
//
//   (D1) Permits in use are never more than `most`.
//   (D2) A permit that is reserved for one pool is not given to another, whether it is in use or not.
//   (D3) Who waits is served in the order of coming, as far as (D2) lets them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace pg::pool {

/// Knows no locks and no pools. One thread at a time.
class BudgetBook {
public:
    /// What one pool has. Pinned while it takes part.
    struct Claim {
        std::size_t held = 0;
        std::size_t reserved = 0;
        bool is_urgent = false;  // somebody waits for what it waits for, not its least sizes alone
    };

    explicit BudgetBook(std::size_t most) : most_(most) {}

    /// Reserves as much as is left of what was not reserved before.
    void join(Claim& claim, std::size_t reserved) {
        std::size_t others = 0;
        for (const Claim* other : claims_) others += other->reserved;
        claim.reserved = std::min(reserved, most_ - others);
        claims_.push_back(&claim);
    }
    /// One that holds nothing any more.
    void leave(Claim& claim) {
        cease(claim);
        std::erase(claims_, &claim);
    }
    /// False: it waits from now on.
    [[nodiscard]] bool take(Claim& claim, bool is_urgent) {
        const auto first =
            std::find_if(waiting_.begin(), waiting_.end(), [&](Claim* one) { return is_free_for(*one); });
        const bool is_its_turn = first == waiting_.end() || *first == &claim || claim.held < claim.reserved;
        if (is_its_turn && is_free_for(claim)) {
            cease(claim);
            ++claim.held;
            ++used_;
            return true;
        }
        if (std::find(waiting_.begin(), waiting_.end(), &claim) == waiting_.end()) waiting_.push_back(&claim);
        claim.is_urgent = is_urgent;
        return false;
    }
    void give(Claim& claim) {
        --claim.held;
        --used_;
    }
    /// It waits no more.
    void cease(Claim& claim) { std::erase(waiting_, &claim); }
    /// With `size` it would have what another one waits for, and is to give up what is idle: more than is reserved for
    /// it, where the other has not what is reserved for that, or more than its even part, where it is urgent. What two
    /// want for their least sizes alone neither takes from the other, who would take it back.
    [[nodiscard]] bool has_too_many(const Claim& claim, std::size_t size) const {
        return std::any_of(waiting_.begin(), waiting_.end(), [&](const Claim* one) {
            if (one == &claim) return false;
            // What is about to come free counts: no more is given up than is missing.
            if (one->held < one->reserved) return size > claim.reserved && used_ - (claim.held - size) >= most_;
            return one->is_urgent && size > std::max(claim.reserved, most_ / claims_.size());
        });
    }
    /// The first that waits and could take one; null when there is none.
    [[nodiscard]] Claim* next() const {
        const auto first =
            std::find_if(waiting_.begin(), waiting_.end(), [&](Claim* one) { return is_free_for(*one); });
        return first == waiting_.end() ? nullptr : *first;
    }
    [[nodiscard]] std::size_t most() const { return most_; }
    [[nodiscard]] std::size_t used() const { return used_; }
    [[nodiscard]] const std::vector<Claim*>& claims() const { return claims_; }

private:
    [[nodiscard]] bool is_free_for(const Claim& claim) const {
        std::size_t kept = 0;  // for the others
        for (const Claim* other : claims_)
            if (other != &claim && other->held < other->reserved) kept += other->reserved - other->held;
        return used_ + (claim.held < claim.reserved ? 0 : kept) < most_;
    }

    const std::size_t most_;
    std::size_t used_ = 0;
    std::vector<Claim*> claims_;
    std::vector<Claim*> waiting_;  // the first to come first
};

}  // namespace pg::pool
