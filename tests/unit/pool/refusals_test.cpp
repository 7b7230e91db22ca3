// Refusals: one cause is told from another, in words and in fields.
#include "src/pool/refusals.hpp"

#include "tests/unit/pool/books_fixture.hpp"

namespace pg::pool {
namespace {

/// A request that began a second ago.
class Refusal : public BooksTest {
protected:
    Refusal() { make({.max_size = 2, .max_waiting = 1}); }
    Error refused() { return none_in_time(*books, now - 1s, now); }
    static const PoolTimeoutDetails& details(const Error& error) { return *PoolTimeout(error).details(); }
    static void expect_numbers(const PoolStats& stats, std::size_t lent, std::size_t opening) {
        EXPECT_EQ(stats.lent, lent);
        EXPECT_EQ(stats.opening, opening);
        EXPECT_EQ(stats.max_size, 2u);
    }
    Member& lend_both() {
        Member& first = open_and_lend();
        first.process = 17;
        first.holder.keep_statements();
        first.holder.is_at({"src/orders.cpp", 5});
        first.holder.runs("select 'secret'");
        now += 2s;
        static_cast<void>(open_and_lend());
        now += 1s;
        return first;
    }
    void fail_to_open(const Error& error) {
        books->enqueue(somebody, now);
        books->failed(*duty().member, error, now);
        static_cast<void>(duties());
        now += 4s;
    }

    Somebody somebody;
};

TEST_F(Refusal, SaysThatAllAreInUse) {
    static_cast<void>(lend_both());
    const Error error = refused();
    EXPECT_EQ(error.kind(), ErrorKind::pool_timeout);
    EXPECT_EQ(error.outcome(), Outcome::not_sent);
    EXPECT_EQ(error.retry_scope(), RetryScope::statement);
    EXPECT_EQ(error.message(),
              "no session came free in time: all 2 are busy, the longest for 3 s by src/orders.cpp:5, whose last "
              "statement is `select ?`; hold them for less time, or raise pool_max_size [2 of 2 open (2 lent, 0 idle, "
              "0 being opened, 0 being checked, 0 closing), 0 requests waiting]");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::exhausted);
    EXPECT_EQ(details(error).waited, 1s);
    expect_numbers(details(error).stats, 2, 0);
    ASSERT_TRUE(details(error).oldest);
    EXPECT_EQ(details(error).oldest->age, 3s);
    EXPECT_EQ(details(error).oldest->process, 17);
    EXPECT_FALSE(details(error).connect_error);
}

TEST_F(Refusal, SaysThatOneMayHaveBeenForgotten) {
    static_cast<void>(lend_both());
    now += 1min;
    const Error error = refused();
    EXPECT_EQ(
        error.message(),
        "no session came free in time: all 2 are busy, the longest for 63 s by src/orders.cpp:5, whose last "
        "statement is `select ?`; look for who keeps one, hold them for less time, or raise pool_max_size [2 of 2 "
        "open (2 lent, 0 idle, 0 being opened, 0 being checked, 0 closing), 0 requests waiting]");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::leaked);
    make({.max_size = 2, .leak_threshold = 3s});
    static_cast<void>(lend_both());
    EXPECT_EQ(details(refused()).obstacle, PoolObstacle::leaked) << "the threshold says what is too long";
}

TEST_F(Refusal, SaysThatTheServerCannotBeReached) {
    fail_to_open(nobody_there());
    const Error error = refused();
    EXPECT_EQ(error.message(),
              "no session came free in time: the last attempt to open one failed 4 s ago, the next waits for its turn: "
              "nobody there [0 of 2 open (0 lent, 0 idle, 0 being opened, 0 being checked, 0 closing), 0 requests "
              "waiting]");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::unreachable);
    ASSERT_TRUE(details(error).connect_error);
    EXPECT_EQ(details(error).connect_error->kind(), ErrorKind::connect);
    EXPECT_EQ(details(error).connect_error_age, 4s);
    EXPECT_EQ(details(error).failed_attempts, 1);
    EXPECT_FALSE(details(error).oldest);
}

TEST_F(Refusal, SaysWhenTheNextAttemptMayBegin) {
    for (int i = 0; i < 12; ++i) {
        fail_to_open(nobody_there());
        now = std::max(now, books->governor().next());
    }
    fail_to_open(nobody_there());
    now = books->governor().next() - 1ns;
    EXPECT_EQ(details(refused()).next_attempt, 1ns);
    EXPECT_NE(refused().message().find(", the next begins in less than a second: nobody there"), std::string::npos);
}

TEST_F(Refusal, SaysOfWhichServers) {
    make({.max_size = 2, .servers = "one:5432,other:5433"});
    static_cast<void>(lend_both());
    const Error error = refused();
    EXPECT_EQ(error.node(), "one:5432,other:5433");
    EXPECT_NE(error.message().find(" [one:5432,other:5433: 2 of 2 open (2 lent"), std::string::npos);
}

TEST_F(Refusal, SaysThatTheServerDoesNotAnswer) {
    books->give_back(lend_both(), now);
    now += 1s;
    books->enqueue(somebody, now);
    EXPECT_EQ(duty().kind, Kind::check);
    const Error error = refused();
    EXPECT_NE(error.message().find("the server has not answered the 1 that are being checked; look at"),
              std::string_view::npos)
        << error.message();
    EXPECT_EQ(details(error).obstacle, PoolObstacle::unreachable);
}

TEST_F(Refusal, SaysThatTheServerLetsNobodyIn) {
    books->enqueue(somebody, now);
    EXPECT_EQ(duty().kind, Kind::open);
    const Error error = refused();
    EXPECT_EQ(error.message(),
              "no session came free in time: the server has not let in the 1 of 2 that are being opened; look at the "
              "network and the server [1 of 2 open (0 lent, 0 idle, 1 being opened, 0 being checked, 0 closing), 1 "
              "requests waiting]");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::unreachable);
    expect_numbers(details(error).stats, 0, 1);
    EXPECT_FALSE(details(error).connect_error);
}

TEST_F(Refusal, SaysThatTheCredentialsAreRefused) {
    fail_to_open(Error({.kind = ErrorKind::auth, .sqlstate = "28P01", .message = "wrong password"}));
    const Error error = refused();
    EXPECT_EQ(error.message(),
              "no session came free in time: the last attempt to open one failed 4 s ago, the next waits for its turn: "
              "wrong password [28P01] [0 of 2 open (0 lent, 0 idle, 0 being opened, 0 being checked, 0 closing), 0 "
              "requests waiting]");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::refused_credentials);
    EXPECT_EQ(details(error).connect_error->sqlstate(), "28P01");
}

TEST_F(Refusal, SaysThatTheServerHasNoRoom) {
    fail_to_open(no_room());
    const Error error = refused();
    EXPECT_EQ(
        error.message(),
        "no session came free in time: the last attempt to open one failed 4 s ago, the next waits for its turn: "
        "sorry, too many clients already [53300] [0 of 2 open (0 lent, 0 idle, 0 being opened, 0 being checked, 0 "
        "closing), 0 requests waiting]");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::server_full);
    EXPECT_EQ(details(error).stats.limit, 1u);
}

TEST_F(Refusal, SaysThatThePoolIsSuspended) {
    static_cast<void>(idle_ones(1));
    books->suspend(true);
    const Error error = refused();
    EXPECT_EQ(
        error.message(),
        "no session came free in time: the pool is suspended [1 of 2 open (0 lent, 1 idle, 0 being opened, 0 being "
        "checked, 0 closing), 0 requests waiting]");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::suspended);
}

TEST_F(Refusal, SaysThatTooManyWait) {
    static_cast<void>(lend_both());
    books->enqueue(somebody, now);
    const Error error = books->refusal(now, Deadline::never()).value();
    EXPECT_EQ(error.kind(), ErrorKind::pool_timeout);
    EXPECT_EQ(error.message(), "1 requests wait for a session already, as many as pool_max_waiting allows");
    EXPECT_EQ(details(error).obstacle, PoolObstacle::crowded);
    EXPECT_EQ(details(error).stats.waiting, 1u);
    EXPECT_EQ(details(error).waited, 0s);
    EXPECT_TRUE(details(error).oldest);
}

TEST_F(Refusal, SaysThatTheClientIsClosed) {
    books->close(now);
    const Error error = books->refusal(now, Deadline::never()).value();
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.retry_scope(), RetryScope::none);
    EXPECT_EQ(error.message(), "the client is closed");
    EXPECT_EQ(error.fields().pool->obstacle, PoolObstacle::closed);
}

TEST_F(Refusal, CountsWhatIsNotReady) {
    static_cast<void>(lend_both());
    const Error error = not_ready_in_time(2, *books, now - 5s, now);
    EXPECT_EQ(error.kind(), ErrorKind::timeout);
    EXPECT_TRUE(error.message().starts_with("2 sessions were not open in time: all 2 are busy")) << error.message();
    EXPECT_EQ(error.fields().pool->waited, 5s);
}

TEST(PoolObstacles, HaveNames) {
    std::vector<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(PoolObstacle::closed); ++i)
        names.push_back(to_string(static_cast<PoolObstacle>(i)));
    EXPECT_EQ(names,
              (std::vector<std::string_view>{"exhausted", "leaked", "unreachable", "refused_credentials", "server_full",
                                             "suspended", "over_budget", "crowded", "turned_away", "closed"}));
}

}  // namespace
}  // namespace pg::pool
