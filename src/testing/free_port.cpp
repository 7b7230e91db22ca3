// A TCP port that nobody uses: drawn, then tried.
#include "src/testing/free_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <random>
#include <sys/socket.h>

#include "src/testing/descriptor.hpp"
#include "src/testing/failure.hpp"

namespace pg::testing {
namespace {

bool can_be_bound(std::uint16_t port) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    // As PostgreSQL does it: connections of an earlier server that linger in TIME_WAIT do not count.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const void* untyped = &address;
    return ::bind(socket.get(), static_cast<const sockaddr*>(untyped), sizeof address) == 0 &&
           ::listen(socket.get(), 1) == 0;
}

}  // namespace

Expected<std::uint16_t> free_port() {
    std::random_device source;
    std::uniform_int_distribution<int> draw(10240, 32767);
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto port = static_cast<std::uint16_t>(draw(source));
        if (can_be_bound(port)) return port;
    }
    return failure(ErrorKind::connect, "find a free TCP port on 127.0.0.1 between 10240 and 32767: none of 1000 was");
}

}  // namespace pg::testing
