// Types: arrays, ranges, jsonb, dates; your own enums and composites.
#include <pg/client.hpp>
#include <pg/types/array.hpp>
#include <pg/types/composite.hpp>
#include <pg/types/datetime.hpp>
#include <pg/types/enumeration.hpp>
#include <pg/types/json.hpp>
#include <pg/types/range.hpp>

#include "example.hpp"

// [own]
enum class Mood { sad, ok, happy };

struct Address {
    std::string street;
    std::int32_t number;
};

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr pg::TypeId type{{}, {}, "mood"};
};
template <>
struct pg::Codec<Address> : pg::CompositeCodec<Address> {
    static constexpr pg::TypeId type{{}, {}, "address"};
};
// [own]

int main(int argc, char** argv) {
    pg::Client db = pg::connect(example::conninfo(argc, argv));
    db.run_script(
        "create type mood as enum ('sad', 'ok', 'happy');"
        "create type address as (street text, number int)");

    // [built_in]
    auto numbers = db.query_one<std::vector<std::int32_t>>("select array_agg(n) from generate_series(1, 3) n");
    auto found = db.query_one<bool>("select $1 = any($2)", 2, numbers);
    auto day = db.query_one<std::chrono::sys_days>("select date '2000-02-29'");
    auto document = db.query_one<pg::Jsonb>("select jsonb_build_object('a', 1)");
    auto hours = db.query_one<pg::Range<std::int32_t>>("select int4range(8, 17)");
    // [built_in]
    example::check(
        found && day.time_since_epoch().count() == 11016 && document.text == R"({"a": 1})" && hours.lower == 8,
        "built-in types");

    // [own_use]
    auto mood = db.query_one<Mood>("select $1::mood", Mood::happy);
    auto home = db.query_one<Address>("select row('High Street', 7)::address");
    // [own_use]
    example::check(mood == Mood::happy && home.number == 7, "own types");
}
