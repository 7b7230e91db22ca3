// Where PostgreSQL servers are looked for on this machine, and where the component keeps what it makes once.
#pragma once

#include <string>
#include <vector>

#include "pg/expected.hpp"

namespace pg::testing {

/// The environment variables that matter here, empty when unset, and whether the process is root. Value.
struct Environment {
    std::string postgres_folder = {};  ///< $PGCLIENT_POSTGRES_DIR
    std::string cache = {};            ///< $PGCLIENT_CACHE
    std::string xdg_cache = {};        ///< $XDG_CACHE_HOME
    std::string home = {};             ///< $HOME
    bool root = false;
};

Environment current_environment();

/// $PGCLIENT_CACHE; else /var/cache/pgclient for root, $XDG_CACHE_HOME/pgclient or ~/.cache/pgclient for others.
std::string cache_folder(const Environment& environment);

/// The folders that may hold the programs of `major`, the first choice first.
std::vector<std::string> candidate_folders(int major, const Environment& environment);

/// The first of them that holds `postgres` and `initdb`. Errors: usage, with all the places and what to install.
Expected<std::string> find_installation(int major, const Environment& environment);

std::vector<int> installed_majors(const Environment& environment);

}  // namespace pg::testing
