// Processes: what a child gets, and how its end is told.
#include "src/testing/process.hpp"

#include <array>
#include <csignal>
#include <gtest/gtest.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/testing/files.hpp"
#include "tests/unit/testing/scratch_folder.hpp"

namespace pg::testing {
namespace {

const Account own{.name = "", .uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .differs = false};

Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

Command shell(const std::string& script, const std::string& output = no_file) {
    return {.program = "sh", .arguments = {"-c", script}, .account = &own, .output = output};
}

TEST(Process, RunsAProgramAndKeepsItsOutput) {
    const ScratchFolder folder;
    const std::string output = folder.path() + "/output";
    ASSERT_TRUE(run(shell("pwd; echo error >&2", output), soon()));
    EXPECT_EQ(read_file(output), "/\nerror\n");
}

TEST(Process, TellsAFailureWithTheEndOfTheOutput) {
    const ScratchFolder folder;
    const auto outcome = run(shell("echo because; exit 3", folder.path() + "/output"), soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::connect);
    EXPECT_EQ(outcome.error().message(), "run sh: it exited with status 3");
    EXPECT_EQ(outcome.error().detail(), "because");
}

TEST(Process, TellsASignal) {
    const auto outcome = run(shell("kill -9 $$"), soon());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().message(), "run sh: it was ended by signal 9");
}

TEST(Process, NamesAProgramThatIsMissing) {
    const auto process = spawn({.program = "/nowhere/program", .arguments = {}, .account = &own});
    ASSERT_FALSE(process);
    EXPECT_EQ(process.error().message(), "start /nowhere/program: execute it: No such file or directory");
}

TEST(Process, NamesTheStepOnItsWayThatFailed) {
    auto command = shell("exit 0");
    command.input = 1 << 20;
    const auto without_input = spawn(command);
    ASSERT_FALSE(without_input);
    EXPECT_EQ(without_input.error().message(), "start sh: give it its descriptors: Bad file descriptor");

    constexpr auto nothing = static_cast<gid_t>(-1);  // no kernel takes it as a number
    const Account bad_groups{.name = "", .uid = own.uid, .gid = own.gid, .groups = {nothing}, .differs = true};
    const auto without_groups = spawn({.program = "sh", .arguments = {}, .account = &bad_groups});
    ASSERT_FALSE(without_groups);
    EXPECT_TRUE(without_groups.error().message().starts_with("start sh: set its groups: "))
        << without_groups.error().message();

    if (::geteuid() != 0) GTEST_SKIP() << "only root may change the account";
    const Account bad_account{.name = "", .uid = own.uid, .gid = nothing, .groups = {}, .differs = true};
    const auto without_account = spawn({.program = "sh", .arguments = {}, .account = &bad_account});
    ASSERT_FALSE(without_account);
    EXPECT_EQ(without_account.error().message(), "start sh: change the account: Invalid argument");
}

TEST(Process, EndsWithTheDeadline) {
    const auto outcome = run(shell("exec sleep 1000"), Deadline::after(std::chrono::milliseconds(1)));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind(), ErrorKind::timeout);
}

TEST(Process, HasNoSignalBlockedOrIgnored) {
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &blocked, &before);
    const auto old_handler = ::signal(SIGTERM, SIG_IGN);
    const auto outcome = run(shell("kill -TERM $$"), soon());
    ::signal(SIGTERM, old_handler);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().message(), "run sh: it was ended by signal 15");
}

TEST(Process, KeepsWhatItMakesToItsAccount) {
    const ScratchFolder folder;
    const std::string from = folder.path() + "/from";
    const std::string to = folder.path() + "/to";
    write_file(from, "key").value();
    ASSERT_EQ(::chmod(from.c_str(), 0644), 0);
    ASSERT_TRUE(run({.program = "cp", .arguments = {from, to}, .account = &own}, soon()));
    struct stat status{};
    ASSERT_EQ(::stat(to.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(Process, InheritsNoDescriptor) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const Descriptor reader(ends[0]);
    const Descriptor writer(ends[1]);
    EXPECT_TRUE(run(shell("! test -e /proc/self/fd/" + std::to_string(writer.get())), soon()));
}

TEST(Process, AnnouncesItsPidBeforeItRuns) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Descriptor ours(ends[0]);
    const Descriptor theirs(ends[1]);
    auto command = shell("exit 0");
    command.announce = theirs.get();
    auto process = spawn(command);
    ASSERT_TRUE(process);
    std::array<char, 32> text{};
    const ssize_t size = ::recv(ours.get(), text.data(), text.size(), MSG_DONTWAIT);
    ASSERT_GT(size, 0);
    EXPECT_EQ(std::string_view(text.data(), static_cast<std::size_t>(size)), std::to_string(process->pid()) + "\n");
    EXPECT_TRUE(process->wait(soon()).value().success);
    EXPECT_EQ(process->pid(), 0);
}

}  // namespace
}  // namespace pg::testing
