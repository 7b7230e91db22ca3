// Each stop of the tour shows one thing that the library does.
#include "tour.hpp"

#include <iostream>
#include <pg/batch.hpp>
#include <pg/types/array.hpp>
#include <pg/types/json.hpp>
#include <pg/types/range.hpp>

#include "atlas.hpp"

namespace demo {
namespace {

void stop(const char* title) { std::cout << "\n== " << title << '\n'; }

void one_row(pg::Client& db) {
    stop("query_one: one row as a struct, columns matched to field names");
    const auto country =
        db.query_one<Country>("select alpha_2, name, flag, numeric from country where alpha_2 = $1", "NZ");
    std::cout << country.flag << ' ' << country.name << " (" << country.numeric << ")\n";
}

void maybe_a_row(pg::Client& db) {
    stop("query_maybe: a row or none");
    const auto nowhere = db.query_maybe<std::string>("select name from country where alpha_2 = $1", "ZZ");
    std::cout << "ZZ is " << nowhere.value_or("no country") << '\n';
}

void many_rows(pg::Client& db) {
    stop("query_all: all rows as tuples");
    const auto largest = db.query_all<std::tuple<std::string, std::int64_t>>(
        "select c.name, count(*) from country c join subdivision s on s.country = c.alpha_2 "
        "group by c.name order by 2 desc, 1 limit $1",
        3);
    for (const auto& [name, count] : largest) std::cout << name << ": " << count << " subdivisions\n";
}

void streamed(pg::Client& db) {
    stop("stream: every row in constant memory, nothing copied");
    std::size_t rows = 0;
    std::size_t letters = 0;
    for (auto&& [name, code] : db.stream<std::string_view, std::string_view>("select name, alpha_3 from language")) {
        ++rows;
        letters += name.size();
        static_cast<void>(code);
    }
    std::cout << rows << " languages, " << letters << " bytes of names\n";
}

void dynamic(pg::Client& db) {
    stop("query: columns known only at run time");
    const pg::Result result =
        db.query(pg::runtime("select type, count(*) as n from subdivision group by 1 order by 2 desc limit 3"));
    for (const pg::Row& row : result)
        std::cout << row.get<std::string>("type") << ": " << row.get<std::int64_t>("n") << '\n';
}

void changed(pg::Client& db) {
    stop("exec: rows affected");
    std::cout << db.exec("update language set name = upper(name) where name like $1", "Esp%") << " rows updated\n";
}

void prepared(pg::Client& db) {
    stop("prepare: a statement as a function");
    const auto subdivisions_of = db.prepare<std::vector<std::string>(std::string)>(
        "select name from subdivision where country = $1 order by name limit 3");
    for (const char* country : {"FR", "JP"}) {
        std::cout << country << ':';
        for (const std::string& name : subdivisions_of(country)) std::cout << ' ' << name << ',';
        std::cout << " …\n";
    }
}

void batched(pg::Client& db) {
    stop("batch: several statements, one round trip");
    pg::Batch batch(db);
    const auto countries = batch.query_one<std::int64_t>("select count(*) from country");
    const auto first = batch.query_one<std::string>("select min(name) from language where name > $1", "M");
    batch.run();
    std::cout << countries.get() << " countries; the first language from M on is " << first.get() << '\n';
}

void in_a_transaction(pg::Client& db) {
    stop("transaction: all or nothing, run again on a conflict");
    const auto left = db.transaction({.isolation = pg::Isolation::serializable}, [](pg::Transaction& tx) {
        tx.exec("delete from subdivision where country = $1", "AQ");
        tx.exec("delete from country where alpha_2 = $1", "AQ");
        return tx.query_one<std::int64_t>("select count(*) from country");
    });
    std::cout << left << " countries without Antarctica\n";
}

void rich_types(pg::Client& db) {
    stop("types: an array, a jsonb and a range");
    const auto codes = db.query_one<std::vector<std::string>>(
        "select array_agg(alpha_2 order by alpha_2) from country where name like $1", "United%");
    std::cout << "array:";
    for (const std::string& code : codes) std::cout << ' ' << code;
    const auto document = db.query_one<pg::Jsonb>(
        "select jsonb_build_object('code', alpha_2, 'flag', flag) from country where alpha_2 = $1", "IS");
    std::cout << "\njsonb: " << document.text << '\n';
    const auto numbers =
        db.query_one<pg::Range<std::int32_t>>("select int4range(min(numeric), max(numeric), '[]') from country");
    std::cout << "range: [" << *numbers.lower << ", " << *numbers.upper << ")\n";
}

void failure(pg::Client& db) {
    stop("errors: what you get to see");
    try {
        db.exec("insert into country (alpha_2, name, flag, numeric) values ($1, $2, $3, $4)", "NZ", "again", "-", 1);
    } catch (const pg::UniqueViolation& error) {
        std::cout << "UniqueViolation of " << error.constraint() << ":\n  " << error.what() << '\n';
    }
    const auto misfit = db.try_query_all<Country>("select alpha_2, name, 1.5 as flag from country");
    std::cout << to_string(misfit.error().kind()) << " error:\n  " << misfit.error().what() << '\n';
}

}  // namespace

void tour(pg::Client& db) {
    one_row(db);
    maybe_a_row(db);
    many_rows(db);
    streamed(db);
    dynamic(db);
    changed(db);
    prepared(db);
    batched(db);
    in_a_transaction(db);
    rich_types(db);
    failure(db);
}

}  // namespace demo
