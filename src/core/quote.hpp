// Names inside a statement: quoted, so that they mean themselves. Internal to core.
#pragma once

#include <string>
#include <string_view>

namespace pg::detail {

[[nodiscard]] inline std::string quote_name(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

}  // namespace pg::detail
