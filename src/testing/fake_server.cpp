// Threads that take clients from one listener, each with one conversation at a time.
#include <cerrno>
#include <filesystem>
#include <poll.h>
#include <thread>

#include "src/base/fork.hpp"
#include "src/testing/conversation.hpp"
#include "src/testing/failure.hpp"
#include "src/testing/loopback.hpp"
#include "src/testing/server_folder.hpp"
#include "src/testing/settings.hpp"

namespace pg::testing {

/// Invariants:
/// (S1) A client has a thread for itself while its script runs; there are no more threads than `most_clients`.
/// (S2) Clients are numbered in the order in which they came: taking one and numbering it is one step.
/// (S3) Every wait of a thread is for the stop descriptor as well, so that stopping needs no time-out.
struct FakeServer::Impl {
    explicit Impl(Script of_all) : script(std::move(of_all)) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        state.stop();
        for (std::thread& thread : threads) thread.join();
        std::error_code ignored;
        if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
    }

    Expected<void> listen(bool unix_socket);
    void serve_clients();
    [[nodiscard]] std::unique_ptr<Conversation::Impl> accept();
    void serve(std::unique_ptr<Conversation::Impl> impl);

    const detail::Birthplace birthplace{};
    const Script script;
    FakeServerState state;
    Descriptor listener;
    std::string folder;  ///< of the unix socket; empty: none
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::mutex accepting;  ///< guards what follows
    int accepted = 0;
    std::vector<std::thread> threads;
};

Expected<void> FakeServer::Impl::listen(bool unix_socket) {
    if (!state.good()) return system_failure("start a fake server", errno);
    if (!unix_socket) {
        auto made = listen_on_loopback();
        if (!made) return std::move(made).error();
        listener = std::move(made->socket);
        port = made->port;
        return {};
    }
    auto made_folder = make_socket_folder();
    if (!made_folder) return std::move(made_folder).error();
    host = folder = *std::move(made_folder);
    port = 5432;
    auto made = listen_on_path(folder + "/.s.PGSQL." + std::to_string(port));
    if (!made) return std::move(made).error();
    listener = *std::move(made);
    return {};
}

void FakeServer::Impl::serve_clients() {
    for (;;) {
        pollfd awaited[2] = {{.fd = listener.get(), .events = POLLIN, .revents = 0},
                             {.fd = state.stop_descriptor(), .events = POLLIN, .revents = 0}};
        while (::poll(awaited, 2, -1) < 0) continue;  // a signal
        if (awaited[1].revents != 0) return;
        if (auto client = accept()) serve(std::move(client));
    }
}

std::unique_ptr<Conversation::Impl> FakeServer::Impl::accept() {
    const std::lock_guard lock(accepting);
    Descriptor connection = accept_from(listener.get());
    if (!connection) return nullptr;  // another thread has it
    return std::make_unique<Conversation::Impl>(state, ++accepted, std::move(connection));
}

void FakeServer::Impl::serve(std::unique_ptr<Conversation::Impl> impl) {
    {
        Conversation client(std::move(impl));
        try {
            script(client);
        } catch (const std::exception& failure) {
            client.report(failure.what());
        } catch (...) {
            client.report("the script threw what is no std::exception");
        }
    }
    state.end_client();
}

FakeServer::FakeServer(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
FakeServer::FakeServer(FakeServer&& other) noexcept = default;
FakeServer& FakeServer::operator=(FakeServer&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
}
FakeServer::~FakeServer() {
    // A copy of the process has none of its threads, and shares its sockets: its memory goes with the process.
    if (impl_ && !impl_->birthplace.is_here()) static_cast<void>(impl_.release());
}

Expected<FakeServer> FakeServer::try_start(Script script, const FakeServerOptions& options) {
    constexpr std::size_t most = 64;
    if (options.most_clients < 1 || options.most_clients > most)
        return failure(ErrorKind::usage, "FakeServerOptions.most_clients is " + std::to_string(options.most_clients) +
                                             ", not 1 to " + std::to_string(most));
    auto impl = std::make_unique<Impl>(std::move(script));
    if (auto listening = impl->listen(options.unix_socket); !listening) return std::move(listening).error();
    for (std::size_t i = 0; i < options.most_clients; ++i)
        impl->threads.emplace_back([server = impl.get()] { server->serve_clients(); });
    return FakeServer(std::move(impl));
}

FakeServer FakeServer::start(Script script, const FakeServerOptions& options) {
    return try_start(std::move(script), options).value();
}

std::string FakeServer::conninfo() const {
    return "host=" + conninfo_value(impl_->host) + " port=" + std::to_string(impl_->port) +
           " user=postgres dbname=postgres sslmode=disable gssencmode=disable";
}

const std::string& FakeServer::host() const noexcept { return impl_->host; }
std::uint16_t FakeServer::port() const noexcept { return impl_->port; }
std::vector<FakeStatement> FakeServer::statements() const { return impl_->state.statements(); }
std::vector<int> FakeServer::cancel_requests() const { return impl_->state.cancels(); }
std::vector<std::string> FakeServer::failures() const { return impl_->state.failures(); }

bool FakeServer::wait_for_statements(std::size_t count, Deadline deadline) const {
    return impl_->state.wait_for_statements(count, deadline);
}
bool FakeServer::wait_for_clients(std::size_t count, Deadline deadline) const {
    return impl_->state.wait_for_clients(count, deadline);
}

void FakeServer::cue() { impl_->state.add_cue(); }

}  // namespace pg::testing
