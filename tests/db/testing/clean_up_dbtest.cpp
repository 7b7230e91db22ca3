// Nothing is left: not after destruction, not after a crash of the test, and not too early either.
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg/deadline.hpp"
#include "pg/testing/test_server.hpp"
#include "src/testing/descriptor.hpp"
#include "src/testing/proc.hpp"
#include "src/testing/waiting.hpp"
#include "tests/db/testing/own_tmpdir.hpp"
#include "tests/db/testing/session.hpp"

namespace pg::testing {
namespace {

namespace fs = std::filesystem;

constexpr auto long_time = std::chrono::seconds(20);

bool gone(pid_t pid) {
    const auto state = process_state(pid);
    return !state || state->state == 'Z';
}

/// The System V segments that a process made and that are still there.
int shared_memory_of(pid_t creator) {
    std::ifstream table("/proc/sysvipc/shm");
    std::string line;
    std::getline(table, line);
    int count = 0;
    long key = 0;
    long id = 0;
    std::string permissions;
    long size = 0;
    pid_t maker = 0;
    while (table >> key >> id >> permissions >> size >> maker && std::getline(table, line)) count += maker == creator;
    return count;
}

TEST(CleanUp, DestructionLeavesNothing) {
    std::optional<TestServer> server = TestServer::start();
    const Session client(server->conninfo());
    const pid_t pid = server->pid();
    const auto children = children_of(pid);
    const fs::path root = fs::path(server->data_folder()).parent_path();
    EXPECT_EQ(shared_memory_of(pid), 1);
    server.reset();
    EXPECT_TRUE(gone(pid));
    for (const pid_t child : children) EXPECT_TRUE(gone(child)) << child;
    EXPECT_FALSE(fs::exists(root));
    EXPECT_EQ(shared_memory_of(pid), 0);
}

TEST(CleanUp, DestructionOfAFrozenServerLeavesNothing) {
    std::optional<TestServer> server = TestServer::start();
    const pid_t pid = server->pid();
    const fs::path root = fs::path(server->data_folder()).parent_path();
    server->freeze();
    server.reset();
    EXPECT_TRUE(gone(pid));
    EXPECT_FALSE(fs::exists(root));
    EXPECT_EQ(shared_memory_of(pid), 0);
}

TEST(CleanUp, DestructionAfterAKillLeavesNothing) {
    std::optional<TestServer> server = TestServer::start();
    const pid_t pid = server->pid();
    const fs::path root = fs::path(server->data_folder()).parent_path();
    server->kill();
    server.reset();
    EXPECT_FALSE(fs::exists(root));
    EXPECT_EQ(shared_memory_of(pid), 0);
}

TEST(CleanUp, ATestsOwnFilesGoWithTheFolder) {
    std::optional<TestServer> server = TestServer::start();
    const fs::path root = fs::path(server->data_folder()).parent_path();
    fs::create_directory(root / "mine");
    std::ofstream(root / "mine" / "notes") << "written by the test's account";
    server.reset();
    EXPECT_FALSE(fs::exists(root));
}

TEST(CleanUp, AFailedStartLeavesNothing) {
    const OwnTmpdir tmpdir;
    static_cast<void>(TestServer::start());
    EXPECT_FALSE(TestServer::try_start({.settings = {"shared_buffers = banana"}}));
    EXPECT_TRUE(tmpdir.empty());
}

TEST(CleanUp, ACopyOfTheProcessOwnsNothing) {
    auto server = TestServer::start();
    const pid_t copy = ::fork();
    if (copy == 0) {
        {
            const TestServer last = std::move(server);
        }
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(copy, &status, 0), copy);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(Session(server.conninfo()).connected());
}

/// What a process that is about to crash leaves behind.
struct Estate {
    pid_t postmaster;
    std::array<char, 200> root;
};

/// Starts a server in a process of its own, lets `last_act` have it, and waits until that process has crashed.
template <class Act>
Estate crash_with_a_server(Act last_act) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const Descriptor reader(ends[0]);
    Descriptor writer(ends[1]);
    const pid_t process = ::fork();
    if (process == 0) {
        auto server = TestServer::start();
        last_act(server);
        Estate estate{.postmaster = server.pid(), .root = {}};
        const std::string root = fs::path(server.data_folder()).parent_path();
        root.copy(estate.root.data(), estate.root.size() - 1);
        if (::write(writer.get(), &estate, sizeof estate) != sizeof estate) ::_exit(1);
        ::kill(::getpid(), SIGKILL);
    }
    writer.close();
    Estate estate{};
    EXPECT_EQ(::read(reader.get(), &estate, sizeof estate), static_cast<ssize_t>(sizeof estate));
    ::waitpid(process, nullptr, 0);
    return estate;
}

/// Waits for changes beside the folder until it is gone, the postmaster before it.
void expect_nothing_left(const Estate& estate) {
    const fs::path root = estate.root.data();
    const Descriptor changes(::inotify_init1(IN_CLOEXEC));
    ASSERT_GE(::inotify_add_watch(changes.get(), root.parent_path().c_str(), IN_DELETE), 0);
    const auto deadline = Deadline::after(long_time);
    while (fs::exists(root) && !deadline.passed()) {
        pollfd changed{.fd = changes.get(), .events = POLLIN, .revents = 0};
        std::array<char, 4096> events{};
        if (::poll(&changed, 1, poll_timeout(deadline)) <= 0) continue;
        ASSERT_GT(::read(changes.get(), events.data(), events.size()), 0);
    }
    EXPECT_FALSE(fs::exists(root));
    EXPECT_TRUE(gone(estate.postmaster));
    EXPECT_EQ(shared_memory_of(estate.postmaster), 0);
}

TEST(CleanUp, ACrashOfTheTestTakesTheServerWithIt) {
    expect_nothing_left(crash_with_a_server([](TestServer&) {}));
}

TEST(CleanUp, ACrashOfTheTestTakesAFrozenServerWithIt) {
    expect_nothing_left(crash_with_a_server([](TestServer& server) { server.freeze(); }));
}

TEST(CleanUp, ACrashOfTheTestTakesARestartedServerWithIt) {
    expect_nothing_left(crash_with_a_server([](TestServer& server) {
        server.stop();
        server.start_again();
    }));
}

TEST(CleanUp, AnotherServerSurvivesTheCrash) {
    const auto bystander = TestServer::start();
    expect_nothing_left(crash_with_a_server([](TestServer&) {}));
    EXPECT_TRUE(Session(bystander.conninfo()).connected());
}

}  // namespace
}  // namespace pg::testing
