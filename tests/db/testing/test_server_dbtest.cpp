// TestServer: starting, what its accessors say, databases, stopping and starting again.
#include <arpa/inet.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <utility>
#include <vector>

#include "pg/testing/test_server.hpp"
#include "src/testing/descriptor.hpp"
#include "tests/db/testing/own_tmpdir.hpp"
#include "tests/db/testing/session.hpp"

namespace pg::testing {
namespace {

/// Somebody else's server on 127.0.0.1.
class Listener final {
public:
    explicit Listener(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const void* untyped = &address;
        EXPECT_EQ(::bind(socket_.get(), static_cast<const sockaddr*>(untyped), sizeof address), 0);
        EXPECT_EQ(::listen(socket_.get(), 1), 0);
    }

private:
    Descriptor socket_;
};

TEST(TestServer, IsWhatItsAccessorsSay) {
    const auto server = TestServer::start();
    Session local(server.conninfo());
    ASSERT_TRUE(local.connected()) << local.error();
    EXPECT_EQ(local.value("show port"), std::to_string(server.port()));
    EXPECT_EQ(local.value("show data_directory"), server.data_folder());
    EXPECT_EQ(local.value("show unix_socket_directories"), server.socket_folder());
    EXPECT_EQ(local.value("select inet_server_addr()"), "") << "not the unix socket";
    EXPECT_EQ(local.value("show listen_addresses"), "127.0.0.1");
    EXPECT_EQ(local.value("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"),
              std::to_string(server.pid()));
    EXPECT_EQ(local.value("select current_user"), "postgres");
    EXPECT_EQ(local.value("show server_encoding"), "UTF8");
    EXPECT_EQ(local.value("show timezone"), "UTC");
    EXPECT_EQ(server.major(), 15);
    EXPECT_TRUE(contains(server.log(), "database system is ready to accept connections"));
    EXPECT_EQ(server.tls().ca, "");

    Session tcp(server.tcp_conninfo());
    ASSERT_TRUE(tcp.connected()) << tcp.error();
    EXPECT_EQ(tcp.value("select inet_server_addr()"), "127.0.0.1");
}

TEST(TestServer, KeepsItsFolderToItsAccount) {
    const auto server = TestServer::start();
    struct stat status{};
    ASSERT_EQ(::stat(server.socket_folder().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    EXPECT_NE(status.st_uid, 0U);
}

TEST(TestServer, StartsEveryInstalledMajor) {
    const auto majors = TestServer::installed_majors();
    ASSERT_FALSE(majors.empty());
    for (const int major : majors) {
        const auto server = TestServer::try_start({.major = major, .auth = TestServerAuth::scram_sha_256, .tls = true});
        ASSERT_TRUE(server) << server.error().what();
        Session session(server->tcp_conninfo());
        ASSERT_TRUE(session.connected()) << session.error();
        EXPECT_EQ(PQserverVersion(session.get()) / 10000, major);
        EXPECT_TRUE(PQsslInUse(session.get()));
        EXPECT_TRUE(Session(server->create_database("suite")).connected());
    }
}

// [settings]
TEST(TestServer, ObeysItsSettings) {
    const auto server = TestServer::start({.settings = {"work_mem = '7MB'", "fsync = on"}});
    Session session(server.conninfo());
    EXPECT_EQ(session.value("show work_mem"), "7MB");
    EXPECT_EQ(session.value("show fsync"), "on");
    EXPECT_EQ(session.value("show full_page_writes"), "off");
}
// [settings]

TEST(TestServer, CannotBeMovedByASetting) {
    const auto server = TestServer::start({.settings = {"port = 1", "unix_socket_directories = ''"}});
    EXPECT_TRUE(Session(server.conninfo()).connected());
    EXPECT_TRUE(Session(server.tcp_conninfo()).connected());
}

TEST(TestServer, ABadSettingIsToldInTheWordsOfTheServer) {
    const auto server = TestServer::try_start({.settings = {"shared_buffers = banana"}});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().kind(), ErrorKind::connect);
    EXPECT_EQ(server.error().message(), "start PostgreSQL 15: the server exited with status 1");
    EXPECT_TRUE(contains(server.error().detail(), "invalid value for parameter \"shared_buffers\": \"banana\""))
        << server.error().detail();
}

TEST(TestServer, AMissingMajorIsNamed) {
    EXPECT_THROW(static_cast<void>(TestServer::start({.major = 98})), UsageError);
    const auto server = TestServer::try_start({.major = 98});
    ASSERT_FALSE(server);
    EXPECT_TRUE(contains(server.error().message(), "PostgreSQL 98")) << server.error().what();
}

TEST(TestServer, StartsWithinItsTimeoutOrNotAtAll) {
    static_cast<void>(TestServer::start());  // the template is there
    const auto late = TestServer::try_start({.start_timeout = std::chrono::nanoseconds(1)});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
    const auto never = TestServer::try_start({.start_timeout = std::chrono::nanoseconds(0)});
    ASSERT_FALSE(never);
    EXPECT_EQ(never.error().kind(), ErrorKind::usage);
}

TEST(TestServer, AStartThatHangsEndsWithTheTimeout) {
    const OwnTmpdir tmpdir;
    static_cast<void>(TestServer::start());  // the template is there
    // The server waits for the other end of a pipe, in the middle of its configuration.
    const std::string pipe = tmpdir.path() + "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0644), 0);
    std::string message;
    // A busy machine may not have come to start the server by then.
    for (std::chrono::seconds time{3}; !contains(message, "PostgreSQL 15") && time < std::chrono::minutes(1);
         time *= 2) {
        const auto hung = TestServer::try_start({.settings = {"include '" + pipe + "'"}, .start_timeout = time});
        ASSERT_FALSE(hung);
        EXPECT_EQ(hung.error().kind(), ErrorKind::timeout);
        message = hung.error().message();
    }
    EXPECT_EQ(message, "start PostgreSQL 15: it was not ready within start_timeout");
    std::filesystem::remove(pipe);
    EXPECT_TRUE(tmpdir.empty());
}

TEST(TestServer, TwoAtOnceShareNothing) {
    auto one = TestServer::start();
    const auto other = TestServer::start();
    EXPECT_NE(one.port(), other.port());
    EXPECT_NE(one.data_folder(), other.data_folder());
    one.create_database("mine");
    EXPECT_FALSE(Session(other.conninfo("mine")).connected());
    one.stop();
    EXPECT_TRUE(Session(other.conninfo()).connected());
}

TEST(TestServer, MovesWithoutANotice) {
    auto first = TestServer::start();
    const int pid = first.pid();
    TestServer second = std::move(first);
    EXPECT_EQ(second.pid(), pid);
    second = TestServer::start();
    EXPECT_NE(second.pid(), pid);
    EXPECT_TRUE(Session(second.conninfo()).connected());
}

TEST(TestServer, HasAShortSocketPathInALongFolder) {
    const OwnTmpdir tmpdir(std::string(90, 'x'));
    std::optional<TestServer> server = TestServer::start();
    EXPECT_TRUE(server->data_folder().starts_with(tmpdir.path()));
    EXPECT_LT(server->socket_folder().size(), 50U);
    EXPECT_TRUE(Session(server->conninfo()).connected());
    const std::string sockets = server->socket_folder();
    server.reset();
    EXPECT_FALSE(std::filesystem::exists(sockets));
    EXPECT_TRUE(tmpdir.empty());
}

TEST(CreateDatabase, GivesTheConninfoOfAnEmptyDatabase) {
    const auto server = TestServer::start({.auth = TestServerAuth::scram_sha_256});
    const std::string name = R"(a "quoted" \ it's)";
    Session session(server.create_database(name));
    ASSERT_TRUE(session.connected()) << session.error();
    EXPECT_EQ(session.value("select current_database()"), name);
}

TEST(CreateDatabase, TellsWhatTheServerSays) {
    const auto server = TestServer::start();
    server.create_database("twice");
    const auto again = server.try_create_database("twice");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind(), ErrorKind::server);
    EXPECT_EQ(again.error().sqlstate(), "42P04");
    EXPECT_EQ(again.error().message(), "database \"twice\" already exists");
}

TEST(CreateDatabase, WorksFromManyThreads) {
    const auto server = TestServer::start();
    std::vector<std::thread> threads;
    std::vector<std::string> errors(6);
    for (std::size_t i = 0; i < errors.size(); ++i) {
        threads.emplace_back([&server, &error = errors[i], i] {
            const auto made = server.try_create_database("suite" + std::to_string(i));
            if (!made) error = made.error().what();
        });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& error : errors) EXPECT_EQ(error, "");
}

TEST(Stop, KeepsTheDataForTheNextStart) {
    auto server = TestServer::start();
    const int first_pid = server.pid();
    const auto port = server.port();
    Session(server.conninfo()).value("create table kept as select 42 as answer");
    server.stop();
    EXPECT_EQ(server.pid(), 0);
    EXPECT_FALSE(Session(server.conninfo()).connected());
    EXPECT_TRUE(contains(server.log(), "received fast shutdown request"));
    server.stop();

    server.start_again();
    EXPECT_NE(server.pid(), first_pid);
    EXPECT_EQ(server.port(), port);
    EXPECT_EQ(Session(server.conninfo()).value("select answer from kept"), "42");
    EXPECT_FALSE(contains(server.log(), "automatic recovery in progress"));
}

// [recovery]
TEST(Stop, ImmediateMakesTheNextStartRecover) {
    auto server = TestServer::start();
    Session(server.conninfo()).value("create table kept as select 42 as answer");
    server.stop(ShutdownMode::immediate);
    EXPECT_TRUE(contains(server.log(), "received immediate shutdown request"));
    server.start_again();
    EXPECT_TRUE(contains(server.log(), "automatic recovery in progress"));
    EXPECT_EQ(Session(server.conninfo()).value("select answer from kept"), "42");
}
// [recovery]

TEST(Stop, SmartWaitsForTheLastClient) {
    auto server = TestServer::start();
    {
        Session client(server.conninfo());
        const auto stopped = server.try_stop(ShutdownMode::smart, std::chrono::milliseconds(50));
        ASSERT_FALSE(stopped);
        EXPECT_EQ(stopped.error().kind(), ErrorKind::timeout);
        EXPECT_EQ(client.value("select 1"), "1");
    }
    EXPECT_TRUE(server.try_stop(ShutdownMode::smart));
}

TEST(Stop, ARunningServerIsNotStartedAgain) {
    auto server = TestServer::start();
    EXPECT_THROW(server.start_again(), UsageError);
    EXPECT_TRUE(Session(server.conninfo()).connected());
}

TEST(Stop, APortThatSomebodyTookMeanwhileIsNamedAsTheReason) {
    auto server = TestServer::start();
    server.stop();
    {
        const Listener other(server.port());
        const auto started = server.try_start_again();
        ASSERT_FALSE(started);
        EXPECT_TRUE(contains(started.error().detail(), "Address already in use")) << started.error().what();
    }
    server.start_again();
    EXPECT_TRUE(Session(server.tcp_conninfo()).connected());
}

// [suite]
TEST(SharedServer, IsOneForTheWholeProcess) {
    auto& server = shared_server();
    EXPECT_EQ(&server, &shared_server());
    EXPECT_TRUE(Session(server.create_database("shared_server_test")).connected());
}
// [suite]

}  // namespace
}  // namespace pg::testing
