// Accepting, shaking hands, and moving bytes between TLS and a plain socket.
#include "tests/db/libpq/tls_proxy.hpp"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <memory>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <optional>
#include <sys/socket.h>

namespace pg::libpq {
namespace {

struct FreeTls {
    void operator()(SSL* tls) const { SSL_free(tls); }
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

void send_all(int socket, const char* bytes, std::size_t count) {
    while (count != 0) {
        const auto sent = ::send(socket, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0) return;
        bytes += sent;
        count -= static_cast<std::size_t>(sent);
    }
}

}  // namespace

class TlsProxy::Connection {
public:
    Connection(TlsProxy& proxy, Descriptor client) : proxy_(proxy), client_(std::move(client)) {}

    void run() {
        // A client asks for TLS by eight bytes; what begins otherwise is a request to cancel, which nobody hears here.
        std::array<char, 8> request{};
        if (::recv(client_.get(), request.data(), request.size(), MSG_WAITALL) != 8 || request[7] != 0x2f) return;
        const std::string consent = "S" + proxy_.in_the_clear_;
        send_all(client_.get(), consent.data(), consent.size());
        ::fcntl(client_.get(), F_SETFL, O_NONBLOCK);
        tls_.reset(SSL_new(static_cast<SSL_CTX*>(proxy_.context_)));
        SSL_set_fd(tls_.get(), client_.get());
        SSL_set_accept_state(tls_.get());
        while (!SSL_is_init_finished(tls_.get()))
            if (!goes_on(SSL_do_handshake(tls_.get()))) return;

        if (proxy_.hangs_up_) {
            SSL_shutdown(tls_.get());
            return;
        }
        server_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_in address = loopback(proxy_.server_port_);
        if (::connect(server_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
        while (move_from_client() && move_to_client() && wait()) {
        }
    }

private:
    /// False at an end; waits for what TLS waits for.
    bool goes_on(int result) {
        if (result > 0) return true;
        const int error = SSL_get_error(tls_.get(), result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return false;
        std::array<pollfd, 2> all{
            pollfd{client_.get(), static_cast<short>(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0},
            pollfd{proxy_.over_.descriptor(), POLLIN, 0}};
        return ::poll(all.data(), all.size(), -1) > 0 && all[1].revents == 0;
    }
    bool move_from_client() {
        for (;;) {
            const int count = SSL_read(tls_.get(), room_.data(), static_cast<int>(room_.size()));
            if (count <= 0) return SSL_get_error(tls_.get(), count) == SSL_ERROR_WANT_READ;
            proxy_.heard_ += static_cast<std::size_t>(count);
            send_all(server_.get(), room_.data(), static_cast<std::size_t>(count));
            if (!count_towards_new_keys(count)) return false;
        }
    }
    bool move_to_client() {
        const auto count = ::recv(server_.get(), room_.data(), room_.size(), MSG_DONTWAIT);
        if (count < 0) return true;
        if (count == 0) return false;
        answer_.append(room_.data(), static_cast<std::size_t>(count));
        const bool is_whole = answer_.ends_with(std::string("Z\0\0\0\5I", 6));
        if (proxy_.sends_long_records_ && !is_whole) return true;
        const std::string all = std::exchange(answer_, {});
        const std::size_t most = proxy_.sends_short_records_ ? 1 : all.size();
        for (std::size_t at = 0; at < all.size(); at += most)
            while (SSL_write(tls_.get(), all.data() + at, static_cast<int>(most)) <= 0)
                if (!goes_on(-1)) return false;
        return count_towards_new_keys(static_cast<std::int64_t>(all.size()));
    }
    bool count_towards_new_keys(std::int64_t count) {
        moved_ += static_cast<std::size_t>(count);
        const std::size_t limit = proxy_.bytes_per_key_;
        if (limit == 0 || moved_ < limit) return true;
        moved_ = 0;
        if (SSL_key_update(tls_.get(), SSL_KEY_UPDATE_REQUESTED) != 1) return false;
        ++proxy_.changes_;
        for (int sent = 0; sent != 1;)
            if (sent = SSL_do_handshake(tls_.get()); !goes_on(sent)) return false;
        return true;
    }
    bool wait() {
        std::array<pollfd, 3> all{pollfd{client_.get(), POLLIN, 0}, pollfd{server_.get(), POLLIN, 0},
                                  pollfd{proxy_.over_.descriptor(), POLLIN, 0}};
        return ::poll(all.data(), all.size(), -1) > 0 && all[2].revents == 0;
    }

    TlsProxy& proxy_;
    Descriptor client_, server_;
    std::unique_ptr<SSL, FreeTls> tls_;
    std::array<char, 16 * 1024> room_{};
    std::string answer_{};   // of the server, as far as it has come
    std::size_t moved_ = 0;  // since the last change of keys
};

TlsProxy::TlsProxy(const testing::TestServerTls& tls, std::uint16_t server_port)
    : server_port_(server_port),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      context_(SSL_CTX_new(TLS_server_method())) {
    auto* const context = static_cast<SSL_CTX*>(context_);
    EXPECT_EQ(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION), 1);
    EXPECT_EQ(SSL_CTX_use_certificate_file(context, tls.server_certificate.c_str(), SSL_FILETYPE_PEM), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context, tls.server_key.c_str(), SSL_FILETYPE_PEM), 1);
    const sockaddr_in address = loopback(0);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), SOMAXCONN), 0);
    acceptor_ = std::jthread([this] { accept_all(); });
}

TlsProxy::~TlsProxy() {
    over_.raise();
    acceptor_.join();
    connections_.clear();
    SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

std::string TlsProxy::port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return std::to_string(ntohs(address.sin_port));
}

std::string TlsProxy::conninfo() const {
    return "host=127.0.0.1 port=" + port() + " user=postgres dbname=postgres sslmode=require gssencmode=disable";
}

void TlsProxy::accept_all() {
    sigset_t broken_pipe;  // of a client that has gone; the threads of connections inherit it
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    for (;;) {
        std::array<pollfd, 2> all{pollfd{listener_.get(), POLLIN, 0}, pollfd{over_.descriptor(), POLLIN, 0}};
        if (::poll(all.data(), all.size(), -1) <= 0 || all[1].revents != 0) return;
        Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (client.get() < 0) continue;
        auto connection = std::make_shared<Connection>(*this, std::move(client));
        connections_.emplace_back([connection] { connection->run(); });
    }
}

}  // namespace pg::libpq
