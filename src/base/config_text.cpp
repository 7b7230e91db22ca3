// Config: how it is written down again, for logs and for libpq.
#include <algorithm>
#include <string.h>  // explicit_bzero

#include "pg/config.hpp"
#include "src/base/config_keywords.hpp"

namespace pg {
namespace {

constexpr std::string_view mask = "***";

void append_pair(std::string& text, std::string_view keyword, std::string_view value) {
    if (!text.empty()) text += ' ';
    text.append(keyword).append("=");
    // Some locales have blanks behind ASCII, and libpq asks the locale.
    const auto is_bare = [](char c) { return c > ' ' && c <= '~' && c != '\'' && c != '\\'; };
    if (!value.empty() && std::all_of(value.begin(), value.end(), is_bare)) {
        text.append(value);
        return;
    }
    text += '\'';
    for (const char c : value) {
        if (c == '\'' || c == '\\') text += '\\';
        text += c;
    }
    text += '\'';
}

}  // namespace

std::string Config::to_string() const {
    std::string text;
    for (const Entry& entry : entries_) {
        const config::Keyword& keyword = config::keywords()[entry.keyword];
        append_pair(text, keyword.name, keyword.secret ? mask : entry.value.reveal());
    }
    return text;
}

std::vector<Setting> Config::for_libpq() const& {
    std::vector<Setting> settings;
    for (const Entry& entry : entries_) {
        const config::Keyword& keyword = config::keywords()[entry.keyword];
        if (keyword.owner == config::Owner::libpq) settings.push_back({keyword.name, entry.value.reveal()});
    }
    return settings;
}

Secret Config::conninfo() const {
    const std::vector<Setting> settings = for_libpq();
    std::size_t most = 2048;  // a block of which malloc keeps none back
    for (const Setting& setting : settings) most += setting.keyword.size() + 2 * setting.value.size() + 4;
    std::string text;
    text.reserve(most);  // growing, it would leave copies behind
    for (const Setting& setting : settings) append_pair(text, setting.keyword, setting.value);
    Secret secret(text);
    explicit_bzero(text.data(), text.size());
    return secret;
}

}  // namespace pg
