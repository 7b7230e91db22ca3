// AsyncListener: messages of NOTIFY, awaited, across reconnects.
#pragma once

#include <optional>
#include <string>

#include "pg/async.hpp"
#include "pg/spi/request.hpp"

namespace pg {

/// What a listener hears. Value.
struct Heard {
    std::optional<Notification> message{};  ///< a message
    /// The connection was lost and made anew, and every channel is heard again: what was sent in between never comes.
    /// Look at the state that the messages are about.
    bool gap = false;
    /// The time passed without either.
    [[nodiscard]] bool nothing() const { return !message && !gap; }
};

/// Hears NOTIFY on a session of its own, which it opens with its first call, and anew when it is lost. Handle:
/// move-only. Calls on it take turns, so one that waits in `next` holds up the others: give it a time, or stop it.
class PGCLIENT_API AsyncListener final {
public:
    /// Contacts nothing. Throws UsageError when the client's sessions cannot be awaited.
    explicit AsyncListener(const Client& client, CallSite site = CallSite::here());
    /// Its calls go on where those of `async` do.
    explicit AsyncListener(const AsyncClient& async, CallSite site = CallSite::here());
    AsyncListener(AsyncListener&&) noexcept = default;
    AsyncListener& operator=(AsyncListener&&) noexcept = default;

    /// Hears a channel from now on. The name, of 63 bytes at most (UsageError), is taken as it is: upper case stays,
    /// nothing needs to be quoted. UsageError with `pooler=transaction`, which leaves no session to hear on. @{
    Async<void> listen(std::string_view channel);
    Async<Expected<void>> try_listen(std::string_view channel);  /// @}
    /// Hears it no longer; messages that are there already still come. @{
    Async<void> unlisten(std::string_view channel);
    Async<Expected<void>> try_unlisten(std::string_view channel);  /// @}

    /// The next message or gap, or nothing when `timeout` passes first. A connection that was lost is made anew, with
    /// growing pauses, until then: its error comes when that does not succeed in time, and the next call tries again.
    /// Throws Cancelled when `stop`, which outlives the call, is asked to. @{
    Async<Heard> next(std::chrono::nanoseconds timeout, const StopToken* stop = nullptr);
    Async<Expected<Heard>> try_next(std::chrono::nanoseconds timeout, const StopToken* stop = nullptr);  /// @}

private:
    std::shared_ptr<detail::AsyncTarget> target_;
};

}  // namespace pg
