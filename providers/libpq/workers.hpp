// Workers: a bounded number of threads for the few calls that block and cannot be told not to.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "providers/libpq/wait.hpp"
#include "src/base/fork.hpp"

namespace pg::libpq {

/// One blocking call. Shared by the thread that runs it and the one that waits for it, who may leave first.
class Job {
public:
    /// Jobs of one lane run one after the other, so that what one of them hangs on holds up no other lane. Without a
    /// lane it runs whenever a thread is free.
    explicit Job(std::string lane = {}) : lane_(std::move(lane)) {}
    virtual ~Job() = default;
    /// Raised when `run` is over.
    [[nodiscard]] int descriptor() const noexcept { return done_signal_.descriptor(); }
    [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }

private:
    friend class Workers;
    virtual void run() noexcept = 0;
    /// Another job of its lane has just been run: true when that answers this one too, which is not run then.
    virtual bool take_answer(Job&) noexcept { return false; }
    void finish() noexcept {
        done_.store(true, std::memory_order_release);
        done_signal_.raise();
    }

    const std::string lane_;
    Signal done_signal_;
    std::atomic<bool> done_{false};
};

/// Threads that are started when there is work for them, up to a bound. Thread-safe.
class Workers {
public:
    /// `most_waiting` is the bound of each lane.
    Workers(std::size_t most_threads, std::size_t most_waiting)
        : most_threads_(most_threads), most_waiting_(most_waiting) {}
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers() { end(Deadline::never()); }

    /// Waits for all jobs, those that wait among them, until then, which comes.
    void finish(const Deadline& until) noexcept;
    /// Waits for the jobs that run, until then, and forgets those that do not yet. No job is taken from then on.
    /// Threads that still run one go on using this.
    void end(const Deadline& until) noexcept;
    /// False when as many jobs of its lane wait already as may, no thread can be had, or the end has come.
    [[nodiscard]] bool submit(std::shared_ptr<Job> job) noexcept;
    /// Nobody waits for it any more: it is not run, unless it runs already.
    void withdraw(const Job& job) noexcept;

private:
    using Jobs = std::deque<std::shared_ptr<Job>>;

    void work() noexcept;
    [[nodiscard]] bool may_run(const Job& job) const;  ///< its lane is free

    const std::size_t most_threads_, most_waiting_;
    std::mutex mutex_;  ///< guards what follows
    std::condition_variable changed_;
    Jobs waiting_;
    std::vector<const Job*> running_;
    std::vector<std::thread> threads_;
    std::size_t alive_ = 0;  ///< threads
    std::size_t idle_ = 0;
    bool ending_ = false;
};

/// The workers of each process for one purpose. Thread-safe.
class ProcessWorkers {
public:
    ProcessWorkers(std::size_t most_threads, std::size_t most_waiting)
        : most_threads_(most_threads), most_waiting_(most_waiting) {}

    /// As those of `Workers`. @{
    void finish(const Deadline& until) noexcept { here().finish(until); }
    void end(const Deadline& until) noexcept { here().end(until); }  /// @}
    [[nodiscard]] bool submit(std::shared_ptr<Job> job) noexcept { return here().submit(std::move(job)); }
    void withdraw(const Job& job) noexcept { here().withdraw(job); }

private:
    [[nodiscard]] Workers& here() noexcept { return workers_.here(most_threads_, most_waiting_); }

    const std::size_t most_threads_, most_waiting_;
    const detail::PerProcess<Workers> workers_;
};

/// Ends workers at the end of the process that are never destroyed: other threads may still ask for them then, and a
/// call that hangs (a look-up, a cancel request to a server that is frozen) holds the process up for a second at most.
template <class T>
struct EndAtExit {
    T& what;
    ~EndAtExit() { what.end(Deadline::after(std::chrono::seconds(1))); }
};

}  // namespace pg::libpq
