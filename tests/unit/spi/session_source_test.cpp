// Sources and sessions that have nothing of their own for what only some can do.
#include "pg/spi/session_source.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "pg/spi/reactor.hpp"
#include "tests/unit/pool/telling_session.hpp"

namespace pg::spi {
namespace {

/// Lends its one session to nobody.
class Source final : public SessionSource {
public:
    int withdrawn = 0;

private:
    Expected<Lease> do_acquire(const Wait&) noexcept override { return Lease(); }
    void do_request(LeaseWaiter&, const Deadline&) noexcept override {}
    bool do_withdraw(LeaseWaiter&) noexcept override { return ++withdrawn == 1; }
    std::shared_ptr<Reactor> do_reactor() noexcept override { return nullptr; }
    Error do_no_session(const LeaseWaiter&) const override { return Error({.message = "none"}); }
    void do_release(SessionSlot&) noexcept override {}
    void do_close() noexcept override {}
};

class Waiting final : public LeaseWaiter {
    void do_settle(Expected<Lease>) noexcept override { ADD_FAILURE() << "nobody has a session"; }
};

TEST(SessionSource, OfOneSessionIsNeverIdleForWhoeverWouldShareIt) {
    Source source;
    Waiting waiter;
    EXPECT_FALSE(source.request_idle(waiter));
    source.widen(Deadline::never());
    EXPECT_FALSE(source.has_waiters());
    EXPECT_TRUE(source.withdraw_first(waiter)) << "whoever is in its queue is withdrawn";
    EXPECT_FALSE(source.withdraw_first(waiter));
    EXPECT_EQ(source.withdrawn, 2);
    EXPECT_FALSE(source.wants_back(SessionSlot{})) << "nobody else could have it";
}

/// Two requests, and what was answered.
class Feed final : public RequestFeed {
public:
    std::vector<std::string> answers;

private:
    const Request* do_next() noexcept override { return taken_ < requests_.size() ? &requests_[taken_++] : nullptr; }
    void do_answer(Expected<Result>&& outcome) noexcept override {
        answers.emplace_back(outcome ? "a result" : std::string(outcome.error().message()));
    }
    const Wait* do_given_up() const noexcept override { return nullptr; }
    Wait do_wait() const noexcept override { return {}; }

    std::array<Request, 2> requests_{};
    std::size_t taken_ = 0;
};

TEST(Session, RunsWhatItCannotSendAheadOneAfterTheOther) {
    pool::TellingSession session({}, true);
    Feed feed;
    session.run_pipeline(feed);
    EXPECT_EQ(feed.answers, (std::vector<std::string>{"it does nothing", "it does nothing"}));
    EXPECT_EQ(session.reactor(), nullptr);
}

}  // namespace
}  // namespace pg::spi
