// Tenancy: every request is made on behalf of somebody, and the server is told of whom.
#pragma once

#include <string>

#include "pg/client.hpp"
#include "pg/spi/interceptor.hpp"

namespace pg {

/// The same sessions, on behalf of `tenant`: whatever is made from this client, its transactions, batches, streams,
/// COPYs, connections and awaited calls, has that tenant. The value is copied. Cheap enough for every request of a
/// service. To close it closes all.
[[nodiscard]] PGCLIENT_API Client for_tenant(const Client& client, std::string_view tenant);

/// An interceptor that sets `setting` to the tenant of a request, for the transaction of the request only, so that
/// policies of row security can read it with `current_setting(…)`. A statement, stream, COPY or script outside a
/// transaction is one by itself. A request without a tenant is a UsageError; nothing of it is sent. Thread-safe.
///
/// What cannot run in a transaction (VACUUM, CREATE DATABASE) is for another client.
class PGCLIENT_API Tenancy final : public spi::Interceptor {
public:
    /// The name of the setting; one of an application's own has a dot in it.
    explicit Tenancy(std::string_view setting = "app.tenant") : setting_(setting) {}

private:
    Expected<std::optional<Result>> do_before(spi::InterceptedRequest& request) noexcept override;

    const std::string setting_;
};

}  // namespace pg
