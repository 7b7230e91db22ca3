// Bytes: bytea as a vector, or as a span into the result.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "pg/scalar_codecs.hpp"

namespace pg {
namespace detail {

PGCLIENT_API Fault decode_bytea_text(const Cell& cell, std::vector<std::byte>& out);
PGCLIENT_API void encode_bytea_text(Writer& out, std::span<const std::byte> value);

template <>
inline constexpr bool borrows<std::span<const std::byte>> = true;

}  // namespace detail

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

}  // namespace pg
