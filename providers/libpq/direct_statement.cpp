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

bool take_rows(DirectLink& link, RowCollector& collector, RowSink* sink, std::string_view first) {
    if (sink) {
        collector.pass(first);
        link.rows([&](std::string_view body) { return collector.pass(body), true; });
        return collector.give(*sink);
    }
    bool well_formed = collector.add(first, link.chunk());
    if (well_formed) link.rows([&](std::string_view body) { return well_formed = collector.add(body, link.chunk()); });
    return well_formed;
}

namespace {

const Params no_arguments;

[[gnu::noinline]] void put_parse(DirectLink& link, const spi::Request& request, const Params& params) {
    std::vector<std::uint32_t> types;
    types.reserve(params.size());
    for (const Params::Slot& slot : params) types.push_back(static_cast<std::uint32_t>(slot.type));
    wire::put_parse(link.out(), request.statement, request.sql, types);
    link.sent(wire::Sent::parse);
}

}  // namespace

void put_statement(DirectLink& link, const spi::Request& request, Format format, bool described, bool with_sync) {
    const Params& params = request.params ? *request.params : no_arguments;
    link.close_forgotten();
    if (request.statement.empty() || request.prepare != nullptr) [[unlikely]]
        put_parse(link, request, params);
    const auto one = static_cast<std::int16_t>(format);
    wire::put_bind(
        link.out(), request.statement, params.size(),
        [slots = params.begin()](std::size_t i) { return slots[i].format; }, params.values(), std::span(&one, 1),
        wire::messages_behind_bind(!described, with_sync));
    if (described) return link.sent_execution(with_sync);
    link.sent(wire::Sent::bind);
    link.sent(wire::Sent::describe_portal);
    link.sent(wire::Sent::execute);
    if (with_sync) link.sent(wire::Sent::sync);
}

}  // namespace pg::libpq::direct
