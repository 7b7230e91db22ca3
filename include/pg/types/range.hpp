// PostgreSQL ranges and multiranges.
#pragma once

#include <chrono>
#include <limits>
#include <optional>
#include <vector>

#include "pg/types/nested.hpp"

namespace pg {
namespace detail {

constexpr TypeId built_in_range(Oid bound) {
    switch (static_cast<std::uint32_t>(bound)) {
        case 23: return {Oid{3904}, Oid{3905}, "int4range"};
        case 20: return {Oid{3926}, Oid{3927}, "int8range"};
        case 1700: return {Oid{3906}, Oid{3907}, "numrange"};
        case 1114: return {Oid{3908}, Oid{3909}, "tsrange"};
        case 1184: return {Oid{3910}, Oid{3911}, "tstzrange"};
        case 1082: return {Oid{3912}, Oid{3913}, "daterange"};
        default: return {};
    }
}
constexpr TypeId built_in_multirange(Oid bound) {
    switch (static_cast<std::uint32_t>(bound)) {
        case 23: return {Oid{4451}, Oid{6150}, "int4multirange"};
        case 20: return {Oid{4536}, Oid{6157}, "int8multirange"};
        case 1700: return {Oid{4532}, Oid{6151}, "nummultirange"};
        case 1114: return {Oid{4533}, Oid{6152}, "tsmultirange"};
        case 1184: return {Oid{4534}, Oid{6153}, "tstzmultirange"};
        case 1082: return {Oid{4535}, Oid{6155}, "datemultirange"};
        default: return {};
    }
}

}  // namespace detail

/// The types of the ranges over `T`. Known where PostgreSQL has them; specialise it for the bounds of your own ranges:
///
///     template <>
///     struct pg::RangeOf<double> {
///         static constexpr TypeId range{{}, {}, "floatrange"};
///         static constexpr TypeId multirange{{}, {}, "floatmultirange"};
///     };
///
/// Where the values are discrete, `increment` steps to the next one; false when there is none.
template <class T>
struct RangeOf {
    /// Without a name: PostgreSQL has none.
    static constexpr TypeId range = detail::built_in_range(Codec<T>::type.oid);
    /// Without a name: PostgreSQL has none.
    static constexpr TypeId multirange = detail::built_in_multirange(Codec<T>::type.oid);

    /// Steps to the next value; false, and nothing changed, when there is none.
    static bool increment(T& value)
        requires(std::is_integral_v<T> && (Codec<T>::type.oid == Oid{23} || Codec<T>::type.oid == Oid{20}))
    {
        if (value == std::numeric_limits<T>::max()) return false;
        ++value;
        return true;
    }
    /// Steps to the next value; false, and nothing changed, when there is none.
    static bool increment(T& date)
        requires(Codec<T>::type.oid == Oid{1082} && requires { date.is_finite(); })
    {
        if (!date.is_finite()) return false;
        ++date.days;
        return true;
    }
    /// Steps to the next day; false, and nothing changed, when there is none.
    static bool increment(T& day)
        requires(Codec<T>::type.oid == Oid{1082} && requires { day += std::chrono::days(1); })
    {
        if (day == T::max()) return false;
        day += std::chrono::days(1);
        return true;
    }
};

/// All values between two bounds. Value. A missing bound is unbounded. Discrete ranges come from the server in
/// canonical form, `[lower, upper)`; two ranges are equal when their canonical forms are.
template <class T>
struct Range {
    std::optional<T> lower;        ///< nullopt: no bound
    std::optional<T> upper;        ///< nullopt: no bound
    bool lower_inclusive = true;   ///< whether `lower` itself belongs to it
    bool upper_inclusive = false;  ///< whether `upper` itself belongs to it
    bool is_empty = false;         ///< no value belongs to it, whatever the bounds say

    [[nodiscard]] static Range empty() { return {std::nullopt, std::nullopt, false, false, true}; }

    /// The same values in the one form that the server keeps: a discrete range is `[)`, a missing bound is exclusive,
    /// and a range without values is `empty()`. Which of two bounds is the lower one is the server's to say, whose
    /// order of texts, say, is another than that of C++: only a discrete range with its bounds the wrong way round is
    /// empty.
    [[nodiscard]] Range canonical() const {
        if (is_empty) return empty();
        Range range = *this;
        constexpr bool is_discrete = requires(T& value) { RangeOf<T>::increment(value); };
        if constexpr (is_discrete) {
            if (lower && !lower_inclusive) range.lower_inclusive = RangeOf<T>::increment(*range.lower);
            if (upper && upper_inclusive) range.upper_inclusive = !RangeOf<T>::increment(*range.upper);
        }
        range.lower_inclusive = lower && range.lower_inclusive;
        range.upper_inclusive = upper && range.upper_inclusive;
        if (!lower || !upper) return range;
        if (*range.lower == *range.upper) return range.lower_inclusive && range.upper_inclusive ? range : empty();
        if constexpr (is_discrete)
            if (*range.upper < *range.lower) return empty();
        return range;
    }

    /// Whether `value` lies between the bounds, in the order of C++; never in an empty range.
    [[nodiscard]] bool contains(const T& value) const {
        if (is_empty) return false;
        if (lower && (value < *lower || (value == *lower && !lower_inclusive))) return false;
        return !upper || value < *upper || (value == *upper && upper_inclusive);
    }

    friend bool operator==(const Range& left, const Range& right) {
        const Range a = left.canonical();
        const Range b = right.canonical();
        return a.lower == b.lower && a.upper == b.upper && a.lower_inclusive == b.lower_inclusive &&
               a.upper_inclusive == b.upper_inclusive && a.is_empty == b.is_empty;
    }
};

/// Ranges in order, none of which touch. Value.
template <class T>
struct Multirange {
    std::vector<Range<T>> ranges;  ///< ascending

    friend bool operator==(const Multirange&, const Multirange&) = default;
};

namespace detail {

/// Ranges travel as their bounds do, in binary where both oids are known before the database is.
template <class T>
constexpr Format range_argument(const TypeId& type) {
    return type.oid != Oid{} && Codec<T>::argument == Format::binary ? Format::binary : Format::text;
}

template <class T>
Fault decode_range(const Cell& cell, const WireType& bound, Range<T>& out) {
    static_assert(!borrows<T>, "a bound that borrows cannot be read: use an owning type");
    RangeParts parts;
    if (Fault fault = read_range(cell, bound.format, parts)) return fault;
    out = {std::nullopt, std::nullopt, parts.lower_inclusive, parts.upper_inclusive, parts.empty};
    if (Fault fault = decode_cell(parts.lower, bound, out.lower)) return fault;
    const Fault fault = decode_cell(parts.upper, bound, out.upper);
    if constexpr (std::is_integral_v<T> && sizeof(T) < sizeof(std::int64_t)) {
        // The greatest value, included: the server says so by one that the bound's type does not have.
        constexpr std::int64_t greatest = std::numeric_limits<T>::max();
        std::optional<std::int64_t> excluded;
        if (fault && !parts.upper_inclusive && !decode_cell(parts.upper, bound, excluded) && excluded == greatest + 1) {
            out.upper = std::numeric_limits<T>::max();
            out.upper_inclusive = true;
            return {};
        }
    }
    return fault;
}
template <class T>
Fault encode_range(Writer& out, const Range<T>& value) {
    out.put(range_flags(value.is_empty, value.lower.has_value(), value.upper.has_value(), value.lower_inclusive,
                        value.upper_inclusive));
    if (value.is_empty) return {};
    if (value.lower)
        if (Fault fault = encode_with_length(out, *value.lower)) return fault;
    return value.upper ? encode_with_length(out, *value.upper) : Fault{};
}
template <class T>
Fault encode_range_text(Writer& out, const Range<T>& value) {
    if (value.is_empty) {
        out.put("empty");
        return {};
    }
    const auto put_bound = [&](const std::optional<T>& bound) {
        if (!bound) return Fault{};
        const std::size_t mark = out.size();
        Fault fault = Codec<T>::encode_text(out, *bound);
        if (!fault) quote_bound(out, mark);
        return fault;
    };
    out.put(value.lower && value.lower_inclusive ? '[' : '(');
    if (Fault fault = put_bound(value.lower)) return fault;
    out.put(',');
    if (Fault fault = put_bound(value.upper)) return fault;
    out.put(value.upper && value.upper_inclusive ? ']' : ')');
    return {};
}

}  // namespace detail

template <Scalar T>
struct Codec<Range<T>> {
    static constexpr TypeId type = RangeOf<T>::range;
    static constexpr Format argument = detail::range_argument<T>(type);
    static_assert(!type.name.empty(), "PostgreSQL has no range of these bounds: specialise pg::RangeOf");

    static bool accepts(const WireType& wire) {
        const WireType bound = detail::range_bound_type(wire);
        return bound.oid != Oid{} && Codec<T>::accepts(bound);
    }
    static Fault decode(const Cell& cell, const WireType& wire, Range<T>& out) {
        return detail::decode_range(cell, detail::range_bound_type(wire), out);
    }
    static Fault encode(Writer& out, const Range<T>& value) { return detail::encode_range(out, value); }
    static Fault encode_text(Writer& out, const Range<T>& value) { return detail::encode_range_text(out, value); }
};

template <Scalar T>
struct Codec<Multirange<T>> {
    static constexpr TypeId type = RangeOf<T>::multirange;
    static constexpr Format argument = detail::range_argument<T>(type);
    static_assert(!type.name.empty(), "PostgreSQL has no multirange of these bounds: specialise pg::RangeOf");

    static bool accepts(const WireType& wire) {
        const WireType bound = detail::multirange_bound_type(wire);
        return bound.oid != Oid{} && Codec<T>::accepts(bound);
    }
    static Fault decode(const Cell& cell, const WireType& wire, Multirange<T>& out) {
        out.ranges.clear();
        Reading reading{out, detail::multirange_bound_type(wire)};
        return detail::read_multirange(cell, wire.format, &reading, [](void* target, const Cell& range) {
            auto& [multirange, bound] = *static_cast<Reading*>(target);
            return detail::decode_range(range, bound, multirange.ranges.emplace_back());
        });
    }
    static Fault encode(Writer& out, const Multirange<T>& value) {
        out.put(static_cast<std::int32_t>(value.ranges.size()));
        for (const Range<T>& range : value.ranges)
            if (Fault fault = encode_with_length(out, range)) return fault;
        return {};
    }
    static Fault encode_text(Writer& out, const Multirange<T>& value) {
        out.put('{');
        for (const Range<T>& range : value.ranges) {
            if (&range != value.ranges.data()) out.put(',');
            if (Fault fault = detail::encode_range_text(out, range)) return fault;
        }
        out.put('}');
        return {};
    }

private:
    struct Reading {
        Multirange<T>& multirange;
        WireType bound;
    };
};

}  // namespace pg
