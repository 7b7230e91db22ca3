// The load of a soak run: what workers do over a pool, blocking or awaited, until they are told to stop.
#pragma once

#include <atomic>
#include <coroutine>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "bench/soak/findings.hpp"
#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/task.hpp"

namespace soak {

inline constexpr int accounts = 20;
inline constexpr std::int64_t balance = 1000;

/// Tables for the load, empty but for the accounts.
void make_tables(pg::Executor& db);

/// What the workers of one run have in common.
struct Load {
    Findings& findings;
    std::atomic<bool> over{false};
    std::atomic<std::int64_t> numbers{0};  ///< one for each request, so that its reply can be known

    explicit Load(Findings& its_findings) : findings(its_findings) {}
    std::int64_t number() { return ++numbers; }

    /// What a coroutine awaits that is to rest until the next `wake`.
    struct Rest {
        Load& load;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> sleeper) const {
            const std::lock_guard lock(load.mutex_);
            load.sleepers_.push_back(sleeper);
        }
        void await_resume() const noexcept {}
    };
    Rest rest() { return {*this}; }
    void wake() {
        std::vector<std::coroutine_handle<>> sleepers;
        {
            const std::lock_guard lock(mutex_);
            sleepers.swap(sleepers_);
        }
        for (const std::coroutine_handle<> sleeper : sleepers) sleeper.resume();
    }

private:
    std::mutex mutex_;  // guards sleepers_
    std::vector<std::coroutine_handle<>> sleepers_;
};

/// A thread that does one thing after the other.
void work(Load& load, pg::Client& db, std::uint32_t seed);
/// The same as a coroutine.
pg::Task<void> work(Load& load, pg::AsyncClient db, std::uint32_t seed);
/// Hears numbers in their order, and a gap wherever some are missing.
pg::Task<void> listen(Load& load, pg::Client& db);

}  // namespace soak
