// Preparing a statement and describing it, in one flush.
#include "providers/libpq/conclude.hpp"
#include "providers/libpq/refusal.hpp"
#include "providers/libpq/result.hpp"
#include "providers/libpq/session.hpp"

namespace pg::libpq {
namespace {

std::vector<Oid> parameter_types(const PGresult* described) {
    std::vector<Oid> types;
    const int count = PQnparams(described);
    types.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) types.push_back(Oid{PQparamtype(described, i)});
    return types;
}

}  // namespace

Expected<spi::Description> LibpqSession::do_prepare(std::string_view name, std::string_view sql,
                                                    std::span<const Oid> types, const spi::Wait& wait) noexcept {
    if (auto error = link_.begin(sql, wait)) return *std::move(error);
    if (auto error = refusal(link_, name, sql, types)) return *std::move(error);
    Engine& engine = link_.engine();
    if (!engine.enter_pipeline()) return link_.refused();
    if (!engine.send_prepare(name, sql, types) || !engine.send_describe(name) || !engine.send_sync()) {
        Error error = link_.refused();
        // Half of the three messages may be queued.
        link_.close();
        return error;
    }

    ResultHandle description, report;
    while (engine.awaits_sync()) {
        Expected<ResultHandle> result = link_.next(wait);
        if (!result) return report ? link_.failed(report.get()) : std::move(result).error();
        if (!*result) continue;
        const ExecStatusType status = PQresultStatus(result->get());
        if (is_copy(status)) return link_.violated("a COPY, where a statement is prepared");
        if (status == PGRES_FATAL_ERROR && !report)
            report = *std::move(result);
        else if (status == PGRES_COMMAND_OK)  // so has the answer to the first message: the last one is the description
            description = *std::move(result);
    }
    if (PQexitPipelineMode(link_.connection()) == 0) link_.close();
    if (report) return link_.failed(report.get());
    if (!description) return give_up_on(link_, description.get(), wait);

    spi::Description described{.parameters = parameter_types(description.get()), .columns = {}, .names = {}};
    described.names = make_description(std::move(description), link_.types(), Format::binary);
    const std::span<const Column> columns = described.names->columns();
    described.columns.assign(columns.begin(), columns.end());
    return described;
}

}  // namespace pg::libpq
