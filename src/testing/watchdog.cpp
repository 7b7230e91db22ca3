// Watchdog: the script, and the socket that tells it when to act.
#include "src/testing/watchdog.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <sys/socket.h>

#include "src/testing/failure.hpp"

namespace pg::testing {
namespace {

// The server first gets SIGQUIT, after which it removes its shared memory; frozen processes are let go on for that.
// What is still there after five seconds is killed. A zombie counts as gone: not every first process of a container
// waits for what it inherits.
constexpr const char* script = R"(
trap '' HUP INT TERM
pid=0
while read -r line; do pid=$line; done

list_family() {
    family=$pid
    for stat in /proc/[0-9]*/stat; do
        read -r member name state parent rest < "$stat" || continue
        if [ "$parent" = "$pid" ]; then family="$family $member"; fi
    done
}
alive() {
    read -r member name state rest < "/proc/$pid/stat" && [ "$state" != Z ]
}

if [ "$pid" != 0 ] && alive; then
    list_family
    kill -CONT $family
    kill -QUIT $pid
    tries=0
    while alive && [ $tries -lt 250 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    if alive; then
        list_family
        kill -KILL $family
    fi
fi
rm -rf -- "$@"
)";

constexpr auto clean_up_time = std::chrono::seconds(10);

}  // namespace

Expected<Watchdog> Watchdog::start(const Account& account, const std::vector<std::string>& folders) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return system_failure("make a socket for the watchdog", errno);
    Descriptor ours(ends[0]);
    const Descriptor theirs(ends[1]);

    Command command{.program = "/bin/sh", .arguments = {"-c", script, "pgclient-watchdog"}, .account = &account};
    command.arguments.insert(command.arguments.end(), folders.begin(), folders.end());
    command.input = theirs.get();
    auto process = spawn(command);
    if (!process) return process.error();
    return Watchdog(*std::move(process), std::move(ours));
}

Watchdog::~Watchdog() {
    if (!socket_) return;
    // Not merely closed: a fork() of this process may hold a copy of it.
    ::shutdown(socket_.get(), SHUT_WR);
    process_.wait(Deadline::after(clean_up_time));
}

void Watchdog::forget() const noexcept {
    constexpr std::string_view nobody = "0\n";
    [[maybe_unused]] const ssize_t sent = ::send(socket_.get(), nobody.data(), nobody.size(), MSG_NOSIGNAL);
}

void Watchdog::abandon() noexcept { socket_.close(); }

}  // namespace pg::testing
