// Starting PgBouncer as the account of the server, watched so that it does not outlive the tests.
#include "tests/db/pooler/pgbouncer.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <thread>

#include "pg/client.hpp"
#include "src/testing/files.hpp"
#include "src/testing/free_port.hpp"
#include "src/testing/server_folder.hpp"
#include "src/testing/watchdog.hpp"

namespace pooler_tests {
namespace {

constexpr std::chrono::seconds start_bound{60};

std::string program() {
    const char* given = std::getenv("PGCLIENT_TEST_PGBOUNCER");
    return given != nullptr ? given : "/usr/sbin/pgbouncer";
}

}  // namespace

struct PgBouncer::Impl {
    std::string mode;
    pg::testing::Account account = pg::testing::server_account().value();
    pg::testing::ServerFolder folder = pg::testing::make_server_folder(account).value();
    pg::testing::Watchdog watchdog = pg::testing::Watchdog::start(account, folder.all()).value();
    std::uint16_t port = pg::testing::free_port().value();
    pg::testing::Process process;

    Impl(const pg::testing::TestServer& server, std::string_view its_mode, const std::vector<std::string>& settings)
        : mode(its_mode) {
        std::string text = "[databases]\n* = host=" + server.socket_folder() +
                           " port=" + std::to_string(server.port()) +
                           " user=postgres\n[pgbouncer]\nauth_type = any\npool_mode = " + mode +
                           "\nlisten_port = " + std::to_string(port) + "\nunix_socket_dir = " + folder.sockets +
                           "\nserver_login_retry = 1\n";
        for (const std::string& line : settings) text.append(line).append("\n");
        const std::string file = folder.root + "/pgbouncer.ini";
        pg::testing::write_file(file, text).value();
        pg::testing::give_to(account, file).value();
        const pg::testing::Command command{.program = program(),
                                           .arguments = {file},
                                           .account = &account,
                                           .output = folder.log(),
                                           .announce = watchdog.socket()};
        process = pg::testing::spawn(command).value();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        process.signal(SIGTERM);  // in these versions: at once
        if (!process.wait(pg::Deadline::after(start_bound))) process.signal(SIGKILL);
        watchdog.forget();
    }
};

PgBouncer::PgBouncer(const pg::testing::TestServer& server, std::string_view mode,
                     const std::vector<std::string>& settings)
    : impl_(std::make_unique<Impl>(server, mode, settings)) {
    for (const pg::Deadline until = pg::Deadline::after(start_bound);; std::this_thread::yield()) {
        // A client that is gone leaves no session behind that a test might count.
        const auto reached = pg::try_connect(conninfo("postgres"));
        if (reached) return;
        if (until.passed() || impl_->process.wait(pg::Deadline::after(std::chrono::milliseconds(1))))
            throw std::runtime_error(std::string(reached.error().what()) + "\n" + log());
    }
}

PgBouncer::PgBouncer(PgBouncer&&) noexcept = default;
PgBouncer::~PgBouncer() = default;

std::string PgBouncer::plain_conninfo(std::string_view database) const {
    return "host=" + impl_->folder.sockets + " port=" + std::to_string(impl_->port) +
           " user=postgres dbname=" + std::string(database);
}

std::string PgBouncer::conninfo(std::string_view database) const {
    return plain_conninfo(database) + " pooler=" + impl_->mode;
}

bool PgBouncer::knows_prepared_statements() {
    // "PgBouncer 1.24.1", and more lines.
    const std::unique_ptr<FILE, int (*)(FILE*)> said(::popen((program() + " --version").c_str(), "r"), &::pclose);
    int major = 0, minor = 0;
    if (!said || std::fscanf(said.get(), "PgBouncer %d.%d", &major, &minor) != 2)
        throw std::runtime_error(program() + " --version does not say which one it is");
    return major > 1 || minor >= 21;
}

std::string PgBouncer::log() const { return pg::testing::read_file(impl_->folder.log()); }

}  // namespace pooler_tests
