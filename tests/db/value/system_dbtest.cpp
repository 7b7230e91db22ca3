// The server's own bookkeeping, money, the types that have only a text form, and the tags, against the server.
#include "pg/params.hpp"
#include "pg/types/system.hpp"
#include "pg/types/tags.hpp"
#include "pg/types/unsigned.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;

TEST(SystemTypes, ReadAndWriteTransactionsAndCommands) {
    check<pg::Xid>("xid", {"0", "3", "4294967295"});
    check<pg::Cid>("cid", {"0", "4294967295"});
    check<pg::Xid8>("xid8", {"0", "18446744073709551615"});
}

TEST(SystemTypes, ReadAndWritePlaces) {
    check<pg::Tid>("tid", {"(0,0)", "(0,1)", "(4294967295,65535)"});
    check<pg::Lsn>("pg_lsn", {"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF", "0/10", "10/0"});
}

TEST(SystemTypes, ReadAndWriteMoneyInBinary) {
    check<pg::Money>("money", {"0", "12.34", "-92233720368547758.08"}, {.text = false});
}

TEST(SystemTypes, ReadAndWriteSnapshots) {
    for (const char* type : {"pg_snapshot", "txid_snapshot"})
        check<pg::Snapshot>(type, {"1:1:", "10:20:10,14,15", "10:9223372036854775807:11"});
    check<pg::Snapshot>("pg_snapshot", session().column("select pg_current_snapshot()"));
}

TEST(SystemTypes, ReadVoid) {
    for (const pg::Format format : {pg::Format::text, pg::Format::binary}) {
        const auto answer = session().ask("select pg_sleep($1)", {pg::Oid{}, pg::Format::text, "0"}, format);
        EXPECT_EQ(type_check::decoded<pg::None>({answer, format, nullptr}), pg::None{});
    }
}

TEST(SystemTypes, ReadTypesWithoutABinaryFormAsText) {
    check<std::string>("aclitem", {"postgres=r/postgres"}, {.binary = false});
}

TEST(SystemTypes, ReadEveryRegTypeInBinaryAsItsOid) {
    for (const char* type : {"regproc", "regprocedure", "regoper", "regoperator", "regclass", "regtype", "regrole",
                             "regnamespace", "regconfig", "regdictionary", "regcollation"})
        check<pg::Oid>(type, {"0", "12345678"}, {.text = false});
}

namespace t = pg::types;

// Every tag has the oids that pg_type has under its name.
template <class Tag>
void expect_in_catalogue() {
    const auto found = session().column(
        "select concat(oid, ' ', typarray) from pg_type where typnamespace = "
        "'pg_catalog'::regnamespace and typname = '" +
        std::string(Tag::id.name) + "'");
    ASSERT_EQ(found.size(), 1u) << Tag::id.name;
    EXPECT_EQ(found[0], std::to_string(static_cast<std::uint32_t>(Tag::id.oid)) + " " +
                            std::to_string(static_cast<std::uint32_t>(Tag::id.array)))
        << Tag::id.name;
}
template <class... Tags>
void expect_all_in_catalogue() {
    (expect_in_catalogue<Tags>(), ...);
}

TEST(TypeTags, HaveTheOidsOfTheCatalogue) {
    expect_all_in_catalogue<
        t::bool_, t::bytea, t::char_, t::name, t::int8, t::int2, t::int2vector, t::int4, t::regproc, t::text, t::oid,
        t::tid, t::xid, t::cid, t::oidvector, t::json, t::xml, t::pg_node_tree, t::point, t::lseg, t::path, t::box,
        t::polygon, t::line, t::cidr, t::float4, t::float8, t::unknown, t::circle, t::macaddr8, t::money, t::macaddr,
        t::inet, t::aclitem, t::bpchar, t::varchar, t::date, t::time, t::timestamp, t::timestamptz, t::interval,
        t::timetz, t::bit, t::varbit, t::numeric, t::refcursor, t::regprocedure, t::regoper, t::regoperator,
        t::regclass, t::regtype, t::record, t::cstring, t::void_, t::uuid, t::txid_snapshot, t::pg_lsn, t::pg_ndistinct,
        t::pg_dependencies, t::tsvector, t::tsquery, t::gtsvector, t::regconfig, t::regdictionary, t::jsonb,
        t::int4range, t::numrange, t::tsrange, t::tstzrange, t::daterange, t::int8range, t::jsonpath, t::regnamespace,
        t::regrole, t::regcollation, t::int4multirange, t::nummultirange, t::tsmultirange, t::tstzmultirange,
        t::datemultirange, t::int8multirange, t::pg_mcv_list, t::pg_snapshot, t::xid8>();
}

TEST(TypeTags, ForceTheTypeOfAnArgument) {
    pg::Params params;
    ASSERT_FALSE(params.add(pg::as<pg::types::jsonb>(R"({"a": 1})")));
    ASSERT_FALSE(params.add(pg::as<pg::types::array<pg::types::int4>>(std::string("{1,2}"))));
    ASSERT_FALSE(params.add(pg::as<pg::types::date>(std::optional<std::string>())));
    const char* expected[] = {"jsonb", "integer[]", "date"};
    for (std::size_t i = 0; i < params.size(); ++i) {
        const pg::Params::Slot& slot = params[i];
        const char* data = params.data(slot);
        const auto answer = session().ask(
            "select pg_typeof($1)",
            {slot.type, slot.format,
             data == nullptr ? std::string("2000-01-01") : std::string(data, static_cast<std::size_t>(slot.length))},
            pg::Format::text);
        EXPECT_STREQ(PQgetvalue(answer.get(), 0, 0), expected[i]);
    }
}
