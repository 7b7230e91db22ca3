// What keeps the direct engine from a connection. The program has functions of libpq of its own, which tell of
// connections that cannot be had on every machine, and an `operator new` that gives no more than it is told to.
#include "tests/unit/libpq/obstacle.hpp"

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <limits>
#include <new>

#include "tests/outcomes_of.hpp"

namespace {

std::atomic<bool> under_gss{false};
std::atomic<bool> under_tls{false};
std::atomic<bool> no_copy_data{false};
std::atomic<bool> lost_count{false};
std::atomic<int> protocol{0};                                                   // zero: what libpq says
std::atomic<std::size_t> most_memory{std::numeric_limits<std::size_t>::max()};  // in one piece

/// The function of that name that this program's stands before.
template <class Function>
Function* behind(Function*, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// Not inlined: g++ 12 would take the free in one for a mismatch with the `new` before it.
[[gnu::noinline]] void* operator new(std::size_t size) {
    void* const memory = size <= most_memory ? std::malloc(size) : nullptr;
    return memory ? memory : throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" {

int PQgssEncInUse(PGconn* connection) {
    static auto* const real = behind(&PQgssEncInUse, "PQgssEncInUse");
    return under_gss ? 1 : real(connection);
}

int PQsslInUse(PGconn* connection) {
    static auto* const real = behind(&PQsslInUse, "PQsslInUse");
    return under_tls ? 1 : real(connection);
}

int PQprotocolVersion(const PGconn* connection) {
    static auto* const real = behind(&PQprotocolVersion, "PQprotocolVersion");
    return protocol != 0 ? protocol.load() : real(connection);
}

// Without memory for a row it stays where it is.
int PQgetCopyData(PGconn* connection, char** row, int at_once) {
    static auto* const real = behind(&PQgetCopyData, "PQgetCopyData");
    return no_copy_data ? -2 : real(connection, row, at_once);
}

// As that of 16.1, which can give ends without an end, and says that it waits for nothing.
PGresult* PQgetResult(PGconn* connection) {
    static auto* const real = behind(&PQgetResult, "PQgetResult");
    return lost_count ? nullptr : real(connection);
}

int PQisBusy(PGconn* connection) {
    static auto* const real = behind(&PQisBusy, "PQisBusy");
    return lost_count ? 0 : real(connection);
}
}

namespace pg::libpq {
namespace {

class ObstacleAtWill : public Obstacle {
protected:
    ~ObstacleAtWill() override {
        under_gss = false;
        under_tls = false;
        no_copy_data = false;
        lost_count = false;
        protocol = 0;
        most_memory = std::numeric_limits<std::size_t>::max();
    }
};

TEST_F(ObstacleAtWill, IsThere) {
    const auto session = open("auto");
    ASSERT_TRUE(session) << session.error().what();
    EXPECT_EQ((*session)->engine(), "direct") << "without one";
    EXPECT_EQ(direct::fallbacks(), 0u);
}

TEST_F(ObstacleAtWill, IsEncryptionByGss) {
    under_gss = true;
    expect_fallback("GSS encrypts it");
}

// The connection has none, so libpq gives no struct of OpenSSL's.
TEST_F(ObstacleAtWill, IsTlsOfAnotherLibrary) {
    under_tls = true;
    expect_fallback("its TLS is not OpenSSL's");
}

TEST_F(ObstacleAtWill, IsAnotherProtocol) {
    protocol = 4;
    expect_fallback("it does not speak protocol 3");
}

// By its name it never was anything else.
TEST_F(ObstacleAtWill, IsNothingToTheLibpqEngine) {
    under_gss = true;
    const std::uint64_t before = direct::fallbacks();
    const auto session = open("libpq");
    ASSERT_TRUE(session) << session.error().what();
    EXPECT_EQ(direct::fallbacks(), before);
}

// Where a long message is to lie there is no room: the connection is lost, the process is not.
TEST_F(ObstacleAtWill, IsAServerThatSendsMoreThanThereIsMemoryFor) {
    const ScriptedSession session("direct", [](testing::Conversation& client) {
        client.receive_until(testing::MessageKind::execute);
        const std::string_view long_row("D\0\x3d\x09\0", 5);  // of four megabytes, which never come
        const std::vector<testing::FakeColumn> columns{{"n", Oid{25}, Format::binary}};
        client.send(testing::Reply().parse_complete().bind_complete().columns(columns).raw(long_row));
        client.ignore();
    });
    most_memory = 500'000;
    const auto answer = session->run({.sql = "select"}, soon());
    most_memory = std::numeric_limits<std::size_t>::max();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind(), ErrorKind::connection_lost) << answer.error().what();
    EXPECT_EQ(answer.error().outcome(), Outcome::unknown);
    EXPECT_NE(answer.error().message().find("out of memory"), std::string_view::npos) << answer.error().what();
    EXPECT_FALSE(session->usable());
}

TEST_F(ObstacleAtWill, EndsACopyWhoseRowsThereIsNoMemoryFor) {
    const ScriptedSession session("libpq",
                                  [](testing::Conversation& client) {
                                      client.send(take_copy_out(client, "libpq").copy_data("a row\n"));
                                      client.ignore();
                                  },
                                  {.cancel_requests = CancelRequests::heard});
    auto copy = session->copy_out("copy t to stdout", soon()).value();
    no_copy_data = true;
    copy.reset();  // which drains it
    EXPECT_FALSE(session->usable());
}

TEST_F(ObstacleAtWill, EndsAPipelineOfWhichLibpqGivesEndsWithoutAnEnd) {
    const auto prepare = [](spi::Session& session) { return session.prepare("s", "select 1", {}, soon()).error(); };
    const auto run = [](spi::Session& session) {
        const spi::Request request{.sql = "select 1"};
        return pg::testing::outcomes_of(session, std::span(&request, 1), spi::BatchSync::once, soon()).front().error();
    };
    for (const auto& call : {std::function<Error(spi::Session&)>(prepare), std::function<Error(spi::Session&)>(run)}) {
        const ScriptedSession session("libpq", [](testing::Conversation& client) { client.ignore(); });
        lost_count = true;
        const Error told = call(*session);
        lost_count = false;
        EXPECT_EQ(told.kind(), ErrorKind::connection_lost) << told.what();
        EXPECT_EQ(told.outcome(), Outcome::unknown) << told.what();
        EXPECT_FALSE(session->usable());
    }
}

}  // namespace
}  // namespace pg::libpq
