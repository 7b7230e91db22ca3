// How the two parsers are compared: what is accepted, every value, and what is written down again.
#include "tests/fuzz/config_comparison.hpp"

#include <array>
#include <libpq-fe.h>
#include <memory>
#include <string_view>

#include "pg/config.hpp"

namespace pg {
namespace {

constexpr std::array<std::string_view, 9> ours = {
    "provider", "engine",  "pool_max_size",        "pool_acquire_timeout", "pool_min_size", "statement_cache_size",
    "pooler",   "timeout", "scram_max_iterations",
};

int hex_value(char c) {
    const std::size_t value = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
    return value == std::string_view::npos ? -1 : static_cast<int>(value % 16);
}

/// With every %xx decoded, wherever it stands.
std::string decoded(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool encoded =
            text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
        result += encoded ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
        if (encoded) i += 2;
    }
    return result;
}

/// Whether a word of ours stands where a keyword may: `connect_timeout` does not count.
bool has_word_of_ours(std::string_view text) {
    for (const std::string_view word : ours) {
        for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1))
            if (at == 0 || text[at - 1] != '_') return true;
    }
    return false;
}

/// libpq 18 trims blanks of a URI's parts and refuses those inside; we keep them, as all before it do.
bool is_read_differently_by_libpq_18(std::string_view conninfo) {
    return PQlibVersion() >= 180000 && conninfo.starts_with("postgres") && conninfo.find(' ') != conninfo.npos;
}

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

Options parse_with_libpq(const std::string& conninfo) {
    char* problem = nullptr;
    Options options(PQconninfoParse(conninfo.c_str(), &problem), PQconninfoFree);
    PQfreemem(problem);
    return options;
}

std::string words(std::optional<std::string_view> value) {
    return value ? "`" + std::string(*value) + "`" : std::string("not set");
}

std::string compare_values(const Config& config, const PQconninfoOption* options) {
    for (const auto* option = options; option->keyword != nullptr; ++option) {
        const auto value = config.get(option->keyword);
        const auto expected = option->val == nullptr ? std::nullopt : std::optional<std::string_view>(option->val);
        if (value != expected)
            return std::string(option->keyword) + " is " + words(value) + ", libpq says " + words(expected);
    }
    return {};
}

}  // namespace

std::string compare_with_libpq(const std::string& conninfo) {
    if (conninfo.find('\0') != conninfo.npos || has_word_of_ours(conninfo) || has_word_of_ours(decoded(conninfo)) ||
        is_read_differently_by_libpq_18(conninfo))
        return {};
    const Options options = parse_with_libpq(conninfo);
    const Expected<Config> config = Config::parse(conninfo);
    if (!config) return options ? std::string("refused what libpq takes: ") + config.error().what() : std::string();
    const auto known = config->check_libpq(PQlibVersion());
    if (!known)
        return options ? std::string("called too new what libpq takes: ") + known.error().what() : std::string();
    if (!options) return "took what libpq refuses: " + config->to_string();

    if (std::string difference = compare_values(*config, options.get()); !difference.empty()) return difference;

    const Secret written = config->conninfo();
    const std::string again(written.reveal());
    const Options reread = parse_with_libpq(again);
    if (!reread) return "libpq refuses what was written down again";
    if (std::string difference = compare_values(*config, reread.get()); !difference.empty())
        return "written down again: " + difference;
    return {};
}

}  // namespace pg
