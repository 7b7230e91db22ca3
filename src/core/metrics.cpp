// Counters and log-linear histograms, recorded without a lock.
#include "pg/metrics.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <new>

namespace pg {
namespace {

using std::chrono::nanoseconds;

/// Buckets of a power of two.
constexpr std::size_t steps = 16;
constexpr std::size_t step_bits = 4;
constexpr auto relaxed = std::memory_order_relaxed;

void add(std::atomic<std::uint64_t>& number, std::uint64_t more = 1) noexcept { number.fetch_add(more, relaxed); }

template <class T, std::size_t N>
void add_all(std::array<T, N>& to, const std::array<T, N>& from) {
    std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
}

void add_numbers(RequestNumbers& to, const RequestNumbers& from) {
    to.duration.merge(from.duration);
    to.errors += from.errors;
    to.rows += from.rows;
}

}  // namespace

// --- durations

std::size_t Latencies::bucket_of(nanoseconds duration) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    if (value < steps) return static_cast<std::size_t>(value);
    const std::size_t shift = static_cast<std::size_t>(std::bit_width(value)) - step_bits - 1;
    return std::min((shift + 1) * steps + static_cast<std::size_t>(value >> shift) % steps, buckets - 1);
}

nanoseconds Latencies::bound_of(std::size_t bucket) noexcept {
    if (bucket < steps) return nanoseconds(bucket);
    const std::size_t shift = bucket / steps - 1;
    return nanoseconds(((steps + bucket % steps + 1) << shift) - 1);
}

nanoseconds Latencies::quantile(double share) const {
    const double wanted = std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
        seen += counts_[bucket];
        if (seen != 0 && static_cast<double>(seen) >= wanted)
            return bucket == buckets - 1 ? max_ : std::min(bound_of(bucket), max_);
    }
    return max_;
}

std::uint64_t Latencies::not_longer_than(nanoseconds bound) const {
    if (bound >= max_) return count_;
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size() && bound_of(bucket) <= bound; ++bucket)
        seen += counts_[bucket];
    return seen;
}

void Latencies::merge(const Latencies& other) {
    if (other.count_ == 0) return;
    counts_.resize(buckets);
    std::transform(other.counts_.begin(), other.counts_.end(), counts_.begin(), counts_.begin(), std::plus<>());
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
}

void LatencyRecorder::record(nanoseconds duration) noexcept {
    const std::int64_t value = std::max<std::int64_t>(duration.count(), 0);
    add(counts_[Latencies::bucket_of(duration)]);
    sum_.fetch_add(value, relaxed);
    std::int64_t longest = max_.load(relaxed);
    while (value > longest && !max_.compare_exchange_weak(longest, value, relaxed)) {
    }
}

Latencies LatencyRecorder::snapshot() const {
    Latencies now;
    now.counts_.reserve(Latencies::buckets);
    for (const auto& count : counts_) {
        now.counts_.push_back(count.load(relaxed));
        now.count_ += now.counts_.back();
    }
    now.sum_ = nanoseconds(sum_.load(relaxed));
    now.max_ = nanoseconds(max_.load(relaxed));
    if (now.count_ == 0) now = Latencies();
    return now;
}

// --- numbers

RequestNumbers MetricsSnapshot::of(spi::RequestKind kind) const {
    RequestNumbers sum{.kind = kind};
    for (const RequestNumbers& one : requests)
        if (one.kind == kind) add_numbers(sum, one);
    return sum;
}

RequestNumbers MetricsSnapshot::of(std::string_view label) const {
    RequestNumbers sum{.label = std::string(label)};
    for (const RequestNumbers& one : requests)
        if (one.label == label) add_numbers(sum, one);
    return sum;
}

void MetricsSnapshot::merge(const MetricsSnapshot& other) {
    for (const RequestNumbers& one : other.requests) {
        const auto before = [](const RequestNumbers& a, const RequestNumbers& b) {
            return a.kind != b.kind ? a.kind < b.kind : a.label < b.label;
        };
        const auto place = std::lower_bound(requests.begin(), requests.end(), one, before);
        if (place != requests.end() && !before(one, *place))
            add_numbers(*place, one);
        else
            requests.insert(place, one);
    }
    create_time.merge(other.create_time);
    wait_time.merge(other.wait_time);
    use_time.merge(other.use_time);
    timeouts += other.timeouts;
    failed_to_connect += other.failed_to_connect;
    add_all(closed, other.closed);
    statement_retries += other.statement_retries;
    transaction_retries += other.transaction_retries;
    notices += other.notices;
    add_all(errors, other.errors);
}

/// (M1) A label, and a series of it, once its place is taken, stays there until the end: whoever finds it may record
///      into it.
struct Metrics::Impl {
    static constexpr std::size_t kinds = 13;
    static constexpr std::size_t places = 512;  // twice as many as there may be labels, so that a search is short
    static constexpr std::size_t most_labels = 256;

    struct Series {
        Series(spi::RequestKind of_kind, std::string_view of_label) : kind(of_kind), label(of_label) {}
        const spi::RequestKind kind;
        const std::string label;
        LatencyRecorder duration;
        std::atomic<std::uint64_t> errors{0};
        std::atomic<std::uint64_t> rows{0};

        void record(const spi::RequestEvent& event) noexcept {
            duration.record(event.duration);
            if (event.error) add(errors);
            add(rows, event.rows);
        }
        [[nodiscard]] RequestNumbers numbers() const {
            return {kind, label, duration.snapshot(), errors.load(relaxed), rows.load(relaxed)};
        }
    };

    /// The series of one label, by kind.
    struct Label {
        explicit Label(std::string_view what) : text(what) {}
        ~Label() {
            for (const auto& place : series) delete place.load(relaxed);
        }
        Label(const Label&) = delete;
        Label& operator=(const Label&) = delete;

        Series& of(spi::RequestKind kind) noexcept {
            std::atomic<Series*>& place = series[static_cast<std::size_t>(kind)];
            Series* there = place.load(std::memory_order_acquire);
            return there ? *there : settle(place, std::make_unique<Series>(kind, text));
        }

        const std::string text;
        std::array<std::atomic<Series*>, kinds> series{};
    };

    Impl() = default;
    ~Impl() {
        for (const auto& place : labelled) delete place.load(relaxed);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Series& series_of(spi::RequestKind kind, std::string_view label) noexcept {
        if (label.empty()) return unlabelled.of(kind);
        const std::size_t start = std::hash<std::string_view>()(label);
        for (std::size_t step = 0; step < places; ++step) {
            std::atomic<Label*>& place = labelled[(start + step) % places];
            Label* there = place.load(std::memory_order_acquire);
            if (!there && !(there = settle(place, label))) break;
            if (there->text == label) return there->of(kind);
        }
        return others.of(kind);
    }
    /// Whoever has the place now; null when there may be no more.
    Label* settle(std::atomic<Label*>& place, std::string_view label) noexcept {
        if (taken.fetch_add(1, relaxed) >= most_labels) return taken.fetch_sub(1, relaxed), nullptr;
        auto mine = std::make_unique<Label>(label);
        const Label* const own = mine.get();
        Label& there = settle(place, std::move(mine));
        if (&there != own) taken.fetch_sub(1, relaxed);
        return &there;
    }
    /// Whoever has the place now.
    template <class T>
    static T& settle(std::atomic<T*>& place, std::unique_ptr<T> mine) noexcept {
        T* there = nullptr;
        return place.compare_exchange_strong(there, mine.get(), std::memory_order_acq_rel) ? *mine.release() : *there;
    }

    Label unlabelled{{}}, others{other_labels};
    std::array<std::atomic<Label*>, places> labelled{};
    std::atomic<std::size_t> taken{0};
    LatencyRecorder create_time, wait_time, use_time;
    std::atomic<std::uint64_t> timeouts{0}, failed_to_connect{0}, statement_retries{0}, transaction_retries{0},
        notices{0};
    std::array<std::atomic<std::uint64_t>, 3> closed{};
    std::array<std::atomic<std::uint64_t>, 32> errors{};
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::on_request(const spi::RequestEvent& event) noexcept {
    impl_->series_of(event.kind, event.label).record(event);
    if (event.error) add(impl_->errors[static_cast<std::size_t>(event.error->kind())]);
}
void Metrics::on_connect(const spi::ConnectEvent& event) noexcept {
    event.error ? add(impl_->failed_to_connect) : impl_->create_time.record(event.duration);
}
void Metrics::on_close(const spi::CloseEvent& event) noexcept {
    add(impl_->closed[static_cast<std::size_t>(event.why)]);
}
void Metrics::on_acquire(const spi::AcquireEvent& event) noexcept {
    impl_->wait_time.record(event.duration);
    if (event.error && event.error->kind() == ErrorKind::pool_timeout) add(impl_->timeouts);
}
void Metrics::on_release(const spi::ReleaseEvent& event) noexcept { impl_->use_time.record(event.duration); }
void Metrics::on_retry(const spi::RetryEvent& event) noexcept {
    add(event.is_transaction ? impl_->transaction_retries : impl_->statement_retries);
}
void Metrics::on_notice(const Error&) noexcept { add(impl_->notices); }

MetricsSnapshot Metrics::snapshot() const {
    MetricsSnapshot now;
    const auto take = [&](const Impl::Label& label) {
        for (const auto& place : label.series)
            if (const Impl::Series* const series = place.load(std::memory_order_acquire))
                if (RequestNumbers numbers = series->numbers(); numbers.duration.count() != 0)
                    now.requests.push_back(std::move(numbers));
    };
    take(impl_->unlabelled);
    take(impl_->others);
    for (const auto& place : impl_->labelled)
        if (const Impl::Label* const label = place.load(std::memory_order_acquire)) take(*label);
    std::sort(now.requests.begin(), now.requests.end(), [](const RequestNumbers& a, const RequestNumbers& b) {
        return a.kind != b.kind ? a.kind < b.kind : a.label < b.label;
    });
    now.create_time = impl_->create_time.snapshot();
    now.wait_time = impl_->wait_time.snapshot();
    now.use_time = impl_->use_time.snapshot();
    now.timeouts = impl_->timeouts.load(relaxed);
    now.failed_to_connect = impl_->failed_to_connect.load(relaxed);
    now.statement_retries = impl_->statement_retries.load(relaxed);
    now.transaction_retries = impl_->transaction_retries.load(relaxed);
    now.notices = impl_->notices.load(relaxed);
    for (std::size_t at = 0; at < now.closed.size(); ++at) now.closed[at] = impl_->closed[at].load(relaxed);
    for (std::size_t at = 0; at < now.errors.size(); ++at) now.errors[at] = impl_->errors[at].load(relaxed);
    return now;
}

}  // namespace pg
