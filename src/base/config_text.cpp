// Config: how it is written down again, for logs and for libpq.
#include <algorithm>

#include "pg/config.hpp"
#include "src/base/config_keywords.hpp"

namespace pg {
namespace {

constexpr std::string_view mask = "***";

void append_pair(std::string& text, std::string_view keyword, std::string_view value) {
    if (!text.empty()) text += ' ';
    text.append(keyword).append("=");
    const bool bare = !value.empty() && value.find_first_of(" \t\n\v\f\r'\\") == value.npos;
    if (bare) {
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
    std::string text;
    for (const Setting& setting : for_libpq()) append_pair(text, setting.keyword, setting.value);
    Secret secret(text);
    std::fill(text.begin(), text.end(), '\0');
    return secret;
}

}  // namespace pg
