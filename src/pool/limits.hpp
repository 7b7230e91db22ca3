// Limits: what a pool keeps to, every option with its value. Internal to pool and assembly.
#pragma once

#include "pg/config.hpp"
#include "pg/pool/options.hpp"
#include "src/pool/asleep.hpp"
#include "src/spi/equipment.hpp"

namespace pg::pool {

/// `no_timeout` and the largest number stand for no bound. Value.
struct Limits {
    std::size_t max_size = 10;
    std::size_t min_size = 0;
    std::size_t min_idle = 0;
    std::size_t max_waiting = static_cast<std::size_t>(-1);
    std::size_t max_connecting = 2;
    std::size_t max_uses = static_cast<std::size_t>(-1);
    std::chrono::nanoseconds max_lifetime = std::chrono::minutes(30);
    std::chrono::nanoseconds idle_timeout = std::chrono::minutes(10);
    std::chrono::nanoseconds ping_after = std::chrono::seconds(1);
    std::chrono::nanoseconds keepalive = std::chrono::minutes(2);
    std::chrono::nanoseconds connect_timeout = std::chrono::seconds(15);
    bool refuse_early = false;
    bool adaptive = false;
    std::chrono::nanoseconds leak_threshold = no_timeout;
    std::chrono::nanoseconds reclaim_threshold = no_timeout;
    void (*on_leak)(void* context, const Loan& loan) noexcept = nullptr;
    void* leak_context = nullptr;
    std::chrono::nanoseconds (*time_asleep)() noexcept = &pool::time_asleep;  // a test says otherwise
    std::shared_ptr<PoolBudget::Impl> budget{};                               // null: none
    std::size_t budget_reserve = 0;
    PoolHooks hooks{};
    std::vector<PoolRule> rules{};
    std::shared_ptr<CredentialSource> credentials{};  // null: the configuration says all
    std::string servers{};                            // "host:port", as many as there are when the pool is made
    std::shared_ptr<spi::Equipment> equipment{};      // of new sessions; null: none. From the client, not the options
};

/// What is given explicitly, before what the string says. UsageError when one contradicts another. Reads the
/// environment and the service file, for the names of the servers.
[[nodiscard]] PGCLIENT_API Expected<Limits> limits_of(const Config& config, std::size_t max_size,
                                                      const PoolOptions& options);

}  // namespace pg::pool
