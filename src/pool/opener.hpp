// Opener: how a pool opens one session. Internal to pool.
#pragma once

#include "pg/config.hpp"
#include "pg/spi/provider.hpp"
#include "src/pool/credential_desk.hpp"
#include "src/pool/hook_gate.hpp"
#include "src/pool/limits.hpp"

namespace pg::pool {

/// Thread-safe.
class Opener {
public:
    using SessionPointer = std::unique_ptr<spi::Session>;

    Opener(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context, const Limits& limits);

    /// With the password of the day, if there is a source of them, and with what the hooks do. Waits on a fiber or a
    /// thread.
    [[nodiscard]] Expected<SessionPointer> open(const spi::Wait& wait) const;
    [[nodiscard]] const std::shared_ptr<spi::Observer>& observer() const { return context_.observer; }  // may be null
    [[nodiscard]] const Config& config() const { return config_; }
    /// What it calls of the application passes it, and what its pool calls.
    [[nodiscard]] HookGate& gate() const { return gate_; }

private:
    [[nodiscard]] Expected<SessionPointer> open_with(const Password* password, const spi::Wait& wait) const;
    [[nodiscard]] Expected<SessionPointer> open_as(const Config& config, const spi::Wait& wait) const;

    const std::shared_ptr<spi::Provider> provider_;
    const Config config_;
    const spi::SessionContext context_;
    const PoolHooks hooks_;
    mutable HookGate gate_;
    const std::shared_ptr<CredentialDesk> credentials_;  // null: the configuration says all
};

}  // namespace pg::pool
