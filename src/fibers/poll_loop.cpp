// The turns of a loop over poll().
#include "src/fibers/poll_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace pg::fibers {

PollLoop::PollLoop() : wake_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_up_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    watched_.push_back({wake_up_, POLLIN, 0});
    jobs_.push_back(nullptr);
}

PollLoop::~PollLoop() { ::close(wake_up_); }

void PollLoop::do_run_until_stopped() {
    runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    while (!stopped_.load(std::memory_order_acquire)) do_run_one();
}

void PollLoop::do_run_one() {
    wait();
    JobQueue jobs;
    posted_.take(jobs);
    while (spi::Job* job = jobs.pop()) job->run();
    run_ready();
    if (alarm_ != nullptr && Clock::now() >= alarm_at_) std::exchange(alarm_, nullptr)->run();
}

void PollLoop::do_stop() noexcept {
    stopped_.store(true, std::memory_order_release);
    wake();
}

void PollLoop::do_post(spi::Job& job) noexcept {
    posted_.push(job);
    wake();
}

void PollLoop::wake() noexcept {
    const std::uint64_t one = 1;
    // It fails only when the counter is full: then the loop wakes anyway.
    static_cast<void>(!::write(wake_up_, &one, sizeof one));
}

bool PollLoop::do_watch(int descriptor, short events, spi::Job& job) noexcept {
    if (::fcntl(descriptor, F_GETFD) < 0) return false;
    try {
        jobs_.reserve(jobs_.size() + 1);
        watched_.push_back({descriptor, events, 0});
        jobs_.push_back(&job);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void PollLoop::do_forget(int descriptor) noexcept {
    const auto found = std::find_if(watched_.begin() + 1, watched_.end(),
                                    [&](const pollfd& watched) { return watched.fd == descriptor; });
    if (found == watched_.end()) return;
    jobs_.erase(jobs_.begin() + (found - watched_.begin()));
    watched_.erase(found);
}

void PollLoop::do_set_alarm(Clock::time_point when, spi::Job& job) noexcept {
    alarm_ = when == Clock::time_point::max() ? nullptr : &job;
    alarm_at_ = when;
}

/// Until a descriptor is ready, a job was posted, or the alarm's time has come.
void PollLoop::wait() {
    if (::poll(watched_.data(), watched_.size(), milliseconds_left()) <= 0)
        for (pollfd& watched : watched_) watched.revents = 0;
    if (std::exchange(watched_.front().revents, short{0}) == 0) return;
    std::uint64_t count = 0;
    static_cast<void>(!::read(wake_up_, &count, sizeof count));
}

/// Until the alarm, rounded up; -1 when none is set, as poll() takes it.
int PollLoop::milliseconds_left() const {
    if (alarm_ == nullptr) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(alarm_at_ - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, std::numeric_limits<int>::max()));
}

/// A job may watch and forget as it likes: what is taken out is looked for anew.
void PollLoop::run_ready() {
    for (;;) {
        const auto found = std::find_if(watched_.begin() + 1, watched_.end(),
                                        [](const pollfd& watched) { return watched.revents != 0; });
        if (found == watched_.end()) return;
        const auto place = found - watched_.begin();
        spi::Job* const job = jobs_[static_cast<std::size_t>(place)];
        watched_.erase(found);
        jobs_.erase(jobs_.begin() + place);
        job->run();
    }
}

}  // namespace pg::fibers
