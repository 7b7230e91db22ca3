// The tables of the benchmarks and the rows in them, generated alike by the server and here.
#include "bench/workload.hpp"

#include <stdexcept>

namespace bench {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::chrono::sys_days first_day{std::chrono::year{2020} / 1 / 1};

}  // namespace

std::string tables_sql(const Scale& scale) {
    return "set client_min_messages = warning;"
           "drop table if exists bench_rows, bench_inserts;"
           "drop type if exists bench_pair;"
           "create type bench_pair as (id int4, name text);"
           "create table bench_rows (id int4 primary key, big int8 not null, \"real\" float8 not null, "
           "  name text not null, made timestamptz not null, flag bool not null, maybe int4);"
           "create unlogged table bench_inserts (id int4, big int8, \"real\" float8, name text, made timestamptz, "
           "  flag bool, maybe int4);"
           "insert into bench_rows select n, n::int8 * 1000003, n * 0.5, rpad('row ' || n, 20, '.'), "
           "  timestamptz '2020-01-01 00:00:00+00' + n * interval '1 second', n % 2 = 0, "
           "  case when n % 3 <> 0 then n end from generate_series(1, " +
           std::to_string(scale.rows) +
           ") n;"
           "analyze bench_rows;";
}

Record record(std::int32_t id) {
    std::string name = "row " + std::to_string(id);
    name.resize(20, '.');
    return {.id = id,
            .big = std::int64_t{id} * 1000003,
            .real = id * 0.5,
            .name = std::move(name),
            .made = first_day + microseconds(seconds(id)),
            .flag = id % 2 == 0,
            .maybe = id % 3 != 0 ? std::optional(id) : std::nullopt};
}

std::vector<Record> records(std::int32_t count) {
    std::vector<Record> all;
    all.reserve(static_cast<std::size_t>(count));
    for (std::int32_t id = 1; id <= count; ++id) all.push_back(record(id));
    return all;
}

std::uint64_t digest(std::uint64_t rows, const Record& last) {
    std::uint64_t hash = rows;
    const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15; };
    mix(static_cast<std::uint64_t>(last.id));
    mix(static_cast<std::uint64_t>(last.big));
    mix(static_cast<std::uint64_t>(last.real * 2));
    mix(std::hash<std::string>{}(last.name));
    mix(static_cast<std::uint64_t>(last.made.time_since_epoch().count()));
    mix(last.flag ? 1 : 0);
    mix(last.maybe ? static_cast<std::uint64_t>(*last.maybe) : 0);
    return hash;
}

void fail(std::string_view doing, std::string_view message) {
    throw std::runtime_error(std::string(doing) + ": " + std::string(message));
}

}  // namespace bench
