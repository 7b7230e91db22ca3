// When a transaction is run again, and how long to wait before: full jitter under a doubling ceiling.
#include "src/core/retry.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

#include "pg/deadline.hpp"
#include "pg/spi/waiter.hpp"
#include "pg/stop.hpp"
#include "pg/transaction.hpp"
#include "src/core/observe.hpp"

namespace pg::detail {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds first_ceiling{10};
constexpr std::chrono::milliseconds last_ceiling{1000};

std::chrono::nanoseconds backoff(int attempt) {
    const auto ceiling = std::min<std::chrono::nanoseconds>(first_ceiling * (1 << std::min(attempt, 10)), last_ceiling);
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(0, ceiling.count())(random));
}

/// What a stop wakes.
struct Alarm {
    std::mutex mutex;  // guards `stopped`
    std::condition_variable changed;
    bool stopped = false;

    static void ring(void* alarm) noexcept {
        auto& self = *static_cast<Alarm*>(alarm);
        {
            const std::lock_guard lock(self.mutex);
            self.stopped = true;
        }
        self.changed.notify_all();
    }
};

}  // namespace

Error stopped_before_retry(const Error& cause) {
    ErrorFields fields{.kind = ErrorKind::cancelled, .outcome = Outcome::not_applied};
    fields.message = "a stop was asked for before the transaction was run again: " + std::string(cause.message());
    return Error(std::move(fields));
}

bool rest(std::chrono::nanoseconds pause, const StopToken* stop) {
    if (spi::Waiter* waiter = spi::Waiter::here())
        return waiter->wait({}, {Deadline::after(pause), stop}) == spi::Woken::deadline;
    Alarm alarm;
    const StopCallback callback(stop, &Alarm::ring, &alarm);
    std::unique_lock lock(alarm.mutex);
    return !alarm.changed.wait_for(lock, pause, [&] { return alarm.stopped; });
}

bool is_over(const spi::Wait& wait) { return (wait.stop && wait.stop->stop_requested()) || wait.deadline.passed(); }

Expected<Borrowed> borrow_again(Executor& executor, const spi::Wait& wait) {
    const QueryOptions left{.timeout = std::max(wait.deadline.remaining(), std::chrono::nanoseconds(1)),
                            .stop = wait.stop};
    Expected<Borrowed> borrowed = ExecutorAccess::borrow(executor, &left);
    if (borrowed) borrowed->wait.deadline = earlier(borrowed->wait.deadline, wait.deadline);
    return borrowed;
}

TransactionRetries::TransactionRetries(const TransactionOptions& options)
    : options_(options),
      end_(options.timeout.count() == 0 ? Clock::time_point::max() : Deadline::after(options.timeout).when()) {}

Expected<bool> TransactionRetries::again(const Error& error, const Executor& source) {
    return again(error, ExecutorAccess::hooks(source).get());
}

Expected<bool> TransactionRetries::again(const Error& error, const Hooks* hooks, const StopToken* stop) {
    if (error.retry_scope() != RetryScope::transaction || error.kind() == ErrorKind::commit_unknown) return false;
    if (attempt_ >= options_.retries) return false;
    const std::chrono::nanoseconds pause = backoff(attempt_);
    if (end_ != Clock::time_point::max() && Clock::now() + pause >= end_) return false;
    if (!rest(pause, stop ? stop : options_.stop)) return stopped_before_retry(error);
    ++attempt_;
    if (hooks && hooks->observer)
        hooks->observer->tell(
            spi::RetryEvent{.is_transaction = true, .attempt = attempt_ + 1, .pause = pause, .error = &error});
    return true;
}

TransactionOptions TransactionRetries::remaining() const {
    TransactionOptions left = options_;
    if (end_ != Clock::time_point::max())
        left.timeout = std::max<std::chrono::nanoseconds>(end_ - Clock::now(), std::chrono::nanoseconds(1));
    return left;
}

}  // namespace pg::detail
