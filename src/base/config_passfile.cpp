// How a line of the password file is matched.
#include "src/base/config_passfile.hpp"

#include <string.h>  // explicit_bzero
#include <string>

#include "src/base/config_lines.hpp"

namespace pg::config {
namespace {

/// What follows the first field of `line`, if that field is `*` or `wanted`.
std::optional<std::string_view> after_field(std::string_view line, std::string_view wanted) {
    if (line.starts_with("*:")) return line.substr(2);
    std::size_t matched = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == ':' && matched == wanted.size()) return line.substr(i + 1);
        if (line[i] == '\\') ++i;
        if (matched == wanted.size() || i == line.size() || line[i] != wanted[matched]) return std::nullopt;
        ++matched;
    }
    return std::nullopt;
}

/// The last field, up to a colon that no backslash takes.
Secret read_password(std::string_view field) {
    std::string password;
    password.reserve(field.size());
    for (std::size_t i = 0; i < field.size() && field[i] != ':'; ++i) {
        if (field[i] == '\\' && i + 1 < field.size()) ++i;
        password += field[i];
    }
    Secret secret(password);
    explicit_bzero(password.data(), password.size());
    return secret;
}

}  // namespace

std::optional<Secret> find_password(std::string_view text, const PasswordKey& key) {
    Lines lines(text);
    while (auto line = lines.next()) {
        while (line->ends_with('\r')) line->remove_suffix(1);
        if (line->starts_with('#')) continue;
        for (const std::string_view wanted : {key.host, key.port, key.dbname, key.user}) {
            line = after_field(*line, wanted);
            if (!line) break;
        }
        if (line) return read_password(*line);
    }
    return std::nullopt;
}

}  // namespace pg::config
