// Listeners: channels by their own names, and messages or the lack of them.
#include "pg/listener.hpp"

#include <gtest/gtest.h>

#include "fake_session.hpp"

namespace {

using namespace std::chrono_literals;
using fake::Lines;

class Listener : public testing::Test {
protected:
    fake::Database db;
    fake::Server& server = *db.server;
};

TEST_F(Listener, QuotesTheNamesOfChannels) {
    pg::Listener listener(db.client);
    listener.listen("orders");
    listener.listen("Odd \"name\"; --");
    listener.unlisten("orders");
    listener.unlisten_all();
    EXPECT_EQ(server.take_log(),
              (Lines{"listen \"orders\"", "listen \"Odd \"\"name\"\"; --\"", "unlisten \"orders\"", "unlisten *"}));
}

TEST_F(Listener, RefusesANameThatAServerWouldCutOff) {
    pg::Listener listener(db.client);
    EXPECT_TRUE(listener.try_listen(std::string(63, 'n')));
    EXPECT_EQ(listener.try_listen(std::string(64, 'n')).error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(listener.try_unlisten(std::string(64, 'n')).error().kind(), pg::ErrorKind::usage);
}

TEST_F(Listener, GivesMessagesInOrderAndNothingWhenNoneCame) {
    server.notifications.emplace_back(pg::Notification{"orders", "42", 7});
    server.notifications.emplace_back(pg::Notification{"orders", "43", 7});
    pg::Listener listener(db.client);
    EXPECT_EQ(listener.next(5s)->payload, "42");
    EXPECT_EQ(listener.next(5s)->payload, "43");
    EXPECT_FALSE(listener.next(0s));
    EXPECT_EQ(listener.backend_process(), 1);
}

TEST_F(Listener, WaitsAsLongAsItIsToldAndUntilItIsStopped) {
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    pg::Listener listener(db.client);
    EXPECT_FALSE(listener.next(pg::no_timeout, &stop));
    EXPECT_TRUE(server.last_wait.deadline.is_never());
    EXPECT_EQ(server.last_wait.stop, &stop);
}

TEST_F(Listener, SaysThatItsSessionIsLost) {
    server.notifications.emplace_back(fake::connection_lost(pg::Outcome::unknown));
    pg::Listener listener(db.client);
    EXPECT_THROW(static_cast<void>(listener.next(5s)), pg::ConnectionLost);
    server.answer("listen \"orders\"", fake::connection_lost(pg::Outcome::not_sent));
    EXPECT_THROW(listener.listen("orders"), pg::ConnectionLost);
}

TEST_F(Listener, GivesItsSessionBackClean) {
    {
        pg::Listener listener(db.client);
    }
    EXPECT_NE(server.take_log().back().find("unlisten *"), std::string::npos);
}

TEST_F(Listener, SaysWhyItHasNoSession) {
    db.client.close();
    EXPECT_THROW(pg::Listener(db.client), pg::UsageError);
}

}  // namespace
