// The bounds of the protocol, held to what a caller gives.
#include "providers/libpq/refusal.hpp"

#include "src/wire/client_messages.hpp"

namespace pg::libpq {
namespace {

Error usage(const Exchange& exchange, std::string message) {
    return exchange.error({.kind = ErrorKind::usage, .outcome = Outcome::not_sent, .message = std::move(message)});
}

}  // namespace

std::optional<Error> refusal(const Exchange& exchange, std::string_view text) {
    // The server would run what stands before it, which is something else than what was meant.
    if (text.find('\0') != std::string_view::npos) return usage(exchange, "the statement's text has a zero byte");
    if (text.size() > wire::most_in_message) return usage(exchange, "the statement's text has more than 1 GiB");
    return std::nullopt;
}

std::optional<Error> looked_for_refusal(const Exchange& exchange, const spi::Request& request) {
    if (request.params != nullptr && request.params->size() > most_arguments)
        return usage(exchange, "more than 65535 arguments: send them as an array, or by COPY");
    return request.statement.empty() || request.prepare != nullptr ? refusal(exchange, request.sql) : std::nullopt;
}

std::optional<Error> refusal_of_any(Exchange& exchange, std::span<spi::BatchItem* const> items) {
    for (const spi::BatchItem* item : items) {
        if (is_beyond_doubt(item->request)) [[likely]]
            continue;
        exchange.about(item->request.sql);
        if (auto error = looked_for_refusal(exchange, item->request)) return error;
    }
    return std::nullopt;
}

std::optional<Error> refusal(const Exchange& exchange, std::string_view name, std::string_view sql,
                             std::span<const Oid> types) {
    if (name.find('\0') != std::string_view::npos) return usage(exchange, "the statement's name has a zero byte");
    if (types.size() > most_arguments) return usage(exchange, "more than 65535 parameters");
    return refusal(exchange, sql);
}

}  // namespace pg::libpq
