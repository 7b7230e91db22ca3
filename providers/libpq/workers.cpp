// Threads that take jobs from a bounded queue.
#include "providers/libpq/workers.hpp"

#include <algorithm>
#include <csignal>
#include <system_error>

namespace pg::libpq {
namespace {

/// The program's signals are for its own threads. Above all SIGPIPE: PQcancel writes to a server that may be gone, and
/// is to fail then, not to end the process.
void block_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

void Workers::finish(const Deadline& until) noexcept {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until.when(), [this] { return waiting_.empty() && running_.empty(); });
}

void Workers::end(const Deadline& until) noexcept {
    std::unique_lock lock(mutex_);
    ending_ = true;
    waiting_.clear();
    changed_.notify_all();
    const auto have_left = [this] { return alive_ == 0; };
    const bool all =
        until.is_never() ? (changed_.wait(lock, have_left), true) : changed_.wait_until(lock, until.when(), have_left);
    std::vector<std::thread> threads = std::exchange(threads_, {});
    lock.unlock();
    for (std::thread& thread : threads) all ? thread.join() : thread.detach();
}

bool Workers::submit(std::shared_ptr<Job> job) noexcept {
    const std::lock_guard lock(mutex_);
    if (ending_) return false;
    const auto in_its_lane = [&](const std::shared_ptr<Job>& other) { return other->lane_ == job->lane_; };
    const auto waiting = std::count_if(waiting_.begin(), waiting_.end(), in_its_lane);
    if (static_cast<std::size_t>(waiting) >= most_waiting_) return false;
    const bool has_thread = !job->lane_.empty() && (waiting != 0 || !may_run(*job));  // that of the job before it
    if (!has_thread && idle_ <= waiting_.size() && threads_.size() < most_threads_) {
        try {
            threads_.emplace_back([this] { work(); });
            ++alive_;
        } catch (const std::system_error&) {
            if (threads_.empty()) return false;
        }
    }
    waiting_.push_back(std::move(job));
    changed_.notify_all();  // one alone may be whoever waits for their end
    return true;
}

void Workers::withdraw(const Job& job) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [&](const std::shared_ptr<Job>& other) { return other.get() == &job; });
}

bool Workers::may_run(const Job& job) const {
    return job.lane_.empty() ||
           std::none_of(running_.begin(), running_.end(), [&](const Job* other) { return other->lane_ == job.lane_; });
}

void Workers::work() noexcept {
    block_signals();
    std::unique_lock lock(mutex_);
    for (;;) {
        Jobs::iterator next;
        const auto found = [&] {
            next = std::find_if(waiting_.begin(), waiting_.end(), [this](const auto& job) { return may_run(*job); });
            return next != waiting_.end();
        };
        ++idle_;
        changed_.wait(lock, [&] { return ending_ || found(); });
        --idle_;
        if (ending_) break;
        const std::shared_ptr<Job> job = std::move(*next);
        waiting_.erase(next);
        running_.push_back(job.get());
        lock.unlock();
        job->run();
        lock.lock();
        std::erase(running_, job.get());
        std::erase_if(waiting_, [&](const std::shared_ptr<Job>& other) {
            if (other->lane_ != job->lane_ || !other->take_answer(*job)) return false;
            other->finish();
            return true;
        });
        job->finish();  // from now on its answer is its owner's
        if (waiting_.empty()) changed_.notify_all();
    }
    --alive_;
    changed_.notify_all();  // with the lock: this may go when it is let go
}

}  // namespace pg::libpq
