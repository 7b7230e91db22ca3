// What whoever runs the service asks of the pool, and has it do.
#include "src/pool/enter.hpp"
#include "src/pool/refusals.hpp"

namespace pg::pool {

using Clock = Deadline::Clock;

PoolStats SessionPool::do_stats() const {
    if (!birthplace_.is_here()) return {};
    const std::lock_guard lock(mutex_);
    PoolStats stats = books_.stats(Clock::now());
    const std::size_t returned = fronts_.members().size();
    stats.lent -= returned;
    stats.idle += returned;
    return stats;
}

std::vector<Loan> SessionPool::do_loans(std::chrono::nanoseconds age) const {
    if (!birthplace_.is_here()) return {};
    const std::lock_guard lock(mutex_);
    return books_.loans(Clock::now(), age, fronts_.members());
}

void SessionPool::do_resize(std::size_t max_size, std::size_t min_size, std::size_t min_idle) {
    if (min_size + min_idle != 0) employ();
    enter([&](Books& books, Time now) {
        empty_fronts(now);
        books.resize(max_size, min_size, min_idle);
        lends_several_.store(max_size > 1, std::memory_order_relaxed);
    });
}

void SessionPool::do_refresh() noexcept {
    enter([this](Books& books, Time now) {
        empty_fronts(now);
        books.refresh();
    });
}

void SessionPool::do_suspend(bool suspended) noexcept {
    enter([&](Books& books, Time) { books.suspend(suspended); });
}

/// Waits for a condition of the books; false when the time was over before.
template <class Condition>
bool SessionPool::watch(const Deadline& until, Condition condition) {
    std::unique_lock lock(mutex_);
    ++watchers_;
    bool is_so = true;
    if (until.is_never())
        changed_.here().wait(lock, condition);
    else
        is_so = changed_.here().wait_until(lock, until.when(), condition);
    --watchers_;
    return is_so;
}

Expected<void> SessionPool::do_wait_ready(std::size_t sessions, std::chrono::nanoseconds timeout) {
    if (!birthplace_.is_here()) return detail::made_before_fork();
    employ();
    if (is_on_a_loop()) return would_wait_for_itself();
    const Time since = Clock::now();
    bool may_be = false;
    std::size_t wished = 0;
    enter([&](Books& books, Time) {
        may_be = sessions <= books.limits().max_size;
        if (!may_be) return;
        wished = std::max(sessions, books.least_open());
        wishes_.insert(wished);
        books.wish(*wishes_.rbegin());
    });
    if (!may_be) return more_than_there_may_be(sessions);
    const bool is_ready = watch(Deadline::after(timeout), [&] {
        may_be = sessions <= books_.limits().max_size;  // it may have become smaller
        return books_.open_ones() >= std::max(sessions, books_.least_open()) || books_.is_closed() || !may_be;
    });
    enter([&](Books& books, Time now) {
        empty_fronts(now);  // what stands there is not in use, and the numbers are to say so
        wishes_.erase(wishes_.find(wished));
        books.wish(wishes_.empty() ? 0 : *wishes_.rbegin());
    });
    const std::lock_guard lock(mutex_);
    if (books_.is_closed()) return client_is_closed(books_, Clock::now());
    if (!may_be) return more_than_there_may_be(sessions);
    if (!is_ready) return not_ready_in_time(std::max(sessions, books_.least_open()), books_, since, Clock::now());
    if (const Error* lack = books_.lack()) return *lack;
    return {};
}

std::size_t SessionPool::do_drain(std::chrono::nanoseconds timeout) {
    if (!birthplace_.is_here()) return 0;
    if (!is_on_a_loop()) watch(Deadline::after(timeout), [&] { return !books_.any_member(); });
    const std::lock_guard lock(mutex_);
    return books_.not_closed();
}

void SessionPool::look() noexcept {
    std::vector<Loan> leaks;
    std::vector<std::shared_ptr<const Cutter>> cutters;
    enter(
        [&](Books& books, Time now) {
            empty_fronts(now);  // (P3)
            books.look(now);
            leaks = books.take_leaks();
            cutters = books.take_cutters();
            armed_for_ = Time::max();
        },
        true);
    for (const auto& cutter : cutters) cutter->cut();
    if (on_leak_ == nullptr) return;
    for (const Loan& leak : leaks)
        if (const HookCall call(opener_.gate()); call.is_allowed()) on_leak_(leak_context_, leak);
}

void SessionPool::start() noexcept {
    if (books_.limits().min_size + books_.limits().min_idle == 0) return;
    employ();
    look();
}

void SessionPool::do_close() noexcept {
    if (!birthplace_.is_here()) return;
    enter([this](Books& books, Time now) {
        empty_fronts(now);
        books.close(now);
    });
    stops_opening_.request_stop();
}

void SessionPool::abandon() noexcept {
    Pool::close();
    if (!birthplace_.is_here()) return;
    const bool are_hooks_called = opener_.gate().close();
    if (!may_wait_for_the_end()) return;
    const Deadline until = Deadline::after(connect_timeout_);
    if (are_hooks_called) opener_.gate().wait(until);
    openings_->wait(until);
}

}  // namespace pg::pool
