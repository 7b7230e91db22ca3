// Metrics: what is counted, and how far a histogram is from the truth.
#include "pg/metrics.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <random>
#include <thread>

#include "fake_session.hpp"
#include "pg/connection.hpp"

namespace {

using namespace std::chrono_literals;
using pg::Latencies;
using pg::LatencyRecorder;
using pg::Metrics;
using pg::RequestNumbers;
using pg::spi::RequestKind;
using std::chrono::nanoseconds;

TEST(Latencies, HaveBucketsThatMeetWithoutAGap) {
    for (std::size_t bucket = 0; bucket + 1 < Latencies::buckets; ++bucket) {
        const nanoseconds bound = Latencies::bound_of(bucket);
        EXPECT_EQ(Latencies::bucket_of(bound), bucket);
        EXPECT_EQ(Latencies::bucket_of(bound + 1ns), bucket + 1);
    }
    EXPECT_EQ(Latencies::bucket_of(-1ns), 0u);
    EXPECT_EQ(Latencies::bucket_of(nanoseconds::max()), Latencies::buckets - 1);
    EXPECT_GT(Latencies::bound_of(Latencies::buckets - 1), 146min);
    EXPECT_LT(Latencies::bound_of(Latencies::buckets - 1), 147min);
}

TEST(Latencies, AreTooLongByASixteenthAtMost) {
    std::minstd_rand random(7);
    std::vector<nanoseconds> truth;
    LatencyRecorder recorder;
    for (int i = 0; i < 10000; ++i) {
        truth.emplace_back(static_cast<std::int64_t>(random() >> (random() % 24)));
        recorder.record(truth.back());
    }
    std::sort(truth.begin(), truth.end());
    const Latencies latencies = recorder.snapshot();
    EXPECT_EQ(latencies.count(), truth.size());
    EXPECT_EQ(latencies.max(), truth.back());
    EXPECT_EQ(latencies.sum(), std::accumulate(truth.begin(), truth.end(), 0ns));
    for (const double share : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(share * 10000)));
        const nanoseconds exact = truth[rank - 1];
        EXPECT_GE(latencies.quantile(share), exact) << share;
        EXPECT_LE(latencies.quantile(share), exact + exact / 16) << share;
    }
}

TEST(Latencies, AreZeroWhenThereAreNone) {
    const Latencies none = LatencyRecorder().snapshot();
    EXPECT_EQ(none.count(), 0u);
    EXPECT_EQ(none.quantile(0.5), 0ns);
    EXPECT_EQ(none.not_longer_than(1s), 0u);
}

TEST(Latencies, TakeWhatIsBelowZeroForZeroAndWhatIsTooLongForTheLongest) {
    LatencyRecorder recorder;
    recorder.record(-5ns);
    EXPECT_EQ(recorder.snapshot().quantile(1), 0ns);
    EXPECT_EQ(recorder.snapshot().sum(), 0ns);
    recorder.record(100h);
    EXPECT_EQ(recorder.snapshot().quantile(1), 100h);
}

TEST(Latencies, CanBeCutByOtherBounds) {
    LatencyRecorder recorder;
    for (const auto duration : {1ms, 2ms, 4ms, 1000ms}) recorder.record(duration);
    const Latencies latencies = recorder.snapshot();
    EXPECT_EQ(latencies.not_longer_than(500us), 0u);
    EXPECT_EQ(latencies.not_longer_than(3ms), 2u);
    EXPECT_EQ(latencies.not_longer_than(1s), 4u);
    EXPECT_EQ(latencies.not_longer_than(1h), 4u);
}

TEST(Latencies, CanBeMerged) {
    LatencyRecorder one, two;
    one.record(1ms);
    two.record(3ms);
    two.record(5ms);
    Latencies all = one.snapshot();
    all.merge(two.snapshot());
    all.merge(Latencies());
    EXPECT_EQ(all.count(), 3u);
    EXPECT_EQ(all.sum(), 9ms);
    EXPECT_EQ(all.max(), 5ms);
    EXPECT_EQ(all.not_longer_than(2ms), 1u);
    Latencies fresh;
    fresh.merge(all);
    EXPECT_EQ(fresh.quantile(1), 5ms);
}

class CountedDatabase : public testing::Test {
protected:
    std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
    fake::Database db{1, std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.observer = metrics})};
    fake::Server& server = *db.server;
    pg::Client& client = db.client;
};

TEST_F(CountedDatabase, CountsRequestsByKindAndLabel) {
    server.answer("delete from t", fake::affected("DELETE 3", 3));
    client.with({.label = "clean"}).exec("delete from t");
    client.with({.label = "clean"}).exec("delete from t");
    client.exec("delete from t");
    server.answer("select n", fake::rows({{"n", 23}}, {{"1"}, {"2"}}));
    EXPECT_EQ(client.with({.label = "clean"}).query_all<int>("select n").size(), 2u);
    server.answer("update t", fake::server_error("23505", pg::ErrorKind::unique_violation));
    EXPECT_FALSE(client.try_exec("update t"));

    const pg::MetricsSnapshot now = metrics->snapshot();
    ASSERT_EQ(now.requests.size(), 3u);
    EXPECT_EQ(now.requests[0].kind, RequestKind::query);
    EXPECT_EQ(now.requests[0].label, "clean");
    EXPECT_EQ(now.requests[0].rows, 2u);
    EXPECT_EQ(now.requests[1].kind, RequestKind::exec);
    EXPECT_EQ(now.requests[1].label, "");
    EXPECT_EQ(now.requests[1].duration.count(), 2u);
    EXPECT_EQ(now.requests[1].errors, 1u);
    EXPECT_EQ(now.requests[2].label, "clean");
    EXPECT_EQ(now.requests[2].rows, 3u);
    EXPECT_EQ(now.of(RequestKind::exec).duration.count(), 4u);
    EXPECT_EQ(now.of("clean").duration.count(), 3u);
    EXPECT_EQ(now.of("clean").rows, 5u);
    EXPECT_EQ(now.errors[static_cast<std::size_t>(pg::ErrorKind::unique_violation)], 1u);
}

TEST_F(CountedDatabase, CountsSessions) {
    client.exec("delete from t");
    client.exec("delete from t");
    pg::MetricsSnapshot now = metrics->snapshot();
    EXPECT_EQ(now.create_time.count(), 1u);
    EXPECT_EQ(now.wait_time.count(), 2u);
    EXPECT_EQ(now.use_time.count(), 2u);
    client.pool().refresh();
    EXPECT_EQ(metrics->snapshot().closed, (std::array<std::uint64_t, 3>{0, 1, 0}));
    {
        const pg::Connection all = client.connection();
        EXPECT_FALSE(client.with({.timeout = 1ns}).try_exec("delete from t"));
    }
    EXPECT_EQ(metrics->snapshot().timeouts, 1u);
}

TEST_F(CountedDatabase, CountsWhatFailsToOpen) {
    server.refuses_to_open = pg::Error({.kind = pg::ErrorKind::connect, .message = "nobody is there"});
    EXPECT_FALSE(client.try_exec("delete from t"));
    const pg::MetricsSnapshot now = metrics->snapshot();
    EXPECT_EQ(now.failed_to_connect, 1u);
    EXPECT_EQ(now.create_time.count(), 0u);
    EXPECT_EQ(now.wait_time.count(), 1u);
    EXPECT_EQ(now.timeouts, 0u);
}

TEST(MetricsSnapshot, CanBeMerged) {
    const pg::Error error({.kind = pg::ErrorKind::decode});
    const auto fill = [&](Metrics& metrics, std::string_view label) {
        metrics.tell(pg::spi::RequestEvent{.label = label, .duration = 1ms, .rows = 2, .error = &error});
        metrics.tell(pg::spi::RetryEvent{.error = &error});
        metrics.tell(pg::spi::RetryEvent{.is_transaction = true, .error = &error});
        metrics.tell_notice(error);
        metrics.tell(pg::spi::CloseEvent{.why = pg::spi::CloseReason::lost});
        metrics.tell(pg::spi::ConnectEvent{});
        metrics.tell(pg::spi::ReleaseEvent{});
    };
    Metrics one, two;
    fill(one, "b");
    fill(two, "a");
    fill(two, "b");
    pg::MetricsSnapshot all = one.snapshot();
    all.merge(two.snapshot());
    ASSERT_EQ(all.requests.size(), 2u);
    EXPECT_EQ(all.requests[0].label, "a");
    EXPECT_EQ(all.requests[1].duration.count(), 2u);
    EXPECT_EQ(all.requests[1].errors, 2u);
    EXPECT_EQ(all.requests[1].rows, 4u);
    EXPECT_EQ(all.statement_retries, 3u);
    EXPECT_EQ(all.transaction_retries, 3u);
    EXPECT_EQ(all.notices, 3u);
    EXPECT_EQ(all.closed[0], 3u);
    EXPECT_EQ(all.create_time.count(), 3u);
    EXPECT_EQ(all.use_time.count(), 3u);
    EXPECT_EQ(all.errors[static_cast<std::size_t>(pg::ErrorKind::decode)], 3u);
}

TEST(MetricsLabels, AreCountedTogetherWhenThereAreTooMany) {
    Metrics metrics;
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 300; ++i) metrics.tell(pg::spi::RequestEvent{.label = std::to_string(i), .duration = 1us});
    const pg::MetricsSnapshot now = metrics.snapshot();
    EXPECT_EQ(now.requests.size(), 257u);
    EXPECT_EQ(now.of("0").duration.count(), 2u);
    EXPECT_EQ(now.of("299").duration.count(), 0u);
    EXPECT_EQ(now.of(Metrics::other_labels).duration.count(), 88u);
}

TEST(MetricsLabels, AreFewWhateverHasThem) {
    Metrics metrics;
    for (int i = 0; i < 257; ++i)
        for (const auto kind : {RequestKind::query, RequestKind::exec, RequestKind::stream})
            metrics.tell(pg::spi::RequestEvent{.kind = kind, .label = std::to_string(i), .duration = 1us});
    const pg::MetricsSnapshot now = metrics.snapshot();
    EXPECT_EQ(now.requests.size(), 257u * 3);
    EXPECT_EQ(now.of("255").duration.count(), 3u) << "the 256th";
    EXPECT_EQ(now.of("256").duration.count(), 0u);
    EXPECT_EQ(now.of(Metrics::other_labels).duration.count(), 3u);
}

TEST(MetricsThreads, LoseNothing) {
    Metrics metrics;
    constexpr int rounds = 2000;
    const auto record = [&] {
        for (int i = 0; i < rounds; ++i)
            metrics.tell(pg::spi::RequestEvent{.label = std::to_string(i % 40), .duration = nanoseconds(i)});
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(record);
    for (int i = 0; i < 100; ++i) EXPECT_LE(metrics.snapshot().requests.size(), 40u);
    for (std::thread& thread : threads) thread.join();
    const pg::MetricsSnapshot now = metrics.snapshot();
    EXPECT_EQ(now.requests.size(), 40u);
    EXPECT_EQ(now.of(RequestKind::query).duration.count(), 4u * rounds);
    EXPECT_EQ(now.of("7").duration.max(), nanoseconds(1967));
}

}  // namespace
