// Exact numbers: pg::Numeric for any of them, pg::Decimal for those with a fixed number of decimal places.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {

/// An integer of 128 bits; no format or hash of its own in the standard library.
__extension__ using Int128 = __int128;

/// A number of PostgreSQL's type numeric: exact, NaN, or an infinity. Value.
///
/// It keeps its scale, the number of decimal places shown: `1.50` stays `1.50`, though it equals `1.5`. Compared as the
/// server does: NaN equals itself and is greater than everything else.
class PGCLIENT_API Numeric {
public:
    /// What the type can hold, and no more is ever read: digits before and after the point.
    static constexpr int max_integer_digits = 131072;
    static constexpr int max_scale = 16383;  ///< digits after the point

    /// Zero.
    Numeric() = default;
    /// Exactly that integer, with scale 0.
    template <std::integral T>
        requires(sizeof(T) <= sizeof(std::uint64_t))
    Numeric(T value) {
        if constexpr (std::is_signed_v<T>)
            assign(value < 0, value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
        else
            assign(false, value);
    }
    /// The same of 128 bits.
    template <std::same_as<Int128> T>
    Numeric(T value) : Numeric(from_units(value, 0)) {}
    /// `units / 10^scale`: `from_units(1250, 2)` is 12.50. Throws UsageError for a scale outside 0 to `max_scale`.
    static Numeric from_units(Int128 units, int scale);
    static Numeric nan() { return Numeric(Kind::nan); }  ///< equals itself, and is greater than everything else
    static Numeric infinity() { return Numeric(Kind::infinity); }
    static Numeric minus_infinity() { return Numeric(Kind::minus_infinity); }

    /// From and to what the server writes: `-12.50`, `NaN`, `Infinity`. Exponents are not read.
    static Expected<Numeric> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    /// The only value that is no number and no infinity.
    [[nodiscard]] bool is_nan() const { return kind_ == Kind::nan; }
    [[nodiscard]] bool is_finite() const { return kind_ == Kind::finite; }
    /// False for zero and NaN, true for the negative infinity.
    [[nodiscard]] bool is_negative() const { return negative_ || kind_ == Kind::minus_infinity; }
    [[nodiscard]] bool is_zero() const { return kind_ == Kind::finite && digits_.empty(); }  ///< of any scale
    /// The number of decimal places shown.
    [[nodiscard]] int scale() const { return scale_; }

    /// The same number as an integer; nullopt when there is no such integer, or it does not fit.
    [[nodiscard]] std::optional<std::int64_t> to_int64() const;
    [[nodiscard]] std::optional<Int128> to_int128() const { return to_units(0); }  ///< as `to_int64`
    /// The same number times `10^scale`, as an integer; nullopt when that has a fraction, or does not fit.
    [[nodiscard]] std::optional<Int128> to_units(int scale) const;
    /// The nearest double, which may have fewer digits; nullopt for a finite number beyond the range of double.
    [[nodiscard]] std::optional<double> to_double() const;

    friend PGCLIENT_API bool operator==(const Numeric& a, const Numeric& b);
    friend PGCLIENT_API std::weak_ordering operator<=>(const Numeric& a, const Numeric& b);

private:
    friend struct Codec<Numeric>;
    enum class Kind : std::uint8_t { minus_infinity, finite, infinity, nan };

    explicit Numeric(Kind kind) : kind_(kind) {}
    void assign(bool negative, std::uint64_t magnitude);
    bool read_text(std::string_view text);
    void normalize();

    // The first digit counts 10000^weight_s. Neither the first nor the last is zero; zero has none, and no sign.
    std::vector<std::uint16_t> digits_;
    std::int32_t weight_ = 0;
    std::uint16_t scale_ = 0;
    Kind kind_ = Kind::finite;
    bool negative_ = false;
};

/// numeric, and the integer types, all of whose values it holds.
template <>
struct Codec<Numeric> {
    static constexpr TypeId type{Oid{1700}, Oid{1231}, "numeric"};
    static constexpr Format argument = Format::binary;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Numeric& out);
    PGCLIENT_API static Fault encode(Writer& out, const Numeric& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Numeric& value);
};

/// A number with exactly `Scale` decimal places, kept as an integer of its smallest unit. Value.
/// `Rep` is std::int64_t or pg::Int128. Reading a number with more places, NaN or an infinity is a fault: nothing is
/// ever rounded.
template <int Scale, class Rep = std::int64_t>
struct Decimal {
    static_assert(Scale >= 0 && Scale <= 38, "a Decimal has 0 to 38 places; use pg::Numeric for more");
    static_assert(std::is_same_v<Rep, std::int64_t> || std::is_same_v<Rep, Int128>);

    Rep units = 0;  ///< the number times `10^Scale`

    /// nullopt when `value` has more places, is no number, or does not fit.
    static std::optional<Decimal> of(const Numeric& value) {
        const std::optional<Int128> units = value.to_units(Scale);
        if (!units || static_cast<Rep>(*units) != *units) return std::nullopt;
        return Decimal{static_cast<Rep>(*units)};
    }
    [[nodiscard]] Numeric to_numeric() const { return Numeric::from_units(units, Scale); }  ///< with scale `Scale`
    /// With all its places: `12.50`.
    [[nodiscard]] std::string to_string() const { return to_numeric().to_string(); }

    friend constexpr auto operator<=>(const Decimal&, const Decimal&) = default;
};

template <int Scale, class Rep>
struct Codec<Decimal<Scale, Rep>> {
    static constexpr TypeId type = Codec<Numeric>::type;
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return Codec<Numeric>::accepts(wire); }
    static Fault decode(const Cell& cell, const WireType& wire, Decimal<Scale, Rep>& out) {
        Numeric number;
        if (Fault fault = Codec<Numeric>::decode(cell, wire, number)) return fault;
        const auto value = Decimal<Scale, Rep>::of(number);
        if (!value) return {"numeric with more decimal places than its Decimal, or out of its range: use pg::Numeric"};
        out = *value;
        return {};
    }
    static Fault encode(Writer& out, const Decimal<Scale, Rep>& value) {
        return Codec<Numeric>::encode(out, value.to_numeric());
    }
    static Fault encode_text(Writer& out, const Decimal<Scale, Rep>& value) {
        return Codec<Numeric>::encode_text(out, value.to_numeric());
    }
};

}  // namespace pg
