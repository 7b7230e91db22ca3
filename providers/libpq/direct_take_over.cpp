// Looking at what libpq made, and taking its socket.
#include "providers/libpq/direct_take_over.hpp"

#include <atomic>

#include "pg/error_rules.hpp"
#include "providers/libpq/connect_error.hpp"
#include "providers/libpq/direct_session.hpp"

namespace pg::libpq::direct {
namespace {

std::atomic<std::uint64_t> fallback_count{0};

/// Nothing was sent but a Sync: it is one more failure to connect, and told as those before it.
Error as_failure_to_connect(const Error& error, bool through_pooler) {
    const ErrorRuling ruling = rule_on({.sqlstate = error.sqlstate(),
                                        .severity = error.severity(),
                                        .message = error.message(),
                                        .phase = RequestPhase::connecting});
    ErrorFields fields = error.fields();
    if (!fields.sqlstate.empty() || fields.kind == ErrorKind::connection_lost || fields.kind == ErrorKind::server)
        fields.kind = ruling.kind;
    fields.outcome = ruling.outcome;
    fields.retry_scope = ruling.retry_scope;
    fields.connection_usable = false;
    if (through_pooler) heed_pooler(fields);
    fields.message.append(" (").append(to_string(ConnectPhase::take_over)).append(")");
    return Error(std::move(fields));
}

}  // namespace

const char* obstacle(PGconn* connection) noexcept {
    constexpr int protocol_major = 3;
    if (PQprotocolVersion(connection) != protocol_major) return "it does not speak protocol 3";
    if (PQgssEncInUse(connection) != 0) return "GSS encrypts it, and libpq gives no access to that";
    if (!tls_functions().in_shared_library) return "libpq is part of the executable";
    if (PQsslInUse(connection) == 0) return nullptr;
    if (PQsslStruct(connection, "OpenSSL") == nullptr) return "its TLS is not OpenSSL's";
    if (!tls_functions().complete()) return "the OpenSSL that libpq uses cannot be found";
    return nullptr;
}

Expected<std::unique_ptr<spi::Session>> take_over(Connected connected, const spi::SessionContext& context,
                                                  const spi::Wait& wait) {
    PGconn* const raw = connected.connection.get();
    // Whatever libpq holds already is said here; half a message cannot be seen, but breaks the framing that follows.
    static_cast<void>(PQisBusy(raw));
    while (const NotifyHandle message{PQnotifies(raw)}) continue;
    void* const tls = PQsslInUse(raw) != 0 ? PQsslStruct(raw, "OpenSSL") : nullptr;
    auto session =
        std::make_unique<DirectSession>(std::move(connected.connection), tls, std::move(connected.node), context);
    if (const auto error = session->take_over(wait)) return as_failure_to_connect(*error, connected.through_pooler);
    return std::unique_ptr<spi::Session>(std::move(session));
}

std::uint64_t fallbacks() noexcept { return fallback_count.load(std::memory_order_relaxed); }

void count_fallback() noexcept { fallback_count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace pg::libpq::direct
