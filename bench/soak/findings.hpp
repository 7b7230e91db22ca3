// What a soak run finds: counts, and what breaks an invariant, told by its number.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pg/error.hpp"

namespace soak {

using Clock = std::chrono::steady_clock;

/// The invariants, by their numbers.
inline constexpr std::size_t invariants = 9;
inline constexpr std::array<std::string_view, invariants + 1> titles{
    "",
    "no call outlives its deadline by more than the bound",
    "sessions are conserved, and a healed pool is ready again",
    "every reply belongs to its request",
    "what is said of a commit is what the tables hold",
    "nothing of one borrower meets the next",
    "nothing is done twice",
    "sessions are opened no faster than the governor lets them",
    "neither memory nor descriptors nor threads grow",
    "every failure is typed and says where",
};

/// Of whoever was not let in.
inline constexpr std::chrono::milliseconds rest{5};

/// What a caller was told of a change with a number of its own.
enum class Told : std::uint8_t { applied, not_applied, unknown };

/// Of all workers. Thread-safe.
class Findings {
public:
    explicit Findings(std::chrono::milliseconds bound) : bound_(bound) {}

    void broken(std::size_t invariant, const std::string& how) {
        const std::lock_guard lock(mutex_);
        if (++broken_[invariant] <= 5) words_[invariant].push_back(how);
    }
    /// I1: a call with that much time has come back.
    void took(std::string_view what, Clock::time_point begin, std::chrono::nanoseconds timeout) {
        ++calls_;
        const auto over = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin - timeout).count();
        for (auto most = longest_over_.load(); over > most && !longest_over_.compare_exchange_weak(most, over);) {
        }
        if (over > std::chrono::microseconds(bound_).count())
            broken(1, std::string(what) + " came back " + std::to_string(over / 1000) + " ms after its deadline");
    }
    /// I9: a failure that the load brings about by itself, or a fault.
    void failed(std::string_view what, const pg::Error& error);
    /// Nobody was let in a moment ago: whoever asks again at once only counts the same failure.
    [[nodiscard]] bool is_shut_out() const { return Clock::now().time_since_epoch().count() < shut_out_until_; }
    /// I4, I6: for the comparison at the end of a round.
    void told(std::int64_t number, Told what) {
        const std::lock_guard lock(mutex_);
        changes_[number] = what;
    }

    [[nodiscard]] std::unordered_map<std::int64_t, Told> take_changes() {
        const std::lock_guard lock(mutex_);
        return std::exchange(changes_, {});
    }
    [[nodiscard]] std::uint64_t calls() const { return calls_; }
    [[nodiscard]] std::int64_t longest_over_microseconds() const { return longest_over_; }
    [[nodiscard]] std::uint64_t times_broken(std::size_t invariant) const {
        const std::lock_guard lock(mutex_);
        return broken_[invariant];
    }
    [[nodiscard]] std::vector<std::string> words(std::size_t invariant) const {
        const std::lock_guard lock(mutex_);
        return words_[invariant];
    }
    /// How often each kind of failure came.
    [[nodiscard]] std::string failures() const;

    std::atomic<std::uint64_t> replies = 0, changes = 0, unknown = 0, borrowed = 0, messages = 0, gaps = 0;

private:
    const std::chrono::milliseconds bound_;
    std::atomic<std::uint64_t> calls_ = 0;
    std::atomic<std::int64_t> longest_over_ = INT64_MIN;
    std::atomic<Clock::rep> shut_out_until_ = 0;
    mutable std::mutex mutex_;  // guards what follows
    std::array<std::uint64_t, invariants + 1> broken_{};
    std::array<std::vector<std::string>, invariants + 1> words_;
    std::unordered_map<std::int64_t, Told> changes_;
    std::unordered_map<int, std::uint64_t> kinds_;
};

}  // namespace soak
