// The component's own session, with a server that says what a real one seldom says.
#include "src/testing/admin_session.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include "src/testing/descriptor.hpp"
#include "tests/unit/testing/scratch_folder.hpp"

namespace pg::testing {
namespace {

using namespace std::string_literals;

Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

std::string message(char type, const std::string& body) {
    const std::size_t size = 4 + body.size();
    std::string bytes(1, type);
    for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(size >> shift & 0xFFU);
    return bytes + body;
}

const std::string welcome = message('R', "\0\0\0\0"s);
const std::string ready = message('Z', "I");

/// Takes one client, sends it all its answers at once, and listens until the client leaves; or leaves first.
class ScriptedServer final {
public:
    enum class End { with_the_client, at_once };

    explicit ScriptedServer(std::string answers, End end = End::with_the_client)
        : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path().c_str(), path().size() + 1);
        const void* untyped = &address;
        EXPECT_EQ(::bind(listener_.get(), static_cast<const sockaddr*>(untyped), sizeof address), 0);
        EXPECT_EQ(::listen(listener_.get(), 1), 0);
        thread_ = std::thread([this, answers = std::move(answers), end] { serve(answers, end); });
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer() { thread_.join(); }

    [[nodiscard]] std::string path() const { return folder_.path() + "/socket"; }

private:
    void serve(const std::string& answers, End end) const {
        const Descriptor client(::accept(listener_.get(), nullptr, nullptr));
        // A client whose deadline was short may have left already.
        static_cast<void>(::send(client.get(), answers.data(), answers.size(), MSG_NOSIGNAL));
        std::array<char, 4096> heard{};
        while (end == End::with_the_client && ::recv(client.get(), heard.data(), heard.size(), 0) > 0) continue;
    }

    ScratchFolder folder_;
    Descriptor listener_;
    std::thread thread_;
};

TEST(AdminSession, GivesWhatTheServerSaysOfAnError) {
    const auto fields = "SFEHLER\0VERROR\0C42P04\0Mit exists\0Dsince yesterday\0Htake another\0\0"s;
    const ScriptedServer server(welcome + ready + message('E', fields) + ready);
    const auto outcome = execute(server.path(), "select 1", soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::server);
    EXPECT_EQ(outcome.error().severity(), "ERROR");
    EXPECT_EQ(outcome.error().sqlstate(), "42P04");
    EXPECT_EQ(outcome.error().message(), "it exists");
    EXPECT_EQ(outcome.error().detail(), "since yesterday");
    EXPECT_EQ(outcome.error().hint(), "take another");
}

TEST(AdminSession, AFatalErrorIsTheLastThingThatIsHeard) {
    const ScriptedServer server(message('E', "SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"s));
    const auto outcome = execute(server.path(), "select 1", soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().sqlstate(), "57P03");
}

TEST(AdminSession, HasNoCredentials) {
    const ScriptedServer server(message('R', "\0\0\0\3"s));
    const auto outcome = execute(server.path(), "select 1", soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::protocol);
    EXPECT_EQ(outcome.error().message(), "the server asks template1 for credentials");
}

TEST(AdminSession, RefusesAMessageOfAnImpossibleSize) {
    const ScriptedServer server("Z\0\0\0\3"s);
    const auto outcome = execute(server.path(), "select 1", soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::protocol);
}

TEST(AdminSession, TellsThatTheServerLeft) {
    const ScriptedServer server(welcome, ScriptedServer::End::at_once);
    const auto outcome = execute(server.path(), "select 1", soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::connection_lost);
}

TEST(AdminSession, WaitsForASilentServerNoLongerThanTheDeadline) {
    const ScriptedServer server(welcome);
    const auto outcome = execute(server.path(), "select 1", Deadline::after(std::chrono::milliseconds(1)));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::timeout);
}

TEST(AdminSession, NamesTheSocketThatItCannotConnectTo) {
    const ScratchFolder folder;
    const std::string missing = folder.path() + "/socket";
    EXPECT_EQ(execute(missing, "select 1", soon()).error().message(),
              "connect to " + missing + ": No such file or directory");
    const std::string too_long = "/" + std::string(200, 'x');
    EXPECT_EQ(execute(too_long, "select 1", soon()).error().message(),
              "connect to " + too_long + ": File name too long");
}

}  // namespace
}  // namespace pg::testing
