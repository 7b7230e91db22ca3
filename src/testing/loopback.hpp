// Sockets on this machine that never block: to listen on, to accept from, to connect, and the two ways to end one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "pg/expected.hpp"
#include "src/testing/descriptor.hpp"

namespace pg::testing {

/// A listener of 127.0.0.1 and its port. Handle.
struct Listener {
    Descriptor socket;
    std::uint16_t port = 0;
};

/// On a free port, which the socket keeps even while it does not listen. Errors: connect.
[[nodiscard]] Expected<Listener> listen_on_loopback();
/// Lets it listen again after its socket was shut down.
void listen_again(const Listener& listener);
/// On a unix socket with that path. Errors: connect.
[[nodiscard]] Expected<Descriptor> listen_on_path(const std::string& path);

/// A connection of the listener; nothing when none waits. When the process has no descriptor for it, this takes a few
/// milliseconds, so that whoever polls the listener does not spin.
[[nodiscard]] Descriptor accept_from(int listener);

/// Where to connect to. Value.
struct Peer {
    sockaddr_storage address{};
    socklen_t size = 0;
};
/// A host is a name, an address, or a folder with the socket of that port. Errors: connect.
[[nodiscard]] Expected<Peer> find_peer(const std::string& host, std::uint16_t port);
/// A connection that is made, or in the making; nothing when it cannot be.
[[nodiscard]] Descriptor begin_to_connect(const Peer& peer);

/// How a connection ends.
enum class Farewell : std::uint8_t { fin, reset };
/// Closes it. For a `fin`, what has arrived is taken in first: a socket that is closed with unread bytes sends a reset.
void close_with(Farewell farewell, Descriptor& socket);

}  // namespace pg::testing
