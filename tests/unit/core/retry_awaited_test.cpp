// The pause before an awaited transaction is run again: whose stop ends it.
#include <coroutine>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <stop_token>

#include "fake_session.hpp"
#include "pg/async.hpp"
#include "pg/spi/waiter.hpp"
#include "pg/stop.hpp"

namespace {

using Pause = pg::Async<pg::Expected<bool>>;
using pg::spi::Wait, pg::spi::Woken;

/// In the place of a fiber: a wait calls what the test says, and ends as it is stopped then.
class Fiber final : public pg::spi::Waiter {
public:
    Fiber() { enter(this); }
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber() override { enter(nullptr); }
    std::function<void(const Wait&)> during_wait;

private:
    Woken do_wait(std::span<pollfd>, const Wait& wait) noexcept override {
        during_wait(wait);
        return wait.stop && wait.stop->stop_requested() ? Woken::stopped : Woken::deadline;
    }
    void do_nudge() noexcept override {}
};

class PauseBeforeRetry : public testing::Test {
protected:
    void begin() {
        const auto retries =
            std::make_shared<pg::detail::TransactionRetries>(pg::TransactionOptions{.retries = 1, .stop = &token});
        const pg::Error cause({.kind = pg::ErrorKind::conflict, .retry_scope = pg::RetryScope::transaction});
        pause.emplace(pg::detail::pause_before_retry(db.client.async().target(), retries, cause));
        pause->await_suspend(std::noop_coroutine());
    }
    void expect_stopped() {
        const auto answer = pause->await_resume();
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().kind(), pg::ErrorKind::cancelled);
        EXPECT_EQ(answer.error().outcome(), pg::Outcome::not_applied);
    }

    std::stop_source source;
    const pg::StopToken token{source.get_token()};
    fake::Database db;
    Fiber fiber;
    std::optional<Pause> pause;
};

TEST_F(PauseBeforeRetry, EndsWhenItIsGivenUpAndLeavesTheTokenOfItsCallerAlone) {
    db.provider->spot().runs_in_turn = true;
    std::optional<pg::StopToken> its;
    fiber.during_wait = [&](const Wait& wait) {
        EXPECT_NE(wait.stop, &token) << "it may be gone with the coroutine";
        its.emplace(*wait.stop);
        pause.reset();
    };
    begin();
    EXPECT_TRUE(its->stop_requested());
}

TEST_F(PauseBeforeRetry, EndsWithTheStopOfItsTransaction) {
    fiber.during_wait = [&](const Wait&) { source.request_stop(); };
    begin();
    expect_stopped();
}

TEST_F(PauseBeforeRetry, IsNotBegunAfterTheStopOfItsTransaction) {
    fiber.during_wait = [&](const Wait&) { ADD_FAILURE() << "it waits"; };
    source.request_stop();
    begin();
    expect_stopped();
}

TEST_F(PauseBeforeRetry, ComesBeforeTheNextAttempt) {
    fiber.during_wait = [&](const Wait& wait) { EXPECT_FALSE(wait.deadline.is_never()); };
    begin();
    EXPECT_TRUE(pause->await_resume().value());
}

}  // namespace
