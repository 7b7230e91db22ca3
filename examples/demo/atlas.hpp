// The data of the tour: countries, their subdivisions and languages, from Debian's iso-codes.
#pragma once

#include <pg/client.hpp>
#include <string>

namespace demo {

struct Country {
    std::string alpha_2;
    std::string name;
    std::string flag;
    std::int32_t numeric;
};

struct Subdivision {
    std::string code;
    std::string country;
    std::string name;
    std::string type;
};

struct Language {
    std::string alpha_3;
    std::string name;
};

/// Creates the tables in the current schema and fills them by binary COPY. The number of rows.
std::uint64_t load_atlas(pg::Executor& db);

}  // namespace demo
