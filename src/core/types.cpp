// Learning the types that only the database's own catalogue can explain: one query, once for a client as long as
// nothing is known to have altered them; for a COPY each time.
#include <algorithm>

#include "pg/types/array.hpp"
#include "pg/types/unsigned.hpp"
#include "src/core/context.hpp"

namespace pg::detail {
namespace {

// $1 are oids to start from; what they are made of (elements, bounds, base types, fields) comes along.
// PostgreSQL 12 and 13 have no multiranges, so the column that names them is asked for from 14 on.
constexpr std::string_view before_14 =
    "with recursive wanted(oid) as (select unnest($1::oid[]) union select part.oid from wanted join pg_type t "
    "on t.oid = wanted.oid cross join lateral (select t.typelem union all select t.typbasetype union all select "
    "t.typarray "
    "union all select rngsubtype from pg_range where rngtypid = t.oid union all select atttypid from pg_attribute "
    "where attrelid = t.typrelid and t.typtype = 'c' and attnum > 0 and not attisdropped) part(oid) where part.oid >= "
    "10000) "
    "select t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typcategory::text, t.typarray, "
    "coalesce((select rngsubtype from pg_range where rngtypid = t.oid), nullif(t.typbasetype, 0), t.typelem) as "
    "element, "
    "array(select attname::text from pg_attribute where attrelid = t.typrelid and t.typtype = 'c' and attnum > 0 "
    "and not attisdropped order by attnum) as names, "
    "array(select atttypid from pg_attribute where attrelid = t.typrelid and t.typtype = 'c' and attnum > 0 "
    "and not attisdropped order by attnum) as types, "
    "array(select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder) as labels "
    "from wanted join pg_type t on t.oid = wanted.oid join pg_namespace n on n.oid = t.typnamespace";

std::string query_for(int server_version) {
    std::string sql(before_14);
    if (server_version >= 140000) {
        // a multirange leads to its range's bounds just as the range does
        for (std::size_t at = 0; (at = sql.find("rngtypid = t.oid", at)) != std::string::npos;) {
            constexpr std::string_view either = "t.oid in (rngtypid, rngmultitypid)";
            sql.replace(at, std::string_view("rngtypid = t.oid").size(), either);
            at += either.size();
        }
    }
    return sql;
}

using TypeTuple = std::tuple<Oid, std::string, std::string, std::string, std::string, Oid, Oid,
                             std::vector<std::string>, std::vector<Oid>, std::vector<std::string>>;

TypeKind kind_of(const std::string& kind, const std::string& category) {
    switch (kind[0]) {
        case 'c': return TypeKind::composite;
        case 'd': return TypeKind::domain;
        case 'e': return TypeKind::enumeration;
        case 'r': return TypeKind::range;
        case 'm': return TypeKind::multirange;
        case 'p': return TypeKind::pseudo;
        default: return category == "A" ? TypeKind::array : TypeKind::base;  // a domain has the category of its type
    }
}

TypeInfo to_info(TypeTuple&& row) {
    auto& [oid, schema, name, kind, category, array, element, names, types, labels] = row;
    TypeInfo info{.oid = oid,
                  .schema = std::move(schema),
                  .name = std::move(name),
                  .kind = kind_of(kind, category),
                  .array = array,
                  .element = element,
                  .fields = {},
                  .labels = std::move(labels)};
    for (std::size_t i = 0; i < names.size(); ++i) info.fields.push_back({std::move(names[i]), types[i]});
    return info;
}

Expected<std::vector<TypeTuple>> ask(spi::Session& session, const std::vector<Oid>& oids, const spi::Wait& wait) {
    Params params;
    if (Fault fault = params.add(oids)) return encode_error("pg_type", 1, fault);
    const std::string sql = query_for(session.server_version());
    Expected<Result> result = session.run({.sql = sql, .statement = {}, .params = &params}, wait);
    if (!result) return std::move(result).error();
    AllRows<TypeTuple> learned(Extra::refuse);
    learned.conclude(*result);
    return learned.answer(sql);
}

/// What the transaction of a session has changed is nobody else's, nor its own when it is undone.
std::uint64_t era_of(const Borrowed& borrowed) {
    const auto* const statements = static_cast<const StatementCache*>(borrowed.slot->memory.get());
    const bool is_own = statements && statements->awaits_commit() &&
                        borrowed.session().transaction_status() != spi::TransactionStatus::idle;
    return is_own ? TypeCatalog::no_era : borrowed.context->types->era();
}

/// Whether what is known of a type stays true when others alter it, or only its name does not.
bool has_parts(const TypeCatalog& types, Oid oid) {
    const TypeInfo* const info = types.find(oid);
    return !info || (info->kind != TypeKind::base && info->kind != TypeKind::enumeration);
}

}  // namespace

Expected<void> learn_types(spi::Session& session, TypeCatalog& types, std::uint64_t era,
                           std::span<const Column> columns, const spi::Wait& wait) {
    std::vector<Oid> unknown;
    for (const Column& column : columns)
        if (TypeCatalog::is_user_defined(column.type.oid) && !types.is_current(column.type.oid))
            unknown.push_back(column.type.oid);
    if (unknown.empty()) return {};
    Expected<std::vector<TypeTuple>> rows = ask(session, unknown, wait);
    if (!rows) return std::move(rows).error();
    for (TypeTuple& row : *rows) types.add(to_info(std::move(row)), era);
    return {};
}

Expected<void> learn_types(const Borrowed& borrowed, std::span<const Column> columns) {
    return learn_types(borrowed.session(), *borrowed.context->types, era_of(borrowed), columns, borrowed.wait);
}

Expected<std::shared_ptr<const TypeCatalog>> types_as_of_now(const Borrowed& borrowed,
                                                             std::span<const Column> columns) {
    TypeCatalog& shared = *borrowed.context->types;
    std::vector<Oid> oids;
    bool is_to_ask = false;
    for (const Column& column : columns) {
        const Oid oid = column.type.oid;
        if (!TypeCatalog::is_user_defined(oid)) continue;
        oids.push_back(oid);
        is_to_ask |= !shared.is_current(oid) || has_parts(shared, oid);
    }
    if (!is_to_ask) return std::shared_ptr<const TypeCatalog>(borrowed.context->types);
    const std::uint64_t era = era_of(borrowed);
    Expected<std::vector<TypeTuple>> rows = ask(borrowed.session(), oids, borrowed.wait);
    if (!rows) return std::move(rows).error();
    auto own = std::make_shared<TypeCatalog>();
    for (TypeTuple& row : *rows) {
        TypeInfo info = to_info(std::move(row));
        own->add(info);
        shared.add(std::move(info), era);
    }
    return std::shared_ptr<const TypeCatalog>(std::move(own));
}

}  // namespace pg::detail
