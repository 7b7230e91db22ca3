// Metrics: an observer that counts and times what a client does.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pg/spi/observer.hpp"

namespace pg {

/// How metrics are called outside: as the semantic conventions of OpenTelemetry for database clients have it, where
/// they have a name. The times there are in seconds. What a pool is doing now, `db.client.connection.count`,
/// `.max`, `.idle.min` and `.pending_requests`, are numbers of `Pool::stats()`.
namespace metric_names {
inline constexpr std::string_view operation_duration = "db.client.operation.duration";  ///< `RequestNumbers`
inline constexpr std::string_view create_time = "db.client.connection.create_time";     ///< `MetricsSnapshot`
inline constexpr std::string_view wait_time = "db.client.connection.wait_time";         ///< `MetricsSnapshot`
inline constexpr std::string_view use_time = "db.client.connection.use_time";           ///< `MetricsSnapshot`
inline constexpr std::string_view timeouts = "db.client.connection.timeouts";           ///< `MetricsSnapshot`
inline constexpr std::string_view failed_to_connect = "pgclient.connection.failed";     ///< ours
inline constexpr std::string_view closed = "pgclient.connection.closed";                ///< ours, by "reason"
inline constexpr std::string_view retries = "pgclient.retries";                         ///< ours, by "what"
inline constexpr std::string_view errors = "pgclient.errors";                           ///< ours, by "error.type"
inline constexpr std::string_view notices = "pgclient.notices";                         ///< ours
inline constexpr std::string_view operation_attribute = "db.operation.name";            ///< `RequestNumbers::kind`
inline constexpr std::string_view label_attribute = "db.query.summary";                 ///< `RequestNumbers::label`
}  // namespace metric_names

/// How many durations fell where. Value.
///
/// The buckets are sixteen for every power of two, in nanoseconds, up to 146 minutes: what is longer counts as that.
class PGCLIENT_API Latencies {
public:
    static constexpr std::size_t buckets = 640;  ///< there are

    [[nodiscard]] std::uint64_t count() const { return count_; }         ///< durations
    [[nodiscard]] std::chrono::nanoseconds sum() const { return sum_; }  ///< of all of them
    [[nodiscard]] std::chrono::nanoseconds max() const { return max_; }  ///< the longest; zero when there are none
    /// The shortest duration that so many of all are not longer than: 0.99 for 99 %. Never too short, and too long by
    /// a sixteenth at most. Zero when there are none.
    [[nodiscard]] std::chrono::nanoseconds quantile(double share) const;
    /// Durations that are not longer than that, to the accuracy of the buckets. For exporters with bounds of their own.
    [[nodiscard]] std::uint64_t not_longer_than(std::chrono::nanoseconds bound) const;
    /// Adds those of another.
    void merge(const Latencies& other);

    /// The bucket of a duration.
    [[nodiscard]] static std::size_t bucket_of(std::chrono::nanoseconds duration) noexcept;
    /// The longest duration of a bucket.
    [[nodiscard]] static std::chrono::nanoseconds bound_of(std::size_t bucket) noexcept;

private:
    friend class LatencyRecorder;

    std::vector<std::uint64_t> counts_;  // of the buckets; empty when all are zero
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds sum_{};
    std::chrono::nanoseconds max_{};
};

/// Takes durations. Thread-safe, without a lock.
class PGCLIENT_API LatencyRecorder {
public:
    void record(std::chrono::nanoseconds duration) noexcept;  ///< below zero: zero
    [[nodiscard]] Latencies snapshot() const;                 ///< what was recorded so far

private:
    std::array<std::atomic<std::uint64_t>, Latencies::buckets> counts_{};
    std::atomic<std::int64_t> sum_{0};
    std::atomic<std::int64_t> max_{0};
};

/// The requests of one kind and label. Value.
struct RequestNumbers {
    spi::RequestKind kind = spi::RequestKind::query;  ///< of all of them
    std::string label{};                              ///< `QueryOptions::label`; empty: those that have none
    Latencies duration{};                             ///< from the call to its end, failed ones too
    std::uint64_t errors = 0;                         ///< of them, those that failed
    std::uint64_t rows = 0;                           ///< given, affected or copied
};

/// The numbers of one moment, since the metrics were made. Value.
struct PGCLIENT_API MetricsSnapshot {
    std::vector<RequestNumbers> requests;   ///< by kind, then label
    Latencies create_time;                  ///< to open a session
    Latencies wait_time;                    ///< for a session, whether one came or not
    Latencies use_time;                     ///< of a session by one borrower
    std::uint64_t timeouts = 0;             ///< requests for a session whose time was over
    std::uint64_t failed_to_connect = 0;    ///< attempts to open a session
    std::array<std::uint64_t, 3> closed{};  ///< sessions, by `spi::CloseReason`
    std::uint64_t statement_retries = 0;    ///< statements and batches that were run again
    std::uint64_t transaction_retries = 0;  ///< transactions that were run again
    std::uint64_t notices = 0;              ///< that servers sent
    /// Of requests, by `ErrorKind`: those that got no session too, but not what `failed_to_connect` counts, nor a
    /// `Connection` that was not lent, which is one of the `timeouts` when its time was over.
    std::array<std::uint64_t, 32> errors{};

    /// Requests of that kind, whatever their label; the sums of their numbers.
    [[nodiscard]] RequestNumbers of(spi::RequestKind kind) const;
    /// Requests of that label, whatever their kind; the sums of their numbers. Its kind says nothing.
    [[nodiscard]] RequestNumbers of(std::string_view label) const;
    /// Adds those of another client.
    void merge(const MetricsSnapshot& other);
};

/// Counts and times: give it to `Options::observers`, of as many clients as are to be counted together, and keep a
/// share. Thread-safe. To record takes no lock, and allocates when a label is first seen of a kind.
///
/// Labels are to be few: of the 257th and what follows the requests are counted under `other_labels`.
class PGCLIENT_API Metrics final : public spi::Observer {
public:
    static constexpr std::string_view other_labels = "(other)";  ///< of requests whose label came too late

    Metrics();
    ~Metrics() override;

    /// The numbers of this moment. Those that are recorded meanwhile may be in some of them already.
    [[nodiscard]] MetricsSnapshot snapshot() const;

private:
    struct Impl;

    void on_request(const spi::RequestEvent& event) noexcept override;
    void on_connect(const spi::ConnectEvent& event) noexcept override;
    void on_close(const spi::CloseEvent& event) noexcept override;
    void on_acquire(const spi::AcquireEvent& event) noexcept override;
    void on_release(const spi::ReleaseEvent& event) noexcept override;
    void on_retry(const spi::RetryEvent& event) noexcept override;
    void on_notice(const Error& notice) noexcept override;

    const std::unique_ptr<Impl> impl_;
};

}  // namespace pg
