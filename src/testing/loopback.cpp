// Making, connecting and ending sockets.
#include "src/testing/loopback.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

#include "src/testing/failure.hpp"
#include "src/testing/free_port.hpp"

namespace pg::testing {
namespace {

constexpr int longest_queue = 128;

Descriptor make_socket(int family) {
    return Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void send_at_once(const Descriptor& socket) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a unix socket refuses, and needs it not
}

const sockaddr* untyped(const void* address) { return static_cast<const sockaddr*>(address); }

Expected<sockaddr_un> path_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return system_failure("use the socket " + path, ENAMETOOLONG);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

}  // namespace

Expected<Listener> listen_on_loopback() {
    // Somebody else may take the port between the look and the bind: then another one will do.
    for (int attempt = 0; attempt < 10; ++attempt) {
        const auto port = free_port();
        if (!port) return port.error();
        Listener listener{make_socket(AF_INET), *port};
        const int on = 1;
        ::setsockopt(listener.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(listener.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(listener.socket.get(), untyped(&address), sizeof address) == 0 &&
            ::listen(listener.socket.get(), longest_queue) == 0)
            return listener;
    }
    return system_failure("listen on 127.0.0.1", errno);  // GCOVR_EXCL_LINE: ten ports in a row were taken meanwhile
}

void listen_again(const Listener& listener) { ::listen(listener.socket.get(), longest_queue); }

Expected<Descriptor> listen_on_path(const std::string& path) {
    const auto address = path_address(path);
    if (!address) return address.error();
    Descriptor listener = make_socket(AF_UNIX);
    if (::bind(listener.get(), untyped(&*address), sizeof *address) != 0 ||
        ::listen(listener.get(), longest_queue) != 0)
        return system_failure("listen on " + path, errno);
    return listener;
}

Descriptor accept_from(int listener) {
    Descriptor connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection)
        send_at_once(connection);
    else if (errno == EMFILE || errno == ENFILE)
        ::poll(nullptr, 0, 5);
    return connection;
}

Expected<Peer> find_peer(const std::string& host, std::uint16_t port) {
    Peer peer;
    if (host.starts_with('/')) {
        const auto address = path_address(host + "/.s.PGSQL." + std::to_string(port));
        if (!address) return address.error();
        std::memcpy(&peer.address, &*address, sizeof *address);
        peer.size = sizeof *address;
        return peer;
    }
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found); code != 0)
        return failure(ErrorKind::connect, "find the address of " + host + ": " + ::gai_strerror(code));
    std::memcpy(&peer.address, found->ai_addr, found->ai_addrlen);
    peer.size = found->ai_addrlen;
    ::freeaddrinfo(found);
    return peer;
}

Descriptor begin_to_connect(const Peer& peer) {
    Descriptor connection = make_socket(peer.address.ss_family);
    send_at_once(connection);
    if (::connect(connection.get(), untyped(&peer.address), peer.size) != 0 && errno != EINPROGRESS) return {};
    return connection;
}

void close_with(Farewell farewell, Descriptor& socket) {
    if (farewell == Farewell::reset) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    } else {
        ::shutdown(socket.get(), SHUT_WR);
        std::array<char, 4096> unread{};
        while (::recv(socket.get(), unread.data(), unread.size(), 0) > 0) continue;
    }
    socket.close();
}

}  // namespace pg::testing
