// What keeps the direct engine from every connection: a libpq that is part of the executable, as far as a function of
// it tells that stands in this program.
#include <atomic>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <sys/eventfd.h>
#include <thread>

#include "providers/libpq/direct_tls.hpp"
#include "providers/libpq/newer.hpp"
#include "tests/unit/libpq/obstacle.hpp"
#include "tests/unit/libpq/scripted_session.hpp"

extern "C" void* PQsslStruct(PGconn* connection, const char* name) {
    static auto* const real = reinterpret_cast<decltype(&PQsslStruct)>(::dlsym(RTLD_NEXT, "PQsslStruct"));
    return real(connection, name);
}

extern "C" PostgresPollingStatusType PQconnectPoll(PGconn* connection) {
    static auto* const real = reinterpret_cast<decltype(&PQconnectPoll)>(::dlsym(RTLD_NEXT, "PQconnectPoll"));
    return real(connection);
}

namespace {

const std::thread::id test_thread = std::this_thread::get_id();
std::atomic<int> made_by_workers{0};  // of requests to cancel

}  // namespace

// What libpq 17 has, by other names than its headers declare: here a request that is made in one step.
extern "C" {
void* stand_in_create(PGconn*) __asm__("PQcancelCreate");
void* stand_in_create(PGconn* connection) { return PQgetCancel(connection); }
int stand_in_start(void*) __asm__("PQcancelStart");
int stand_in_start(void*) { return 1; }
int stand_in_poll(void*) __asm__("PQcancelPoll");
int stand_in_poll(void* cancel) {
    made_by_workers += std::this_thread::get_id() != test_thread;
    char words[256];
    const bool is_made = PQcancel(static_cast<PGcancel*>(cancel), words, sizeof words) != 0;
    return is_made ? PGRES_POLLING_OK : PGRES_POLLING_FAILED;
}
int stand_in_socket(const void*) __asm__("PQcancelSocket");
int stand_in_socket(const void*) {
    static const int always_ready = ::eventfd(0, EFD_CLOEXEC);
    return always_ready;
}
void stand_in_finish(void*) __asm__("PQcancelFinish");
void stand_in_finish(void* cancel) {
    if (cancel != nullptr) PQfreeCancel(static_cast<PGcancel*>(cancel));
}
}

namespace pg::libpq {
namespace {

using ObstacleInside = Obstacle;

TEST_F(ObstacleInside, IsALibpqInTheExecutable) { expect_fallback("libpq is part of the executable"); }

// What is left in a record, and what a server demands, is seen all the same.
TEST(TlsInside, IsThatOfTheExecutable) {
    const direct::TlsFunctions& functions = direct::tls_functions();
    EXPECT_FALSE(functions.in_shared_library);
    EXPECT_TRUE(functions.complete());
    EXPECT_EQ(reinterpret_cast<void*>(functions.pending), reinterpret_cast<void*>(&SSL_pending));
}

TEST(CancelInside, IsWhatThatLibpqHas) {
    const NewerFunctions& functions = newer_functions();
    EXPECT_TRUE(functions.can_cancel());
    EXPECT_EQ(reinterpret_cast<void*>(functions.cancel_create), reinterpret_cast<void*>(&stand_in_create));
}

// A server that does not answer is asked again while the caller has time, and twice behind the end of its connection.
TEST(CancelInside, IsMadeBehindTheEndOfAConnection) {
    ScriptedSession session("libpq",
                            [](testing::Conversation& client) {
                                client.receive_until(testing::MessageKind::sync);
                                client.ignore();
                            },
                            {.cancel_requests = CancelRequests::heard});
    EXPECT_FALSE(session->run({.sql = "select 1"}, in(-1s)));
    EXPECT_TRUE(session->usable()) << "nothing was sent";
    EXPECT_FALSE(session->run({.sql = "select 1"}, in(50ms)));
    EXPECT_FALSE(session->usable());
    for (const Deadline patience = soon().deadline; made_by_workers < 2 && !patience.passed();)
        std::this_thread::yield();
    EXPECT_EQ(made_by_workers, 2) << "those behind its end";
    EXPECT_TRUE(session.server().wait_for_clients(4, soon().deadline));
    EXPECT_GE(session.server().cancel_requests().size(), 3u);
}

}  // namespace
}  // namespace pg::libpq
