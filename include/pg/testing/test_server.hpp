// TestServer: a real PostgreSQL for tests, made in a fraction of a second and gone without a trace.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/fwd.hpp"

namespace pg::testing {

/// How the server asks its clients who they are.
enum class TestServerAuth : std::uint8_t {
    trust,          ///< not at all: every local account of the machine gets in through TCP
    password,       ///< the password in clear text
    md5,            ///< an MD5 challenge, the password stored as MD5
    scram_sha_256,  ///< SCRAM, with channel binding when there is TLS
    cert,           ///< TCP asks for a client certificate (so there is TLS); the unix socket trusts
};

/// Which of its two certificates a server with TLS shows. Both name localhost and 127.0.0.1, both come from the same
/// CA.
enum class TestServerCertificate : std::uint8_t { valid, expired };

/// How a server is told to stop.
enum class ShutdownMode : std::uint8_t {
    smart,      ///< waits until the last client has left
    fast,       ///< ends every session, then stops in good order
    immediate,  ///< stops without a checkpoint: the next start recovers
};

/// What kind of server is wanted. Value.
struct TestServerOptions {
    /// The major version; it must be one of `TestServer::installed_majors()`.
    int major = 15;
    TestServerAuth auth = TestServerAuth::trust;  ///< for the socket too, `cert` excepted
    /// Whether TCP clients may use TLS; `TestServerAuth::cert` implies it.
    bool tls = false;
    TestServerCertificate certificate = TestServerCertificate::valid;  ///< with TLS alone
    /// Lines for postgresql.conf, such as "work_mem = '1MB'". They come last, so they win over the server's own.
    std::vector<std::string> settings = {};
    /// The bound of `start` and `start_again`. The first start of a version makes its template, which takes seconds.
    std::chrono::nanoseconds start_timeout = std::chrono::seconds(30);
};

/// Files for TLS, all PEM and all throwaway. Value. Every path is empty when the server has no TLS.
struct TestServerTls {
    std::string ca;                   ///< signed the server's and the client's certificates: what a client trusts
    std::string other_ca;             ///< signed nothing here: what a client that must refuse trusts
    std::string server_certificate;   ///< what a `valid` server shows
    std::string expired_certificate;  ///< what an `expired` one shows
    std::string server_key;           ///< of both server certificates
    std::string client_certificate;   ///< for the role `postgres`
    std::string client_key;           ///< of the client's certificate
};

/// An ephemeral PostgreSQL server. Handle.
///
/// It has a folder, a port and a data directory of its own, listens on 127.0.0.1 and on a unix socket that only its
/// account may use, and has one superuser, `postgres`. Durability is traded for speed: fsync and full_page_writes are
/// off. Destruction stops it and removes its folder; so does the end of the process that started it, however it
/// ends, crash and SIGKILL included. PostgreSQL refuses to run as root: root starts it under the account `postgres`,
/// or `nobody` where there is no such account.
///
/// One thread at a time, but the const members are safe together. A copy of the process made by fork() owns nothing:
/// there the handle may only be destroyed, which does nothing.
class PGCLIENT_API TestServer final {
public:
    /// Errors: usage (no server of that major, with the places looked at; bad options), connect (the server did not
    /// start: the detail ends with its log), timeout.
    static Expected<TestServer> try_start(const TestServerOptions& options = {});
    static TestServer start(const TestServerOptions& options = {});  ///< throws the error of `try_start`

    /// The majors that `start` can use, ascending. Looked for in this order: `$PGCLIENT_POSTGRES_DIR/<major>/bin`,
    /// `/usr/lib/postgresql/<major>/bin`, `<cache>/postgres/node_modules/pg<major>/native/bin`.
    [[nodiscard]] static std::vector<int> installed_majors();

    TestServer(TestServer&& other) noexcept;
    TestServer& operator=(TestServer&& other) noexcept;
    ~TestServer();

    /// How a client reaches a database through the unix socket, the password included.
    [[nodiscard]] std::string conninfo(std::string_view database = "postgres") const;
    /// The same through 127.0.0.1. With TLS it asks for verify-full, and names the client certificate for `cert`.
    [[nodiscard]] std::string tcp_conninfo(std::string_view database = "postgres") const;
    [[nodiscard]] std::uint16_t port() const noexcept;                ///< of TCP, and in the name of the socket
    [[nodiscard]] const std::string& socket_folder() const noexcept;  ///< what PGHOST would be
    [[nodiscard]] const std::string& data_folder() const noexcept;    ///< what PGDATA would be
    /// The password of `postgres`, new for every server; empty for `trust` and `cert`.
    [[nodiscard]] const std::string& password() const noexcept;
    [[nodiscard]] const TestServerTls& tls() const noexcept;  ///< lives as long as the server
    [[nodiscard]] int major() const noexcept;                 ///< as it was asked for
    /// The postmaster's process id; 0 after `stop` or `kill`.
    [[nodiscard]] int pid() const noexcept;
    /// All that the server wrote to its log so far.
    [[nodiscard]] std::string log() const;

    /// Makes an empty database, owned by `postgres`, and returns its `conninfo`. Waits at most 30 s.
    /// It comes in through template1, which the unix socket always trusts. Errors: server (42P04 when it exists).
    [[nodiscard]] Expected<std::string> try_create_database(std::string_view name) const;
    std::string create_database(std::string_view name) const;  ///< throws the error of `try_create_database`

    /// Stops the server and waits until it is gone; nothing happens when it does not run.
    /// Errors: timeout, and then the server is still on its way down.
    [[nodiscard]] Expected<void> try_stop(ShutdownMode mode = ShutdownMode::fast,
                                          std::chrono::nanoseconds timeout = std::chrono::seconds(30));
    /// Throws the error of `try_stop`.
    void stop(ShutdownMode mode = ShutdownMode::fast, std::chrono::nanoseconds timeout = std::chrono::seconds(30));
    /// Starts a stopped or killed server with the same port, data and settings. Errors: as `try_start`.
    [[nodiscard]] Expected<void> try_start_again();
    void start_again();  ///< throws the error of `try_start_again`

    /// What a power cut does: SIGKILL for the postmaster and every child of it.
    void kill();
    /// SIGKILL for one backend, as pg_backend_pid() names it: the postmaster then ends all sessions and recovers.
    /// Throws UsageError when the server has no such process.
    void kill_backend(int backend_pid);
    /// Stops the postmaster and every child of it in their tracks (SIGSTOP): the kernel still accepts connections,
    /// nobody answers. Returns when all stand still. Throws UsageError when the server does not run.
    void freeze();
    /// Lets all go on.
    void thaw();
    /// The same for one backend. Throws UsageError when the server has no such process.
    void freeze_backend(int backend_pid);
    /// Lets that backend go on.
    void thaw_backend(int backend_pid);

private:
    struct Impl;
    explicit TestServer(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

/// One server for the whole process, started by the first call and stopped at exit: trust, no TLS, the major that
/// $PGCLIENT_TEST_MAJOR names (15 when unset). Suites share it and call `create_database` for themselves.
/// Throws as `TestServer::start`. Thread-safe.
PGCLIENT_API TestServer& shared_server();

}  // namespace pg::testing
