// Names inside a statement: quoted, so that they mean themselves. Internal to core.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/core/context.hpp"

namespace pg::detail {

[[nodiscard]] inline std::string quote_name(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

/// A server cuts a longer name off, with a notice, and hears another channel (NAMEDATALEN - 1).
constexpr std::size_t longest_channel = 63;

[[nodiscard]] inline std::optional<Error> refuse_channel(std::string_view name) {
    if (name.size() <= longest_channel) return std::nullopt;
    return usage_error("the name of a channel has 63 bytes at most, and this one has " + std::to_string(name.size()));
}

}  // namespace pg::detail
