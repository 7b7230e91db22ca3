// Codecs of the everyday types: bool, signed and floating numbers, and text. All others are in pg/types.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "pg/codec.hpp"

namespace pg {
namespace detail {

// Text forms and the less usual wire types, out of line.
PGCLIENT_API Fault decode_integer(const Cell& cell, const WireType& type, std::int64_t low, std::int64_t high,
                                  std::int64_t& out);
PGCLIENT_API Fault decode_float(const Cell& cell, const WireType& type, double& out);
PGCLIENT_API Fault decode_float(const Cell& cell, const WireType& type, float& out);
PGCLIENT_API Fault decode_bool_text(const Cell& cell, bool& out);
PGCLIENT_API Fault decode_text(const Cell& cell, const WireType& type, std::string_view& out);
PGCLIENT_API Fault decode_text(const Cell& cell, const WireType& type, std::string& out);
PGCLIENT_API bool accepts_text(const WireType& type);
PGCLIENT_API void encode_integer_text(Writer& out, std::int64_t value);
PGCLIENT_API void encode_float_text(Writer& out, double value);
PGCLIENT_API void encode_float_text(Writer& out, float value);
PGCLIENT_API Fault check_text(std::string_view value);
PGCLIENT_API Fault encode_checked_text(Writer& out, std::string_view value);

constexpr bool is_integer_type(Oid oid) { return oid == Oid{20} || oid == Oid{21} || oid == Oid{23}; }

/// int2, int4 and int8 into any signed integer of 16 bits or more that holds the value.
template <std::signed_integral T>
struct IntegerCodec {
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return is_integer_type(wire.oid); }
    static Fault decode(const Cell& cell, const WireType& wire, T& out) {
        if (cell.length == sizeof(T) && wire.format == Format::binary) [[likely]] {
            out = load_big_endian<T>(cell.data);
            return {};
        }
        std::int64_t wide = 0;
        if (Fault fault =
                decode_integer(cell, wire, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), wide))
            return fault;
        out = static_cast<T>(wide);
        return {};
    }
    static Fault encode(Writer& out, T value) {
        out.put(value);
        return {};
    }
    static Fault encode_text(Writer& out, T value) {
        encode_integer_text(out, value);
        return {};
    }
};

/// float4 and float8; a float is not read from a float8, which would lose digits.
template <std::floating_point T>
struct FloatCodec {
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) {
        return wire.oid == Oid{700} || (sizeof(T) == 8 && wire.oid == Oid{701});
    }
    static Fault decode(const Cell& cell, const WireType& wire, T& out) {
        if (cell.length == sizeof(T) && wire.format == Format::binary) [[likely]] {
            out = load_big_endian<T>(cell.data);
            return {};
        }
        return decode_float(cell, wire, out);
    }
    static Fault encode(Writer& out, T value) {
        out.put(value);
        return {};
    }
    static Fault encode_text(Writer& out, T value) {
        encode_float_text(out, value);
        return {};
    }
};

/// Numbers whose binary form is their bytes in network order: of the types that they are read from, only their own has
/// their size.
template <class T>
concept Copied = std::same_as<T, std::int16_t> || std::same_as<T, std::int32_t> || std::same_as<T, long> ||
                 std::same_as<T, long long> || std::same_as<T, float> || std::same_as<T, double>;

/// Everything whose bytes are text: text, varchar, bpchar, name, json, jsonb, xml, enums, and any type sent as text.
template <class T>
struct TextCodec {
    static constexpr TypeId type{Oid{25}, Oid{1009}, "text"};
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return accepts_text(wire); }
    static Fault decode(const Cell& cell, const WireType& wire, T& out) { return decode_text(cell, wire, out); }
    static Fault encode(Writer& out, std::string_view value) { return encode_checked_text(out, value); }
    static Fault encode_text(Writer& out, std::string_view value) { return encode_checked_text(out, value); }
};

}  // namespace detail

template <>
struct Codec<bool> {
    static constexpr TypeId type{Oid{16}, Oid{1000}, "bool"};
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return wire.oid == type.oid; }
    static Fault decode(const Cell& cell, const WireType& wire, bool& out) {
        if (wire.format == Format::text) return detail::decode_bool_text(cell, out);
        if (cell.length != 1) return {"bool of other than 1 byte"};
        out = *cell.data != 0;
        return {};
    }
    static Fault encode(Writer& out, bool value) {
        out.put(static_cast<std::uint8_t>(value));
        return {};
    }
    static Fault encode_text(Writer& out, bool value) {
        out.put(value ? 't' : 'f');
        return {};
    }
};

template <>
struct Codec<std::int16_t> : detail::IntegerCodec<std::int16_t> {
    static constexpr TypeId type{Oid{21}, Oid{1005}, "int2"};
};
template <>
struct Codec<std::int32_t> : detail::IntegerCodec<std::int32_t> {
    static constexpr TypeId type{Oid{23}, Oid{1007}, "int4"};
};
template <>
struct Codec<long> : detail::IntegerCodec<long> {
    static constexpr TypeId type{Oid{20}, Oid{1016}, "int8"};
};
template <>
struct Codec<long long> : detail::IntegerCodec<long long> {
    static constexpr TypeId type{Oid{20}, Oid{1016}, "int8"};
};
template <>
struct Codec<float> : detail::FloatCodec<float> {
    static constexpr TypeId type{Oid{700}, Oid{1021}, "float4"};
};
template <>
struct Codec<double> : detail::FloatCodec<double> {
    static constexpr TypeId type{Oid{701}, Oid{1022}, "float8"};
};

template <>
struct Codec<std::string> : detail::TextCodec<std::string> {};
/// Borrows: as a result only where the bytes outlive it (`stream`, `Result::rows`).
template <>
struct Codec<std::string_view> : detail::TextCodec<std::string_view> {};
/// An argument only.
template <>
struct Codec<const char*> {
    static constexpr TypeId type = Codec<std::string_view>::type;
    static constexpr Format argument = Format::text;

    static Fault encode(Writer& out, const char* value) { return encode_text(out, value); }
    static Fault encode_text(Writer& out, const char* value) {
        if (!value) return {"null pointer where a text is wanted: use std::optional"};
        return detail::encode_checked_text(out, value);
    }
};

}  // namespace pg
