// What a warm query costs: allocations, counted on the thread that asks, and system calls. The program has an `operator
// new` and a `syscall` of its own, which count.
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <new>
#include <pg/batch.hpp>
#include <pg/client.hpp>
#include <pg/connection.hpp>
#include <pg/pool/options.hpp>
#include <pg/pool/pool.hpp>
#include <pg/statement_cache.hpp>
#include <pg/testing/answers.hpp>
#include <pg/testing/fake_server.hpp>

#include "providers/libpq/system_calls.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

namespace {

/// Of one thread. The server of a test has others.
struct Calls {
    int sends = 0;
    int receives = 0;  // of something
    int looks = 0;     // at a socket, without waiting for it
};
constinit thread_local int allocations = 0;
constinit thread_local std::size_t largest = 0;  // of them, in bytes
constinit thread_local Calls calls;

}  // namespace

// Not inlined: g++ 12 would take the free in one for a mismatch with the `new` before it.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (size > largest) largest = size;
    void* const memory = std::malloc(size);
    return memory ? memory : throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

#if !defined(PGCLIENT_LIBC_CALLS)
extern "C" long syscall(long number, ...) noexcept {
    static auto* const real = reinterpret_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
    std::va_list list;
    va_start(list, number);
    long given[6];
    for (long& one : given) one = va_arg(list, long);
    va_end(list);
    const long result = real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
    const int error = errno;
    calls.sends += number == SYS_sendto || number == SYS_sendmsg;
    calls.receives += number == SYS_recvfrom && result > 0;
    calls.looks += number == SYS_poll && given[2] == 0;
    errno = error;
    return result;
}
#endif

namespace {

using namespace std::chrono_literals;
using pg::testing::Answers;
using pg::testing::FakeServer;

constexpr pg::Oid int8{20}, text{25};
constexpr pg::Sql<1> one_number("select n from t where id = $1");
constexpr pg::Sql<1> one_user("select id, name from users where id = $1");
constexpr pg::Sql<1> some_users("select id, name from users where id < $1");
const std::string name(40, 'n');  // no string has that much room in itself

struct User {
    std::int64_t id;
    std::string name;
};

/// Allocations of this thread while `step` runs.
template <class Step>
int allocations_of(Step step) {
    const int before = allocations;
    step();
    return allocations - before;
}

/// Over TCP, or a unix socket.
class Cost : public ::testing::TestWithParam<bool> {
protected:
    FakeServer server = FakeServer::start(
        Answers()
            .on("select n from t where id = $1", {.columns = {{"n", int8}}, .rows = {{"7"}}, .parameters = {int8}})
            .on("select id, name from users where id = $1",
                {.columns = {{"id", int8}, {"name", text}}, .rows = {{"7", name}}, .parameters = {int8}})
            .on("select id, name from users where id < $1", {.columns = {{"id", int8}, {"name", text}},
                                                             .rows = {{"7", name}, {"8", name}, {"9", name}},
                                                             .parameters = {int8}}),
        {.unix_socket = GetParam()});
    const pg::PoolOptions calm{.ping_after = 1h};
    pg::Client db = pg::open(server.conninfo() + " engine=direct", {.pool_max_size = 2, .pool = &calm});
};

TEST_P(Cost, OfAWarmSessionIsNoAllocation) {
    const pg::PoolOptions counting{.max_uses = 1'000'000, .ping_after = 1h};  // no fronts: the books are told of each
    pg::Client other = pg::open(server.conninfo() + " engine=direct", {.pool = &counting});
    for (pg::Pool* const pool : {&db.pool(), &other.pool()}) {
        const auto lend = [&] { static_cast<void>(pool->acquire({pg::Deadline::after(20s)}).value()); };
        for (int i = 0; i < 10; ++i) lend();
        EXPECT_EQ(allocations_of([&] {
                      for (int i = 0; i < 100; ++i) lend();
                  }),
                  0);
    }
}

TEST_P(Cost, OfAWarmQueryIsTheMemoryOfWhatItReturns) {
    const auto number = [&] { static_cast<void>(db.query_one<std::int64_t>(one_number, 42)); };
    const auto user = [&] { static_cast<void>(db.query_one<User>(one_user, 42)); };
    const auto users = [&] { static_cast<void>(db.query_all<User>(some_users, 42)); };
    const auto result = [&] { db.query(one_number, 42); };
    const auto count = [&] { db.exec(one_number, 42); };
    for (int i = 0; i < 10; ++i) number(), user(), users(), result(), count();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(allocations_of(count), 0);
        EXPECT_EQ(allocations_of(number), 0);
        EXPECT_EQ(allocations_of(user), 1) << "its name";
        EXPECT_EQ(allocations_of(users), 1 + 3) << "a vector of them, and their names";
        EXPECT_EQ(allocations_of(result), 1) << "the rows";
    }
}

TEST_P(Cost, OfARowThatPassesTheLimitIsNotItsMemory) {
    using pg::testing::MessageKind;
    using pg::testing::Reply;
    const auto half_of_a_row = [](pg::testing::Conversation& client) {
        const std::string row = Reply().row({std::string(std::size_t{8} << 20, 'x')}).bytes();
        client.receive_until(MessageKind::sync);
        client.send(Reply().parse_complete().bind_complete().columns({{"n", text}}).raw(row.substr(0, row.size() / 2)));
        if (!client.wait_for_cancel()) return;
        client.send(Reply().raw(row.substr(row.size() / 2)).error("57014", "canceling statement").ready());
        client.ignore();
    };
    const pg::libpq::ScriptedSession session(
        "direct", half_of_a_row, {.unix_socket = GetParam(), .cancel_requests = pg::libpq::CancelRequests::heard});
    largest = 0;
    const auto told = session->run({.sql = "select", .max_result_bytes = 1000}, pg::libpq::soon());
    EXPECT_EQ(told.error().kind(), pg::ErrorKind::result_too_large);
    const bool came_late = told.error().outcome() == pg::Outcome::unknown;  // what is given up has two seconds
    EXPECT_TRUE(session->usable() || came_late);
    EXPECT_LT(largest, std::size_t{1} << 20) << "neither before it is given up nor while it is drained";
}

TEST_P(Cost, OfAWarmQueryIsOneCallToSendOneToReceiveAndOneLook) {
#if defined(PGCLIENT_LIBC_CALLS)
    GTEST_SKIP() << "a sanitizer has the functions of the C library called, which are its own";
#else
    constexpr int rounds = 100;
    const auto number = [&] { static_cast<void>(db.query_one<std::int64_t>(one_number, 42)); };
    for (int i = 0; i < 10; ++i) number();
    calls = {};
    for (int i = 0; i < rounds; ++i) number();
    EXPECT_EQ(calls.sends, rounds);
    EXPECT_EQ(calls.receives, rounds);
    EXPECT_EQ(calls.looks, rounds) << "whether the session is alive";
    pg::Connection held = db.connection();
    calls = {};
    for (int i = 0; i < rounds; ++i) held.query(one_number, 42);
    EXPECT_EQ(calls.sends, rounds);
    EXPECT_EQ(calls.receives, rounds);
    EXPECT_EQ(calls.looks, 0) << "it was not lent again";
#endif
}

TEST_P(Cost, OfAFirstUseAnEvictionOrABatchIsOneCallToSend) {
#if defined(PGCLIENT_LIBC_CALLS)
    GTEST_SKIP() << "a sanitizer has the functions of the C library called, which are its own";
#else
    pg::Client narrow = pg::open(server.conninfo() + " engine=direct statement_cache_size=1", {.pool_max_size = 1});
    pg::Connection held = narrow.connection();
    const auto sends_of = [](const auto& step) {
        calls = {};
        step();
        return calls.sends;
    };
    for (int use = 1; use <= 4; ++use)
        EXPECT_EQ(sends_of([&] { held.query(one_number, 42); }), 1)
            << "use " << use << ", with one of which it is prepared";
    for (int use = 1; use <= 4; ++use)
        EXPECT_EQ(sends_of([&] { held.query(one_user, 42); }), 1)
            << "use " << use << ", with one of which the other goes";
    for (const auto mode : {pg::BatchMode::atomic, pg::BatchMode::each}) {
        pg::Batch batch(held);
        for (int i = 0; i < 64; ++i) batch.exec(one_number, 42);
        EXPECT_EQ(sends_of([&] { batch.run(mode); }), 1);
    }
    EXPECT_GE(narrow.statement_cache().evicted, 1u);
#endif
}

// All of it fits into the buffers of the socket, so that it does not matter when the server reads.
TEST(CostOfACopy, IsOneCallToSendForAllThatWaitsAndALargePiece) {
#if defined(PGCLIENT_LIBC_CALLS)
    GTEST_SKIP() << "a sanitizer has the functions of the C library called, which are its own";
#else
    using pg::testing::MessageKind;
    using pg::testing::Reply;
    const pg::libpq::ScriptedSession session("direct",
                                             [](pg::testing::Conversation& client) {
                                                 client.expect(MessageKind::query);
                                                 client.send(Reply().copy_in(1));
                                                 client.receive_until(MessageKind::copy_done);
                                                 client.send(Reply().tag("COPY 1").ready());
                                                 client.ignore();
                                             },
                                             {.unix_socket = true});
    const auto copy = session->copy_in("copy t from stdin", pg::libpq::soon()).value();
    const auto sends_of = [&](std::size_t size, int pieces) {
        calls = {};
        for (const std::string piece(size, 'x'); pieces != 0; --pieces) copy->write(piece, pg::libpq::soon()).value();
        return calls.sends;
    };
    EXPECT_EQ(sends_of(20'000, 3), 3);
    EXPECT_EQ(sends_of(1'000, 60), 0) << "they wait for others";
    EXPECT_EQ(sends_of(20'000, 1), 1) << "and leave with them";
    EXPECT_EQ(sends_of(1'000, 1), 0);
    calls = {};
    EXPECT_EQ(copy->finish(pg::libpq::soon()).value(), 1U);
    EXPECT_EQ(calls.sends, 1);
#endif
}

INSTANTIATE_TEST_SUITE_P(Sockets, Cost, ::testing::Bool(),
                         [](const auto& socket) { return std::string(socket.param ? "Unix" : "Tcp"); });

}  // namespace
