// Where something stands in a text, as a server counts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace pg {

/// Characters, not bytes, from 1: every byte of UTF-8 counts that does not continue a character.
[[nodiscard]] inline std::uint32_t position_of(std::string_view text, std::size_t offset) {
    const auto before = text.substr(0, offset);
    const auto begins_character = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
    return static_cast<std::uint32_t>(std::count_if(before.begin(), before.end(), begins_character) + 1);
}

}  // namespace pg
