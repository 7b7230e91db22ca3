// Watchdog: a process that outlives this one, ends the server it left behind and removes its folders.
#pragma once

#include <string>
#include <vector>

#include "src/testing/process.hpp"

namespace pg::testing {

/// Handle. A shell script, started before the server and holding the other end of a socket. Children announce their
/// pid through that socket before they become the server, so there is no moment in which a crash leaves one behind.
/// The kernel closes the socket however this process ends; then the watchdog acts. It does the same on destruction,
/// which waits for it.
class Watchdog final {
public:
    /// `folders` belong to `account` and are removed at the end. Errors: connect.
    static Expected<Watchdog> start(const Account& account, const std::vector<std::string>& folders);

    Watchdog(Watchdog&&) noexcept = default;
    Watchdog& operator=(Watchdog&&) = delete;
    ~Watchdog();

    /// What a Command takes as `announce`.
    [[nodiscard]] int socket() const noexcept { return socket_.get(); }
    /// The announced process was waited for: its number may be somebody else's from now on.
    void forget() const noexcept;
    /// Forgets the socket without telling the watchdog: for a copy of the process made by fork().
    void abandon() noexcept;

private:
    Watchdog(Process process, Descriptor socket) noexcept : process_(std::move(process)), socket_(std::move(socket)) {}

    Process process_;
    Descriptor socket_;
};

}  // namespace pg::testing
