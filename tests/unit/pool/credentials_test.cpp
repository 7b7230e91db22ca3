// A pool whose password comes from a source: asked in the background, once, and again when the server refuses it.
#include <gtest/gtest.h>
#include <thread>

#include "pg/stop.hpp"
#include "src/pool/opener.hpp"
#include "tests/unit/core/fake_session.hpp"

namespace pg::pool {
namespace {

using namespace std::chrono_literals;

/// Lets those in who have the right password.
class Gate final : public spi::Provider {
public:
    std::string password = "right";
    std::vector<std::string> tried;
    const char* sqlstate = "28P01";

private:
    Expected<std::unique_ptr<spi::Session>> do_open(const Config& config, const spi::SessionContext&,
                                                    const spi::Wait&) noexcept override {
        tried.emplace_back(config.get("password").value_or("none"));
        if (tried.back() != password) return Error({.kind = ErrorKind::auth, .sqlstate = sqlstate, .message = "no"});
        return std::unique_ptr<spi::Session>(std::make_unique<fake::Session>(server_));
    }
    std::string_view do_name() const noexcept override { return "gate"; }
    std::string_view do_version() const noexcept override { return "1"; }
    spi::Capabilities do_capabilities() const noexcept override { return {}; }

    std::shared_ptr<fake::Server> server_ = std::make_shared<fake::Server>();
};

class Source final : public CredentialSource {
public:
    std::deque<Expected<Credential>> answers;
    std::atomic<int> asked{0};
    std::stop_source hung;  // while `hangs`, an answer waits for a stop of this
    bool hangs = false;

private:
    Expected<Credential> do_credential(const Deadline&) noexcept override {
        ++asked;
        while (hangs && !hung.stop_requested()) std::this_thread::yield();
        Expected<Credential> next = std::move(answers.front());
        if (answers.size() > 1) answers.pop_front();
        return next;
    }
};

class Credentials : public ::testing::Test {
protected:
    ~Credentials() override { source->hung.request_stop(); }
    Expected<Opener::SessionPointer> open(const spi::Wait& wait = {Deadline::after(20s)}) { return opener.open(wait); }
    void will_say(std::string_view password, std::chrono::nanoseconds lifetime = no_timeout) {
        source->answers.emplace_back(Credential{Secret(password), lifetime});
    }
    static Limits limits(std::shared_ptr<CredentialSource> source) {
        Limits limits;
        limits.credentials = std::move(source);
        return limits;
    }

    std::shared_ptr<Gate> gate = std::make_shared<Gate>();
    std::shared_ptr<Source> source = std::make_shared<Source>();
    Opener opener{gate, Config::parse("password=of_the_string").value(), {}, limits(source)};
};

TEST_F(Credentials, AreAskedForOnce) {
    will_say("right");
    EXPECT_TRUE(open());
    EXPECT_TRUE(open());
    EXPECT_EQ(source->asked, 1);
    EXPECT_EQ(gate->tried, (std::vector<std::string>{"right", "right"}));
}

TEST_F(Credentials, AreThoseOfTheStringWithoutASource) {
    const Opener plain(gate, Config::parse("password=of_the_string").value(), {}, {});
    EXPECT_FALSE(plain.open({}));
    EXPECT_EQ(gate->tried, std::vector<std::string>{"of_the_string"});
}

// Faults 21 and 22.
TEST_F(Credentials, AreAskedForOnceMoreWhenTheServerRefusesThem) {
    for (const char* sqlstate : {"28P01", "28000"}) {
        gate->sqlstate = sqlstate;
        gate->password = std::string("right ") + sqlstate;
        source->answers.clear();
        will_say("old");
        will_say(gate->password);
        const Opener fresh(gate, {}, {}, limits(source));
        EXPECT_TRUE(fresh.open({Deadline::after(20s)})) << sqlstate;
    }
}

TEST_F(Credentials, AreNotTriedForEver) {
    will_say("wrong");
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().sqlstate(), "28P01");
    EXPECT_EQ(source->asked, 2);
    EXPECT_EQ(gate->tried.size(), 2u);
    EXPECT_FALSE(open());
    EXPECT_EQ(source->asked, 3) << "the next attempt asks once";
}

TEST_F(Credentials, AreNotAskedForAgainWhenTheServerIsAway) {
    gate->sqlstate = "57P03";
    will_say("wrong");
    EXPECT_FALSE(open());
    EXPECT_EQ(source->asked, 1);
}

TEST_F(Credentials, SayWhyThereAreNone) {
    source->answers.emplace_back(Error({.message = "the vault is locked"}));
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::auth);
    EXPECT_EQ(refused.error().outcome(), Outcome::not_sent);
    EXPECT_EQ(refused.error().message(), "there is no password to connect with: the vault is locked");
    EXPECT_TRUE(gate->tried.empty());
}

TEST_F(Credentials, AreOfNoUseWhenTheyHaveExpired) {
    will_say("right", 0s);
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "there is no password to connect with: it has expired");
}

TEST_F(Credentials, OfAMomentAreGoodForWhoeverWaitedForThem) {
    for (int i = 0; i < 3; ++i) will_say("right", 1ns);
    for (int i = 1; i <= 2; ++i) {
        EXPECT_TRUE(open());
        EXPECT_EQ(source->asked, i);
    }
}

TEST_F(Credentials, AreNotSentWhenTheyAreNoText) {
    will_say(std::string_view("a\0b", 3));
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "password holds a NUL character");
    EXPECT_TRUE(gate->tried.empty());
}

TEST_F(Credentials, HoldUpNobodyBeyondTheirTime) {
    source->hangs = true;
    will_say("right");
    const auto late = open({Deadline::after(1ms)});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().message(), "there is no password to connect with: its source did not give one in time");
    while (source->asked == 0) std::this_thread::yield();
    std::stop_source stop;
    stop.request_stop();
    const StopToken stopped(stop.get_token());
    const auto given_up = open({Deadline::never(), &stopped});
    ASSERT_FALSE(given_up);
    EXPECT_EQ(given_up.error().kind(), ErrorKind::cancelled);
    EXPECT_EQ(source->asked, 1) << "(C1)";
    source->hung.request_stop();
    EXPECT_TRUE(open({}));
    EXPECT_EQ(source->asked, 1) << "the answer that came late is used";
}

TEST_F(Credentials, OutliveWhoAskedForThem) {
    source->hangs = true;
    will_say("right");
    const std::weak_ptr<Source> watched = source;
    {
        const Opener brief(gate, {}, {}, limits(source));
        EXPECT_FALSE(brief.open({Deadline::after(1ms)}));
    }
    std::stop_source end = source->hung;
    source = std::make_shared<Source>();
    EXPECT_FALSE(watched.expired());
    end.request_stop();
    // The opener of the fixture has a share too.
    while (watched.use_count() > 1) std::this_thread::yield();
}

}  // namespace
}  // namespace pg::pool
