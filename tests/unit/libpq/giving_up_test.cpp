// Statements that are given up while they run, on both engines: what the server still says of them decides.
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "pg/spi/waiter.hpp"
#include "pg/stop.hpp"
#include "providers/libpq/wait.hpp"
#include "tests/outcomes_of.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace pg::libpq {
namespace {

using namespace std::string_view_literals;

using testing::Conversation;
using testing::MessageKind;
using testing::Reply;

Reply bound() { return Reply().parse_complete().bind_complete(); }

class GivingUp : public ::testing::TestWithParam<const char*> {
protected:
    /// Runs an insert whose stop is asked for as soon as the server has it; `then` is what the server does once it was
    /// asked to cancel. It may do so after the call has given up, and after the end of the test's own names: `then`
    /// holds copies of what it needs.
    template <class Then>
    Expected<Result> run_stopped(Then then) {
        begin(MessageKind::execute, then);
        const StopToken stop(source_.get_token());
        return session()->run({.sql = "insert"}, {.deadline = Deadline::after(10s), .stop = &stop});
    }
    /// The same of a COMMIT.
    template <class Then>
    Expected<spi::CommandTag> commit_stopped(Then then) {
        begin(MessageKind::query, then);
        const StopToken stop(source_.get_token());
        return session()->run_command("commit", {.deadline = Deadline::after(10s), .stop = &stop});
    }
    /// The same of a script, whose first statements were answered before like this.
    template <class Then>
    Expected<void> script_stopped(std::string_view sql, Reply answered, Then then) {
        begin(MessageKind::query, then, std::move(answered));
        const StopToken stop(source_.get_token());
        return session()->run_script(sql, {.deadline = Deadline::after(10s), .stop = &stop});
    }
    /// The same of any of these, where the server says in time what became of it: a stop has two seconds, which a busy
    /// machine may take.
    template <class Call>
    auto in_time(Call call) {
        for (const Deadline patience = Deadline::after(60s);;) {
            auto told = call();
            if (session()->usable() || patience.passed()) return told;
        }
    }
    const ScriptedSession& session() const { return *session_; }

private:
    template <class Then>
    void begin(MessageKind last, Then then, Reply answered = {}) {
        session_.reset();  // whose script may still be at the source
        source_ = std::stop_source();
        session_.emplace(
            GetParam(),
            [this, last, then, answered = std::move(answered)](Conversation& client) {
                client.receive_until(last);
                client.send(answered);
                source_.request_stop();
                if (!client.wait_for_cancel()) return;
                then(client);
                client.ignore();
            },
            ScriptedSessionOptions{.cancel_requests = CancelRequests::heard});
    }

    std::stop_source source_;
    std::optional<ScriptedSession> session_;
};
INSTANTIATE_TEST_SUITE_P(Engines, GivingUp, ::testing::Values("libpq", "direct"));

TEST_P(GivingUp, SaysThatAStatementTookEffectThatFinishedAllTheSame) {
    const Expected<Result> result = in_time([&] {
        return run_stopped([](Conversation& client) { client.send(bound().no_data().tag("INSERT 0 1").ready()); });
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::cancelled) << result.error().what();
    EXPECT_EQ(result.error().outcome(), Outcome::applied);
    EXPECT_TRUE(result.error().connection_usable());
    EXPECT_NE(result.error().message().find("it took effect"), std::string_view::npos) << result.error().what();
    EXPECT_TRUE(session()->usable());
}

TEST_P(GivingUp, SaysThatAStatementHasNoEffectThatFailsAtItsEnd) {
    const Expected<Result> result = in_time([&] {
        return run_stopped([](Conversation& client) {
            client.send(bound().no_data().tag("INSERT 0 1").error("23505", "deferred").ready());
        });
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::cancelled) << result.error().what();
    EXPECT_EQ(result.error().outcome(), Outcome::not_applied);
    EXPECT_TRUE(session()->usable());
}

TEST_P(GivingUp, SaysWhatBecameOfACommitByItsTag) {
    const auto stopped_behind = [this](const Reply& reply) {
        return in_time([&] { return commit_stopped([reply](Conversation& client) { client.send(reply); }); });
    };
    const auto committed = stopped_behind(Reply().tag("COMMIT").ready());
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().outcome(), Outcome::applied);
    const auto undone = stopped_behind(Reply().tag("ROLLBACK").ready());
    ASSERT_FALSE(undone);
    EXPECT_EQ(undone.error().kind(), ErrorKind::cancelled);
    EXPECT_EQ(undone.error().outcome(), Outcome::not_applied);
    const auto refused = stopped_behind(Reply().error("53100", "no room").ready());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().outcome(), Outcome::not_applied);
}

TEST_P(GivingUp, KnowsNoMoreThanTheServerThatDoesNotKnow) {
    for (const Reply& report :
         {Reply().error("40003", "who knows"), Reply().message('E', "SERROR\0VERROR\0Mwho knows\0\0"sv)}) {
        const auto send = [report](Conversation& client) { client.send(Reply(report).ready()); };
        const Expected<Result> result = run_stopped(send);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().outcome(), Outcome::unknown) << result.error().what();
        const auto committed = commit_stopped(send);
        ASSERT_FALSE(committed);
        EXPECT_EQ(committed.error().outcome(), Outcome::unknown) << committed.error().what();
    }
}

// This engine prepares it by itself first.
TEST(GivingUpOfLibpq, SaysThatNothingWasSentOfAStatementThatWasStillBeingPrepared) {
    std::stop_source source;
    const ScriptedSession session("libpq",
                                  [&source](Conversation& client) {
                                      if (client.receive_until(MessageKind::sync).kind != MessageKind::sync) return;
                                      source.request_stop();
                                      if (!client.wait_for_cancel()) return;
                                      client.send(Reply().parse_complete().parameters({}).no_data().ready());
                                      client.ignore();
                                  },
                                  {.cancel_requests = CancelRequests::heard});
    const StopToken stop(source.get_token());
    std::shared_ptr<const ResultStorage> description;
    const auto stream = session->stream({.sql = "insert", .statement = "s", .prepare = &description},
                                        {.deadline = Deadline::after(10s), .stop = &stop});
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().outcome(), Outcome::not_sent) << stream.error().what();
    EXPECT_EQ(stream.error().message(),
              "a stop was asked for before the statement was sent, while it was being prepared");
}

// The connection is closed since the cancel request may come yet; the transaction that COMMIT AND CHAIN began ends so,
// and the one that it ended stays.
TEST_P(GivingUp, SaysThatACommitTookEffectThatBeganAnotherTransaction) {
    for (const Deadline patience = Deadline::after(60s); !patience.passed();) {
        const ScriptedSession session(GetParam(),
                                      [](Conversation& client) {
                                          client.receive_until(MessageKind::query);
                                          if (!client.wait_for_cancel()) return;
                                          client.send(Reply().tag("COMMIT").ready(testing::FakeTransaction::open));
                                          client.ignore();
                                      },
                                      {.cancel_requests = CancelRequests::kept});
        const auto committed = session->run_command("commit and chain", in(50ms));
        ASSERT_FALSE(committed);
        EXPECT_FALSE(committed.error().connection_usable());
        if (committed.error().outcome() == Outcome::unknown) continue;  // a busy machine took longer than a moment
        EXPECT_EQ(committed.error().outcome(), Outcome::applied) << committed.error().what();
        return;
    }
    FAIL() << "no answer came in time";
}

TEST_P(GivingUp, SaysNotOfAScriptThatCommittedThatItHasNoEffect) {
    for (const char* tag : {"COMMIT", "PREPARE TRANSACTION"}) {
        const Reply committed = Reply().tag("BEGIN").tag("INSERT 0 1").tag(tag);
        const auto fail = [](Conversation& client) { client.send(Reply().error("57014", "cancelled").ready()); };
        const auto before = script_stopped("begin; …; select pg_sleep(60)", committed, fail);
        ASSERT_FALSE(before);
        EXPECT_EQ(before.error().outcome(), Outcome::unknown) << before.error().what();
        const auto meanwhile = script_stopped(
            "begin; …; select pg_sleep(60)", Reply(),
            [committed](Conversation& client) { client.send(Reply(committed).error("57014", "cancelled").ready()); });
        ASSERT_FALSE(meanwhile);
        EXPECT_EQ(meanwhile.error().outcome(), Outcome::unknown) << meanwhile.error().what();
    }
    const auto open = in_time([&] {
        return script_stopped("begin; …", Reply().tag("BEGIN").tag("INSERT 0 1"), [](Conversation& client) {
            client.send(Reply().error("57014", "cancelled").ready(testing::FakeTransaction::failed));
        });
    });
    ASSERT_FALSE(open);
    EXPECT_EQ(open.error().outcome(), Outcome::not_applied);
}

TEST_P(GivingUp, SaysNotOfAProcedureThatItHasNoEffect) {
    const auto called = script_stopped(
        "call p()", Reply(), [](Conversation& client) { client.send(Reply().error("57014", "cancelled").ready()); });
    ASSERT_FALSE(called);
    EXPECT_EQ(called.error().outcome(), Outcome::unknown) << called.error().what();
}

// The server waits for bytes that nobody has, and the cancel request came too early to end that.
TEST_P(GivingUp, EndsACopyThatTheServerBeginsMeanwhile) {
    const Expected<Result> result = in_time([&] {
        return run_stopped([](Conversation& client) {
            client.send(bound().no_data().copy_in(1));
            const testing::ClientMessage end = client.receive_until(MessageKind::copy_fail);
            if (end.data.empty()) client.report("a CopyFail without a reason");
            client.send(Reply().error("57014", "COPY from stdin failed: " + end.data));
            client.expect(MessageKind::sync);  // that which came with the statement was lost in the COPY
            client.send(Reply().ready());
        });
    });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::cancelled) << result.error().what();
    EXPECT_EQ(result.error().outcome(), Outcome::not_applied);
    EXPECT_TRUE(result.error().connection_usable());
    EXPECT_TRUE(session()->usable());
}

// As one does that waits for its standbys behind the command tag: what was given up is the end of its transaction.
TEST_P(GivingUp, SaysOfASessionThatIsKeptNotThatItIsClosed) {
    for (const Deadline patience = Deadline::after(60s); !patience.passed();) {
        const ScriptedSession session(GetParam(),
                                      [](Conversation& client) {
                                          client.receive_until(MessageKind::execute);
                                          client.send(bound().no_data().tag("INSERT 0 1"));
                                          if (!client.wait_for_cancel()) return;
                                          client.send(Reply().ready());
                                          client.ignore();
                                      },
                                      {.cancel_requests = CancelRequests::heard});
        const Expected<Result> result = session->run({.sql = "insert"}, in(100ms));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::timeout) << result.error().what();
        if (!session->usable()) continue;  // a busy machine took longer than a moment
        EXPECT_EQ(result.error().message().find("closed"), std::string_view::npos) << result.error().what();
        EXPECT_TRUE(result.error().connection_usable());
        EXPECT_NE(result.error().outcome(), Outcome::not_applied);
        return;
    }
    FAIL() << "no session was kept";
}

TEST_P(GivingUp, LeavesAServerThatBreaksTheProtocolMeanwhile) {
    std::vector<Reply> all{Reply().message('q'), bound().message('W', "\0\0\0"sv)};  // a COPY in both directions
    // A tag whose end is missing. libpq finds one in what comes next.
    if (GetParam() == "direct"sv) all.push_back(bound().no_data().message('C', "INSERT 0 1").ready());
    for (const Reply& broken : all) {
        const Expected<Result> result = run_stopped([broken](Conversation& client) { client.send(broken); });
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind(), ErrorKind::cancelled) << result.error().what();
        EXPECT_EQ(result.error().outcome(), Outcome::unknown);
        EXPECT_FALSE(result.error().connection_usable());
        EXPECT_FALSE(session()->usable());
    }
}

TEST_P(GivingUp, LeavesAServerThatGoesMeanwhile) {
    const Expected<Result> result = run_stopped([](Conversation& client) { client.close(); });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::cancelled) << result.error().what();
    EXPECT_EQ(result.error().outcome(), Outcome::unknown);
    EXPECT_FALSE(session()->usable());
}

/// Asks for a stop when the server says something.
class StopAtANotice final : public spi::NoticeHandler {
public:
    explicit StopAtANotice(std::stop_source source) : source_(std::move(source)) {}
    void on_notice(const Error&) noexcept override { source_.request_stop(); }

private:
    std::stop_source source_;
};

TEST_P(GivingUp, EndsAWaitForNotificationsThatIsUnderWay) {
    std::stop_source source;
    ScriptedSession session(GetParam(),
                            [](Conversation& client) {
                                if (client.wait_for_cue()) client.send(Reply().notice("now"));
                                client.ignore();
                            },
                            {.notices = std::make_shared<StopAtANotice>(source)});
    const StopToken stop(source.get_token());
    session.server().cue();
    const auto waited = session->wait_notification({.deadline = Deadline::after(10s), .stop = &stop});
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().kind(), ErrorKind::cancelled);
    EXPECT_TRUE(waited.error().connection_usable());
    EXPECT_NE(waited.error().message().find("a stop was asked for"), std::string_view::npos) << waited.error().what();
    EXPECT_TRUE(session->usable());
}

/// Waits as the thread does. Whoever waits for a cancel request alone gets the end of that; who then waits for the
/// pause before another one finds that the time is over.
class NoPauses final : public spi::Waiter {
public:
    explicit NoPauses(testing::FakeServer& server) : server_(server) { enter(this); }
    ~NoPauses() override { enter(nullptr); }
    NoPauses(const NoPauses&) = delete;
    NoPauses& operator=(const NoPauses&) = delete;
    [[nodiscard]] bool refused_one() const { return refused_one_; }

private:
    spi::Woken do_wait(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept override {
        if (descriptors.size() == 2 && descriptors[0].fd < 0) {
            if (is_timer(descriptors[1].fd)) return refused_one_ = true, spi::Woken::deadline;
            if (!std::exchange(is_cued_, true)) server_.cue();
        }
        enter(nullptr);
        const spi::Woken woken = wait_for(descriptors, wait);
        enter(this);
        return woken;
    }
    void do_nudge() noexcept override {}
    static bool is_timer(int descriptor) {
        std::error_code none;
        const auto what = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor), none);
        return what == "anon_inode:[timerfd]";
    }

    testing::FakeServer& server_;
    bool is_cued_ = false;
    bool refused_one_ = false;
};

// Until the request has ended it could hit the next statement; and then there is nothing left to wait for.
TEST(GivingUpOfLibpq, EndsABatchWithItsCancelRequestWhenAllWasAnsweredBefore) {
    auto sync = spi::BatchSync::once;
    for (const Deadline patience = Deadline::after(60s);;) {
        std::stop_source source;
        const StopToken stop(source.get_token());
        ScriptedSession session("libpq",
                                [&](Conversation& client) {
                                    client.receive_until(MessageKind::sync);
                                    source.request_stop();
                                    if (!client.wait_for_cancel()) return;
                                    client.send(bound().no_data().tag("SELECT 0").ready());
                                    client.receive_until(MessageKind::sync);
                                    client.send(bound().no_data().tag("SELECT 0").ready());
                                },
                                {.cancel_requests = CancelRequests::cued});
        const spi::Request request{.sql = "select 1"};
        {
            const NoPauses waiter(session.server());
            const auto outcomes = testing::outcomes_of(*session, std::span(&request, 1), sync,
                                                       {.deadline = Deadline::after(60s), .stop = &stop});
            if (!session->usable() && !patience.passed()) continue;  // a busy machine took the two seconds of a stop
            EXPECT_TRUE(outcomes[0]) << outcomes[0].error().what();
            EXPECT_FALSE(waiter.refused_one());
        }
        EXPECT_TRUE(session->usable());
        EXPECT_TRUE(session->run({.sql = "select 2"}, soon()));
        if (std::exchange(sync, spi::BatchSync::each) == spi::BatchSync::each) return;
    }
}

}  // namespace
}  // namespace pg::libpq
