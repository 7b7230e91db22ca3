// The table of keywords, and what their values may be.
#include "src/base/config_keywords.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <strings.h>  // strncasecmp
#include <vector>

#include "src/base/config_duration.hpp"
#include "src/base/nearest.hpp"

namespace pg::config {
namespace {

constexpr std::int64_t int_max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t int_min = std::numeric_limits<std::int32_t>::min();
// The server's own ceiling for max_connections.
constexpr std::int64_t most_connections = 262143;

constexpr std::string_view tls_versions = "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3";
constexpr std::string_view protocol_versions = "3.0 3.2 latest";

constexpr Keyword table[] = {
    {.name = "service", .environment = "PGSERVICE"},
    {.name = "user", .environment = "PGUSER"},
    {.name = "password", .environment = "PGPASSWORD", .secret = true},
    {.name = "passfile", .environment = "PGPASSFILE"},
    {.name = "channel_binding",
     .environment = "PGCHANNELBINDING",
     .form = Form::words,
     .words = "disable prefer require"},
    {.name = "connect_timeout",
     .environment = "PGCONNECT_TIMEOUT",
     .form = Form::integer,
     .low = int_min,
     .high = int_max},
    {.name = "dbname", .environment = "PGDATABASE"},
    {.name = "host", .environment = "PGHOST"},
    {.name = "hostaddr", .environment = "PGHOSTADDR"},
    {.name = "port", .environment = "PGPORT"},
    {.name = "client_encoding", .environment = "PGCLIENTENCODING"},
    {.name = "options", .environment = "PGOPTIONS"},
    {.name = "application_name", .environment = "PGAPPNAME"},
    {.name = "fallback_application_name"},
    {.name = "keepalives", .form = Form::integer, .low = int_min, .high = int_max},
    {.name = "keepalives_idle", .form = Form::integer, .low = int_min, .high = int_max},
    {.name = "keepalives_interval", .form = Form::integer, .low = int_min, .high = int_max},
    {.name = "keepalives_count", .form = Form::integer, .low = int_min, .high = int_max},
    {.name = "tcp_user_timeout", .form = Form::integer, .low = int_min, .high = int_max},
    {.name = "sslmode",
     .environment = "PGSSLMODE",
     .form = Form::words,
     .words = "disable allow prefer require verify-ca verify-full"},
    {.name = "sslnegotiation",
     .environment = "PGSSLNEGOTIATION",
     .since = 17,
     .form = Form::words,
     .words = "postgres direct"},
    {.name = "sslcompression", .environment = "PGSSLCOMPRESSION", .form = Form::words, .words = "0 1"},
    {.name = "sslcert", .environment = "PGSSLCERT"},
    {.name = "sslkey", .environment = "PGSSLKEY"},
    {.name = "sslcertmode",
     .environment = "PGSSLCERTMODE",
     .since = 16,
     .form = Form::words,
     .words = "disable allow require"},
    {.name = "sslpassword", .secret = true},
    {.name = "sslrootcert", .environment = "PGSSLROOTCERT"},
    {.name = "sslcrl", .environment = "PGSSLCRL"},
    {.name = "sslcrldir", .environment = "PGSSLCRLDIR"},
    {.name = "sslsni", .environment = "PGSSLSNI", .form = Form::words, .words = "0 1"},
    {.name = "requirepeer", .environment = "PGREQUIREPEER"},
    {.name = "require_auth", .environment = "PGREQUIREAUTH", .since = 16},
    {.name = "min_protocol_version",
     .environment = "PGMINPROTOCOLVERSION",
     .since = 18,
     .form = Form::words,
     .words = protocol_versions},
    {.name = "max_protocol_version",
     .environment = "PGMAXPROTOCOLVERSION",
     .since = 18,
     .form = Form::words,
     .words = protocol_versions},
    {.name = "ssl_min_protocol_version",
     .environment = "PGSSLMINPROTOCOLVERSION",
     .form = Form::versions,
     .words = tls_versions},
    {.name = "ssl_max_protocol_version",
     .environment = "PGSSLMAXPROTOCOLVERSION",
     .form = Form::versions,
     .words = tls_versions},
    {.name = "gssencmode", .environment = "PGGSSENCMODE", .form = Form::words, .words = "disable prefer require"},
    {.name = "krbsrvname", .environment = "PGKRBSRVNAME"},
    {.name = "gsslib", .environment = "PGGSSLIB"},
    {.name = "gssdelegation", .environment = "PGGSSDELEGATION", .since = 16, .form = Form::words, .words = "0 1"},
    {.name = "replication"},
    {.name = "target_session_attrs",
     .environment = "PGTARGETSESSIONATTRS",
     .form = Form::words,
     .words = "any read-write read-only primary standby prefer-standby"},
    {.name = "load_balance_hosts",
     .environment = "PGLOADBALANCEHOSTS",
     .since = 16,
     .form = Form::words,
     .words = "disable random"},
    {.name = "scram_client_key", .since = 18, .secret = true},
    {.name = "scram_server_key", .since = 18, .secret = true},
    {.name = "oauth_issuer", .since = 18},
    {.name = "oauth_client_id", .since = 18},
    {.name = "oauth_client_secret", .since = 18, .secret = true},
    {.name = "oauth_scope", .since = 18},
    {.name = "sslkeylogfile", .since = 18},

    {.name = "provider", .owner = Owner::ours},
    {.name = "engine", .owner = Owner::ours, .form = Form::words, .words = "auto direct libpq"},
    {.name = "pool_max_size", .owner = Owner::ours, .form = Form::integer, .low = 1, .high = most_connections},
    {.name = "pool_acquire_timeout", .owner = Owner::ours, .form = Form::duration},
    {.name = "pool_min_size", .owner = Owner::ours, .form = Form::integer, .low = 0, .high = most_connections},
    {.name = "pool_min_idle", .owner = Owner::ours, .form = Form::integer, .low = 0, .high = most_connections},
    {.name = "pool_max_waiting", .owner = Owner::ours, .form = Form::integer, .low = 1, .high = int_max},
    {.name = "pool_max_connecting", .owner = Owner::ours, .form = Form::integer, .low = 1, .high = most_connections},
    {.name = "pool_max_uses", .owner = Owner::ours, .form = Form::integer, .low = 1, .high = int_max},
    {.name = "pool_max_lifetime", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "pool_idle_timeout", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "pool_ping_after", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "pool_keepalive", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "pool_connect_timeout", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "pool_refuse_early", .owner = Owner::ours, .form = Form::words, .words = "off on"},
    {.name = "pool_adaptive", .owner = Owner::ours, .form = Form::words, .words = "off on"},
    {.name = "pool_leak_threshold", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "pool_reclaim_threshold", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "timeout", .owner = Owner::ours, .form = Form::duration, .low = 1},
    {.name = "statement_timeout_margin", .owner = Owner::ours, .form = Form::duration},
    {.name = "scram_max_iterations", .owner = Owner::ours, .form = Form::integer, .low = 1, .high = int_max},
    {.name = "statement_cache_size", .owner = Owner::ours, .form = Form::integer, .low = 0, .high = int_max},
    {.name = "pooler", .owner = Owner::ours, .form = Form::words, .words = "none session transaction"},
};

std::vector<std::string_view> split(std::string_view words) {
    std::vector<std::string_view> parts;
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        parts.push_back(words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return parts;
}

std::string join(const std::vector<std::string_view>& words) {
    std::string text;
    for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

/// A value with a sign in it may be the rest of the string, password and all, with something else than blanks in it.
std::string is(const Keyword& keyword, std::string_view value) {
    if (value.find('=') != value.npos)
        return std::string(keyword.name).append(" has a value with a `=` in it, where blanks separate keywords");
    return std::string(keyword.name).append(" is `").append(value).append("`");
}

bool same_but_for_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string complaint_about_word(const Keyword& keyword, std::string_view value) {
    const std::vector<std::string_view> words = split(keyword.words);
    const bool any_case = keyword.form == Form::versions;
    if (any_case && value.empty()) return {};
    const auto fits = [&](std::string_view word) { return any_case ? same_but_for_case(word, value) : word == value; };
    if (std::any_of(words.begin(), words.end(), fits)) return {};
    std::string text = is(keyword, value).append("; it takes ").append(join(words));
    const std::string_view meant = nearest(value, words);
    if (!meant.empty()) text.append("; did you mean `").append(meant).append("`?");
    return text;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == text.npos ? "" : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string complaint_about_integer(const Keyword& keyword, std::string_view value) {
    const auto number = read_integer(value);
    if (number && *number >= keyword.low && *number <= keyword.high) return {};
    return is(keyword, value)
        .append("; it takes a whole number from ")
        .append(std::to_string(keyword.low))
        .append(" to ")
        .append(std::to_string(keyword.high));
}

std::string complaint_about_duration(const Keyword& keyword, std::string_view value) {
    const Duration duration = read_duration(value);
    switch (duration.problem) {
        case DurationProblem::none: break;
        case DurationProblem::no_unit:
            return is(keyword, value)
                .append(", a number without a unit; write `")
                .append(value)
                .append("s` for seconds");
        case DurationProblem::malformed:
            return is(keyword, value)
                .append("; it takes a whole number and a unit, one of ns, us, ms, s, min, h: `30s`");
        case DurationProblem::too_long: return is(keyword, value).append(", which is more than the clock can count");
    }
    if (duration.value.count() < keyword.low) return is(keyword, value).append("; it must be longer than no time");
    return {};
}

}  // namespace

std::span<const Keyword> keywords() { return table; }

std::uint8_t place_of(const Keyword& keyword) { return static_cast<std::uint8_t>(&keyword - table); }

const Keyword* find_keyword(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(table), std::end(table), [&](const Keyword& k) { return k.name == name; });
    return found == std::end(table) ? nullptr : found;
}

std::string complaint(const Keyword& keyword, std::string_view value) {
    switch (keyword.form) {
        case Form::text: return {};
        case Form::words:
        case Form::versions: return complaint_about_word(keyword, value);
        case Form::integer: return complaint_about_integer(keyword, value);
        case Form::duration: return complaint_about_duration(keyword, value);
    }
    return {};
}

std::optional<std::int64_t> read_integer(std::string_view text) {
    std::string_view digits = trim(text);
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return number;
}

std::string_view nearest_keyword(std::string_view name) {
    std::vector<std::string_view> names;
    names.reserve(std::size(table));
    for (const Keyword& keyword : table) names.push_back(keyword.name);
    return nearest(name, names);
}

}  // namespace pg::config
