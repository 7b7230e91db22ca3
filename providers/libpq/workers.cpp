// Threads that take jobs from a bounded queue.
#include "providers/libpq/workers.hpp"

#include <system_error>
#include <utility>

namespace pg::libpq {

Workers::~Workers() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        waiting_.clear();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

bool Workers::submit(std::shared_ptr<Job> job) noexcept {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= most_waiting_) return false;
    if (idle_ <= waiting_.size() && threads_.size() < most_threads_) {
        try {
            threads_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
            if (threads_.empty()) return false;
        }
    }
    waiting_.push_back(std::move(job));
    changed_.notify_one();
    return true;
}

void Workers::work() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        --idle_;
        if (ending_) return;
        const std::shared_ptr<Job> job = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        job->run();
        job->done_.store(true, std::memory_order_release);
        job->done_signal_.raise();
        lock.lock();
    }
}

ProcessWorkers::~ProcessWorkers() {
    Local* local = local_.load();
    // In a copy of the process there is no thread to join: the memory goes with the process.
    if (local != nullptr && local->birthplace.is_here()) delete local;
}

Workers& ProcessWorkers::here() noexcept {
    Local* local = local_.load(std::memory_order_acquire);
    while (local == nullptr || !local->birthplace.is_here()) {
        auto fresh = std::unique_ptr<Local>(new Local{Workers(most_threads_, most_waiting_), Birthplace()});
        if (local_.compare_exchange_strong(local, fresh.get())) local = fresh.release();
    }
    return local->workers;
}

}  // namespace pg::libpq
