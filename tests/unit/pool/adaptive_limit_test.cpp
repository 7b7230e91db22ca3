// AdaptiveLimit against a simulated server: it finds how many sessions that can serve at once, and finds it again.
#include "src/pool/adaptive_limit.hpp"

#include <gtest/gtest.h>
#include <queue>
#include <random>

namespace pg::pool {
namespace {

using namespace std::chrono_literals;
using Time = AdaptiveLimit::Time;

/// Serves so many at once in `service`; more of them share what it has. Somebody always waits for a session.
class Simulation {
public:
    explicit Simulation(AdaptiveLimit& limit) : limit_(limit) {}

    double capacity = 12;
    std::chrono::nanoseconds service = 2ms;
    double noise = 0.3;  // a hold differs by up to that part of it
    bool in_demand = true;
    std::size_t lowest = 0, highest = 0;  // limits of the last run

    void run(std::chrono::nanoseconds time) {
        lowest = static_cast<std::size_t>(-1);
        highest = 0;
        const Time end = now_ + time;
        for (begin_loans(); now_ < end; begin_loans()) {
            const Loan first = loans_.top();
            loans_.pop();
            now_ = first.end;
            limit_.came_back(first.end - first.begin, in_demand, now_);
            lowest = std::min(lowest, limit_.limit());
            highest = std::max(highest, limit_.limit());
        }
    }

private:
    struct Loan {
        Time begin, end;
        bool operator>(const Loan& other) const { return end > other.end; }
    };
    void begin_loans() {
        while (loans_.size() < limit_.limit()) {
            const double load = std::max(1.0, static_cast<double>(loans_.size() + 1) / capacity);
            const double luck = std::uniform_real_distribution<double>(1 - noise, 1 + noise)(random_);
            const auto hold =
                std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(service.count()) * load * luck));
            loans_.push({now_, now_ + hold});
        }
    }

    AdaptiveLimit& limit_;
    Time now_ = Time() + 1h;
    std::minstd_rand random_{1};
    std::priority_queue<Loan, std::vector<Loan>, std::greater<>> loans_;
};

TEST(TheAdaptiveLimit, FindsTheKneeFromEitherSideAndStaysThere) {
    for (const double capacity : {4.0, 12.0, 40.0}) {
        AdaptiveLimit limit(1, 200);
        Simulation server(limit);
        server.capacity = capacity;
        server.run(20s);
        server.run(60s);  // with probes
        EXPECT_GE(static_cast<double>(server.lowest), capacity * 0.6) << capacity;
        EXPECT_LE(static_cast<double>(server.highest), capacity * 1.5 + 3 * AdaptiveLimit::spare) << capacity;
    }
}

TEST(TheAdaptiveLimit, ComesDownFromFarTooMany) {
    AdaptiveLimit limit(100, 200);
    limit.bound(1, 200);
    EXPECT_EQ(limit.limit(), 100u);
    Simulation server(limit);
    server.run(30s);
    server.run(20s);
    EXPECT_LE(server.highest, 25u);
}

TEST(TheAdaptiveLimit, RecoversAfterASlowPhase) {
    AdaptiveLimit limit(2, 200);
    Simulation server(limit);
    server.run(20s);
    server.service = 10ms;
    server.run(30s);
    EXPECT_GE(server.lowest, 2u);
    server.service = 2ms;
    server.run(20s);
    server.run(10s);
    EXPECT_GE(server.lowest, 7u);
    EXPECT_LE(server.highest, 27u);
}

TEST(TheAdaptiveLimit, LearnsThatWorkHasBecomeLongerForGood) {
    AdaptiveLimit limit(2, 200);
    Simulation server(limit);
    server.run(20s);
    server.service = 10ms;
    server.run(120s);
    server.run(20s);
    EXPECT_GE(server.lowest, 7u) << "what is long now is the shortest that there is";
}

TEST(TheAdaptiveLimit, GoesUpToItsBoundWhereTheServerTakesMore) {
    AdaptiveLimit limit(1, 20);
    Simulation server(limit);
    server.capacity = 1000;
    server.run(30s);
    EXPECT_EQ(server.highest, 20u);
}

TEST(TheAdaptiveLimit, StaysWhereItIsWhileNobodyWaits) {
    AdaptiveLimit limit(1, 200);
    Simulation server(limit);
    server.capacity = 1000;
    server.in_demand = false;
    server.run(5s);
    EXPECT_EQ(server.lowest, 10u);
    EXPECT_EQ(server.highest, 10u);
}

TEST(TheAdaptiveLimit, KeepsToItsBounds) {
    AdaptiveLimit limit(0, 0);
    EXPECT_EQ(limit.limit(), 1u);
    limit.bound(5, 8);
    EXPECT_EQ(limit.limit(), 5u);
    Simulation server(limit);
    server.capacity = 1;
    server.run(60s);
    EXPECT_EQ(server.lowest, 5u);
    EXPECT_LE(server.highest, 8u);
}

}  // namespace
}  // namespace pg::pool
