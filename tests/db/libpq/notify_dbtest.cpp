// What a server says unasked: notifications and notices.
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

class Notices final : public spi::NoticeHandler {
public:
    void on_notice(const Error& notice) noexcept override { heard.push_back(notice); }
    std::vector<Error> heard;
};

TEST(Notification, ArrivesWhileItIsWaitedFor) {
    const auto listener = open_session();
    const auto sender = open_session();
    ASSERT_TRUE(run(*listener, "listen news"));
    ASSERT_TRUE(run(*sender, "notify news, 'first'"));
    ASSERT_TRUE(run(*sender, "notify news, 'second'"));
    const auto first = listener->wait_notification(soon()).value();
    const auto second = listener->wait_notification(soon()).value();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->channel, "news");
    EXPECT_EQ(first->payload, "first");
    EXPECT_EQ(first->process, sender->backend_process());
    EXPECT_EQ(second->payload, "second");
}

TEST(Notification, IsNothingWhenTheDeadlinePassesFirst) {
    const auto session = open_session();
    EXPECT_FALSE(within(50ms, [&] { return session->wait_notification(in(50ms)).value(); }));
    EXPECT_FALSE(session->wait_notification(in(0ns)).value());
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

TEST(Notification, ThatCameBeforeIsThereWithoutWaiting) {
    const auto session = open_session();
    ASSERT_TRUE(run(*session, "listen own"));
    ASSERT_TRUE(run(*session, "notify own"));
    EXPECT_TRUE(session->wait_notification(in(0ns)).value());
}

TEST(Notification, WaitingEndsWhenTheServerEndsTheSession) {
    const auto session = open_session();
    const auto other = open_session();
    text_of(*other, "select pg_terminate_backend(" + std::to_string(session->backend_process()) + ", 10000)");
    const auto ended = session->wait_notification(soon());
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().kind(), ErrorKind::connection_lost);
    EXPECT_FALSE(session->usable());
}

TEST(Notice, GoesToTheHandlerWithItsFields) {
    const auto notices = std::make_shared<Notices>();
    const auto session = open_session(testing::shared_server().conninfo(), {.types = nullptr, .notices = notices});
    ASSERT_TRUE(run(*session, "do $$ begin raise warning 'mind %', 'this' using errcode = '01ABC'; end $$"));
    ASSERT_EQ(notices->heard.size(), 1u);
    EXPECT_EQ(notices->heard[0].message(), "mind this");
    EXPECT_EQ(notices->heard[0].severity(), "WARNING");
    EXPECT_EQ(notices->heard[0].sqlstate(), "01ABC");
    EXPECT_EQ(notices->heard[0].node(), session->node());
}

TEST(Notice, IsNotPrintedWhenNobodyListens) {
    const auto session = open_session();
    ::testing::internal::CaptureStderr();
    ASSERT_TRUE(run(*session, "do $$ begin raise notice 'nobody hears this'; end $$"));
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Liveness, SurvivesWhatAServerSaysByTheWay) {
    const auto session = open_session();
    const auto other = open_session();
    ASSERT_TRUE(run(*session, "listen by_the_way"));
    ASSERT_TRUE(run(*other, "notify by_the_way"));
    while (session->alive() && !session->wait_notification(in(0ns)).value()) continue;
    EXPECT_TRUE(session->alive());
    EXPECT_EQ(text_of(*session, "select 1"), "1");
}

}  // namespace
}  // namespace pg::libpq
