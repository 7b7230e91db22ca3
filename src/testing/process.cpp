// Process: fork and exec as another account, and bounded waiting.
#include "src/testing/process.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/testing/failure.hpp"
#include "src/testing/files.hpp"
#include "src/testing/waiting.hpp"

namespace pg::testing {
namespace {

/// Where a child failed on its way to the program, sent to the parent through a pipe.
struct Report {
    enum Step : int { descriptors, groups, account, folder, exec } step;
    int code;
};

const char* to_string(Report::Step step) {
    switch (step) {
        case Report::descriptors: return "give it its descriptors";
        case Report::groups: return "set its groups";
        case Report::account: return "change the account";
        case Report::folder: return "change the folder";
        case Report::exec: return "execute it";
    }
    return "?";  // GCOVR_EXCL_LINE: every step is handled above
}

/// Everything that the child needs, made before fork(): after it, only async-signal-safe calls are allowed.
struct Launch {
    std::vector<char*> arguments;
    std::array<char*, 5> environment;
    const Account* account;
    int input;
    int output;
    int announce;
    int report;
};

[[noreturn]] void give_up(int report, Report::Step step) {
    const Report answer{step, errno};
    [[maybe_unused]] const ssize_t written = ::write(report, &answer, sizeof answer);
    ::_exit(127);
}

/// Writes "<pid>\n". By hand: printf is not async-signal-safe.
void announce_pid(int socket) {
    std::array<char, 16> text{};
    std::size_t begin = text.size();
    text[--begin] = '\n';
    for (auto rest = ::getpid(); rest > 0; rest /= 10) text[--begin] = static_cast<char>('0' + rest % 10);
    [[maybe_unused]] const ssize_t sent = ::send(socket, &text[begin], text.size() - begin, MSG_NOSIGNAL);
}

[[noreturn]] void become(const Launch& launch) {
    for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // A session of its own: a Ctrl-C, or the end of a `timeout`, is for the tests and not for the server.
    ::setsid();
    // What a child makes is private, copies included: a key or a data folder that others may read is refused.
    ::umask(S_IRWXG | S_IRWXO);

    if (::dup2(launch.input, STDIN_FILENO) < 0 || ::dup2(launch.output, STDOUT_FILENO) < 0 ||
        ::dup2(launch.output, STDERR_FILENO) < 0) {
        give_up(launch.report, Report::descriptors);
    }
#ifdef SYS_close_range
    constexpr unsigned close_on_exec = 4;
    ::syscall(SYS_close_range, 3U, UINT_MAX, close_on_exec);
#endif
    if (launch.announce >= 0) announce_pid(launch.announce);
    if (launch.account->differs) {
        if (::setgroups(launch.account->groups.size(), launch.account->groups.data()) != 0)
            give_up(launch.report, Report::groups);
        if (::setgid(launch.account->gid) != 0 || ::setuid(launch.account->uid) != 0)
            give_up(launch.report, Report::account);
    }
    if (::chdir("/") != 0) give_up(launch.report, Report::folder);
    // Not in the letter of the standard, but glibc and musl search $PATH on the stack alone.
    ::execvpe(launch.arguments[0], launch.arguments.data(), launch.environment.data());
    give_up(launch.report, Report::exec);
}

Expected<Descriptor> open_output(const Command& command) {
    Descriptor file(::open(command.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file) return system_failure("open " + command.output, errno);
    // The program may have to open it again by its name.
    if (command.output != no_file) {
        if (auto given = give_to(*command.account, command.output); !given) return std::move(given).error();
    }
    return file;
}

End describe_end(int status) {
    if (WIFEXITED(status))
        return {"exited with status " + std::to_string(WEXITSTATUS(status)), WEXITSTATUS(status) == 0};
    return {"was ended by signal " + std::to_string(WTERMSIG(status)), false};
}

}  // namespace

void Process::signal(int number) const noexcept {
    if (pidfd_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0U);
}

std::optional<End> Process::wait(Deadline deadline) {
    if (!pidfd_) return End{"is not running", false};
    for (;;) {
        pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
        const int ready = ::poll(&ended, 1, poll_timeout(deadline));
        if (ready > 0) break;
        if (deadline.passed()) return std::nullopt;
    }
    pidfd_.close();
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_)
        return End{"ended, and something else in this process had waited for it", false};
    return describe_end(status);
}

Expected<Process> spawn(const Command& command) {
    auto output = open_output(command);
    if (!output) return output.error();
    const Descriptor no_input(::open(no_file, O_RDONLY | O_CLOEXEC));
    std::array<int, 2> pipe_ends{};
    if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return system_failure("start " + command.program, errno);
    const Descriptor report_reader(pipe_ends[0]);
    Descriptor report_writer(pipe_ends[1]);

    std::string program = command.program;
    std::vector<std::string> arguments = command.arguments;
    const char* inherited_path = std::getenv("PATH");
    std::string path = std::string("PATH=") + (inherited_path != nullptr ? inherited_path : "/usr/bin:/bin");
    std::string locale = "LC_ALL=C";
    std::string zone = "TZ=UTC";
    std::string home = "HOME=/";

    Launch launch{.arguments = {program.data()},
                  .environment = {path.data(), locale.data(), zone.data(), home.data(), nullptr},
                  .account = command.account,
                  .input = command.input >= 0 ? command.input : no_input.get(),
                  .output = output->get(),
                  .announce = command.announce,
                  .report = report_writer.get()};
    for (auto& argument : arguments) launch.arguments.push_back(argument.data());
    launch.arguments.push_back(nullptr);

    const pid_t pid = ::fork();
    if (pid < 0) return system_failure("start " + command.program, errno);
    if (pid == 0) become(launch);

    report_writer.close();
    Report report{};
    ssize_t received = 0;
    do received = ::read(report_reader.get(), &report, sizeof report);
    while (received < 0 && errno == EINTR);
    if (received == sizeof report) {
        ::waitpid(pid, nullptr, 0);
        return system_failure("start " + command.program + ": " + to_string(report.step), report.code);
    }
    Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    if (!pidfd) {
        // GCOVR_EXCL_START: only where Linux is older than 5.3, since a descriptor was closed just before
        const int code = errno;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return system_failure("watch " + command.program, code);
        // GCOVR_EXCL_STOP
    }
    return Process(pid, std::move(pidfd));
}

Expected<void> run(const Command& command, Deadline deadline) {
    auto process = spawn(command);
    if (!process) return process.error();
    const auto end = process->wait(deadline);
    if (!end) {
        process->signal(SIGKILL);
        process->wait(Deadline::never());
        return failure(ErrorKind::timeout, "run " + command.program + ": the deadline passed");
    }
    if (end->success) return {};
    return failure(ErrorKind::connect, "run " + command.program + ": it " + end->how, tail(read_file(command.output)));
}

}  // namespace pg::testing
