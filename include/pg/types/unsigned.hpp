// Unsigned integers, which PostgreSQL does not have, and its object identifiers, which are one.
#pragma once

#include <concepts>
#include <limits>

#include "pg/scalar_codecs.hpp"

namespace pg {
namespace detail {

PGCLIENT_API Fault decode_unsigned(const Cell& cell, const WireType& type, std::uint64_t high, std::uint64_t& out);
PGCLIENT_API void encode_unsigned_text(Writer& out, std::uint64_t value);
PGCLIENT_API void encode_numeric(Writer& out, std::uint64_t value);

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

/// What has no wider one travels as numeric.
template <std::unsigned_integral T>
struct LargestUnsignedCodec {
    static constexpr TypeId type{Oid{1700}, Oid{1231}, "numeric"};
    static constexpr Format argument = Format::binary;

    /// Any integer type, oid, and numeric where it holds a whole number.
    static bool accepts(const WireType& wire) {
        return is_integer_type(wire.oid) || wire.oid == Oid{26} || wire.oid == type.oid;
    }
    static Fault decode(const Cell& cell, const WireType& wire, T& out) {
        std::uint64_t wide = 0;
        if (Fault fault = decode_unsigned(cell, wire, std::numeric_limits<T>::max(), wide)) return fault;
        out = static_cast<T>(wide);
        return {};
    }
    static Fault encode(Writer& out, T value) {
        encode_numeric(out, value);
        return {};
    }
    static Fault encode_text(Writer& out, T value) {
        encode_unsigned_text(out, value);
        return {};
    }
};

}  // namespace detail

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
struct Codec<unsigned long> : detail::LargestUnsignedCodec<unsigned long> {};
template <>
struct Codec<unsigned long long> : detail::LargestUnsignedCodec<unsigned long long> {};

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

}  // namespace pg
