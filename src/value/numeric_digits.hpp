// The binary form of numeric: a header of four words, and digits to the base of 10,000.
#pragma once

#include <cstdint>
#include <string_view>

#include "pg/codec.hpp"

namespace pg::detail {

/// What the sign word of a numeric says.
namespace numeric_sign {
inline constexpr std::uint16_t positive = 0x0000;
inline constexpr std::uint16_t negative = 0x4000;
inline constexpr std::uint16_t nan = 0xC000;
inline constexpr std::uint16_t positive_infinity = 0xD000;
inline constexpr std::uint16_t negative_infinity = 0xF000;
}  // namespace numeric_sign

inline constexpr std::size_t numeric_header_size = 8;
inline constexpr std::uint16_t numeric_base = 10000;
inline constexpr std::uint16_t max_numeric_scale = 0x3fff;

/// The header, and the digits behind it, which are checked to be there and each to be below the base.
/// The first digit counts `10000^weight`s.
struct NumericView {
    std::int16_t weight = 0;
    std::uint16_t sign = numeric_sign::positive;
    std::uint16_t scale = 0;
    std::uint16_t count = 0;
    const char* digits = nullptr;

    [[nodiscard]] std::uint16_t digit(std::size_t index) const {
        return load_big_endian<std::uint16_t>(digits + 2 * index);
    }
};

[[nodiscard]] Fault read_numeric(std::string_view bytes, NumericView& out);
/// A numeric that is a whole number from 0 to 2^64 - 1.
[[nodiscard]] Fault read_whole_numeric(std::string_view bytes, std::uint64_t& out);
void write_whole_numeric(Writer& out, std::uint64_t value);
/// As numeric_out writes it.
void write_numeric_text(Writer& out, const NumericView& value);

}  // namespace pg::detail
