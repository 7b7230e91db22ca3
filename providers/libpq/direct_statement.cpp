// Writing the messages of a request.
#include "providers/libpq/direct_statement.hpp"

#include "providers/libpq/direct_result.hpp"

namespace pg::libpq::direct {
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
