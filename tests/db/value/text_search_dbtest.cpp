// tsvector and tsquery against the server.
#include "pg/types/text_search.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;

TEST(TextSearchTypes, ReadAndWriteDocuments) {
    check<pg::TsVector>("tsvector",
                        {"", "a", "fat:2 rat:3A,5 cat:1B,16383C", R"('it''s' 'back\\slash' 'sp ace':1D)", "é:1 漢:2"});
    check<pg::TsVector>("tsvector", session().column("select to_tsvector('english', 'The quick brown foxes jumped over "
                                                     "the lazy dogs, and the dogs did not mind it at all')"));
}

TEST(TextSearchTypes, ReadAndWriteQueries) {
    check<pg::TsQuery>("tsquery", {"a", "a:*", "a:ABCD", "a:*AD", "!a", "!!a", "!(a & b)", "a & b & c", "a | b & c",
                                   "(a | b) & c", "a <-> b <-> c", "a <-> (b <-> c)", "a <7> b", "a <0> b", "!a <-> !b",
                                   "!(a <-> b) | c & (d | e) & !f", R"('it''s' & 'back\\slash')",
                                   "((a & b) | (c & d)) <-> e", "a & (b | (c & (d | e)))"});
}

TEST(TextSearchTypes, SendTheEmptyQueryAsText) {
    for (const pg::Format format : {pg::Format::text, pg::Format::binary}) {
        const auto answer = session().ask("select $1::tsquery", {pg::Oid{}, pg::Format::text, ""}, format);
        const auto query = type_check::decoded<pg::TsQuery>({answer, format, nullptr});
        EXPECT_EQ(query, pg::TsQuery());
        type_check::expect_sent_as("tsquery", query, pg::Oid{3615}, "", {.binary = false});
    }
}

TEST(TextSearchTypes, WriteQueriesThatTheServerNestedToTheRight) {
    const auto answer = session().ask("select 'a'::tsquery && ('b'::tsquery && $1::tsquery)",
                                      {pg::Oid{}, pg::Format::text, "c"}, pg::Format::binary);
    const auto query = type_check::decoded<pg::TsQuery>({answer, pg::Format::binary, nullptr});
    EXPECT_EQ(query.to_string(), "'a' & 'b' & 'c'");
    EXPECT_NE(query, pg::TsQuery::parse("'a' & 'b' & 'c'").value());
    type_check::expect_sent_as("tsquery", query, pg::Oid{3615}, "'a' & 'b' & 'c'", {});
}
