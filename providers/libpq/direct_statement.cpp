// Checking requests and writing their messages.
#include "providers/libpq/direct_statement.hpp"

#include <limits>

#include "providers/libpq/direct_result.hpp"

namespace pg::libpq::direct {
namespace {

constexpr std::size_t most_arguments = std::numeric_limits<std::uint16_t>::max();

Error usage(const DirectLink& link, std::string message) {
    return link.error({.kind = ErrorKind::usage, .outcome = Outcome::not_sent, .message = std::move(message)});
}

}  // namespace

std::optional<Error> refusal(const DirectLink& link, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return usage(link, "the statement's text has a zero byte");
    if (text.size() > wire::most_in_message) return usage(link, "the statement's text has more than 1 GiB");
    return std::nullopt;
}

std::optional<Error> refusal(const DirectLink& link, const spi::Request& request) {
    if (request.params != nullptr && request.params->size() > most_arguments)
        return usage(link, "more than 65535 arguments: send them as an array, or by COPY");
    // The text of a prepared statement was looked at when it was prepared, and arguments keep within their own bound.
    return request.statement.empty() ? refusal(link, request.sql) : std::nullopt;
}

const std::shared_ptr<const ResultStorage>* known_columns(const spi::Request& request, Format format) {
    if (request.statement.empty() || request.description == nullptr || format != Format::binary) return nullptr;
    return *request.description ? request.description : &no_columns();
}

void put_statement(DirectLink& link, const spi::Request& request, Format format, bool described) {
    wire::SendBuffer& out = link.out();
    const std::size_t count = request.params != nullptr ? request.params->size() : 0;
    if (request.statement.empty()) {
        std::vector<std::uint32_t> types;
        types.reserve(count);
        for (std::size_t i = 0; i < count; ++i) types.push_back(static_cast<std::uint32_t>((*request.params)[i].type));
        wire::put_parse(out, {}, request.sql, types);
        link.sent(wire::Sent::parse);
    }
    const auto argument = [&](std::size_t i) {
        const Params::Slot& slot = (*request.params)[i];
        return wire::Argument{request.params->data(slot), slot.length, static_cast<std::int16_t>(slot.format)};
    };
    const auto one = static_cast<std::int16_t>(format);
    wire::put_bind(out, request.statement, count, argument, std::span(&one, 1));
    link.sent(wire::Sent::bind);
    if (!described) {
        wire::put_describe(out, wire::Named::portal, {});
        link.sent(wire::Sent::describe_portal);
    }
    wire::put_execute(out);
    link.sent(wire::Sent::execute);
}

}  // namespace pg::libpq::direct
