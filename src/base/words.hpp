// Words of a statement, whose ASCII letters are the same in upper and lower case, as a server reads them.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace pg::words {

[[nodiscard]] constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Part of a word; what is not ASCII is.
[[nodiscard]] constexpr bool is_part(char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// Whether a text is that word, which is in lower case.
[[nodiscard]] constexpr bool is(std::string_view text, std::string_view word) {
    return std::equal(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) { return lower(a) == b; });
}

/// Whether it has one of these in it, which are in lower case, be it in a longer word.
[[nodiscard]] constexpr bool mentions(std::string_view text, std::initializer_list<std::string_view> all) {
    return std::any_of(all.begin(), all.end(), [&](std::string_view word) {
        return std::search(text.begin(), text.end(), word.begin(), word.end(),
                           [](char a, char b) { return lower(a) == b; }) != text.end();
    });
}

}  // namespace pg::words
