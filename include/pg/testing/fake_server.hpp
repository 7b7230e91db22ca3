// FakeServer: speaks PostgreSQL's protocol to a client under test, well or badly, as a script says.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "pg/deadline.hpp"
#include "pg/expected.hpp"
#include "pg/testing/answers.hpp"

namespace pg::testing {

/// What a fake server does with each of its clients: any callable that takes a `Conversation&`. Value. It is called on
/// threads of the server, once for each client and for several of them at the same time; what it refers to outlives the
/// server.
class Script final {
public:
    /// Anything that takes a `Conversation&`.
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, Script> && std::is_invocable_v<F&, Conversation&>)
    Script(F script)
        : script_(std::make_shared<F>(std::move(script))),
          run_([](void* f, Conversation& client) { (*static_cast<F*>(f))(client); }) {}

    /// Runs it for one client.
    void operator()(Conversation& client) const { run_(script_.get(), client); }

private:
    std::shared_ptr<void> script_;
    void (*run_)(void*, Conversation&);
};

/// How a fake server can be reached, and by how many. Value.
struct FakeServerOptions {
    /// Listens on a unix socket in a folder of its own, instead of a free port of 127.0.0.1.
    bool unix_socket = false;
    /// Clients that are served at the same time, 1 to 64, a thread each; others wait until one has left.
    std::size_t most_clients = 8;
};

/// A statement that a client ran. Value.
struct FakeStatement {
    int client = 0;             ///< `Conversation::number()`
    std::string sql = {};       ///< as it was sent
    FakeValues arguments = {};  ///< as text where their type is known and has one; else the bytes as they were sent
};

/// A server of one's own making on this machine. Handle. A client connects at once; the script runs when its packets
/// come. Destruction ends every connection and waits for the scripts, whose waiting on the client or on a cue it ends.
/// Thread-safe, but for moving and destroying.
class PGCLIENT_API FakeServer final {
public:
    /// Errors: usage (`most_clients`), connect (no port, no folder, no descriptor).
    static Expected<FakeServer> try_start(Script script, const FakeServerOptions& options = {});
    static FakeServer start(Script script, const FakeServerOptions& options = {});  ///< throws that of `try_start`

    FakeServer(FakeServer&& other) noexcept;
    FakeServer& operator=(FakeServer&& other) noexcept;
    ~FakeServer();

    /// How a client reaches it, without encryption.
    [[nodiscard]] std::string conninfo() const;
    [[nodiscard]] const std::string& host() const noexcept;  ///< 127.0.0.1, or the folder of its socket
    [[nodiscard]] std::uint16_t port() const noexcept;       ///< of TCP, or in the name of the socket

    /// The statements that clients ran so far, in the order in which they came. A script runs all that it receives,
    /// `Answers` what they do not refuse.
    [[nodiscard]] std::vector<FakeStatement> statements() const;
    /// Waits until that many came; false when the deadline passed.
    [[nodiscard]] bool wait_for_statements(std::size_t count, Deadline deadline) const;
    /// Waits until that many clients have come and their scripts have ended; false when the deadline passed.
    [[nodiscard]] bool wait_for_clients(std::size_t count, Deadline deadline) const;
    /// The clients, by `Conversation::number()`, that cancel requests have named.
    [[nodiscard]] std::vector<int> cancel_requests() const;
    /// What scripts did not expect: their exceptions, statements without an answer, and names of what is not there.
    [[nodiscard]] std::vector<std::string> failures() const;

    /// Lets one `Conversation::wait_for_cue` go on, now or when it comes.
    void cue();

private:
    struct Impl;
    explicit FakeServer(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pg::testing
