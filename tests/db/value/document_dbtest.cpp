// uuid, json, jsonb, jsonpath, xml and bit strings against the server.
#include "pg/scalar_codecs.hpp"
#include "pg/types/bits.hpp"
#include "pg/types/json.hpp"
#include "pg/types/uuid.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;

TEST(DocumentTypes, ReadAndWriteUuids) {
    check<pg::Uuid>("uuid", {"00000000-0000-0000-0000-000000000000", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"});
    check<pg::Uuid>("uuid", session().column("select gen_random_uuid() from generate_series(1, 50)"));
}

TEST(DocumentTypes, ReadAndWriteJsonOfBothKinds) {
    const std::vector<std::string> documents = {R"({"a": 1, "a": [1, 2.50, null]})", "null", R"("a\"b\\cé漢")", "[]"};
    check<pg::Json>("json", documents);
    check<pg::Jsonb>("jsonb", documents);
    check<pg::Json>("jsonb", documents, {.send = false});
    check<std::string>("jsonb", documents, {.send = false});
}

TEST(DocumentTypes, ReadAndWriteJsonPaths) {
    const std::vector<std::string> paths = {"$", "strict $.a[*] ? (@ > 1)", R"($."a\"b")"};
    check<pg::JsonPath>("jsonpath", paths);
    check<std::string>("jsonpath", paths, {.send = false});
}

TEST(DocumentTypes, ReadAndWriteXmlWithAndWithoutADeclaration) {
    check<pg::Xml>("xml", {"<a>é</a>", "a<b/>c", R"(<?xml version="1.0" encoding="UTF-8"?><a/>)",
                           R"(<?xml version="1.1" standalone="yes"?><a/>)"});
}

TEST(DocumentTypes, ReadAndWriteBitStringsOfEveryLength) {
    check<pg::Bits>("varbit", {"", "0", "1", "10110", "11111111", "111111110", "0000000000000000"});
    check<pg::Bits>("bit(9)", {"101100111"});
    check<pg::Bits>("varbit", session().column("select substr((random() * 9e18)::bigint::bit(64)::text, 1, n)::varbit "
                                               "from generate_series(1, 64) n"));
    check<std::bitset<9>>("bit(9)", {"101100110", "000000000"});
    check<std::bitset<3>>("varbit(3)", {"110"});
}
