// Tenancy: the tenant of a client becomes a setting of each of its transactions.
#include "pg/tenancy.hpp"

#include "src/core/client_impl.hpp"
#include "src/core/hooks.hpp"

namespace pg {

Client for_tenant(const Client& client, std::string_view tenant) {
    const detail::Context& all = *client.impl()->context;
    auto hooks = all.hooks ? std::make_shared<detail::Hooks>(*all.hooks) : std::make_shared<detail::Hooks>();
    hooks->tenant = tenant;
    auto context = std::make_shared<detail::Context>();
    context->source = all.source;
    context->pool = all.pool;
    context->types = all.types;
    context->timeout = all.timeout;
    context->acquire_timeout = all.acquire_timeout;
    context->limit_margin = all.limit_margin;
    context->keeps_session_state = all.keeps_session_state;
    context->sends_ahead = all.sends_ahead;
    context->statements = all.statements;
    context->birthplace = all.birthplace;
    context->tally = all.tally;
    context->retyped = all.retyped;
    context->closed.store(all.closed.load(std::memory_order_acquire), std::memory_order_release);
    context->hooks = std::move(hooks);
    return Client(std::make_shared<Client::Impl>(Client::Impl{std::move(context)}));
}

Expected<std::optional<Result>> Tenancy::do_before(spi::InterceptedRequest& request) noexcept {
    if (!request.tenant.empty()) {
        if (!request.is_in_batch) request.settings.push_back({setting_, std::string(request.tenant)});
        return std::optional<Result>();
    }
    ErrorFields fields{.kind = ErrorKind::usage};
    fields.message = "the request has no tenant for " + setting_ + ": make it with pg::for_tenant(client, tenant)";
    fields.sql = request.sql;
    return Error(std::move(fields));
}

}  // namespace pg
