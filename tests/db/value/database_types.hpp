// What the library asks of a database about its own types, asked here with libpq.
#pragma once

#include <cstdlib>
#include <string>

#include "pg/catalog.hpp"
#include "tests/db/value/type_check.hpp"

namespace type_check {

inline pg::Oid to_oid(const char* text) { return pg::Oid{static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10))}; }

/// Adds every type that the database has beyond those of PostgreSQL itself.
inline void load_types(pg::TypeCatalog& types) {
    const Answer rows = session().run(
        "select t.oid, n.nspname, t.typname, t.typtype, t.typarray, "
        "       coalesce(r.rngsubtype, m.rngsubtype, nullif(t.typbasetype, 0), t.typelem), t.typcategory "
        "from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_range r on r.rngtypid = t.oid "
        "left join pg_range m on m.rngmultitypid = t.oid where t.oid >= 10000");
    const auto text = [&](int row, int column) { return PQgetvalue(rows.get(), row, column); };
    for (int row = 0; row < PQntuples(rows.get()); ++row) {
        pg::TypeInfo info;
        info.oid = to_oid(text(row, 0));
        info.schema = text(row, 1);
        info.name = text(row, 2);
        info.array = to_oid(text(row, 4));
        info.element = to_oid(text(row, 5));
        const std::string oid = text(row, 0);
        switch (*text(row, 3)) {
            case 'c': info.kind = pg::TypeKind::composite; break;
            case 'd': info.kind = pg::TypeKind::domain; break;
            case 'e': info.kind = pg::TypeKind::enumeration; break;
            case 'r': info.kind = pg::TypeKind::range; break;
            case 'm': info.kind = pg::TypeKind::multirange; break;
            default: info.kind = *text(row, 6) == 'A' ? pg::TypeKind::array : pg::TypeKind::base; break;
        }
        if (info.kind == pg::TypeKind::composite) {
            const Answer fields = session().run(
                "select a.attname, a.atttypid from pg_attribute a join pg_type t on t.typrelid = a.attrelid where "
                "t.oid = " +
                oid + " and a.attnum > 0 and not a.attisdropped order by a.attnum");
            for (int i = 0; i < PQntuples(fields.get()); ++i)
                info.fields.push_back({PQgetvalue(fields.get(), i, 0), to_oid(PQgetvalue(fields.get(), i, 1))});
        }
        if (info.kind == pg::TypeKind::enumeration)
            info.labels =
                session().column("select enumlabel from pg_enum where enumtypid = " + oid + " order by enumsortorder");
        types.add(std::move(info));
    }
}

/// Runs the script that makes types, and returns what the database then says of them.
inline void make_types(pg::TypeCatalog& types, const std::string& script) {
    session().run(script);
    load_types(types);
}

}  // namespace type_check
