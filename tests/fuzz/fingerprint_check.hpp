// What is so of every fingerprint: it is not longer than its text, and its own fingerprint.
#pragma once

#include <string>
#include <string_view>

#include "src/value/fingerprint.hpp"

namespace pg {

/// What is wrong with that of a text; empty: nothing.
inline std::string fingerprint_goes_wrong(std::string_view text) {
    const std::string made = fingerprint(text);
    const std::string again = fingerprint(made);
    if (made.size() <= text.size() && again == made) return {};
    return "`" + std::string(text) + "` gives `" + made + "`, which gives `" + again + "`";
}

}  // namespace pg
