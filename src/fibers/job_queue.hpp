// Queues of jobs, linked through the jobs themselves.
#pragma once

#include <atomic>
#include <utility>

#include "pg/spi/event_loop.hpp"

namespace pg::fibers {

/// First in, first out. One thread at a time.
class JobQueue {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    void push(spi::Job& job) noexcept {
        job.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &job;
        last_ = &job;
    }
    /// Null when it is empty.
    [[nodiscard]] spi::Job* pop() noexcept {
        spi::Job* const job = first_;
        if (job != nullptr) first_ = std::exchange(job->next, nullptr);
        return job;
    }
    /// All of `other` behind all that is here.
    void append(JobQueue& other) noexcept {
        if (other.empty()) return;
        (first_ == nullptr ? first_ : last_->next) = std::exchange(other.first_, nullptr);
        last_ = other.last_;
    }

private:
    spi::Job* first_ = nullptr;
    spi::Job* last_ = nullptr;
};

/// Where other threads put jobs for the one that takes them all. Thread-safe.
class JobInbox {
public:
    void push(spi::Job& job) noexcept {
        job.next = head_.load(std::memory_order_relaxed);
        while (!head_.compare_exchange_weak(job.next, &job, std::memory_order_acq_rel, std::memory_order_relaxed)) {
        }
    }
    /// In the order in which they came.
    void take(JobQueue& into) noexcept {
        spi::Job* turned = nullptr;
        for (spi::Job* job = head_.exchange(nullptr, std::memory_order_acq_rel); job != nullptr;)
            turned = std::exchange(job, std::exchange(job->next, turned));
        while (turned != nullptr) into.push(*std::exchange(turned, turned->next));
    }

private:
    std::atomic<spi::Job*> head_{nullptr};
};

}  // namespace pg::fibers
