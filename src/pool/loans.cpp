// Loans: who has a session for how long, and who may have forgotten it.
#include <algorithm>

#include "src/pool/books.hpp"
#include "src/value/fingerprint.hpp"

namespace pg::pool {
namespace {

Loan loan_of(const Member& member, Time now) {
    return {.age = now - member.lent_since(),
            .site = member.holder.site(),
            .statement = fingerprint(member.holder.statement()),
            .process = member.process,
            .reclaimed = false};
}

}  // namespace

std::vector<Loan> Books::loans(Time now, std::chrono::nanoseconds age,
                               const std::vector<const Member*>& returned) const {
    std::vector<Loan> loans;
    for (const auto& member : members_)
        if (member->state == State::lent && now - member->lent_since() >= age &&
            std::ranges::count(returned, member.get()) == 0)
            loans.push_back(loan_of(*member, now));
    std::sort(loans.begin(), loans.end(), [](const Loan& a, const Loan& b) { return a.age > b.age; });
    return loans;
}

std::optional<Loan> Books::oldest_loan(Time now) const {
    const Member* oldest = nullptr;
    for (const auto& member : members_)
        if (member->state == State::lent && (oldest == nullptr || member->lent_since() < oldest->lent_since()))
            oldest = member.get();
    return oldest == nullptr ? std::nullopt : std::optional(loan_of(*oldest, now));
}

/// Each when it has lasted for the threshold, and whenever as much time has passed again.
void Books::find_leaks(Time now) {
    if (limits_.leak_threshold == no_timeout) return;
    for (const auto& member : members_) {
        if (member->state != State::lent) continue;
        const std::uint64_t loan = member->loans.load(std::memory_order_relaxed);
        const bool is_known = member->reported == loan;
        if (now < (is_known ? member->report_again : later(member->lent_since(), limits_.leak_threshold))) continue;
        if (!is_known) ++totals_.leaked;
        member->reported = loan;
        member->report_again = later(now, limits_.leak_threshold);
        leaks_.push_back(loan_of(*member, now));
    }
}

/// Those that have lasted for longer than they may.
void Books::reclaim(Time now) {
    if (limits_.reclaim_threshold == no_timeout) return;
    for (std::size_t at = 0; at < members_.size();) {
        Member& member = *members_[at];
        const bool is_overdue = member.state == State::lent && member.cutter &&
                                now >= later(member.lent_since(), limits_.reclaim_threshold);
        is_overdue ? reclaim(member, now) : void(++at);
    }
}

/// It leaves the members (B8). The library keeps it for whoever has it.
void Books::reclaim(Member& member, Time now) {
    Loan loan = loan_of(member, now);
    loan.reclaimed = true;
    leaks_.push_back(std::move(loan));
    member.holder.take_back();
    cutters_.push_back(member.cutter);
    ++totals_.reclaimed;
    if (member.unwanted.load(std::memory_order_relaxed)) --old_;
    cut_.push_back(remove(member));
    member.state = State::cut;
}

void Books::come_back_cut(Member& member) {
    member.why_closed = &PoolStats::lost;
    ++totals_.lost;
    to_close_.push_back(&member);
}

}  // namespace pg::pool
