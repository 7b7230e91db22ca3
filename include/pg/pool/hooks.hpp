// PoolHooks: calls of the application when a pool opens, lends, takes back and closes a session.
#pragma once

#include "pg/config.hpp"
#include "pg/deadline.hpp"
#include "pg/spi/session.hpp"

namespace pg {

/// What `PoolOptions::hooks` points to. A null function is not called. They are called on threads of the pool and its
/// callers, several at a time, and must not use the client. When the client and its connections have gone, none is
/// called any more: their end waits for what is being called, for the time to open a session at most, unless it happens
/// on a thread that serves sessions. Value.
struct PoolHooks {
    /// Functions of these forms. @{
    using BeforeConnect = Expected<void> (*)(void* context, Config& config) noexcept;
    using AfterConnect = Expected<void> (*)(void* context, spi::Session& session, const Deadline& until) noexcept;
    using OnAcquire = bool (*)(void* context, spi::Session& session) noexcept;
    using OnRelease = bool (*)(void* context, spi::Session& session) noexcept;
    using BeforeClose = void (*)(void* context, spi::Session& session) noexcept;  /// @}

    void* context = nullptr;  ///< the first argument of each; outlives the client and its connections
    /// Before a session is opened: may change what it is opened with. An error fails the attempt. Must not wait.
    BeforeConnect before_connect = nullptr;
    /// With a session that was opened, before it is lent first: may run SQL on it, and waits until `until` at most. An
    /// error fails the attempt, and the session is closed; so it is when a transaction is left open. Settings, roles,
    /// locks and temporary tables do not last beyond the first borrower that has the session reset: `options` in the
    /// connection string does.
    AfterConnect after_connect = nullptr;
    /// With a session that is about to be lent: false closes it, and another one is taken. A request that was refused
    /// eight sessions so gets a PoolTimeout. Must not wait, and sends nothing.
    OnAcquire on_acquire = nullptr;
    /// With a session that came back and is at rest: false closes it. Must not wait, and sends nothing.
    OnRelease on_release = nullptr;
    /// With a session that was opened in full and is about to be closed, broken or not. Must not wait, and sends
    /// nothing.
    BeforeClose before_close = nullptr;
};

}  // namespace pg
