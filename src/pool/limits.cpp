// The options of a pool, from wherever they are said.
#include "src/pool/limits.hpp"

#include <limits>
#include <utility>

#include "pg/error.hpp"
#include "src/base/config_surroundings.hpp"

namespace pg::pool {
namespace {

void take(std::size_t& limit, std::size_t given, const Config& config, std::string_view keyword) {
    if (given != 0)
        limit = given;
    else if (const auto said = config.number(keyword))
        limit = *said;
}

void take(std::chrono::nanoseconds& limit, std::chrono::nanoseconds given, const Config& config,
          std::string_view keyword) {
    limit = given.count() != 0 ? given : config.duration(keyword).value_or(limit);
}

std::string name(const Host& host) {
    if (!host.host.empty()) return host.host;
    return host.hostaddr.empty() ? config::default_socket_directory() : host.hostaddr;
}

/// The first of the durations that is below zero; empty when none is.
std::string_view negative_duration(const PoolOptions& options) {
    const std::pair<std::string_view, std::chrono::nanoseconds> durations[] = {
        {"max_lifetime", options.max_lifetime},
        {"idle_timeout", options.idle_timeout},
        {"ping_after", options.ping_after},
        {"keepalive", options.keepalive},
        {"connect_timeout", options.connect_timeout},
        {"leak_threshold", options.leak_threshold},
        {"reclaim_threshold", options.reclaim_threshold}};
    for (const auto& [name, duration] : durations)
        if (duration.count() < 0) return name;
    return {};
}

/// Nothing of a configuration that makes no sense, which is refused where it is used.
std::string servers(const Config& config) {
    constexpr int any_libpq = std::numeric_limits<int>::max();  // where it is too old, too, that is refused there
    const Expected<Config> resolved = config.resolved(any_libpq);
    if (!resolved) return {};
    std::string names;
    if (const auto hosts = resolved->hosts())
        for (const Host& host : *hosts)
            names += (names.empty() ? "" : ",") + name(host) + ":" + std::to_string(host.port);
    return names;
}

}  // namespace

Expected<Limits> limits_of(const Config& config, std::size_t max_size, const PoolOptions& options) {
    if (const std::string_view negative = negative_duration(options); !negative.empty())
        return Error({.kind = ErrorKind::usage,
                      .message = "PoolOptions::" + std::string(negative) +
                                 " is below zero: say a time, or zero for the "
                                 "usual one"});
    Limits limits;
    limits.servers = servers(config);
    take(limits.max_size, max_size, config, "pool_max_size");
    take(limits.min_size, options.min_size, config, "pool_min_size");
    take(limits.min_idle, options.min_idle, config, "pool_min_idle");
    take(limits.max_waiting, options.max_waiting, config, "pool_max_waiting");
    take(limits.max_connecting, options.max_connecting, config, "pool_max_connecting");
    take(limits.max_uses, options.max_uses, config, "pool_max_uses");
    take(limits.max_lifetime, options.max_lifetime, config, "pool_max_lifetime");
    take(limits.idle_timeout, options.idle_timeout, config, "pool_idle_timeout");
    take(limits.ping_after, options.ping_after, config, "pool_ping_after");
    take(limits.keepalive, options.keepalive, config, "pool_keepalive");
    take(limits.connect_timeout, options.connect_timeout, config, "pool_connect_timeout");
    limits.refuse_early = options.refuse_early || config.get("pool_refuse_early") == "on";
    limits.adaptive = options.adaptive || config.get("pool_adaptive") == "on";
    take(limits.leak_threshold, options.leak_threshold, config, "pool_leak_threshold");
    take(limits.reclaim_threshold, options.reclaim_threshold, config, "pool_reclaim_threshold");
    limits.on_leak = options.on_leak;
    limits.leak_context = options.leak_context;
    if (options.budget != nullptr) limits.budget = options.budget->impl();
    limits.budget_reserve = options.budget_reserve;
    if (options.hooks != nullptr) limits.hooks = *options.hooks;
    if (options.rules != nullptr) limits.rules = *options.rules;
    if (options.credentials != nullptr) limits.credentials = *options.credentials;
    if (limits.min_size > limits.max_size || limits.min_idle > limits.max_size)
        return Error({.kind = ErrorKind::usage,
                      .message = "pool_min_size is " + std::to_string(limits.min_size) + " and pool_min_idle " +
                                 std::to_string(limits.min_idle) + ": neither may be more than pool_max_size, " +
                                 std::to_string(limits.max_size)});
    return limits;
}

}  // namespace pg::pool
