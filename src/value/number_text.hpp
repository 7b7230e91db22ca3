// Numbers as the server writes them: shared by the codecs of scalars and of types made of numbers.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <system_error>

#include "pg/codec.hpp"

namespace pg::detail {

/// The whole of `text` as an integer in decimal; false when it is none, or does not fit `T`.
template <class T>
[[nodiscard]] bool parse_integer(std::string_view text, T& out) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out);
    return error == std::errc{} && stop == end;
}

/// The whole of `text` as float4out or float8out writes it; false when it is no such number.
template <class T>
[[nodiscard]] bool parse_float(std::string_view text, T& out) {
    if (text == "NaN") {
        out = std::numeric_limits<T>::quiet_NaN();
        return true;
    }
    const bool negative = text.starts_with('-');
    const std::string_view digits = text.substr(negative ? 1 : 0);
    if (digits == "Infinity") {
        out = negative ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
        return true;
    }
    // from_chars also takes "inf" and "nan(...)", which the server does not write.
    if (digits.empty() || digits[0] > '9') return false;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out);
    return error == std::errc{} && stop == end;
}

template <class T>
void write_integer(Writer& out, T value) {
    constexpr std::size_t room = 20;
    char* to = out.claim(room);
    const char* end = std::to_chars(to, to + room, value).ptr;
    out.truncate(out.size() - static_cast<std::size_t>(to + room - end));
}

/// The shortest text that reads back as the same number, with an exponent where the server writes one. Of an integer
/// too large for its mantissa the server may write more digits: it avoids a text halfway to the next number.
template <class T>
void write_float(Writer& out, T value) {
    if (std::isnan(value)) return out.put("NaN");
    if (std::isinf(value)) return out.put(value < 0 ? "-Infinity" : "Infinity");
    char text[32];
    const char* end = std::to_chars(text, std::end(text), value, std::chars_format::scientific).ptr;
    const char* exponent = std::find<const char*>(text, end, 'e') + 1;
    int power = 0;
    std::from_chars(*exponent == '+' ? exponent + 1 : exponent, end, power);
    if (power >= -4 && power < std::numeric_limits<T>::digits10)
        end = std::to_chars(text, std::end(text), value, std::chars_format::fixed).ptr;
    out.put(std::string_view(text, static_cast<std::size_t>(end - text)));
}

}  // namespace pg::detail
