// pg::connect: a connection string, a provider and a pool become a client.
#include <algorithm>
#include <cstdlib>
#include <thread>

#include "pg/client.hpp"
#include "pg/config.hpp"
#include "pg/spi/registry.hpp"
#include "providers/libpq/provider.hpp"
#if defined(PGCLIENT_HAS_ASYNC)
#include "providers/async/provider.hpp"
#endif
#include "src/core/client_impl.hpp"
#include "src/core/hooks.hpp"
#include "src/core/warm_up.hpp"
#include "src/pool/make_pool.hpp"

namespace pg {
namespace {

constexpr std::chrono::seconds default_timeout{30};

#if defined(PGCLIENT_HAS_ASYNC)
/// Half of the processors do the waiting for the other half.
std::size_t reactors() { return std::max(1U, std::thread::hardware_concurrency() / 2); }
#endif

spi::Registry& default_registry() {
    static spi::Registry registry = [] {
        const char* path = std::getenv("PGCLIENT_PROVIDER_PATH");
        return spi::Registry(path ? path : "");
    }();
    static const bool filled = [] {
        // Into an empty registry: nothing is refused.
        static_cast<void>(registry.add(libpq::make_libpq_provider()));
#if defined(PGCLIENT_HAS_ASYNC)
        static_cast<void>(registry.add(async::make_async_provider(libpq::make_libpq_provider(), reactors())));
#endif
        return true;
    }();
    static_cast<void>(filled);
    return registry;
}

Expected<std::shared_ptr<spi::Provider>> provider_for(std::string_view name, const Options& options) {
    spi::Registry& registry = options.registry ? *options.registry : default_registry();
    if (!options.event_loop) return registry.find(name);
#if defined(PGCLIENT_HAS_ASYNC)
    if (name == "async") return async::make_async_provider(libpq::make_libpq_provider(), *options.event_loop);
#endif
    return Error({.kind = ErrorKind::usage,
                  .message = "Options::event_loop is for provider=async, not for provider=" + std::string(name)});
}

/// The string's settings with those that were given explicitly over them.
Expected<Config> configure(std::string_view conninfo, const Options& options) {
    Expected<Config> config = Config::parse(conninfo);
    if (!config) return config;
    if (!options.provider.empty())
        if (auto set = config->set("provider", options.provider); !set) return std::move(set).error();
    if (!options.engine.empty())
        if (auto set = config->set("engine", options.engine); !set) return std::move(set).error();
    if (auto valid = config->validate(); !valid) return std::move(valid).error();
    return config;
}

std::chrono::nanoseconds first_of(std::chrono::nanoseconds given, std::optional<std::chrono::nanoseconds> configured,
                                  std::chrono::nanoseconds otherwise) {
    return given.count() != 0 ? given : configured.value_or(otherwise);
}

}  // namespace

Expected<Client> try_open(std::string_view conninfo, const Options& options) {
    Expected<Config> config = configure(conninfo, options);
    if (!config) return std::move(config).error();
    auto provider = provider_for(config->provider().value_or("libpq"), options);
    if (!provider) return std::move(provider).error();

    auto limits = pool::limits_of(*config, options.pool_max_size, options.pool ? *options.pool : PoolOptions());
    if (!limits) return limits.error();

    auto context = std::make_shared<detail::Context>();
    context->timeout = first_of(options.timeout, config->duration("timeout"), default_timeout);
    context->acquire_timeout =
        first_of(options.pool_acquire_timeout, config->duration("pool_acquire_timeout"), no_timeout);
    context->limit_margin = config->duration("statement_timeout_margin");
    const std::string_view pooler = config->pooler().value_or("none");
    context->keeps_session_state = pooler != "transaction";
    if (pooler == "transaction") context->statements.entries = 0;  // unless it is said to know them
    if (const auto size = config->number("statement_cache_size")) context->statements.entries = *size;
    if (options.statement_cache_size != as_configured) context->statements.entries = options.statement_cache_size;
    context->sends_ahead = !config->has_pooler();
    context->hooks = detail::make_hooks(options.observers, options.interceptors);
    if (options.pool && options.pool->prepare) {
        auto warm_up = std::make_shared<detail::WarmUp>(*context);
        for (const PoolStatement& statement : *options.pool->prepare)
            if (auto added = warm_up->add(statement.sql, statement.arguments); !added) return std::move(added).error();
        limits->equipment = std::move(warm_up);
    }
    spi::SessionContext sessions{context->types,
                                 detail::notices_for(context->hooks, options.notices ? *options.notices : nullptr),
                                 context->hooks ? context->hooks->observer : nullptr};
    auto pool = pool::make_pool(*std::move(provider), *std::move(config), std::move(sessions), *limits);
    context->pool = pool.get();
    context->source = std::move(pool);
    return Client(std::make_shared<Client::Impl>(Client::Impl{std::move(context)}));
}

Expected<Client> try_connect(std::string_view conninfo, const Options& options) {
    Expected<Client> client = try_open(conninfo, options);
    if (!client) return client;
    if (auto opened = detail::ExecutorAccess::borrow(*client, nullptr); !opened) return std::move(opened).error();
    return client;
}

Client connect(std::string_view conninfo, const Options& options) { return try_connect(conninfo, options).value(); }
Client open(std::string_view conninfo, const Options& options) { return try_open(conninfo, options).value(); }

}  // namespace pg
