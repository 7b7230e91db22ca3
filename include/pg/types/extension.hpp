// Types of extensions, known by name: hstore, ltree, cube, pgvector and PostGIS. citext is a std::string.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pg/types/nested.hpp"

namespace pg {

/// Keys and values; a value may be NULL. Value. From the server the keys come once each, shorter ones first.
struct Hstore {
    std::vector<std::pair<std::string, std::optional<std::string>>> pairs;  ///< sent in any order

    /// The value of a key; null when there is no such key.
    [[nodiscard]] PGCLIENT_API const std::optional<std::string>* find(std::string_view key) const;

    friend bool operator==(const Hstore&, const Hstore&) = default;
};

/// A path of labels, "top.science". Value.
struct LTree {
    std::string text;  ///< checked by the server
    friend bool operator==(const LTree&, const LTree&) = default;
};
/// A pattern for paths, "*.science.*". Value.
struct LQuery {
    std::string text;  ///< checked by the server
    friend bool operator==(const LQuery&, const LQuery&) = default;
};
/// A search in paths, "science & !astro*". Value.
struct LTxtQuery {
    std::string text;  ///< checked by the server
    friend bool operator==(const LTxtQuery&, const LTxtQuery&) = default;
};

/// A box of up to 100 dimensions between two corners, or a point. Value.
struct Cube {
    std::vector<double> corner;    ///< one number for each dimension
    std::vector<double> opposite;  ///< empty for a point

    friend bool operator==(const Cube&, const Cube&) = default;
};

/// pgvector's vector. Value.
struct Vector {
    std::vector<float> values;  ///< one for each dimension
    friend bool operator==(const Vector&, const Vector&) = default;
};
/// pgvector's halfvec: rounded to half precision when it is sent in binary, and by the server otherwise. Value.
struct HalfVector {
    std::vector<float> values;  ///< one for each dimension
    friend bool operator==(const HalfVector&, const HalfVector&) = default;
};
/// pgvector's sparsevec: the elements that are not zero. Value.
struct SparseVector {
    std::int32_t dimensions = 0;                           ///< of the whole, zeros included
    std::vector<std::pair<std::int32_t, float>> elements;  ///< index, from zero on and rising, and value

    friend bool operator==(const SparseVector&, const SparseVector&) = default;
};

/// PostGIS geometry as EWKB. Value.
struct Geometry {
    std::vector<std::byte> ewkb;  ///< passed on unchecked
    friend bool operator==(const Geometry&, const Geometry&) = default;
};
/// PostGIS geography as EWKB. Value.
struct Geography {
    std::vector<std::byte> ewkb;  ///< passed on unchecked
    friend bool operator==(const Geography&, const Geography&) = default;
};

namespace detail {

// A version byte before the text in the binary form.
[[nodiscard]] PGCLIENT_API Fault decode_versioned_text(const Cell& cell, const WireType& wire, std::string& out);
[[nodiscard]] PGCLIENT_API Fault encode_versioned_text(Writer& out, std::string_view text);
[[nodiscard]] PGCLIENT_API Fault decode_ewkb(const Cell& cell, const WireType& wire, std::vector<std::byte>& out);
PGCLIENT_API void encode_ewkb_text(Writer& out, std::span<const std::byte> ewkb);

/// What all types of extensions share: their name finds them, and as arguments they travel as text.
template <class T>
struct NamedCodec {
    static constexpr Format argument = Format::text;

    static bool accepts(const WireType& wire) { return is_named(wire, Codec<T>::type.name); }
};
template <class T>
struct PathCodec : NamedCodec<T> {
    static Fault decode(const Cell& cell, const WireType& wire, T& out) {
        return decode_versioned_text(cell, wire, out.text);
    }
    static Fault encode(Writer& out, const T& value) { return encode_versioned_text(out, value.text); }
    static Fault encode_text(Writer& out, const T& value) { return encode_checked_text(out, value.text); }
};
template <class T>
struct EwkbCodec : NamedCodec<T> {
    static constexpr char delimiter = ':';

    static Fault decode(const Cell& cell, const WireType& wire, T& out) { return decode_ewkb(cell, wire, out.ewkb); }
    static Fault encode(Writer& out, const T& value) {
        out.put(std::string_view(reinterpret_cast<const char*>(value.ewkb.data()), value.ewkb.size()));
        return {};
    }
    static Fault encode_text(Writer& out, const T& value) {
        encode_ewkb_text(out, value.ewkb);
        return {};
    }
};

}  // namespace detail

template <>
struct Codec<Hstore> : detail::NamedCodec<Hstore> {
    static constexpr TypeId type{{}, {}, "hstore"};

    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Hstore& out);
    PGCLIENT_API static Fault encode(Writer& out, const Hstore& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Hstore& value);
};
template <>
struct Codec<LTree> : detail::PathCodec<LTree> {
    static constexpr TypeId type{{}, {}, "ltree"};
};
template <>
struct Codec<LQuery> : detail::PathCodec<LQuery> {
    static constexpr TypeId type{{}, {}, "lquery"};
};
template <>
struct Codec<LTxtQuery> : detail::PathCodec<LTxtQuery> {
    static constexpr TypeId type{{}, {}, "ltxtquery"};
};
template <>
struct Codec<Cube> : detail::NamedCodec<Cube> {
    static constexpr TypeId type{{}, {}, "cube"};

    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Cube& out);
    PGCLIENT_API static Fault encode(Writer& out, const Cube& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Cube& value);
};
template <>
struct Codec<Vector> : detail::NamedCodec<Vector> {
    static constexpr TypeId type{{}, {}, "vector"};

    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Vector& out);
    PGCLIENT_API static Fault encode(Writer& out, const Vector& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Vector& value);
};
template <>
struct Codec<HalfVector> : detail::NamedCodec<HalfVector> {
    static constexpr TypeId type{{}, {}, "halfvec"};

    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, HalfVector& out);
    PGCLIENT_API static Fault encode(Writer& out, const HalfVector& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const HalfVector& value);
};
template <>
struct Codec<SparseVector> : detail::NamedCodec<SparseVector> {
    static constexpr TypeId type{{}, {}, "sparsevec"};

    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, SparseVector& out);
    PGCLIENT_API static Fault encode(Writer& out, const SparseVector& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const SparseVector& value);
};
template <>
struct Codec<Geometry> : detail::EwkbCodec<Geometry> {
    static constexpr TypeId type{{}, {}, "geometry"};
};
template <>
struct Codec<Geography> : detail::EwkbCodec<Geography> {
    static constexpr TypeId type{{}, {}, "geography"};
};

}  // namespace pg
