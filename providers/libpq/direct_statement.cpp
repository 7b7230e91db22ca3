// Writing the messages of a request.
#include "providers/libpq/direct_statement.hpp"

namespace pg::libpq::direct {

std::shared_ptr<const ResultStorage> described_columns(const spi::Request& request, Format format,
                                                       std::string_view body,
                                                       const std::shared_ptr<const TypeCatalog>& types) {
    if (request.prepare == nullptr) return make_columns(body, types);
    *request.prepare = make_columns(body, types, Format::binary);
    return format == Format::binary ? *request.prepare : make_columns(body, types);
}

const std::shared_ptr<const ResultStorage>& described_as_none(const spi::Request& request) {
    if (request.prepare != nullptr) *request.prepare = no_columns();
    return no_columns();
}

void put_statement(DirectLink& link, const spi::Request& request, Format format, bool described, bool with_sync) {
    wire::SendBuffer& out = link.out();
    const Params* const params = request.params;
    const std::size_t count = params != nullptr ? params->size() : 0;
    link.close_forgotten();
    if (request.statement.empty() || request.prepare != nullptr) {
        std::vector<std::uint32_t> types;
        types.reserve(count);
        for (std::size_t i = 0; i < count; ++i) types.push_back(static_cast<std::uint32_t>((*params)[i].type));
        wire::put_parse(out, request.statement, request.sql, types);
        link.sent(wire::Sent::parse);
    }
    const Params::Slot* slot = params != nullptr ? params->begin() : nullptr;
    const auto next = [&](std::size_t) {
        const Params::Slot& at = *slot++;
        return wire::Argument{params->data(at), at.length, static_cast<std::int16_t>(at.format)};
    };
    const auto one = static_cast<std::int16_t>(format);
    wire::put_bind(out, request.statement, count, params != nullptr ? params->bytes() : 0, next, std::span(&one, 1),
                   wire::messages_behind_bind(!described, with_sync));
    if (described) return link.sent_execution(with_sync);
    link.sent(wire::Sent::bind);
    link.sent(wire::Sent::describe_portal);
    link.sent(wire::Sent::execute);
    if (with_sync) link.sent(wire::Sent::sync);
}

}  // namespace pg::libpq::direct
