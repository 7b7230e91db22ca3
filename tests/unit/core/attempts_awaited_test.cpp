// The second attempt of an awaited call, whether it shares its session with others or has one to itself.
#include <coroutine>
#include <deque>
#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/async.hpp"
#include "pg/spi/interceptor.hpp"

namespace {

/// Its jobs wait until it is run, also by what one of them does: as a fiber there that waits lets the others go on.
class Loop final : public pg::spi::Reactor {
public:
    void run() {
        while (!jobs_.empty()) {
            pg::spi::Job* const job = jobs_.front();
            jobs_.pop_front();
            job->run();
        }
    }

private:
    void do_post(pg::spi::Job& job) noexcept override { jobs_.push_back(&job); }
    void do_spawn(pg::spi::Job& job) noexcept override { jobs_.push_back(&job); }
    bool do_here() const noexcept override { return false; }
    void do_set(pg::spi::Timer&, pg::Deadline::Clock::time_point) noexcept override {}
    void do_cancel(pg::spi::Timer&) noexcept override {}
    void do_count(int) noexcept override {}

    std::deque<pg::spi::Job*> jobs_;
};

/// Has a new session on the loop for everybody.
class Sessions final : public pg::spi::SessionSource {
public:
    Sessions(std::shared_ptr<fake::Server> server, std::shared_ptr<Loop> loop)
        : server_(std::move(server)), loop_(std::move(loop)) {
        server_->reactor = loop_;
    }

private:
    pg::Expected<pg::spi::Lease> do_acquire(const pg::spi::Wait&) noexcept override {
        return pg::spi::Lease(*this, lent_.emplace_back(std::make_unique<fake::Session>(server_)));
    }
    void do_request(pg::spi::LeaseWaiter& waiter, const pg::Deadline&) noexcept override { waiter.settle(acquire({})); }
    bool do_withdraw(pg::spi::LeaseWaiter&) noexcept override { return false; }
    std::shared_ptr<pg::spi::Reactor> do_reactor() noexcept override { return loop_; }
    pg::Error do_no_session(const pg::spi::LeaseWaiter&) const override { return pg::Error({}); }
    void do_release(pg::spi::SessionSlot& slot) noexcept override { slot.session.reset(); }
    void do_close() noexcept override {}

    const std::shared_ptr<fake::Server> server_;
    const std::shared_ptr<Loop> loop_;
    std::deque<pg::spi::SessionSlot> lent_;
};

class AwaitedAttempts : public testing::TestWithParam<std::size_t> {
protected:
    AwaitedAttempts() { context->source = std::make_shared<Sessions>(server, loop); }
    /// What a call answers whose first attempt finds its connection lost, and during which `meanwhile` happens.
    template <class Meanwhile>
    pg::Expected<std::uint64_t> lose_the_first(Meanwhile meanwhile) {
        server->answer("select 1", fake::connection_lost(pg::Outcome::not_sent));
        auto call = client.async().with({.max_result_bytes = GetParam()}).try_exec("select 1");
        server->on_call = [&] {
            const auto once = std::exchange(server->on_call, nullptr);
            meanwhile(call);
            loop->run();
        };
        call.await_suspend(std::noop_coroutine());
        loop->run();
        return call.await_resume();
    }

    std::shared_ptr<fake::Server> server = std::make_shared<fake::Server>();
    std::shared_ptr<Loop> loop = std::make_shared<Loop>();
    std::shared_ptr<pg::detail::Context> context = std::make_shared<pg::detail::Context>();
    pg::Client client{std::make_shared<pg::Client::Impl>(pg::Client::Impl{context})};
};
// What has a limit does not share its session.
INSTANTIATE_TEST_SUITE_P(Session, AwaitedAttempts, testing::Values(0, 1000),
                         [](const auto& limit) { return limit.param == 0 ? "Shared" : "Own"; });

TEST_P(AwaitedAttempts, AreTwo) {
    EXPECT_TRUE(lose_the_first([](auto&) {}));
    EXPECT_EQ(server->asked.size(), 2u);
}

TEST_P(AwaitedAttempts, AreTwoOnTheSessionOfAnotherLoop) {
    for (int attempt = 0; attempt < 3; ++attempt)
        server->answer("select 1", fake::connection_lost(attempt == 0 ? pg::Outcome::unknown : pg::Outcome::not_sent));
    const auto other = std::make_shared<Loop>();
    server->on_call = [&] { server->reactor = other; };  // where the next session is
    auto call = client.async().with({.idempotent = true, .max_result_bytes = GetParam()}).try_exec("select 1");
    call.await_suspend(std::noop_coroutine());
    for (int round = 0; round < 3; ++round) {
        loop->run();
        other->run();
    }
    const auto answer = call.await_resume();
    ASSERT_FALSE(answer);
    EXPECT_EQ(server->asked.size(), 2u);
    EXPECT_EQ(answer.error().outcome(), pg::Outcome::unknown) << "the first may have taken effect";
}

/// Gives a statement less time than its caller does.
class Hurrying final : public pg::spi::Interceptor {
    pg::Expected<std::optional<pg::Result>> do_before(pg::spi::InterceptedRequest& request) noexcept override {
        request.options.timeout = std::chrono::seconds(1);
        return std::optional<pg::Result>();
    }
};

TEST_P(AwaitedAttempts, HaveTheTimeThatAnInterceptorGivesThem) {
    context->hooks =
        std::make_shared<pg::detail::Hooks>(pg::detail::Hooks{.interceptors = {std::make_shared<Hurrying>()}});
    const pg::Client hurried{std::make_shared<pg::Client::Impl>(pg::Client::Impl{context})};
    auto call = hurried.async().with({.max_result_bytes = GetParam()}).try_exec("select 1");
    call.await_suspend(std::noop_coroutine());
    loop->run();
    EXPECT_TRUE(call.await_resume());
    ASSERT_EQ(server->asked.size(), 1u);
    EXPECT_LT(server->asked[0].wait.deadline, pg::Deadline::after(std::chrono::seconds(2)));
}

TEST_P(AwaitedAttempts, EndWithAStop) {
    const auto answer = lose_the_first([](auto& call) { call.stop(); });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind(), pg::ErrorKind::connection_lost);
    EXPECT_EQ(server->asked.size(), 1u);
}

}  // namespace
