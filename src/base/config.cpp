// Config: how a connection string becomes settings, and what is asked of them.
#include "pg/config.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "src/base/config_assignment.hpp"
#include "src/base/config_duration.hpp"
#include "src/base/config_error.hpp"
#include "src/base/config_keywords.hpp"

namespace pg {
namespace {

using config::Keyword;
using config::Owner;

std::string advice(std::string_view name, bool may_show) {
    if (!may_show) return "a password that holds blanks needs quotes, and in a URI its `@`, `/` and `?` need encoding";
    const std::string_view meant = config::nearest_keyword(name);
    return meant.empty() ? std::string() : std::string("did you mean `").append(meant).append("`?");
}

/// libpq still takes this keyword of its oldest versions, for what became sslmode.
void translate_requiressl(config::Assignment& assignment) {
    if (assignment.keyword != "requiressl") return;
    assignment.keyword = "sslmode";
    assignment.value = Secret(assignment.value.reveal().starts_with('1') ? "require" : "prefer");
}

/// What it is asked for has that form.
bool is_ours(std::string_view keyword, config::Form form) {
    const Keyword* known = config::find_keyword(keyword);
    return known != nullptr && known->owner == Owner::ours && known->form == form;
}

}  // namespace

Expected<Config> Config::parse(std::string_view conninfo) {
    if (const std::size_t nul = conninfo.find('\0'); nul != conninfo.npos)
        return config::conninfo_error(conninfo, nul, "a NUL character");
    auto assignments = config::is_uri(conninfo) ? config::split_uri(conninfo) : config::split_pairs(conninfo);
    if (!assignments) return std::move(assignments).error();

    Config parsed;
    for (config::Assignment& assignment : *assignments) {
        translate_requiressl(assignment);
        const std::string& name = assignment.keyword;
        const Keyword* keyword = config::find_keyword(name);
        if (!keyword)
            return config::conninfo_error(conninfo, assignment.keyword_at,
                                          "unknown keyword" + config::shown(name, assignment.may_show_keyword),
                                          advice(name, assignment.may_show_keyword));
        if (keyword->owner == Owner::ours) {
            const std::string wrong = config::complaint(*keyword, assignment.value.reveal());
            if (!wrong.empty()) return config::value_error(conninfo, assignment.value_at, wrong);
        }
        parsed.store(config::place_of(*keyword), assignment.value.reveal());
    }
    return parsed;
}

void Config::store(std::uint8_t keyword, std::string_view value) {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), keyword,
                                     [](const Entry& entry, std::uint8_t place) { return entry.keyword < place; });
    if (at != entries_.end() && at->keyword == keyword)
        at->value = Secret(value);
    else
        entries_.insert(at, {keyword, Secret(value)});
}

Expected<void> Config::set(std::string_view keyword, std::string_view value) {
    const Keyword* known = config::find_keyword(keyword);
    if (!known) {
        const std::string suggestion = advice(keyword, true);
        return config::usage_error("unknown keyword" + config::shown(keyword, true) +
                                   (suggestion.empty() ? "" : "; " + suggestion));
    }
    if (value.find('\0') != value.npos) return config::usage_error(std::string(keyword) + " holds a NUL character");
    if (known->owner == Owner::ours) {
        if (std::string wrong = config::complaint(*known, value); !wrong.empty())
            return config::usage_error(std::move(wrong));
    }
    store(config::place_of(*known), value);
    return {};
}

std::optional<std::string_view> Config::get(std::string_view keyword) const& {
    const Keyword* known = config::find_keyword(keyword);
    if (known == nullptr) return std::nullopt;
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.keyword == config::place_of(*known); });
    if (found == entries_.end()) return std::nullopt;
    return found->value.reveal();
}

std::optional<std::uint32_t> Config::number(std::string_view keyword) const {
    const auto text = get(keyword);
    if (!text || !is_ours(keyword, config::Form::integer)) return std::nullopt;
    return static_cast<std::uint32_t>(config::read_integer(*text).value());
}

std::optional<std::chrono::nanoseconds> Config::duration(std::string_view keyword) const {
    const auto text = get(keyword);
    if (!text || !is_ours(keyword, config::Form::duration)) return std::nullopt;
    return config::read_duration(*text).value;
}

}  // namespace pg
