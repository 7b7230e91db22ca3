// TlsProxy: speaks TLS in front of a server that does not, changes its keys as often as a test says, and says in the
// clear what a test has it say.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <thread>
#include <utility>

#include "pg/testing/test_server.hpp"
#include "providers/libpq/wait.hpp"

namespace pg::libpq {

/// On a free port of 127.0.0.1, with the certificate of `tls`. Each connection has a thread of its own.
class TlsProxy {
public:
    TlsProxy(const testing::TestServerTls& tls, std::uint16_t server_port);
    TlsProxy(const testing::TestServerTls& tls, const testing::TestServer& server) : TlsProxy(tls, server.port()) {}
    TlsProxy(const TlsProxy&) = delete;
    TlsProxy& operator=(const TlsProxy&) = delete;
    ~TlsProxy();

    [[nodiscard]] std::string conninfo() const;
    [[nodiscard]] std::string port() const;
    /// Takes new keys, and asks the client for new ones of its own, each time that so many bytes went to it or came
    /// from it. Zero: never.
    void change_keys_every(std::size_t bytes) { bytes_per_key_ = bytes; }
    [[nodiscard]] int changes() const { return changes_; }
    /// Sends these bytes together with the consent to TLS, before it begins. While no client comes.
    void say_in_the_clear(std::string bytes) { in_the_clear_ = std::move(bytes); }
    /// Has what the server sends go on when an answer is whole, in records as long as TLS has them: 16 KiB. While no
    /// client comes.
    void send_long_records() { sends_long_records_ = true; }
    /// Has what the server sends go on in records of one byte. While no client comes.
    void send_short_records() { sends_short_records_ = true; }
    /// Ends TLS in good order as soon as it has begun. While no client comes.
    void hang_up() { hangs_up_ = true; }
    /// Bytes that clients have sent by TLS.
    [[nodiscard]] std::size_t heard() const { return heard_; }

private:
    class Connection;
    void accept_all();

    const std::uint16_t server_port_;
    Descriptor listener_;
    Signal over_;
    void* context_;  // OpenSSL's
    std::atomic<std::size_t> bytes_per_key_{0};
    std::atomic<int> changes_{0};
    std::atomic<std::size_t> heard_{0};
    std::string in_the_clear_{};
    bool sends_long_records_ = false, sends_short_records_ = false, hangs_up_ = false;
    std::list<std::jthread> connections_;
    std::jthread acceptor_;
};

}  // namespace pg::libpq
