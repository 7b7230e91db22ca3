// The thread of a proxy, and what other threads ask of it.
#include "pg/testing/fault_proxy.hpp"

#include <cerrno>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "pg/testing/fake_server.hpp"
#include "pg/testing/test_server.hpp"
#include "src/base/fork.hpp"
#include "src/testing/failure.hpp"
#include "src/testing/loopback.hpp"
#include "src/testing/proxied_connection.hpp"
#include "src/testing/waiting.hpp"
#include "src/testing/wake_up.hpp"

namespace pg::testing {

/// Invariants:
/// (P1) A turn of the thread holds the mutex but for its poll(), and no socket blocks: what another thread sets between
/// two
///      turns is in force for the next.
/// (P2) Connections are added to the list and taken from it by the thread alone.
struct FaultProxy::Impl {
    Impl(const Peer& to, Listener from) : peer(to), listener(std::move(from)) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        change([&] { stopping = true; });
        if (thread.joinable()) thread.join();
        for (ProxiedConnection& connection : connections) connection.cut(Ending::reset);
    }

    /// Changes what the thread goes by, and lets it see that.
    template <class Change>
    void change(Change change) {
        {
            const std::lock_guard lock(mutex);
            change();
        }
        wake_up.ring();
    }
    template <class Done>
    [[nodiscard]] bool wait(Deadline deadline, Done done) const {
        std::unique_lock lock(mutex);
        const auto reached = [&] { return done(stats()); };
        if (!deadline.is_never()) return turned.wait_until(lock, deadline.when(), reached);
        turned.wait(lock, reached);
        return true;
    }

    void run();
    void accept();
    void drop_closed();
    void set_one(Direction direction, const Faults& wanted);
    void set_refused(bool wanted);
    [[nodiscard]] FaultProxyStats stats() const;

    const detail::Birthplace birthplace{};
    const Peer peer;
    const Listener listener;
    const WakeUp wake_up;
    mutable std::mutex mutex;  ///< guards what follows
    mutable std::condition_variable turned;
    bool stopping = false;
    bool refused = false;
    Faults faults[2];
    std::list<ProxiedConnection> connections;
    FaultProxyStats gone;  ///< of connections that are no longer in the list; `accepted` of all
    std::thread thread;
};

namespace {

Traffic& operator+=(Traffic& sum, const Traffic& more) {
    sum.bytes_in += more.bytes_in;
    sum.bytes_out += more.bytes_out;
    return sum;
}

void add(FaultProxyStats& sum, const ProxiedConnection& connection) {
    sum.to_server += connection.traffic(Direction::to_server);
    sum.to_client += connection.traffic(Direction::to_client);
}

const Traffic& of(const FaultProxyStats& stats, Direction direction) {
    return direction == Direction::to_server ? stats.to_server : stats.to_client;
}

}  // namespace

void FaultProxy::Impl::run() {
    constexpr std::size_t before_connections = 2;
    std::vector<pollfd> awaited;
    std::unique_lock lock(mutex);
    while (!stopping) {
        awaited = {{.fd = wake_up.get(), .events = POLLIN, .revents = 0},
                   {.fd = refused ? -1 : listener.socket.get(), .events = POLLIN, .revents = 0}};
        Deadline next = Deadline::never();
        const auto before = Deadline::Clock::now();
        for (const ProxiedConnection& connection : connections) next = connection.await(awaited, before, next);
        lock.unlock();
        ::poll(awaited.data(), awaited.size(), poll_timeout(next));
        lock.lock();
        wake_up.hush();
        const auto now = Deadline::Clock::now();
        const pollfd* ready = awaited.data() + before_connections;
        for (ProxiedConnection& connection : connections) {
            connection.serve(ready, now);
            ready += 2;
        }
        drop_closed();
        if (awaited[1].revents != 0 && !refused) accept();
        turned.notify_all();
    }
}

void FaultProxy::Impl::accept() {
    Descriptor client = accept_from(listener.socket.get());
    if (!client) return;
    ++gone.accepted;
    Descriptor server = begin_to_connect(peer);
    if (!server) return close_with(Farewell::reset, client);
    connections.emplace_back(std::move(client), std::move(server), faults[0], faults[1]);
}

void FaultProxy::Impl::drop_closed() {
    connections.remove_if([&](const ProxiedConnection& connection) {
        if (connection.is_open()) return false;
        add(gone, connection);
        return true;
    });
}

void FaultProxy::Impl::set_one(Direction direction, const Faults& wanted) {
    faults[static_cast<std::size_t>(direction)] = wanted;
    for (ProxiedConnection& connection : connections) connection.set(direction, wanted);
}

void FaultProxy::Impl::set_refused(bool wanted) {
    if (refused == wanted) return;
    refused = wanted;
    // The socket keeps its port: it was bound to that one, and not to any.
    if (refused)
        ::shutdown(listener.socket.get(), SHUT_RDWR);
    else
        listen_again(listener);
}

FaultProxyStats FaultProxy::Impl::stats() const {
    FaultProxyStats all = gone;
    for (const ProxiedConnection& connection : connections) {
        add(all, connection);
        if (connection.is_open()) ++all.open;
    }
    return all;
}

FaultProxy::FaultProxy(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
FaultProxy::FaultProxy(FaultProxy&& other) noexcept = default;
FaultProxy& FaultProxy::operator=(FaultProxy&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
}
FaultProxy::~FaultProxy() {
    // A copy of the process has none of its threads, and shares its sockets: its memory goes with the process.
    if (impl_ && !impl_->birthplace.is_here()) static_cast<void>(impl_.release());
}

Expected<FaultProxy> FaultProxy::try_start(std::string_view host, std::uint16_t port) {
    const auto peer = find_peer(std::string(host), port);
    if (!peer) return peer.error();
    auto listener = listen_on_loopback();
    if (!listener) return std::move(listener).error();
    auto impl = std::make_unique<Impl>(*peer, *std::move(listener));
    if (!impl->wake_up) return system_failure("start a proxy", errno);
    impl->thread = std::thread([proxy = impl.get()] { proxy->run(); });
    return FaultProxy(std::move(impl));
}

FaultProxy FaultProxy::start(std::string_view host, std::uint16_t port) { return try_start(host, port).value(); }
FaultProxy FaultProxy::start(const TestServer& server) { return start("127.0.0.1", server.port()); }
FaultProxy FaultProxy::start(const FakeServer& server) { return start(server.host(), server.port()); }

std::uint16_t FaultProxy::port() const noexcept { return impl_->listener.port; }

// The last of two settings with one name counts.
std::string FaultProxy::conninfo(const TestServer& server, std::string_view database) const {
    return server.tcp_conninfo(database) + " port=" + std::to_string(port());
}
std::string FaultProxy::conninfo(const FakeServer& server) const {
    return server.conninfo() + " host=127.0.0.1 port=" + std::to_string(port());
}

void FaultProxy::set(Direction direction, const Faults& faults) {
    impl_->change([&] { impl_->set_one(direction, faults); });
}
void FaultProxy::refuse(bool refused) {
    impl_->change([&] { impl_->set_refused(refused); });
}
void FaultProxy::heal() {
    impl_->change([&] {
        impl_->set_one(Direction::to_server, {});
        impl_->set_one(Direction::to_client, {});
        impl_->set_refused(false);
    });
}
void FaultProxy::cut(Ending ending) {
    impl_->change([&] {
        for (ProxiedConnection& connection : impl_->connections) connection.cut(ending);
    });
}
void FaultProxy::half_close(Direction direction) {
    impl_->change([&] {
        for (ProxiedConnection& connection : impl_->connections) connection.half_close(direction);
    });
}

FaultProxyStats FaultProxy::stats() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->stats();
}

bool FaultProxy::wait_for_bytes_in(Direction direction, std::uint64_t count, Deadline deadline) const {
    return impl_->wait(deadline, [&](const FaultProxyStats& now) { return of(now, direction).bytes_in >= count; });
}
bool FaultProxy::wait_for_bytes_out(Direction direction, std::uint64_t count, Deadline deadline) const {
    return impl_->wait(deadline, [&](const FaultProxyStats& now) { return of(now, direction).bytes_out >= count; });
}
bool FaultProxy::wait_for_connections(std::uint64_t count, Deadline deadline) const {
    return impl_->wait(deadline, [&](const FaultProxyStats& now) { return now.accepted >= count; });
}
bool FaultProxy::wait_until_idle(Deadline deadline) const {
    return impl_->wait(deadline, [&](const FaultProxyStats& now) { return now.open == 0; });
}

}  // namespace pg::testing
