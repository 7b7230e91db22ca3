// Config: completed from the service file, the environment, defaults and the password file, in libpq's order.
#include <utility>

#include "pg/config.hpp"
#include "src/base/config_keywords.hpp"
#include "src/base/config_passfile.hpp"
#include "src/base/config_service.hpp"
#include "src/base/config_surroundings.hpp"

namespace pg {
namespace {

std::uint8_t place_of(std::string_view name) { return config::place_of(*config::find_keyword(name)); }

bool empty(const std::optional<std::string_view>& value) { return value.value_or("").empty(); }

/// libpq's name for a host in its password file.
std::string password_file_host(const Host& host) {
    const std::string& name = host.host.empty() ? host.hostaddr : host.host;
    return name.empty() || name == config::default_socket_directory() ? "localhost" : name;
}

}  // namespace

Expected<Config> Config::resolved(int version) const {
    if (auto checked = check_libpq(version); !checked) return std::move(checked).error();
    Config config = *this;
    if (auto added = config.add_service(version); !added) return std::move(added).error();
    config.add_environment(version);
    config.add_defaults(version);
    return config;
}

Expected<void> Config::add_service(int version) {
    // Before the rest of the environment: what a service says counts for more than that.
    std::optional<std::string> service = config::environment("PGSERVICE");
    if (const auto named = get("service")) service = *named;
    if (!service) return {};
    auto settings = config::find_service(*service, version);
    if (!settings) return std::move(settings).error();
    for (const config::ServiceSetting& setting : *settings)
        if (!get(setting.keyword->name)) store(config::place_of(*setting.keyword), setting.value.reveal());
    return {};
}

void Config::add_environment(int version) {
    for (const config::Keyword& keyword : config::keywords()) {
        if (keyword.environment == nullptr || keyword.since > version / 10000 || get(keyword.name)) continue;
        if (const auto value = config::environment(keyword.environment)) store(config::place_of(keyword), *value);
    }
    // Of libpq's oldest versions; it still obeys a "1".
    if (!get("sslmode") && config::environment("PGREQUIRESSL").value_or("").starts_with('1'))
        store(place_of("sslmode"), "require");
}

void Config::add_defaults(int version) {
    if (!get("port")) store(place_of("port"), "5432");
    if (empty(get("user"))) {
        const std::string user = config::user_name();
        if (!user.empty()) store(place_of("user"), user);
    }
    if (empty(get("dbname")) && !empty(get("user"))) store(place_of("dbname"), *get("user"));
    const std::string home = config::home_directory(version);
    if (empty(get("password")) && empty(get("passfile")) && !home.empty())
        store(place_of("passfile"), home + "/.pgpass");
}

PasswordAnswer Config::password_for(const Host& host) const {
    if (const auto password = get("password"); !empty(password)) return {.password = Secret(*password), .ignored = {}};
    const std::string path(get("passfile").value_or(""));
    if (path.empty() || empty(get("dbname")) || empty(get("user"))) return {};
    const auto file = config::read_file(path);
    if (!file) return {};
    if (!file->regular)
        return {.password = {}, .ignored = "password file " + path + " is ignored: it is no plain file"};
    if (file->open_to_others) {
        return {.password = {},
                .ignored = "password file " + path + " is ignored: group or others may use it; chmod 0600 it"};
    }
    const std::string name = password_file_host(host);
    const std::string port = std::to_string(host.port);
    auto found = config::find_password(file->content.reveal(),
                                       {.host = name, .port = port, .dbname = *get("dbname"), .user = *get("user")});
    return {.password = found ? *std::move(found) : Secret(), .ignored = {}};
}

}  // namespace pg
