// Cutter: ends the connection of a session that another thread may be using. Internal to pool.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pg::pool {

/// Has a descriptor of its own of the session's socket, so whoever closes the session's can never make it that of
/// something else. The socket stays open until both are closed. Thread-safe.
class Cutter {
public:
    /// Of that socket, which is open, or none.
    explicit Cutter(int socket) noexcept : own_(socket < 0 ? -1 : ::fcntl(socket, F_DUPFD_CLOEXEC, 0)) {}
    Cutter(const Cutter&) = delete;
    Cutter& operator=(const Cutter&) = delete;
    ~Cutter() {
        if (own_ >= 0) ::close(own_);
    }

    /// False when it can do nothing: the session has no socket, or the process no descriptor left.
    [[nodiscard]] bool is_ready() const noexcept { return own_ >= 0; }
    /// Both ends see the end of the connection; whoever waits for it is woken.
    void cut() const noexcept { ::shutdown(own_, SHUT_RDWR); }

private:
    const int own_;
};

}  // namespace pg::pool
