// Listeners on a server: channels by name, order, and the end of a session.
#include <thread>

#include "pg/listener.hpp"
#include "pg/stop.hpp"
#include "tests/db/core/database.hpp"
#include "tests/db/core/kept_session.hpp"

namespace {

using namespace std::chrono_literals;

class ListenerDb : public Database {
protected:
    pg::Listener listener{db};
};

TEST_F(ListenerDb, HearsItsChannelsInOrder) {
    const std::string odd = "Odd \"name\"; --";
    listener.listen("orders");
    listener.listen(odd);
    for (const char* payload : {"1", "2"}) db.exec("select pg_notify($1, $2)", "orders", payload);
    db.exec("select pg_notify($1, $2)", odd, "3");
    db.exec("select pg_notify('other', 'x')");
    for (const char* payload : {"1", "2", "3"}) {
        const auto heard = listener.next(10s);
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->payload, payload);
        EXPECT_NE(heard->process, listener.backend_process());
    }
    EXPECT_FALSE(listener.next(0s));
}

TEST_F(ListenerDb, HearsNothingAfterUnlisten) {
    listener.listen("a");
    listener.listen("b");
    listener.unlisten("a");
    db.exec("select pg_notify('a', ''), pg_notify('b', '')");
    EXPECT_EQ(listener.next(10s)->channel, "b");
    listener.unlisten_all();
    db.exec("select pg_notify('b', '')");
    EXPECT_FALSE(listener.next(0s));
}

TEST_F(ListenerDb, IsWokenByAMessageOfAnotherThread) {
    listener.listen("orders");
    std::thread sender([&] { db.exec("select pg_notify('orders', 'now')"); });
    EXPECT_EQ(listener.next(pg::no_timeout)->payload, "now");
    sender.join();
}

TEST_F(ListenerDb, IsWokenByItsStopToken) {
    listener.listen("orders");
    std::stop_source source;
    const pg::StopToken stop(source.get_token());
    std::thread stopper([&] { source.request_stop(); });
    EXPECT_THROW(static_cast<void>(listener.next(pg::no_timeout, &stop)), pg::Cancelled);
    stopper.join();
    db.exec("select pg_notify('orders', 'later')");
    EXPECT_EQ(listener.next(10s)->payload, "later") << "it can go on";
}

TEST_F(ListenerDb, SaysThatItsSessionIsLost) {
    listener.listen("orders");
    db.exec("select pg_terminate_backend($1)", listener.backend_process());
    EXPECT_THROW(static_cast<void>(listener.next(10s)), pg::ConnectionLost);
}

TEST_F(ListenerDb, LeavesNoListenerBehindAndNoMessages) {
    for (const char* engine : {"direct", "libpq"}) {
        pg::Client narrow = pg::connect(conninfo() + " engine=" + engine, {.pool_max_size = 1});
        const auto listen_and_leave = [&] {
            pg::Listener short_lived(narrow);
            short_lived.listen("orders");
            db.exec("select pg_notify('orders', i::text) from generate_series(1, 3) i");
            EXPECT_EQ(short_lived.next(10s)->payload, "1");
        };
        EXPECT_TRUE(keeps_its_session(narrow, listen_and_leave));
        EXPECT_EQ(narrow.query_one<std::int64_t>("select count(*) from pg_listening_channels()"), 0);
        pg::Listener next(narrow);
        next.listen("other");
        EXPECT_FALSE(next.next(0s)) << "what the one before did not hear";
    }
}

TEST_F(ListenerDb, HearsAllThatIsSentAtOnce) {
    constexpr int many = 20000;
    for (const char* engine : {"direct", "libpq"}) {
        pg::Client hearing = pg::connect(conninfo() + " engine=" + engine);
        pg::Listener all(hearing);
        all.listen("many");
        db.exec("select pg_notify('many', i::text) from generate_series(1, $1) i", many);
        for (int number = 1; number <= many; ++number) {
            const auto heard = all.next(20s);
            ASSERT_TRUE(heard) << number;
            ASSERT_EQ(heard->payload, std::to_string(number)) << engine;
        }
    }
}

}  // namespace
