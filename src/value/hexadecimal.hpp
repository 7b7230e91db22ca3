// Bytes as pairs of hexadecimal digits.
#pragma once

#include <cstddef>
#include <span>

#include "pg/codec.hpp"

namespace pg::detail {

/// The value of a digit; -1 for a character that is none.
[[nodiscard]] constexpr int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/// The byte of the two digits at `digits`; false when they are none.
[[nodiscard]] constexpr bool hex_byte(const char* digits, std::byte& out) {
    const int high = hex_digit(digits[0]);
    const int low = hex_digit(digits[1]);
    if (high < 0 || low < 0) return false;
    out = static_cast<std::byte>(high * 16 + low);
    return true;
}

inline void write_hex(Writer& out, std::span<const std::byte> bytes) {
    constexpr char digits[] = "0123456789abcdef";
    char* to = out.claim(2 * bytes.size());
    for (const std::byte byte : bytes) {
        *to++ = digits[static_cast<unsigned>(byte) >> 4];
        *to++ = digits[static_cast<unsigned>(byte) & 15];
    }
}

}  // namespace pg::detail
