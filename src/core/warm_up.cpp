// Preparing statements on a session that nobody has used yet.
#include "src/core/warm_up.hpp"

namespace pg::detail {
namespace {

Error refused(std::string_view sql, std::string why) {
    ErrorFields fields{.kind = ErrorKind::usage, .message = "PoolOptions::prepare: " + std::move(why)};
    fields.sql = sql;
    return Error(std::move(fields));
}

Error cannot_be_prepared(std::string_view sql, const Error& error) {
    ErrorFields fields = error.fields();
    fields.sql = sql;
    const std::string text = fields.sql.substr(0, spi::Holder::longest_text);
    fields.message = "PoolOptions::prepare: `" + text + "` cannot be prepared: " + fields.message;
    return Error(std::move(fields));
}

}  // namespace

WarmUp::WarmUp(const Context& context) : types_(context.types), limits_(context.statements), tally_(context.tally) {}

Expected<void> WarmUp::add(std::string_view sql, std::shared_ptr<const Params> arguments) {
    if (limits_.entries == 0) return {};  // no session prepares anything
    Known known{.statement = Statement(sql), .arguments = std::move(arguments), .types = {}};
    if (auto text = check_text({.sql = sql, .arguments = known.arguments->size()}); !text)
        return std::move(text).error();
    if (known.statement.controls_transaction) return refused(sql, "what begins or ends a transaction is not prepared");
    if (known.statement.has_no_name)
        return refused(sql, "what is not about rows, or makes or drops something, goes without a name");
    if (sql.size() > limits_.statement_bytes)
        return refused(sql, "a text of more than " + std::to_string(limits_.statement_bytes) + " bytes is not kept");
    bytes_ += StatementCache::size_of(sql);
    if (statements_.size() == limits_.entries || bytes_ > limits_.bytes)
        return refused(sql, "a session keeps no more than " + std::to_string(limits_.entries) +
                                " statements (statement_cache_size), and " + std::to_string(limits_.bytes) +
                                " bytes of them");
    known.types.reserve(known.arguments->size());
    for (const Params::Slot& argument : *known.arguments) known.types.push_back(argument.type);
    statements_.push_back(std::move(known));
    return {};
}

/// All that can be prepared are; the error is that of the first that could not.
Expected<void> WarmUp::do_equip(spi::SessionSlot& slot, const spi::Wait& wait) noexcept {
    Expected<void> outcome;
    if (statements_.empty()) return outcome;
    auto cache = std::make_unique<StatementCache>(limits_, tally_);
    cache->keep_up(*slot.session);
    slot.memory = std::move(cache);
    for (const Known& known : statements_) {
        auto prepared = prepare(known, slot, wait);
        if (!prepared && outcome) outcome = cannot_be_prepared(known.statement.sql, prepared.error());
        if (!slot.session->usable()) break;
    }
    return outcome;
}

Expected<void> WarmUp::prepare(const Known& known, spi::SessionSlot& slot, const spi::Wait& wait) const {
    auto& cache = static_cast<StatementCache&>(*slot.memory);
    spi::Session& session = *slot.session;
    spi::Request request{.sql = known.statement.sql, .params = known.arguments.get()};
    NamedStatement* const statement = cache.prepare_ahead(request, known.statement.hash, session);
    if (statement == nullptr) return {};  // it was said twice
    auto described = session.prepare(request.statement, request.sql, known.types, wait);
    if (described) *request.prepare = std::move(described->names);
    cache.conclude(*statement, request, described ? nullptr : &described.error(), session);
    if (!described) return std::move(described).error();
    return learn_types(session, *types_, types_->era(), described->columns, wait);
}

}  // namespace pg::detail
