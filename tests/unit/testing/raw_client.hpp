// RawClient: the other side of a fake server or a proxy, byte by byte.
#pragma once

#include <cstring>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pg/deadline.hpp"
#include "src/testing/descriptor.hpp"
#include "src/testing/waiting.hpp"
#include "src/wire/client_messages.hpp"

namespace pg::testing {

/// Far more than anything here takes: a test that needs it has failed.
inline Deadline in_time() { return Deadline::after(std::chrono::seconds(20)); }

/// What a client says, put together by the functions of src/wire.
template <class Put>
std::string said(Put put) {
    wire::SendBuffer out;
    put(out);
    return std::string(out.unsent());
}
inline std::string startup_packet() {
    return said([](auto& out) {
        const wire::StartupSetting settings[] = {{"user", "app"}, {"database", "shop"}};
        wire::put_startup(out, wire::StartupRequest::protocol_3_0, settings);
    });
}
inline std::string query_message(std::string_view sql) {
    return said([&](auto& out) { wire::put_query(out, sql); });
}

class RawClient final {
public:
    /// A host with a slash is the folder of a unix socket.
    RawClient(const std::string& host, std::uint16_t port) {
        if (host.starts_with('/')) {
            sockaddr_un address{};
            address.sun_family = AF_UNIX;
            std::strcpy(address.sun_path, (host + "/.s.PGSQL." + std::to_string(port)).c_str());
            connect(AF_UNIX, &address, sizeof address);
        } else {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            connect(AF_INET, &address, sizeof address);
        }
    }

    /// The other side of a connection that somebody accepted.
    explicit RawClient(Descriptor socket) : socket_(std::move(socket)) {}

    [[nodiscard]] int connect_error() const { return connect_error_; }
    void send(std::string_view bytes) const {
        EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    /// Sends as much as fits into the buffers in between, and says how much that was.
    [[nodiscard]] std::size_t send_until_full() const {
        const std::string block(65536, 'x');
        std::size_t all = 0;
        while (ready(POLLOUT, Deadline::after(std::chrono::milliseconds(200)))) {
            const auto count = ::send(socket_.get(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count > 0) all += static_cast<std::size_t>(count);
        }
        return all;
    }
    /// Exactly `count` bytes, or what came before the end.
    [[nodiscard]] std::string receive(std::size_t count) {
        std::string bytes;
        while (bytes.size() < count && receive_some(bytes, count - bytes.size())) continue;
        return bytes;
    }
    /// Up to the end; how it came is in `end()`.
    [[nodiscard]] std::string receive_all() {
        std::string bytes;
        while (receive_some(bytes, 65536)) continue;
        return bytes;
    }
    /// 0 for FIN, else the errno.
    [[nodiscard]] int end() const { return end_; }
    /// Whether something arrived, or the end did, before the deadline.
    [[nodiscard]] bool hears_something(Deadline deadline) const { return ready(POLLIN, deadline); }
    void half_close() const { ::shutdown(socket_.get(), SHUT_WR); }
    void close() { socket_.close(); }
    void reset() {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }

private:
    void connect(int family, const void* address, socklen_t size) {
        socket_ = Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(socket_.get(), static_cast<const sockaddr*>(address), size) != 0) connect_error_ = errno;
    }
    [[nodiscard]] bool ready(short events, Deadline deadline) const {
        pollfd awaited{.fd = socket_.get(), .events = events, .revents = 0};
        return ::poll(&awaited, 1, poll_timeout(deadline)) == 1;
    }
    bool receive_some(std::string& bytes, std::size_t most) {
        if (!ready(POLLIN, in_time())) {
            ADD_FAILURE() << "nothing came";
            return false;
        }
        std::string room(most, '\0');
        const auto count = ::recv(socket_.get(), room.data(), room.size(), 0);
        end_ = count < 0 ? errno : 0;
        if (count <= 0) return false;
        bytes.append(room, 0, static_cast<std::size_t>(count));
        return true;
    }

    Descriptor socket_;
    int connect_error_ = 0;
    int end_ = 0;
};

}  // namespace pg::testing
