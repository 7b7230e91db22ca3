// Channel: the bytes of a connection that libpq opened, plain or through the TLS that libpq set up.
#pragma once

#include <chrono>
#include <cstddef>
#include <libpq-fe.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "providers/libpq/direct_tls.hpp"
#include "providers/libpq/system_calls.hpp"

namespace pg::libpq::direct {

/// What came of an attempt to move bytes.
enum class Moved : std::uint8_t {
    some,         ///< `count` of them
    wants_read,   ///< none before the socket can be read
    wants_write,  ///< none before the socket can be written
    end,          ///< the peer sends no more
    broken,       ///< the connection failed: `Channel::failure` says why
};

struct Movement {
    Moved what;
    std::size_t count = 0;
};

/// For how long a receive waits at most, before the wait goes on where deadlines are exact.
inline constexpr std::chrono::milliseconds patience{20};

/// Borrows the socket, and the TLS session if there is one, from a connection of libpq. One thread at a time.
class Channel {
public:
    /// `tls` is null for a plain connection.
    Channel(int socket, void* tls) noexcept : socket_(socket), tls_(tls) {}

    [[nodiscard]] int socket() const noexcept { return socket_; }
    /// Receives what is there, as far as it fits. Room for nothing is not asked for.
    [[nodiscard]] Movement receive(std::span<char> room) noexcept {
        return tls_ == nullptr ? receive_plain(room, MSG_DONTWAIT) : receive_tls(room);
    }
    /// The same, and waits up to `patience` for the first byte: one system call where the answer is soon there, instead
    /// of a poll and a receive. Only between `allow_waiting` and `end_waiting`; a signal ends it early.
    [[nodiscard]] Movement receive_patiently(std::span<char> room) noexcept;
    /// Makes the socket one that can be waited on. False where that cannot be: TLS waits for more than bytes of the
    /// peer.
    [[nodiscard]] bool allow_waiting() noexcept;
    /// Makes it one that never waits again, as libpq left it.
    void end_waiting() noexcept;
    /// Sends what the peer takes.
    [[nodiscard]] Movement send(std::string_view bytes) noexcept {
        return tls_ == nullptr ? send_plain(bytes) : send_tls(bytes);
    }
    /// The same of bytes that lie in two places, neither of them empty. TLS gets no further than the first.
    [[nodiscard]] Movement send(std::string_view bytes, std::string_view behind) noexcept {
        return tls_ == nullptr ? send_plain(bytes, behind) : send_tls(bytes);
    }
    /// How many bytes behind so many others cost no record of their own: TLS makes one of whatever it is given at once.
    [[nodiscard]] std::size_t left_in_record(std::size_t size) const noexcept {
        constexpr std::size_t record = 16 * 1024;
        return tls_ == nullptr ? 0 : (record - size % record) % record;
    }
    /// True when the last receive filled its room: TLS may hold more, which the socket does not tell of.
    [[nodiscard]] bool holds_more() const noexcept { return holds_more_; }
    /// True when a receive would not find nothing; costs one system call and takes nothing.
    [[nodiscard]] bool has_news() const noexcept {
        pollfd one{.fd = socket_, .events = POLLIN, .revents = 0};
        return holds_more_ || poll_for(&one, 1, 0) != 0;  // a peek takes the kernel a third longer
    }
    /// Words for people about what broke.
    [[nodiscard]] std::string failure() const;

private:
    [[nodiscard]] Movement receive_plain(std::span<char> room, int flags) noexcept;
    [[nodiscard]] Movement send_plain(std::string_view bytes) noexcept;
    [[nodiscard]] Movement send_plain(std::string_view bytes, std::string_view behind) noexcept;
    /// Sends by `call(flags)`, which is a system call.
    template <class Call>
    [[nodiscard]] Movement send_by(Call call) noexcept;
    [[nodiscard]] Movement receive_tls(std::span<char> room) noexcept;
    [[nodiscard]] Movement send_tls(std::string_view bytes) noexcept;
    [[nodiscard]] Movement tls_result(int result, int saved_errno) noexcept;

    int socket_;
    void* tls_;
    bool holds_more_ = false;
    bool is_local_ = false;       ///< a unix socket
    bool wakes_early_ = false;    ///< whoever waits in a receive, once the peer has taken what was sent; not in a poll
    Moved behind_ = Moved::some;  ///< how the TLS session ended, behind what was received last; `some`: it did not
    int error_ = 0;               ///< of the socket; zero: of TLS
    unsigned long tls_error_ = 0;
};

}  // namespace pg::libpq::direct
