// Provider: what opens sessions, by a name in the registry.
#pragma once

#include <memory>

#include "pg/config.hpp"
#include "pg/spi/observer.hpp"
#include "pg/spi/session.hpp"

namespace pg::spi {

/// Raised when a change of these headers breaks a provider built before it.
inline constexpr int abi_version = 11;

/// Hears what a server says unasked. Called on the thread that waits for the session; must not throw or use the
/// session.
class PGCLIENT_API NoticeHandler {
public:
    virtual ~NoticeHandler();
    virtual void on_notice(const Error& notice) noexcept = 0;  ///< its SQLSTATE, severity and message say what it is
};

/// What a session is opened with, beside its configuration. Value.
struct SessionContext {
    std::shared_ptr<const TypeCatalog> types;  ///< handed on to every result
    std::shared_ptr<NoticeHandler> notices;    ///< null: notices are dropped
    /// Hears of what a pool does; null: nobody does. A provider leaves it alone: it tells notices to `notices`.
    std::shared_ptr<Observer> observer{};
};

/// What a provider can do. Value.
struct Capabilities {
    bool copy = false;           ///< `copy_in` and `copy_out`
    bool notifications = false;  ///< `wait_notification`
    bool streaming = false;      ///< `stream` holds one piece of the rows at a time
    bool awaitable = false;      ///< an event loop can wait for a session
};

/// Opens sessions. Thread-safe.
class PGCLIENT_API Provider {
public:
    virtual ~Provider();
    /// Opens one session to the first node of `config` that takes it. Waits at most for `wait`: name resolution, TLS
    /// and authentication included.
    [[nodiscard]] Expected<std::unique_ptr<Session>> open(const Config& config, const SessionContext& context,
                                                          const Wait& wait) noexcept {
        return do_open(config, context, wait);
    }
    [[nodiscard]] std::string_view name() const noexcept { return do_name(); }  ///< what `Options::provider` asks for
    [[nodiscard]] std::string_view version() const noexcept { return do_version(); }  ///< for people to read
    /// Of every session that it opens.
    [[nodiscard]] Capabilities capabilities() const noexcept { return do_capabilities(); }
    /// Where the next session would best live; null when the provider is not `awaitable`.
    [[nodiscard]] std::shared_ptr<Reactor> reactor() noexcept { return do_reactor(); }

private:
    virtual Expected<std::unique_ptr<Session>> do_open(const Config& config, const SessionContext& context,
                                                       const Wait& wait) noexcept = 0;
    virtual std::string_view do_name() const noexcept = 0;
    virtual std::string_view do_version() const noexcept = 0;
    virtual Capabilities do_capabilities() const noexcept = 0;
    virtual std::shared_ptr<Reactor> do_reactor() noexcept { return nullptr; }
};

}  // namespace pg::spi

/// The two symbols that a provider in a shared object exports.
extern "C" {
using PgclientProviderAbi = int (*)();
using PgclientProviderMake = pg::spi::Provider* (*)();
}
#define PGCLIENT_PROVIDER(Type)                                                                                        \
    extern "C" __attribute__((visibility("default"))) int pgclient_provider_abi() { return pg::spi::abi_version; }     \
    extern "C" __attribute__((visibility("default"))) pg::spi::Provider* pgclient_provider_make() { return new Type; } \
    static_assert(true)
