// Loading the atlas: the server takes the JSON apart, typed rows come back, binary COPY stores them.
#include "atlas.hpp"

#include <fstream>
#include <iterator>
#include <pg/copy.hpp>
#include <stdexcept>

namespace demo {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path + "; install the package iso-codes");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string iso_codes(const std::string& list) { return read_file("/usr/share/iso-codes/json/iso_" + list + ".json"); }

}  // namespace

std::uint64_t load_atlas(pg::Executor& db) {
    db.run_script(
        "create table country (alpha_2 text primary key, name text not null, flag text not null, numeric int not null);"
        "create table subdivision (code text primary key, country text not null references country, name text not "
        "null, "
        "type text not null);"
        "create table language (alpha_3 text primary key, name text not null)");

    const auto countries = db.query_all<Country>(
        "select alpha_2, name, flag, \"numeric\" from jsonb_to_recordset($1::jsonb -> '3166-1') "
        "as c(alpha_2 text, name text, flag text, \"numeric\" int)",
        iso_codes("3166-1"));
    const auto subdivisions = db.query_all<Subdivision>(
        "select code, split_part(code, '-', 1) as country, name, type from jsonb_to_recordset($1::jsonb -> '3166-2') "
        "as s(code text, name text, type text)",
        iso_codes("3166-2"));
    const auto languages = db.query_all<Language>(
        "select alpha_3, name from jsonb_to_recordset($1::jsonb -> '639-3') as l(alpha_3 text, name text)",
        iso_codes("639-3"));

    std::uint64_t rows = 0;
    rows += pg::copy_rows(db, "country (alpha_2, name, flag, numeric)", countries);
    rows += pg::copy_rows(db, "subdivision (code, country, name, type)", subdivisions);
    rows += pg::copy_rows(db, "language (alpha_3, name)", languages);
    return rows;
}

}  // namespace demo
