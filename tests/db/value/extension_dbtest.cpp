// Types of the extensions that PostgreSQL ships: hstore, ltree, cube and citext.
#include "pg/types/array.hpp"
#include "pg/types/extension.hpp"
#include "tests/db/value/database_types.hpp"

using type_check::check;

namespace {

const pg::TypeCatalog& catalogue() {
    static pg::TypeCatalog types;
    static const bool made = [] {
        type_check::make_types(types,
                               "create extension hstore; create extension ltree; create extension cube; create "
                               "extension citext");
        return true;
    }();
    static_cast<void>(made);
    return types;
}
type_check::Options with_types() { return {.types = &catalogue()}; }

TEST(ExtensionTypes, ReadAndWriteHstore) {
    check<pg::Hstore>("hstore",
                      {"", "a=>1", R"("a b"=>NULL, c=>"NULL")", R"(""=>"", "q\"\\"=>"=>,")",
                       "\xc3\xa9=>\xf0\x9f\x98\x80", "a=>1, bb=>2, ccc=>3"},
                      with_types());
    check<std::vector<pg::Hstore>>("hstore[]", {R"({"\"a\"=>\"1\"",""})"}, with_types());
}

TEST(ExtensionTypes, ReadAndWriteTheLtreeFamily) {
    check<pg::LTree>("ltree", {"", "top", "top.science.astronomy"}, with_types());
    check<pg::LQuery>("lquery", {"*.science.*", "a.!b|c.*{2,3}"}, with_types());
    check<pg::LTxtQuery>("ltxtquery", {"science & !astro*"}, with_types());
    check<std::vector<pg::LTree>>("ltree[]", {"{a.b,c}"}, with_types());
    check<std::string>("ltree", {"top.science"}, {.types = &catalogue(), .send = false});
}

TEST(ExtensionTypes, ReadAndWriteCubes) {
    check<pg::Cube>("cube", {"(1, 2)", "(1.5, 2),(3, -4e100)", "()", "(0.1)", "(1),(1)"}, with_types());
    check<std::vector<pg::Cube>>("cube[]", {R"x({"(1, 2)","(1),(2)"})x"}, with_types());
}

TEST(ExtensionTypes, ReadAndWriteCitextAsAString) {
    check<std::string>("citext", {"Ab \"c\"", ""}, with_types());
    check<std::vector<std::string>>("citext[]", {R"({"A b",c})"}, {.types = &catalogue(), .send = false});
}

}  // namespace
