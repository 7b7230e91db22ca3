// TestServer: makes the folder, starts the postmaster in it, and has both gone in the end.
#include "pg/testing/test_server.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "src/testing/account.hpp"
#include "src/testing/admin_session.hpp"
#include "src/testing/certificates.hpp"
#include "src/testing/failure.hpp"
#include "src/testing/files.hpp"
#include "src/testing/free_port.hpp"
#include "src/testing/installation.hpp"
#include "src/testing/postmaster_file.hpp"
#include "src/testing/proc.hpp"
#include "src/testing/process.hpp"
#include "src/testing/server_folder.hpp"
#include "src/testing/settings.hpp"
#include "src/testing/watchdog.hpp"

namespace pg::testing {
namespace {

constexpr auto look_interval = std::chrono::milliseconds(2);
constexpr auto standstill_time = std::chrono::seconds(5);
constexpr auto farewell_time = std::chrono::seconds(5);
constexpr auto statement_time = std::chrono::seconds(30);

Expected<void> check(const TestServerOptions& options) {
    if (options.start_timeout <= std::chrono::nanoseconds(0))
        return failure(ErrorKind::usage, "TestServerOptions.start_timeout is not above zero");
    if (options.certificate == TestServerCertificate::expired && !needs_tls(options))
        return failure(ErrorKind::usage, "TestServerOptions.certificate is expired but tls is off");
    return {};
}

std::string random_password() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::random_device source;
    std::uniform_int_distribution<std::size_t> draw(0, digits.size() - 1);
    std::string password;
    for (int i = 0; i < 24; ++i) password += digits[draw(source)];
    return password;
}

int signal_number(ShutdownMode mode) {
    switch (mode) {
        case ShutdownMode::smart: return SIGTERM;
        case ShutdownMode::fast: return SIGINT;
        case ShutdownMode::immediate: return SIGQUIT;
    }
    return SIGINT;  // GCOVR_EXCL_LINE: every mode is handled above
}

/// Whether the process stands still, or is gone, after a wait of at most `standstill_time`.
bool wait_for_standstill(pid_t pid) {
    const auto deadline = Deadline::after(standstill_time);
    for (;;) {
        const auto state = process_state(pid);
        if (!state || state->state == 'T' || state->state == 'Z') return true;
        if (deadline.passed()) return false;
        std::this_thread::sleep_for(look_interval);
    }
}

void require_standstill(pid_t pid) {
    if (!wait_for_standstill(pid))
        failure(ErrorKind::timeout, "freeze process " + std::to_string(pid) + ": it does not stand still").raise();
}

/// A handle for a process that is not our child.
Process watch(pid_t pid) { return Process(pid, Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)))); }

}  // namespace

/// Invariants:
/// (T1) All files of the server are in `folder`, which belongs to `account`: the watchdog can remove them.
/// (T2) The watchdog knows the postmaster's pid before there is a postmaster, and forgets it once it was waited for.
/// (T3) Only the process that started the server acts on it: a copy made by fork() must not end what is not its own.
struct TestServer::Impl {
    TestServerOptions options;
    Account account;
    std::string programs;
    ServerFolder folder;
    std::string data;
    TestServerTls tls;
    std::uint16_t port = 0;
    std::string password;
    Process postmaster;
    pid_t owner = ::getpid();
    std::optional<Watchdog> watchdog;

    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();

    Expected<void> prepare(Deadline deadline);
    Expected<void> copy(const std::string& from, const std::string& to, Deadline deadline);
    Expected<void> configure();
    Expected<void> launch_on_a_free_port(Deadline deadline);
    Expected<void> launch(Deadline deadline);
    Expected<void> wait_until_ready(std::size_t log_begin, Deadline deadline);

    std::optional<End> wait_for_end(Deadline deadline);
    void thaw_all() const;
    void power_cut();
    [[nodiscard]] std::vector<pid_t> backends() const;
    [[nodiscard]] pid_t checked_backend(int pid, const char* verb) const;

    [[nodiscard]] std::string log_since(std::size_t begin) const {
        auto text = read_file(folder.log());
        return text.erase(0, std::min(begin, text.size()));
    }
    [[nodiscard]] Address address() const { return {folder.sockets, port, password}; }
    [[nodiscard]] std::string socket_path() const { return folder.sockets + "/.s.PGSQL." + std::to_string(port); }
    [[nodiscard]] std::string name() const { return "PostgreSQL " + std::to_string(options.major); }
};

TestServer::Impl::~Impl() {
    if (owner != ::getpid()) {  // (T3)
        if (watchdog) watchdog->abandon();
        return;
    }
    if (postmaster.pid() != 0) {
        thaw_all();
        postmaster.signal(SIGINT);
        if (!wait_for_end(Deadline::after(farewell_time))) power_cut();
    }
    watchdog.reset();
    // The watchdog has done this, unless somebody ended it, or a test put there what its account cannot remove.
    std::error_code ignored;
    for (const auto& path : folder.all())
        if (!path.empty()) std::filesystem::remove_all(path, ignored);
}

Expected<void> TestServer::Impl::prepare(Deadline deadline) {
    const auto environment = current_environment();
    auto found_account = server_account();
    if (!found_account) return std::move(found_account).error();
    account = *std::move(found_account);
    auto found_programs = find_installation(options.major, environment);
    if (!found_programs) return std::move(found_programs).error();
    programs = *std::move(found_programs);

    const auto cache = cache_folder(environment);
    const auto cluster = cluster_template(programs, options.major, cache, account, deadline);
    if (!cluster) return cluster.error();
    std::string certificates;
    if (needs_tls(options)) {
        auto made = certificate_template(cache, account, deadline);
        if (!made) return std::move(made).error();
        certificates = *std::move(made);
    }

    auto made_folder = make_server_folder(account);
    if (!made_folder) return std::move(made_folder).error();
    folder = *std::move(made_folder);
    data = folder.data();
    auto started_watchdog = Watchdog::start(account, folder.all());
    if (!started_watchdog) return std::move(started_watchdog).error();
    watchdog.emplace(*std::move(started_watchdog));

    if (auto copied = copy(*cluster, data, deadline); !copied) return copied;
    if (!certificates.empty()) {
        if (auto copied = copy(certificates, folder.tls(), deadline); !copied) return copied;
        tls = tls_files(folder.tls());
    }
    return configure();
}

Expected<void> TestServer::Impl::copy(const std::string& from, const std::string& to, Deadline deadline) {
    auto outcome = run({.program = "cp",
                        .arguments = {"-R", "--reflink=auto", "--sparse=always", from, to},
                        .account = &account,
                        .output = folder.log(),
                        .announce = watchdog->socket()},
                       deadline);
    watchdog->forget();
    return outcome;
}

Expected<void> TestServer::Impl::configure() {
    auto written = append_to_file(data + "/postgresql.conf", configuration_text(options, tls));
    if (!written) return written;
    return write_file(data + "/pg_hba.conf", access_text(options.auth));
}

Expected<void> TestServer::Impl::launch_on_a_free_port(Deadline deadline) {
    // Somebody else may take the port between our look and the server's: then another one will do.
    constexpr int attempts = 10;
    for (int attempt = 1;; ++attempt) {
        const auto chosen = free_port();
        if (!chosen) return chosen.error();
        port = *chosen;
        auto launched = launch(deadline);
        if (launched || attempt == attempts) return launched;
        if (launched.error().detail().find("Address already in use") == std::string_view::npos) return launched;
    }
}

Expected<void> TestServer::Impl::launch(Deadline deadline) {
    const auto log_begin = read_file(folder.log()).size();
    // On the command line they win over everything: a setting cannot move the server away from where it is looked for.
    auto started =
        spawn({.program = programs + "/postgres",
               .arguments = {"-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "port=" + std::to_string(port), "-c",
                             "unix_socket_directories=" + folder.sockets},
               .account = &account,
               .output = folder.log(),
               .announce = watchdog->socket()});
    if (!started) return std::move(started).error();
    postmaster = *std::move(started);
    return wait_until_ready(log_begin, deadline);
}

Expected<void> TestServer::Impl::wait_until_ready(std::size_t log_begin, Deadline deadline) {
    for (;;) {
        // A server that was killed left its file behind: only the new pid counts.
        const auto file = parse_postmaster_file(read_file(data + "/postmaster.pid"));
        if (file.pid == postmaster.pid() && file.ready) return {};
        if (const auto end = wait_for_end(earlier(deadline, Deadline::after(look_interval))))
            return failure(ErrorKind::connect, "start " + name() + ": the server " + end->how,
                           "its log ends: " + tail(log_since(log_begin)));
        if (!deadline.passed()) continue;
        power_cut();
        return failure(ErrorKind::timeout, "start " + name() + ": it was not ready within start_timeout",
                       "its log ends: " + tail(log_since(log_begin)));
    }
}

std::optional<End> TestServer::Impl::wait_for_end(Deadline deadline) {
    auto end = postmaster.wait(deadline);
    if (end) watchdog->forget();  // (T2)
    return end;
}

std::vector<pid_t> TestServer::Impl::backends() const {
    return postmaster.pid() != 0 ? children_of(postmaster.pid()) : std::vector<pid_t>();
}

pid_t TestServer::Impl::checked_backend(int pid, const char* verb) const {
    const auto all = backends();
    if (std::find(all.begin(), all.end(), pid) == all.end())
        failure(ErrorKind::usage, std::string(verb) + " backend " + std::to_string(pid) + ": " + name() + " on port " +
                                      std::to_string(port) + " has no such process")
            .raise();
    return pid;
}

void TestServer::Impl::thaw_all() const {
    for (const pid_t pid : backends()) ::kill(pid, SIGCONT);
    postmaster.signal(SIGCONT);
}

void TestServer::Impl::power_cut() {
    if (postmaster.pid() == 0) return;
    // Once the postmaster stands still, it has no more children than those that are listed now.
    postmaster.signal(SIGSTOP);
    wait_for_standstill(postmaster.pid());
    std::vector<Process> children;
    for (const pid_t pid : backends()) children.push_back(watch(pid));
    const int shared_memory = parse_postmaster_file(read_file(data + "/postmaster.pid")).shared_memory_id;
    for (const auto& child : children) child.signal(SIGKILL);
    postmaster.signal(SIGKILL);
    for (auto& child : children) child.wait(Deadline::after(standstill_time));
    wait_for_end(Deadline::after(standstill_time));
    // A power cut takes the shared memory as well; nobody else would remove it.
    if (shared_memory >= 0) ::shmctl(shared_memory, IPC_RMID, nullptr);
}

TestServer::TestServer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TestServer::TestServer(TestServer&& other) noexcept = default;
TestServer& TestServer::operator=(TestServer&& other) noexcept = default;
TestServer::~TestServer() = default;

Expected<TestServer> TestServer::try_start(const TestServerOptions& options) {
    if (auto checked = check(options); !checked) return std::move(checked).error();
    const auto deadline = Deadline::after(options.start_timeout);
    auto impl = std::make_unique<Impl>();
    impl->options = options;
    if (auto prepared = impl->prepare(deadline); !prepared) return std::move(prepared).error();
    if (auto launched = impl->launch_on_a_free_port(deadline); !launched) return std::move(launched).error();
    if (needs_password(options)) {
        impl->password = random_password();
        const auto statement = "SET password_encryption = '" + std::string(password_encryption(options.auth)) +
                               "'; ALTER ROLE postgres PASSWORD " + quoted_text(impl->password);
        if (auto set = execute(impl->socket_path(), statement, deadline); !set) return std::move(set).error();
    }
    return TestServer(std::move(impl));
}

TestServer TestServer::start(const TestServerOptions& options) { return try_start(options).value(); }

std::vector<int> TestServer::installed_majors() { return testing::installed_majors(current_environment()); }

std::string TestServer::conninfo(std::string_view database) const {
    return socket_conninfo(impl_->address(), database);
}

std::string TestServer::tcp_conninfo(std::string_view database) const {
    return testing::tcp_conninfo(impl_->address(), database, impl_->tls, impl_->options.auth);
}

std::uint16_t TestServer::port() const noexcept { return impl_->port; }
const std::string& TestServer::socket_folder() const noexcept { return impl_->folder.sockets; }
const std::string& TestServer::data_folder() const noexcept { return impl_->data; }
const std::string& TestServer::password() const noexcept { return impl_->password; }
const TestServerTls& TestServer::tls() const noexcept { return impl_->tls; }
int TestServer::major() const noexcept { return impl_->options.major; }
int TestServer::pid() const noexcept { return impl_->postmaster.pid(); }
std::string TestServer::log() const { return read_file(impl_->folder.log()); }

Expected<std::string> TestServer::try_create_database(std::string_view name) const {
    // From template0, which nobody can be connected to: suites may make their databases at the same time.
    const auto statement = "CREATE DATABASE " + quoted_name(name) + " TEMPLATE template0";
    auto created = execute(impl_->socket_path(), statement, Deadline::after(statement_time));
    if (!created) return std::move(created).error();
    return conninfo(name);
}

std::string TestServer::create_database(std::string_view name) const { return try_create_database(name).value(); }

Expected<void> TestServer::try_stop(ShutdownMode mode, std::chrono::nanoseconds timeout) {
    if (pid() == 0) return {};
    impl_->postmaster.signal(signal_number(mode));
    if (impl_->wait_for_end(Deadline::after(timeout))) return {};
    return failure(
        ErrorKind::timeout, "stop " + impl_->name() + ": it still runs", tail(log()),
        mode == ShutdownMode::smart ? "a smart shutdown waits for every client: close them, or use fast" : "");
}

void TestServer::stop(ShutdownMode mode, std::chrono::nanoseconds timeout) { try_stop(mode, timeout).value(); }

Expected<void> TestServer::try_start_again() {
    if (pid() != 0 && !impl_->wait_for_end(Deadline::after(std::chrono::nanoseconds(0))))
        return failure(ErrorKind::usage, "start " + impl_->name() + " again: it runs; stop it first");
    return impl_->launch(Deadline::after(impl_->options.start_timeout));
}

void TestServer::start_again() { try_start_again().value(); }

void TestServer::kill() { impl_->power_cut(); }

void TestServer::kill_backend(int backend_pid) { ::kill(impl_->checked_backend(backend_pid, "kill"), SIGKILL); }

void TestServer::freeze() {
    if (pid() == 0) failure(ErrorKind::usage, "freeze " + impl_->name() + ": it does not run").raise();
    // The postmaster first: then no child is born that would be missed.
    impl_->postmaster.signal(SIGSTOP);
    require_standstill(pid());
    const auto children = impl_->backends();
    for (const pid_t child : children) ::kill(child, SIGSTOP);
    for (const pid_t child : children) require_standstill(child);
}

void TestServer::thaw() { impl_->thaw_all(); }

void TestServer::freeze_backend(int backend_pid) {
    const pid_t backend = impl_->checked_backend(backend_pid, "freeze");
    ::kill(backend, SIGSTOP);
    require_standstill(backend);
}

void TestServer::thaw_backend(int backend_pid) { ::kill(impl_->checked_backend(backend_pid, "thaw"), SIGCONT); }

}  // namespace pg::testing
