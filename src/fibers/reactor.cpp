// The turns of a reactor.
#include "src/fibers/reactor.hpp"

#include <algorithm>
#include <thread>

#include "src/fibers/run_loop.hpp"

namespace pg::fibers {

LoopReactor::LoopReactor(spi::EventLoop& loop) : loop_(loop), has_thread_(false) {}
LoopReactor::LoopReactor(RunLoop& loop) : loop_(loop), has_thread_(true) {}

LoopReactor::~LoopReactor() {
    while (inside_.load(std::memory_order_acquire) != 0) std::this_thread::yield();  // (R5)
    if (armed_ != Deadline::Clock::time_point::max()) loop_.set_alarm(Deadline::Clock::time_point::max(), alarm_);
}

void LoopReactor::do_post(spi::Job& job) noexcept {
    if (loop_.here()) {
        jobs_.push(job);
        want_turn();
    } else {
        hand_over(posted_, job);
    }
}

void LoopReactor::do_spawn(spi::Job& job) noexcept {
    at_work_.fetch_add(1, std::memory_order_relaxed);
    if (loop_.here()) {
        to_spawn_.push(job);
        want_turn();
    } else {
        hand_over(spawned_, job);
    }
}

void LoopReactor::hand_over(JobInbox& inbox, spi::Job& job) noexcept {
    inside_.fetch_add(1, std::memory_order_relaxed);
    inbox.push(job);
    empty_inboxes_soon();
    inside_.fetch_sub(1, std::memory_order_release);
}

void LoopReactor::empty_inboxes_soon() noexcept {
    if (!inbox_is_posted_.exchange(true, std::memory_order_acq_rel)) loop_.post(inbox_);
}

void LoopReactor::look_into_inbox() {
    inbox_is_posted_.store(false, std::memory_order_release);  // (R3) before looking: what comes later posts again
    turn([this] {
        posted_.take(jobs_);
        spawned_.take(to_spawn_);
    });
}

void LoopReactor::go_on(Fiber& fiber) noexcept {
    fiber.next = nullptr;
    (first_due_ == nullptr ? first_due_ : last_due_->next) = &fiber;
    last_due_ = &fiber;
    want_turn();
}

void LoopReactor::do_set(spi::Timer& timer, Deadline::Clock::time_point when) noexcept {
    timers_.set(timer, when);
    if (when < armed_) arm();
}

void LoopReactor::arm() {
    constexpr auto never = Deadline::Clock::time_point::max();
    const auto before = std::exchange(armed_, timers_.empty() ? never : timers_.first().when);
    if (armed_ != never || before != never) loop_.set_alarm(armed_, alarm_);
}

void LoopReactor::alarm_has_run() {
    armed_ = Deadline::Clock::time_point::max();
    look_at_timers();
}

void LoopReactor::look_at_timers() {
    turn([this] {
        const auto now = Deadline::Clock::now();
        while (!timers_.empty() && timers_.first().when <= now) {
            spi::Timer& timer = timers_.first();
            timers_.cancel(timer);
            timer.job->run();  // at once: a job that waited in a queue could come after the end of what it belongs to
        }
    });
    arm();
}

void LoopReactor::want_turn() noexcept {
    if (!in_turn_ && !std::exchange(turn_wanted_, true)) loop_.post(turn_);
}

void LoopReactor::come_back() {
    turn_wanted_ = false;
    turn([] {});
}

void LoopReactor::end_turn() {
    for (int rounds = 0; rounds < most_rounds && is_anything_due(); ++rounds) run_what_is_due();
    in_turn_ = false;
    if (is_anything_due()) want_turn();
    hold();
    if (on_rest_ != nullptr && is_idle()) [[unlikely]]
        tell_rest();
}

/// Or lets it go, if that has changed (R6).
void LoopReactor::hold() noexcept {
    const bool is_under_way = has_calls_ || idle_.size() != fibers_.size();
    if (std::exchange(holds_, is_under_way) != is_under_way) loop_.hold(is_under_way);
}

bool LoopReactor::is_anything_due() const noexcept {
    return first_due_ != nullptr || !jobs_.empty() || !to_spawn_.empty();
}

void LoopReactor::run_what_is_due() {
    JobQueue jobs = std::exchange(jobs_, {});
    while (spi::Job* job = jobs.pop()) job->run();
    for (Fiber* due = std::exchange(first_due_, nullptr); due != nullptr;) {
        Fiber& fiber = *std::exchange(due, due->next);
        if (fiber.go_on()) keep(fiber);
    }
    JobQueue to_spawn = std::exchange(to_spawn_, {});
    while (spi::Job* job = to_spawn.pop()) {
        Fiber& fiber = take_fiber();
        if (fiber.run(*job)) keep(fiber);
    }
}

Fiber& LoopReactor::take_fiber() {
    if (idle_.empty()) return *fibers_.emplace_back(std::make_unique<Fiber>(*this));
    Fiber& fiber = *idle_.back();
    idle_.pop_back();
    return fiber;
}

void LoopReactor::keep(Fiber& fiber) {
    at_work_.fetch_sub(1, std::memory_order_release);
    idle_.push_back(&fiber);
    if (idle_.size() <= most_idle_fibers) return;
    // (F1) The one that was idle for longest goes, and with it its stack.
    const auto spare = std::find_if(idle_.begin(), idle_.end(), [](const Fiber* idle) { return idle->is_quiet(); });
    if (spare == idle_.end()) return;
    const auto own =
        std::find_if(fibers_.begin(), fibers_.end(), [&](const auto& owned) { return owned.get() == *spare; });
    idle_.erase(spare);
    fibers_.erase(own);
}

}  // namespace pg::fibers
