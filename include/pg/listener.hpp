// Listener: messages of NOTIFY as they come.
#pragma once

#include <optional>

#include "pg/connection.hpp"
#include "pg/spi/request.hpp"

namespace pg {

/// Hears NOTIFY on a session of its own, which it takes from a client and gives back clean. Handle: move-only.
/// One thread at a time. When the session is lost, what was sent meanwhile is lost too: make another listener, and look
/// at the state that the messages are about.
class PGCLIENT_API Listener final {
public:
    /// Waits for a session as `Client::connection` does. UsageError with `pooler=transaction`, which leaves no session
    /// to hear on.
    explicit Listener(Client& client, CallSite site = CallSite::here()) : Listener(try_open(client, site).value()) {}
    [[nodiscard]] static Expected<Listener> try_open(Client& client, CallSite site = CallSite::here());

    /// Hears a channel from now on. The name, of 63 bytes at most (UsageError), is taken as it is: upper case stays,
    /// nothing needs to be quoted.
    void listen(std::string_view channel) { try_listen(channel).value(); }
    [[nodiscard]] Expected<void> try_listen(std::string_view channel);
    /// Hears it no longer; messages that are there already still come.
    void unlisten(std::string_view channel) { try_unlisten(channel).value(); }
    [[nodiscard]] Expected<void> try_unlisten(std::string_view channel);
    /// Hears nothing any longer.
    void unlisten_all() { try_unlisten_all().value(); }
    [[nodiscard]] Expected<void> try_unlisten_all();

    /// The next message, or nothing when `timeout` passes first; zero looks only at what has come already.
    /// Throws ConnectionLost, and Cancelled when `stop` is asked to.
    [[nodiscard]] std::optional<Notification> next(std::chrono::nanoseconds timeout, const StopToken* stop = nullptr) {
        return try_next(timeout, stop).value();
    }
    [[nodiscard]] Expected<std::optional<Notification>> try_next(std::chrono::nanoseconds timeout,
                                                                 const StopToken* stop = nullptr);

    /// The server process of its session: a notification with this number was sent through the listener itself.
    [[nodiscard]] int backend_process() const { return connection_.backend_process(); }

private:
    explicit Listener(Connection connection) : connection_(std::move(connection)) {}
    Expected<void> run(const std::string& sql);

    Connection connection_;
};

}  // namespace pg
