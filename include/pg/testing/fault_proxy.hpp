// FaultProxy: a TCP proxy in front of a server that makes the network misbehave when a test says so.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pg/deadline.hpp"
#include "pg/expected.hpp"

namespace pg::testing {

class FakeServer;
class TestServer;

/// The way that bytes go through a proxy.
enum class Direction : std::uint8_t { to_server, to_client };

/// How a connection ends: in order, or by a reset. A unix socket has no reset: it sees an end.
enum class Ending : std::uint8_t { fin, reset };

/// What goes wrong in one direction of every connection, open ones and those to come. Value. Faults add up; positions
/// are counted from where a connection stands when the faults are set, and from its beginning for one that comes later.
struct Faults {
    /// Every byte goes on that much later than it came. Zero: at once.
    std::chrono::nanoseconds delay{};
    /// Zero: no limit.
    std::size_t bytes_per_second = 0;
    /// Every byte is sent alone. The receiver may still find several: with a limit of bytes it finds them one by one.
    bool one_byte_at_a_time = false;
    /// The byte at that position arrives with all of its bits turned round.
    std::optional<std::uint64_t> corrupt_at = {};
    /// The connection ends, on both sides, when so many bytes went on. Zero: at once.
    std::optional<std::uint64_t> cut_after = {};
    Ending cut_ending = Ending::fin;  ///< of `cut_after`
    /// The receiver is told that nothing more comes when so many bytes went on, and what follows is lost; the other
    /// direction goes on. Zero: at once.
    std::optional<std::uint64_t> half_close_after = {};
    /// Nothing is taken in or goes on. The sender's kernel still takes some bytes for it.
    bool frozen = false;
    /// A black hole behind so many bytes that go on: all that follows is taken in, ends included, and lost. Zero: at
    /// once.
    std::optional<std::uint64_t> swallow_after = {};
};

/// What went through one direction. Value.
struct Traffic {
    std::uint64_t bytes_in = 0;   ///< taken from the sender
    std::uint64_t bytes_out = 0;  ///< handed to the receiver's kernel
};

/// What a proxy has done so far. Value.
struct FaultProxyStats {
    std::uint64_t accepted = 0;  ///< connections
    std::size_t open = 0;        ///< of them, now
    Traffic to_server{};         ///< what clients sent
    Traffic to_client{};         ///< what the server sent
};

/// A proxy on a free port of 127.0.0.1. Handle. It has a thread of its own, holds at most 256 KiB for each direction of
/// a connection and takes in no more while they are full, so that a slow receiver slows the sender. A client that is
/// accepted while the server cannot be reached gets a reset. What is set is in force when the call returns. Destruction
/// resets every connection. Thread-safe, but for moving and destroying.
class PGCLIENT_API FaultProxy final {
public:
    /// In front of a host (a name, an address, or the folder of a unix socket) and its port. The server need not be
    /// there yet. Errors: connect (no such host, no port, no descriptor).
    static Expected<FaultProxy> try_start(std::string_view host, std::uint16_t port);
    static FaultProxy start(std::string_view host, std::uint16_t port);  ///< throws that of `try_start`
    static FaultProxy start(const TestServer& server);                   ///< in front of its TCP port
    static FaultProxy start(const FakeServer& server);                   ///< in front of either kind of socket

    FaultProxy(FaultProxy&& other) noexcept;
    FaultProxy& operator=(FaultProxy&& other) noexcept;
    ~FaultProxy();

    [[nodiscard]] std::uint16_t port() const noexcept;  ///< that it listens on
    /// How a client reaches the server through the proxy: its `tcp_conninfo`, TLS included, with another port.
    [[nodiscard]] std::string conninfo(const TestServer& server, std::string_view database = "postgres") const;
    [[nodiscard]] std::string conninfo(const FakeServer& server) const;  ///< the same for a scripted server

    /// Sets what goes wrong from now on, in place of what did; `{}` ends it, and what was held goes on.
    void set(Direction direction, const Faults& faults);
    /// Refuses connections, as a port does where nobody listens, or accepts them again.
    void refuse(bool refused = true);
    /// No faults, in either direction, and connections are accepted. What is lost stays lost.
    void heal();

    /// Ends the connections that are open, on both sides.
    void cut(Ending ending);
    /// Tells the receivers of that direction that nothing more comes; the other direction goes on. Of the connections
    /// that are open.
    void half_close(Direction direction);

    [[nodiscard]] FaultProxyStats stats() const;  ///< as they stand now
    /// They wait until so many bytes were taken in or handed on, so many connections were accepted, or none is open;
    /// false when the deadline passed. @{
    [[nodiscard]] bool wait_for_bytes_in(Direction direction, std::uint64_t count, Deadline deadline) const;
    [[nodiscard]] bool wait_for_bytes_out(Direction direction, std::uint64_t count, Deadline deadline) const;
    [[nodiscard]] bool wait_for_connections(std::uint64_t count, Deadline deadline) const;
    [[nodiscard]] bool wait_until_idle(Deadline deadline) const;  /// @}

private:
    struct Impl;
    explicit FaultProxy(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pg::testing
