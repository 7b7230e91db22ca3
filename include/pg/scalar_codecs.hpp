// Codecs of the everyday types: bool, numbers, text and bytes. All others are in pg/types.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/codec.hpp"

namespace pg {
namespace detail {

// Text forms and the less usual wire types, out of line.
PGCLIENT_API Fault decode_integer(const Cell& cell, const WireType& type, std::int64_t low, std::int64_t high,
                                  std::int64_t& out);
PGCLIENT_API Fault decode_unsigned(const Cell& cell, const WireType& type, std::uint64_t high, std::uint64_t& out);
PGCLIENT_API Fault decode_float(const Cell& cell, const WireType& type, double& out);
PGCLIENT_API Fault decode_float(const Cell& cell, const WireType& type, float& out);
PGCLIENT_API Fault decode_bool_text(const Cell& cell, bool& out);
PGCLIENT_API Fault decode_text(const Cell& cell, const WireType& type, std::string_view& out);
PGCLIENT_API Fault decode_bytea_text(const Cell& cell, std::vector<std::byte>& out);
PGCLIENT_API bool accepts_text(const WireType& type);
PGCLIENT_API void encode_integer_text(Writer& out, std::int64_t value);
PGCLIENT_API void encode_unsigned_text(Writer& out, std::uint64_t value);
PGCLIENT_API void encode_float_text(Writer& out, double value);
PGCLIENT_API void encode_float_text(Writer& out, float value);
PGCLIENT_API void encode_bytea_text(Writer& out, std::span<const std::byte> value);
PGCLIENT_API void encode_numeric(Writer& out, std::uint64_t value);
PGCLIENT_API Fault encode_checked_text(Writer& out, std::string_view value);

constexpr bool is_integer_type(Oid oid) { return oid == Oid{20} || oid == Oid{21} || oid == Oid{23}; }

/// int2, int4 and int8 into any signed integer that holds the value.
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

/// Unsigned integers travel as the next wider signed type, and are read from every integer type that holds the value.
template <std::unsigned_integral T, std::signed_integral Wider>
struct UnsignedCodec {
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return is_integer_type(wire.oid) || wire.oid == Oid{26}; }
    static Fault decode(const Cell& cell, const WireType& wire, T& out) {
        std::uint64_t wide = 0;
        if (Fault fault = decode_unsigned(cell, wire, std::numeric_limits<T>::max(), wide)) return fault;
        out = static_cast<T>(wide);
        return {};
    }
    static Fault encode(Writer& out, T value) {
        out.put(static_cast<Wider>(value));
        return {};
    }
    static Fault encode_text(Writer& out, T value) {
        encode_unsigned_text(out, value);
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
        using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
        if (cell.length == sizeof(T) && wire.format == Format::binary) [[likely]] {
            out = std::bit_cast<T>(load_big_endian<Bits>(cell.data));
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

/// Everything whose bytes are text: text, varchar, bpchar, name, json, jsonb, xml, enums, and any type sent as text.
template <class T>
struct TextCodec {
    static constexpr TypeId type{Oid{25}, Oid{1009}, "text"};
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return accepts_text(wire); }
    static Fault decode(const Cell& cell, const WireType& wire, T& out) {
        std::string_view view = cell.bytes();
        if (wire.oid != Oid{25} && wire.format == Format::binary) [[unlikely]]
            if (Fault fault = decode_text(cell, wire, view)) return fault;
        if constexpr (std::is_same_v<T, std::string>)
            out.assign(view.data(), view.size());
        else
            out = view;
        return {};
    }
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
struct Codec<std::uint8_t> : detail::UnsignedCodec<std::uint8_t, std::int16_t> {
    static constexpr TypeId type{Oid{21}, Oid{1005}, "int2"};
};
template <>
struct Codec<std::uint16_t> : detail::UnsignedCodec<std::uint16_t, std::int32_t> {
    static constexpr TypeId type{Oid{23}, Oid{1007}, "int4"};
};
template <>
struct Codec<std::uint32_t> : detail::UnsignedCodec<std::uint32_t, std::int64_t> {
    static constexpr TypeId type{Oid{20}, Oid{1016}, "int8"};
};
template <>
struct Codec<unsigned long> {
    static constexpr TypeId type{Oid{1700}, Oid{1231}, "numeric"};
    static constexpr Format argument = Format::binary;

    /// Any integer type, oid, and numeric where it holds a whole number.
    static bool accepts(const WireType& wire) {
        return detail::is_integer_type(wire.oid) || wire.oid == Oid{26} || wire.oid == type.oid;
    }
    static Fault decode(const Cell& cell, const WireType& wire, unsigned long& out) {
        std::uint64_t wide = 0;
        if (Fault fault = detail::decode_unsigned(cell, wire, std::numeric_limits<unsigned long>::max(), wide))
            return fault;
        out = wide;
        return {};
    }
    static Fault encode(Writer& out, unsigned long value) {
        detail::encode_numeric(out, value);
        return {};
    }
    static Fault encode_text(Writer& out, unsigned long value) {
        detail::encode_unsigned_text(out, value);
        return {};
    }
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

    static Fault encode(Writer& out, const char* value) { return detail::encode_checked_text(out, value); }
    static Fault encode_text(Writer& out, const char* value) { return detail::encode_checked_text(out, value); }
};

/// `"char"`, and text of exactly one byte.
template <>
struct Codec<char> {
    static constexpr TypeId type{Oid{18}, Oid{1002}, "char"};
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return wire.oid == type.oid || detail::accepts_text(wire); }
    static Fault decode(const Cell& cell, const WireType&, char& out) {
        if (cell.length != 1) return {"text of other than one byte for a char"};
        out = *cell.data;
        return {};
    }
    static Fault encode(Writer& out, char value) {
        out.put(value);
        return {};
    }
    static Fault encode_text(Writer& out, char value) { return detail::encode_checked_text(out, {&value, 1}); }
};

template <>
struct Codec<std::vector<std::byte>> {
    static constexpr TypeId type{Oid{17}, Oid{1001}, "bytea"};
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return wire.oid == type.oid; }
    static Fault decode(const Cell& cell, const WireType& wire, std::vector<std::byte>& out) {
        if (wire.format == Format::text) return detail::decode_bytea_text(cell, out);
        out.resize(cell.size());
        if (cell.length > 0) std::memcpy(out.data(), cell.data, cell.size());
        return {};
    }
    static Fault encode(Writer& out, const std::vector<std::byte>& value) {
        out.put(std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
        return {};
    }
    static Fault encode_text(Writer& out, const std::vector<std::byte>& value) {
        detail::encode_bytea_text(out, value);
        return {};
    }
};

/// Borrows: as a result only where the bytes outlive it, and only in binary.
template <>
struct Codec<std::span<const std::byte>> {
    static constexpr TypeId type = Codec<std::vector<std::byte>>::type;
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return wire.oid == type.oid && wire.format == Format::binary; }
    static Fault decode(const Cell& cell, const WireType&, std::span<const std::byte>& out) {
        out = {reinterpret_cast<const std::byte*>(cell.data), cell.size()};
        return {};
    }
    static Fault encode(Writer& out, std::span<const std::byte> value) {
        out.put(std::string_view(reinterpret_cast<const char*>(value.data()), value.size()));
        return {};
    }
    static Fault encode_text(Writer& out, std::span<const std::byte> value) {
        detail::encode_bytea_text(out, value);
        return {};
    }
};

template <>
struct Codec<Oid> {
    static constexpr TypeId type{Oid{26}, Oid{1028}, "oid"};
    static constexpr Format argument = Format::binary;

    /// oid and the reg types, whose text form is a name: those only in binary.
    PGCLIENT_API static bool accepts(const WireType& wire);
    static Fault decode(const Cell& cell, const WireType& wire, Oid& out) {
        std::uint64_t wide = 0;
        if (Fault fault = detail::decode_unsigned(cell, wire, std::numeric_limits<std::uint32_t>::max(), wide))
            return fault;
        out = Oid{static_cast<std::uint32_t>(wide)};
        return {};
    }
    static Fault encode(Writer& out, Oid value) {
        out.put(value);
        return {};
    }
    static Fault encode_text(Writer& out, Oid value) {
        detail::encode_unsigned_text(out, static_cast<std::uint32_t>(value));
        return {};
    }
};

namespace detail {
/// True for a `T` that points into the result it was read from.
template <class T>
inline constexpr bool borrows = std::is_same_v<T, std::string_view> || std::is_same_v<T, std::span<const std::byte>>;
template <class T>
inline constexpr bool borrows<std::optional<T>> = borrows<T>;
}  // namespace detail

}  // namespace pg
