// FakeServer: a listener on loopback that does with its clients what a test says, well or badly.
#pragma once

#include <cstdint>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace pg::libpq {

inline std::string big_endian(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
}

/// One message of the protocol.
inline std::string message(char type, std::string_view body) {
    return std::string(1, type) + big_endian(static_cast<std::uint32_t>(body.size() + 4)) + std::string(body);
}

/// A report: fields by their letter.
inline std::string report(char type, std::initializer_list<std::pair<char, std::string_view>> fields) {
    std::string body;
    for (const auto& [letter, text] : fields) (body += letter).append(text) += '\0';
    return message(type, body + '\0');
}

/// What a server says when it lets a client in.
inline std::string welcome() {
    using namespace std::string_view_literals;
    return message('R', big_endian(0)) + message('S', "server_version\00015.1\0"sv) +
           message('S', "client_encoding\0UTF8\0"sv) + message('K', big_endian(4711) + big_endian(42)) +
           message('Z', "I");
}

/// A client's connection, as the script of a test sees it.
class FakeClient {
public:
    explicit FakeClient(int socket) : socket_(socket) {}
    FakeClient(const FakeClient&) = delete;
    FakeClient& operator=(const FakeClient&) = delete;
    ~FakeClient() { ::close(socket_); }

    void send(std::string_view bytes) const { ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    /// Whatever the client sends next; empty at its end.
    [[nodiscard]] std::string receive() const {
        char bytes[8192];
        const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
        return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
    }
    void receive_to_the_end() const {
        while (!receive().empty()) continue;
    }
    /// Takes the startup packet and lets the client in.
    void let_in() const {
        static_cast<void>(receive());
        send(welcome());
    }

private:
    int socket_;
};

/// Serves its clients one after the other on a thread of its own, until it goes. Without a script it is deaf: the
/// kernel accepts, nobody answers.
class FakeServer {
public:
    using Script = std::function<void(const FakeClient&)>;

    explicit FakeServer(Script script = nullptr) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(listener_, 16);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        if (script) thread_ = std::thread([this, serve = std::move(script)] { run(serve); });
    }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;
    ~FakeServer() {
        ::shutdown(listener_, SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
        ::close(listener_);
    }

    [[nodiscard]] std::string port() const { return std::to_string(port_); }
    [[nodiscard]] std::string conninfo() const {
        return "host=127.0.0.1 user=app dbname=shop sslmode=disable gssencmode=disable port=" + port();
    }

private:
    void run(const Script& script) const {
        for (;;) {
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) return;
            script(FakeClient(client));
        }
    }

    int listener_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace pg::libpq
