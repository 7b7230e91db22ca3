// How service files are found and read.
#include "src/base/config_service.hpp"

#include <optional>
#include <string>
#include <utility>

#include "src/base/config_error.hpp"
#include "src/base/config_lines.hpp"
#include "src/base/config_surroundings.hpp"

namespace pg::config {
namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";
// What fits libpq's buffer for a line, besides the line feed.
constexpr std::size_t longest_line = 1021;

using Settings = std::vector<ServiceSetting>;

/// Reads one file for one service. What is not in its group is not looked at.
class ServiceFile {
public:
    ServiceFile(std::string path, std::string_view service, int version)
        : path_(std::move(path)), header_(std::string("[").append(service).append("]")), version_(version) {}

    /// Nothing when the file has no such group.
    Expected<std::optional<Settings>> read(std::string_view text) {
        std::optional<Settings> settings;
        Lines lines(text);
        while (auto raw = lines.next()) {
            number_ = lines.number();
            if (raw->size() > longest_line) return problem("is longer than libpq reads");
            const std::string_view line = trim(*raw);
            if (line.empty() || line.front() == '#') continue;
            if (line.front() == '[') {
                if (settings) return settings;
                if (line.starts_with(header_)) settings.emplace();
            } else if (settings) {
                auto setting = read_setting(line);
                if (!setting) return std::move(setting).error();
                settings->push_back(*std::move(setting));
            }
        }
        return settings;
    }

private:
    static std::string_view trim(std::string_view line) {
        const std::size_t first = line.find_first_not_of(blanks);
        return first == line.npos ? "" : line.substr(first, line.find_last_not_of(blanks) - first + 1);
    }

    [[nodiscard]] Expected<ServiceSetting> read_setting(std::string_view line) const {
        if (line.starts_with("ldap")) return problem("asks an LDAP server, which is not supported");
        const std::size_t sign = line.find('=');
        if (sign == line.npos) return problem("has no `=`");
        const std::string_view name = line.substr(0, sign);
        if (name == "service") return problem("names another service, which libpq does not allow");
        const Keyword* keyword = find_keyword(name);
        if (keyword == nullptr) return problem("has an unknown keyword");
        if (keyword->owner != Owner::libpq)
            return problem(quoted(keyword) + " is no keyword of libpq, which reads this file as well");
        if (keyword->since > version_ / 10000)
            return problem(quoted(keyword) + " needs libpq " + std::to_string(keyword->since));
        return ServiceSetting{keyword, Secret(line.substr(sign + 1))};
    }

    static std::string quoted(const Keyword* keyword) { return ": `" + std::string(keyword->name) + "`"; }

    [[nodiscard]] Error problem(const std::string& what) const {
        const bool names = what.starts_with(':');
        return usage_error("service file " + path_ + ", line " + std::to_string(number_) + (names ? "" : " ") + what);
    }

    std::string path_;
    std::string header_;
    int version_;
    std::size_t number_ = 0;
};

}  // namespace

Expected<std::vector<ServiceSetting>> find_service(std::string_view service, int version) {
    const auto named = environment("PGSERVICEFILE");
    const std::string own = named ? *named : home_directory(version) + "/.pg_service.conf";
    const std::string system = system_configuration_directory() + "/pg_service.conf";

    for (const std::string& path : {own, system}) {
        const auto file = read_file(path);
        if (!file) {
            if (named && path == own)
                return usage_error("service file " + path + " cannot be read; check PGSERVICEFILE");
            continue;
        }
        auto settings = ServiceFile(path, service, version).read(file->content.reveal());
        if (!settings) return std::move(settings).error();
        if (*settings) return **std::move(settings);
    }
    return usage_error("service `" + std::string(service) + "` is in neither " + own + " nor " + system);
}

}  // namespace pg::config
