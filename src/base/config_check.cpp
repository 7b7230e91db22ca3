// Config: what can be said against its values, and the hosts that they name.
#include <algorithm>

#include "pg/config.hpp"
#include "src/base/config_error.hpp"
#include "src/base/config_keywords.hpp"

namespace pg {
namespace {

constexpr std::uint16_t default_port = 5432;

/// The parts between commas; none for an empty list.
std::vector<std::string_view> split_list(std::string_view list) {
    std::vector<std::string_view> parts;
    if (list.empty()) return parts;
    while (true) {
        const std::size_t comma = list.find(',');
        parts.push_back(list.substr(0, comma));
        if (comma == list.npos) return parts;
        list.remove_prefix(comma + 1);
    }
}

std::string disagreement(std::string_view what, std::size_t count, std::string_view other, std::size_t other_count) {
    return std::string(what)
        .append(" lists ")
        .append(std::to_string(count))
        .append(", but ")
        .append(other)
        .append(" lists ")
        .append(std::to_string(other_count))
        .append("; give one for each");
}

/// An empty port is the default one.
Expected<std::uint16_t> read_port(std::string_view text) {
    if (text.empty()) return default_port;
    const auto port = config::read_integer(text);
    if (port && *port >= 1 && *port <= 65535) return static_cast<std::uint16_t>(*port);
    // In a URI with a slash in its password it is the first half of that.
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool is_number =
        text.find_first_not_of("0123456789+- ") == text.npos && std::count_if(text.begin(), text.end(), is_digit) <= 5;
    return config::usage_error(
        is_number
            ? std::string("port is `").append(text).append("`; it takes a number from 1 to 65535")
            : "port is no number from 1 to 65535; in a URI, write `@`, `/` and `?` of a password as %40, %2F, %3F");
}

}  // namespace

Expected<std::vector<Host>> Config::hosts() const {
    const auto names = split_list(get("host").value_or(""));
    const auto addresses = split_list(get("hostaddr").value_or(""));
    const auto ports = split_list(get("port").value_or(""));
    if (!names.empty() && !addresses.empty() && names.size() != addresses.size())
        return config::usage_error(disagreement("host", names.size(), "hostaddr", addresses.size()));

    std::vector<Host> hosts(std::max({names.size(), addresses.size(), std::size_t{1}}));
    if (ports.size() > 1 && ports.size() != hosts.size())
        return config::usage_error(disagreement("port", ports.size(), "host", hosts.size()));

    for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (!names.empty()) hosts[i].host = names[i];
        // Not shown: a password may follow.
        if (!names.empty() && names[i].find_first_of(";=") != names[i].npos && !names[i].starts_with('/'))
            return config::usage_error("a host has `;` or `=` in its name; pairs stand with a blank between them");
        if (!names.empty() && names[i].find('@', 1) != names[i].npos && !names[i].starts_with('/'))
            return config::usage_error("a host has `@` in its name; in a URI, `@` in a password is written as %40");
        if (!addresses.empty()) hosts[i].hostaddr = addresses[i];
        if (ports.empty()) continue;
        auto port = read_port(ports[ports.size() == 1 ? 0 : i]);
        if (!port) return std::move(port).error();
        hosts[i].port = *port;
    }
    return hosts;
}

Expected<void> Config::validate() const {
    for (const Entry& entry : entries_) {
        std::string wrong = config::complaint(config::keywords()[entry.keyword], entry.value.reveal());
        if (!wrong.empty()) return config::usage_error(std::move(wrong));
    }
    if (auto named = hosts(); !named) return std::move(named).error();
    return {};
}

Expected<void> Config::check_libpq(int version) const {
    const int major = version / 10000;
    for (const Entry& entry : entries_) {
        const config::Keyword& keyword = config::keywords()[entry.keyword];
        if (keyword.since <= major) continue;
        return config::usage_error(std::string("keyword `")
                                       .append(keyword.name)
                                       .append("` needs libpq ")
                                       .append(std::to_string(keyword.since))
                                       .append(", but libpq ")
                                       .append(std::to_string(major))
                                       .append(" is in use"));
    }
    return {};
}

}  // namespace pg
